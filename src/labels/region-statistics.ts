/** How a label map falls into regions: 4-connected pixels of one id. */

/** Regions of fewer pixels than this are speckle, which a generator cannot learn and nobody would paint. */
export const SMALL_REGION_PX = 64

export interface RegionStatistics {
  readonly regions: number
  /** Share of all pixels that lie in regions of fewer than SMALL_REGION_PX, 0..1. */
  readonly smallShare: number
}

/** Memory for runs, kept for photos of usual size: to clear it anew for each takes as long as the work. */
let kept = new Int32Array(0)
const MOST_KEPT_PX = 1 << 20

function reserve(pixels: number): Int32Array {
  if (kept.length >= 3 * pixels) return kept
  const scratch = new Int32Array(3 * pixels)
  if (pixels <= MOST_KEPT_PX) kept = scratch
  return scratch
}

/** @param ids  one id a pixel, row-major, length width * height */
export function regionStatistics(ids: Uint8Array, width: number, height: number): RegionStatistics {
  const pixels = width * height
  // Runs of one id in a row, joined with those of the row above that they touch; a root is its own parent.
  const scratch = reserve(pixels)
  const parent = scratch.subarray(0, pixels)
  const size = scratch.subarray(pixels, 2 * pixels)
  const ends = scratch.subarray(2 * pixels)
  const find = (run: number): number => {
    while (parent[run] !== run) run = parent[run] = parent[parent[run]!]!
    return run
  }
  let runs = 0
  let above = 0
  for (let y = 0; y < height; y++) {
    const first = runs
    const row = y * width
    let candidate = above
    for (let x = 0; x < width; ) {
      const start = x
      const id = ids[row + x]!
      while (x < width && ids[row + x] === id) x++
      parent[runs] = runs
      size[runs] = x - start
      ends[runs] = x
      let root = runs
      if (y > 0) {
        while (ends[candidate]! <= start) candidate++
        for (let over = candidate; over < first; over++) {
          const from = Math.max(start, over === above ? 0 : ends[over - 1]!)
          if (from >= x) break
          if (ids[row - width + from] !== id) continue
          const other = find(over)
          if (other === root) continue
          parent[root] = other
          size[other]! += size[root]!
          root = other
        }
      }
      runs++
    }
    above = first
  }
  let regions = 0
  let small = 0
  for (let run = 0; run < runs; run++) {
    if (parent[run] !== run) continue
    regions++
    if (size[run]! < SMALL_REGION_PX) small += size[run]!
  }
  return { regions, smallShare: pixels ? small / pixels : 0 }
}
