/** Label maps without speckle: what is done to the labels of single pixels so that they hang together. */
import { majority } from './majority.js'
import { removeSmallRegions } from './regions.js'

export interface Coherence {
  /** Each pixel takes the label that most of the (2 r + 1)^2 pixels around it have; 0: off. */
  readonly majority: number
  /** Regions of fewer pixels become part of the neighbour of the closest colour; 0: off; auto: a 4,096th of the photo. */
  readonly minRegion: number | 'auto'
}

export const AS_THEY_ARE: Coherence = { majority: 0, minRegion: 0 }

/** 64 px at 512x512. */
const AUTO_PART = 4096

/** @param clusters  ids are below this, or 255 */
export function makeCoherent(
  ids: Uint8Array,
  rgb: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
  clusters: number,
  { majority: radius, minRegion }: Coherence,
): Uint8Array {
  const smooth = radius > 0 ? majority(ids, width, height, clusters, radius) : ids
  const minimum = minRegion === 'auto' ? Math.round((width * height) / AUTO_PART) : minRegion
  return minimum > 1 ? removeSmallRegions(smooth, rgb, width, height, minimum) : smooth
}
