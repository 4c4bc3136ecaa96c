/**
 * Regions of a label map: pixels of one id that hang together by their sides (4-connected). How large they are says how
 * coherent the labels are; small ones are what looks like speckle, and can be merged into what lies around them.
 *
 * Regions are found by runs (stretches of one id within a row), joined in one scan with union-find.
 *
 * @see Wu, Otoo and Suzuki, Optimizing two-pass connected-component labeling algorithms, 2009
 */
import { instantiate } from '../kernels/instantiate.js'
import regionsKernel from '../kernels/regions.wasm.js'

interface Regions {
  markRuns(ids: number, width: number, height: number, bits: number, ranks: number): number
  joinRuns(
    ids: number,
    width: number,
    height: number,
    bits: number,
    ranks: number,
    starts: number,
    owners: number,
  ): number
  measure(ids: number, starts: number, owners: number, runs: number, sizes: number, counts: number): void
  mapRegions(starts: number, owners: number, runs: number, map: number): void
  mergeSmall(
    ids: number,
    rgb: number,
    width: number,
    height: number,
    bits: number,
    ranks: number,
    starts: number,
    owners: number,
    runs: number,
    nexts: number,
    regions: number,
    totals: number,
    touched: number,
    queues: number,
    minimum: number,
  ): void
}

const kernel = instantiate<Regions>(regionsKernel)

export interface RegionStatistics {
  /** Regions with a label. */
  readonly regions: number
  /** How many pixels have each of the 256 ids. */
  readonly pixels: Uint32Array
  /** The share of the labelled pixels, 0..1, that lie in regions of fewer than `px` pixels; 0 if none has a label. */
  smallShare(px: number): number
}

/**
 * How many regions a label map has, and how much of it lies in small ones.
 *
 * @param ids  label ids, `Uint8Array` of length H*W, row-major; 255 is unlabelled
 */
export function regionStatistics(ids: Uint8Array, width: number, height: number): RegionStatistics {
  const { runs, regions, owners, end } = findRegions(ids, width, height)
  const countsAt = align(end)
  const sizesAt = countsAt + 4 * 256
  const buffer = kernel.reserve(sizesAt + 4 * regions)
  const counts = new Uint32Array(buffer, countsAt, 256).fill(0)
  const sizes = new Uint32Array(buffer, sizesAt, regions).fill(0)
  kernel.run.measure(IDS_AT, startsBefore(owners, runs), owners, runs, sizesAt, countsAt)
  // unlabelled regions are left at 0
  const labelled = sizes.filter(size => size > 0)
  const pixels = pixelsUnder(Infinity, labelled)
  return {
    regions: labelled.length,
    pixels: counts.slice(),
    smallShare: px => (pixels === 0 ? 0 : pixelsUnder(px, labelled) / pixels),
  }
}

function pixelsUnder(px: number, sizes: Uint32Array): number {
  let pixels = 0
  for (const size of sizes) if (size < px) pixels += size
  return pixels
}

/**
 * Number the regions of a map by their first pixels, from 0.
 *
 * @param ids  label ids, `Uint8Array` of length H*W; here pixels of id 255 form regions like all others
 * @returns the region of each pixel, length H*W, and how many there are
 */
export function numberRegions(
  ids: Uint8Array,
  width: number,
  height: number,
): { segments: Uint32Array<ArrayBuffer>; count: number } {
  const { runs, regions, owners, end } = findRegions(ids, width, height)
  const mapAt = align(end)
  const buffer = kernel.reserve(mapAt + 4 * ids.length + 16)
  kernel.run.mapRegions(startsBefore(owners, runs), owners, runs, mapAt)
  return { segments: new Uint32Array(buffer, mapAt, ids.length).slice(), count: regions }
}

/**
 * Merge every region of fewer than `minRegionPx` pixels into a neighbour: the one whose mean colour (RGB) is closest;
 * of several the one with the longest shared border, then the one whose first pixel comes first.
 *
 * Regions go smallest first, of one size the one that has had it longest, and a region that is made by merging goes
 * again if it is still too small. So none is left that has a labelled neighbour. Integer sums: the same input gives the
 * same ids everywhere.
 *
 * @param ids  label ids, `Uint8Array` of length H*W, row-major; 255 is unlabelled, stays, and takes nothing in
 * @param rgb  the photo's pixels, interleaved, length 3*H*W
 * @returns new ids, length H*W
 */
export function removeSmallRegions(
  ids: Uint8Array,
  rgb: Uint8Array,
  width: number,
  height: number,
  minRegionPx: number,
): Uint8Array<ArrayBuffer> {
  if (rgb.length !== 3 * ids.length) throw new RangeError(`${ids.length} ids need 3 bytes of colour each`)
  const { bits, ranks, runs, regions, owners, end } = findRegions(ids, width, height)
  const minimum = Math.max(1, Math.min(Math.ceil(minRegionPx), ids.length + 1))
  const nexts = end
  const rgbAt = align(nexts + 4 * runs)
  const regionsAt = align(rgbAt + rgb.length + 4)
  const totals = regionsAt + 32 * regions
  const touched = totals + 48 * regions
  const queues = touched + 4 * (regions + 1)
  const buffer = kernel.reserve(queues + 8 * minimum)
  new Uint8Array(buffer, rgbAt, rgb.length).set(rgb)
  new Uint32Array(buffer, queues, 2 * minimum).fill(0xffffffff)
  const starts = startsBefore(owners, runs)
  // biome-ignore format: one call
  kernel.run.mergeSmall(
    IDS_AT, rgbAt, width, height, bits, ranks, starts, owners, runs, nexts, regionsAt, totals, touched, queues, minimum,
  )
  return new Uint8Array(buffer, IDS_AT, ids.length).slice()
}

// the kernel's memory in bytes; src/kernels/regions.as.ts says what lies there
const IDS_AT = 128
const align = (at: number): number => 16 * Math.ceil(at / 16)
const startsBefore = (owners: number, runs: number): number => owners - 4 * (runs + 1)

/** Where the runs and their regions lie in the kernel's memory; `starts` end where `owners` begin. */
interface Found {
  readonly bits: number
  readonly ranks: number
  readonly owners: number
  readonly runs: number
  readonly regions: number
  /** The first byte that is free, a multiple of 4. */
  readonly end: number
}

function findRegions(ids: Uint8Array, width: number, height: number): Found {
  if (ids.length !== width * height) throw new RangeError(`${ids.length} ids are not ${width}x${height}`)
  const words = Math.ceil(ids.length / 64)
  const bits = align(IDS_AT + ids.length + 64) + 16
  const ranks = bits + 8 * (words + 1)
  const starts = ranks + 4 * words
  const buffer = kernel.reserve(starts)
  new Uint8Array(buffer, IDS_AT, ids.length).set(ids)
  new Uint8Array(buffer, bits - 8, 8).fill(0)
  new Uint8Array(buffer, bits + 8 * words, 8).fill(0)
  const runs = kernel.run.markRuns(IDS_AT, width, height, bits, ranks)
  const owners = starts + 4 * (runs + 1)
  const end = owners + 4 * runs
  kernel.reserve(end)
  const regions = kernel.run.joinRuns(IDS_AT, width, height, bits, ranks, starts, owners)
  return { bits, ranks, owners, runs, regions, end }
}
