/**
 * What labels are told apart by: colour, and where a pixel is and what lies around it. Each feature has a weight, which
 * says how much it counts against lightness; the squared distance of a pixel to a cluster is
 *
 *   dL^2 + chroma^2 (da^2 + db^2) + position^2 dy^2 + surround^2 (dA^2 + dB^2) + texture^2 dt^2
 *
 * with L, a, b of the pixel in OKLab, y from 0 (top) to 1 (bottom), A, B the mean a, b and t the busyness (0..1) of its
 * surroundings. A palette says which weights it was made with.
 */
export interface Features {
  /** Of a and b; equal to lightness at 1. */
  readonly chroma: number
  readonly position: number
  readonly surround: number
  readonly texture: number
}

/** The colour of each pixel and nothing else. */
export const COLOUR_ALONE: Features = { chroma: 1, position: 0, surround: 0, texture: 0 }

export const isColourAlone = ({ chroma, position, surround, texture }: Features): boolean =>
  chroma === 1 && !position && !surround && !texture

/** The weight of each coordinate of a centroid: L, a, b, then y, A and B, t as far as they count. */
export const weightsOf = ({ chroma, position, surround, texture }: Features): number[] => [
  1,
  chroma,
  chroma,
  ...(position ? [position] : []),
  ...(surround ? [surround, surround] : []),
  ...(texture ? [texture] : []),
]
