/** What can be said of a label map in figures: how many clusters it lives by, how they are shared out, how it is torn. */
import { type OkLab, okLab } from './oklab.js'
import { regionStatistics } from './regions.js'
import { rounded } from './rounded.js'

export interface LabelMeasures {
  /** Clusters that at least LIVE_SHARE of the labelled pixels have. */
  readonly live: number
  /** exp(H) of the shares of labelled pixels: as many clusters of equal share would be as varied. 0 without any. */
  readonly effective: number
  /** Share of the largest cluster among labelled pixels. */
  readonly dominant: number
  /** 4-connected regions of one id. */
  readonly regions: number
  /** Share of the labelled pixels in regions of fewer than SPECKLE_PX. */
  readonly speckle: number
  /**
   * Smallest distance in OKLab between the photo's mean colours of two live clusters; null with fewer than two, and where
   * it is not by colour alone that clusters differ.
   */
  readonly closest: number | null
  /** Share of pixels whose id is no class, or one that stands for "no label". */
  readonly unlabelled: number
}

export interface LabelledPhoto {
  /** One id a pixel, row-major, length width * height. */
  readonly ids: Uint8Array
  /** Interleaved sRGB of the same pixels: the photo, or the drawing that was labelled. */
  readonly rgb: Uint8Array
  readonly width: number
  readonly height: number
  /** Number of classes K: ids are 0..K-1, all others are unlabelled. */
  readonly classes: number
  /** Ids below K that stand for "no label" all the same. */
  readonly unlabelled?: readonly number[]
  /** Is a cluster more than a colour, so that two of one colour may be right? */
  readonly beyondColour?: boolean
}

/** Regions of fewer pixels are what a generator cannot learn and nobody would paint. */
export const SPECKLE_PX = 64

/** A cluster of fewer pixels is a trace of itself. */
export const LIVE_SHARE = 0.005

/** Mean colours are taken from about so many rows and columns. */
const LINES = 128

/** Measure a label map; exact but for mean colours, which are those of evenly spaced pixels. */
export function measureLabels({
  ids,
  rgb,
  width,
  height,
  classes,
  unlabelled = [],
  beyondColour = false,
}: LabelledPhoto): LabelMeasures {
  const { regions, pixels: counts, smallShare } = regionStatistics(ids, width, height)
  for (const id of unlabelled) counts[id] = 0
  const known = [...counts.subarray(0, classes)]
  const labelled = known.reduce((sum, count) => sum + count, 0)
  const shares = known.map(count => count / (labelled || 1))
  const live = shares.flatMap((share, id) => (share >= LIVE_SHARE ? [id] : []))
  const entropy = shares.reduce((sum, share) => (share > 0 ? sum - share * Math.log(share) : sum), 0)
  const closest = beyondColour ? undefined : smallestDistance(meanColours(ids, rgb, width, height, live))
  return {
    live: live.length,
    effective: rounded(labelled ? Math.exp(entropy) : 0),
    dominant: rounded(Math.max(0, ...shares)),
    regions,
    speckle: rounded(smallShare(SPECKLE_PX)),
    closest: closest === undefined ? null : rounded(closest),
    unlabelled: rounded(1 - labelled / (ids.length || 1)),
  }
}

function meanColours(
  ids: Uint8Array,
  rgb: Uint8Array,
  width: number,
  height: number,
  live: readonly number[],
): OkLab[] {
  const sums = new Float64Array(4 * 256)
  const step = Math.max(1, Math.floor(Math.min(width, height) / LINES))
  for (let y = step >> 1; y < height; y += step) {
    const end = (y + 1) * width
    for (let i = y * width + (step >> 1); i < end; i += step) {
      const at = 3 * i
      const to = ids[i]! << 2
      sums[to]! += rgb[at]!
      sums[to + 1]! += rgb[at + 1]!
      sums[to + 2]! += rgb[at + 2]!
      sums[to + 3]!++
    }
  }
  return live.flatMap(id => {
    const [r, g, b, count] = sums.subarray(4 * id, 4 * id + 4) as unknown as [number, number, number, number]
    return count ? [okLab(r / count, g / count, b / count)] : []
  })
}

function smallestDistance(colours: readonly OkLab[]): number | undefined {
  let smallest: number | undefined
  for (const [i, [L, a, b]] of colours.entries())
    for (const [M, c, d] of colours.slice(i + 1)) {
      const distance = Math.hypot(L - M, a - c, b - d)
      if (smallest === undefined || distance < smallest) smallest = distance
    }
  return smallest
}
