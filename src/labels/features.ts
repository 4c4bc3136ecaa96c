/**
 * What labels are told apart by: colour, and where a pixel is and what lies around it. Each feature has a weight, which
 * says how much it counts against lightness; the squared distance of a pixel to a cluster is
 *
 *   dL^2 + chroma^2 (da^2 + db^2) + position^2 dy^2 + texture^2 (dh^2 + dv^2)
 *
 * with L, a, b of the pixel in OKLab, L less `exposure` times the mean L of its photo, y from 0 (top) to 1 (bottom), and
 * h, v from 0 to 1 how much lightness changes from pixel to pixel around it, across and down. A palette says which
 * features it was made with.
 */
export interface Features {
  /** Weight of a and b; 1 counts them as lightness. */
  readonly chroma: number
  readonly position: number
  readonly texture: number
  /** 0..1: how much of a photo's own brightness is taken out, so that a dark photo's road is a road. */
  readonly exposure: number
  /** The pixel's own colour counts so many times more when it is labelled than when clusters are sought. */
  readonly detail: number
}

/** The colour of each pixel and nothing else. */
export const COLOUR_ALONE: Features = { chroma: 1, position: 0, texture: 0, exposure: 0, detail: 1 }

export const isColourAlone = ({ chroma, position, texture, exposure }: Features): boolean =>
  chroma === 1 && !position && !texture && !exposure

/** The weight of each coordinate of a centroid: L, a, b, then y, h and v as far as they count. */
export const weightsOf = ({ chroma, position, texture }: Features): number[] => [
  1,
  chroma,
  chroma,
  ...(position ? [position] : []),
  ...(texture ? [texture, texture] : []),
]
