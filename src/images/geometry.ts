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
