/**
 * Labels for pixels, exactly and fast. The label of a colour is a fixed function of 2^24 colours, so it is looked up:
 * in a table of 32x32x32 blocks of 8x8x8 colours, filled as colours come along. A block that provably belongs to one
 * cluster costs nothing more; in the others each colour is computed once.
 */

import { nearest } from './fit.js'
import { CONES_TO_LAB, coneResponses } from './oklab.js'
import type { Palette } from './palette.js'
import { coordinates } from './points.js'

/** @returns the label of each pixel, length rgb.length / 3 */
export type Assigner = (rgb: Uint8Array) => Uint8Array

const UNKNOWN = 255
const BLOCK = 512
const BLOCKS = 1 << 15
/** Rounding of the proof's arithmetic is far below this, and so is any distance that matters. */
const MARGIN = 1e-9

/**
 * A labeller for photos: each pixel gets the id of the palette's nearest centroid, in the palette's space at full
 * 8-bit precision, the lowest id of several equally near.
 *
 * It gets faster as it learns colours; its table grows to 17 MB at most.
 */
export function createAssigner(palette: Palette): Assigner {
  const { space } = palette
  const centroids = palette.clusters.map(({ centroid }) => centroid)
  const contenders = createContenders(palette)
  // cells[blockAt[block] + colour within the block]; the first block is UNKNOWN throughout, the next are one label each
  const blockAt = new Uint32Array(BLOCKS)
  const candidates: Array<readonly number[] | undefined> = new Array(BLOCKS)
  let used = BLOCK * (1 + centroids.length)
  let cells = new Uint8Array(2 * used).fill(UNKNOWN)
  for (let id = 0; id < centroids.length; id++) cells.fill(id, BLOCK * (1 + id), BLOCK * (2 + id))

  /** Find out about a colour that the table does not know. */
  function learn(r: number, g: number, b: number): number {
    const block = ((r >> 3) << 10) | ((g >> 3) << 5) | (b >> 3)
    if (blockAt[block] === 0) {
      const ids = contenders(r & 248, g & 248, b & 248)
      if (ids.length === 1) {
        blockAt[block] = BLOCK * (1 + ids[0]!)
        return ids[0]!
      }
      candidates[block] = ids
      if (used + BLOCK > cells.length) {
        const larger = new Uint8Array(2 * cells.length).fill(UNKNOWN)
        larger.set(cells)
        cells = larger
      }
      blockAt[block] = used
      used += BLOCK
    }
    const ids = candidates[block]!
    const [x, y, z] = coordinates(space, r, g, b)
    const id =
      ids[
        nearest(
          ids.map(i => centroids[i]!),
          x,
          y,
          z,
        )
      ]!
    cells[blockAt[block]! + (((r & 7) << 6) | ((g & 7) << 3) | (b & 7))] = id
    return id
  }

  return rgb => {
    const labels = new Uint8Array(rgb.length / 3)
    let table = cells
    for (let i = 0, at = 0; i < labels.length; i++, at += 3) {
      const r = rgb[at]!
      const g = rgb[at + 1]!
      const b = rgb[at + 2]!
      const block = ((r >> 3) << 10) | ((g >> 3) << 5) | (b >> 3)
      let id = table[blockAt[block]! + (((r & 7) << 6) | ((g & 7) << 3) | (b & 7))]!
      if (id === UNKNOWN) {
        id = learn(r, g, b)
        table = cells
      }
      labels[i] = id
    }
    return labels
  }
}

/**
 * Which clusters can own a colour of a block.
 *
 * The squared distance to a centroid c is |x|^2 - 2 c.x + |c|^2, so which of two centroids is nearer depends on a
 * linear function of x, in RGB and, as OKLab is linear in the cone responses u, of u as well. These grow with r, g and
 * b, so the colours of a block lie in the box between its darkest and its brightest corner, where a linear function's
 * extremes are known: a cluster that loses to another over the whole box owns none of its colours.
 *
 * @returns ids ascending for the block of colours from (r, g, b) to (r + 7, g + 7, b + 7)
 */
function createContenders({ space, clusters }: Palette): (r: number, g: number, b: number) => number[] {
  const k = clusters.length
  // score_i(u) = offset_i + slope_i . u, lowest for the nearest centroid
  const offset = new Float64Array(k)
  const slope = new Float64Array(3 * k)
  clusters.forEach(({ centroid: [x, y, z] }, i) => {
    offset[i] = x * x + y * y + z * z
    for (let axis = 0; axis < 3; axis++) {
      const [L, a, b] = CONES_TO_LAB
      slope[3 * i + axis] = -2 * (space === 'oklab' ? x * L[axis]! + y * a[axis]! + z * b[axis]! : [x, y, z][axis]!)
    }
  })
  const corner = (r: number, g: number, b: number) =>
    space === 'oklab' ? coneResponses(r, g, b) : ([r, g, b] as const)
  return (r, g, b) => {
    const [lowX, lowY, lowZ] = corner(r, g, b)
    const [highX, highY, highZ] = corner(r + 7, g + 7, b + 7)
    const x = (lowX + highX) / 2
    const y = (lowY + highY) / 2
    const z = (lowZ + highZ) / 2
    let best = 0
    let lowest = Infinity
    for (let i = 0; i < k; i++) {
      const score = offset[i]! + slope[3 * i]! * x + slope[3 * i + 1]! * y + slope[3 * i + 2]! * z
      if (score < lowest) [best, lowest] = [i, score]
    }
    const ids: number[] = []
    for (let i = 0; i < k; i++) {
      // how far below the best one's score this one's can get within the box
      const dx = slope[3 * i]! - slope[3 * best]!
      const dy = slope[3 * i + 1]! - slope[3 * best + 1]!
      const dz = slope[3 * i + 2]! - slope[3 * best + 2]!
      const gap =
        offset[i]! -
        offset[best]! +
        dx * (dx > 0 ? lowX : highX) +
        dy * (dy > 0 ? lowY : highY) +
        dz * (dz > 0 ? lowZ : highZ)
      if (gap <= MARGIN) ids.push(i)
    }
    return ids
  }
}
