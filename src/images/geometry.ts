/** How a photo is fitted into a size: the words users write, and the geometry that they mean. */

export interface Size {
  readonly width: number
  readonly height: number
}

/**
 * `cover` fills the size and crops what sticks out; `contain` shows the whole photo and pads; `fill` stretches.
 */
export const FITS = ['cover', 'contain', 'fill'] as const
export type Fit = (typeof FITS)[number]

/**
 * Which part `cover` keeps and where `contain` puts the photo. `entropy` and `attention` look at the pixels (busiest
 * part; skin tones, saturation and edges) and apply to `cover` alone: under `contain` they mean `centre`.
 */
export const POSITIONS = [
  'centre',
  'top',
  'right top',
  'right',
  'right bottom',
  'bottom',
  'left bottom',
  'left',
  'left top',
  'entropy',
  'attention',
] as const
export type Position = (typeof POSITIONS)[number]

/** The position as `fit` can follow it: only `cover` has something to choose by content. */
export const positionFor = (position: Position, fit: Fit): Position =>
  fit !== 'cover' && (position === 'entropy' || position === 'attention') ? 'centre' : position

/** The largest size of the same shape that fits into a box, at least 1 x 1, never larger than the box. */
export function sizeWithin({ width, height }: Size, box: Size): Size {
  const scale = Math.min(box.width / width, box.height / height)
  return {
    width: Math.min(box.width, Math.max(1, Math.round(width * scale))),
    height: Math.min(box.height, Math.max(1, Math.round(height * scale))),
  }
}

/**
 * Where the whole photo comes to lie in the result, in the result's pixels: what sticks out is cropped, what it leaves
 * free is bars. Labels that are put at the same place stay on what they label. It may be half a pixel off the grid.
 */
export interface Placement {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/**
 * The placement of a resized photo, as libvips and sharp round it.
 *
 * @param source  the photo's size, upright
 * @param crop    left and top of what `cover` keeps, where the pixels decided (entropy, attention)
 */
export function placeWithin(
  source: Size,
  size: Size,
  { fit, position }: { readonly fit: Fit; readonly position: Position },
  crop?: { readonly left: number; readonly top: number },
): Placement {
  if (fit === 'fill') return { left: 0, top: 0, ...size }
  const [x, y] = [size.width / source.width, size.height / source.height]
  const scale = fit === 'cover' ? Math.max(x, y) : Math.min(x, y)
  const width = x === scale ? size.width : Math.max(1, Math.round(source.width * scale))
  const height = y === scale ? size.height : Math.max(1, Math.round(source.height * scale))
  if (crop) return { left: -crop.left, top: -crop.top, width, height }
  return {
    left: offset(size.width - width, position.includes('left'), position.includes('right')),
    top: offset(size.height - height, position.includes('top'), position.includes('bottom')),
    width,
    height,
  }
}

/** Where libvips enlarges, it puts the picture half a pixel of the result to the right and down. */
export const shiftEnlarged = (source: Size, { left, top, width, height }: Placement): Placement => ({
  left: width > source.width ? left + 0.5 : left,
  top: height > source.height ? top + 0.5 : top,
  width,
  height,
})

/** Of an odd rest the larger part is cropped before, and is bar after. */
function offset(free: number, atStart: boolean, atEnd: boolean): number {
  if (atStart || free === 0) return 0
  return atEnd ? free : Math.floor(free / 2)
}

/** Are these one picture at two scales? Each side may be off by less than a pixel, for sizes are whole numbers. */
export const sameShape = (a: Size, b: Size): boolean =>
  (b.width - 1) * a.height < (b.height + 1) * a.width && (b.height - 1) * a.width < (b.width + 1) * a.height
