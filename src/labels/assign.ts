/**
 * Labels for pixels, exactly and fast. The label of a colour is a fixed function of 2^24 colours, so it is looked up:
 * in a table of 32x32x32 blocks of 8x8x8 colours, filled as colours come along. A block that provably belongs to one
 * cluster costs nothing more; in the others each colour is computed once.
 */

import assignKernel from '../kernels/assign.wasm.js'
import { instantiate } from '../kernels/instantiate.js'
import { CONES_TO_LAB, coneResponses } from './oklab.js'
import type { Palette } from './palette.js'
import { coordinates, type Space, squaredDistance } from './points.js'

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
 * It gets faster as it learns colours; make one for each palette and thread, and keep it. Its table grows to 17 MB at
 * most.
 */
export function createAssigner(palette: Palette): Assigner {
  const table = new LabelTable()
  table.load(palette)
  return rgb => table.assign(rgb)
}

/** Pixels that are labelled at a time: few enough to stay in the processor's cache. */
const CHUNK = 1 << 13

// the kernel's memory: offsets into cells by block; pixels and their labels; cells
const PIXELS_AT = 4 * BLOCKS
const LABELS_AT = PIXELS_AT + 3 * CHUNK + 8
const CELLS_AT = LABELS_AT + CHUNK

type Lookup = (rgb: number, from: number, pixels: number, blocks: number, cells: number, labels: number) => number

/** The table; whoever labels with many palettes in turn (a palette for each photo) loads them into one. */
export class LabelTable {
  private readonly kernel = instantiate<{ assign: Lookup }>(assignKernel)
  private memory = new Uint8Array()
  private blockAt = new Uint32Array()
  private cells = new Uint8Array()
  /** Bytes of `cells` in use: one block that is UNKNOWN throughout, one for each label, then those of mixed blocks. */
  private used = 0
  private candidates: Array<Uint8Array | undefined> = []
  private contenders: (r: number, g: number, b: number) => Uint8Array = () => new Uint8Array()
  private centroids = new Float64Array()
  private space: Space = 'rgb'

  /** Forget everything and label by this palette from now on. */
  load(palette: Palette): void {
    const { clusters, space } = palette
    this.space = space
    this.centroids = Float64Array.from(clusters.flatMap(({ centroid }) => centroid))
    this.contenders = createContenders(palette)
    this.candidates = new Array(BLOCKS)
    this.used = BLOCK * (1 + clusters.length)
    this.reserve(4 * this.used)
    this.blockAt.fill(0)
    this.cells.fill(UNKNOWN, 0, BLOCK)
    for (let id = 0; id < clusters.length; id++) this.cells.fill(id, BLOCK * (1 + id), BLOCK * (2 + id))
  }

  /** @returns the label of each pixel */
  assign(rgb: Uint8Array): Uint8Array {
    const labels = new Uint8Array(rgb.length / 3)
    const { assign } = this.kernel.run
    for (let start = 0; start < labels.length; start += CHUNK) {
      const pixels = Math.min(CHUNK, labels.length - start)
      this.memory.set(rgb.subarray(3 * start, 3 * (start + pixels)), PIXELS_AT)
      for (let at = 0; (at = assign(PIXELS_AT, at, pixels, 0, CELLS_AT, LABELS_AT)) < pixels; ) {
        const pixel = 3 * (start + at)
        this.learn(rgb[pixel]!, rgb[pixel + 1]!, rgb[pixel + 2]!)
      }
      labels.set(this.memory.subarray(LABELS_AT, LABELS_AT + pixels), start)
    }
    return labels
  }

  /** Find out about a colour that the table does not know. */
  private learn(r: number, g: number, b: number): void {
    const block = ((r >> 3) << 10) | ((g >> 3) << 5) | (b >> 3)
    let ids = this.candidates[block]
    if (!ids) {
      ids = this.contenders(r & 248, g & 248, b & 248)
      this.candidates[block] = ids
      const at = ids.length === 1 ? BLOCK * (1 + ids[0]!) : this.addBlock()
      this.blockAt[block] = at // only now: addBlock may replace the array
    }
    if (ids.length === 1) return
    const [x, y, z] = coordinates(this.space, r, g, b)
    const { centroids } = this
    let id = 0
    let shortest = Infinity
    for (const candidate of ids) {
      const at = 3 * candidate
      const distance = squaredDistance(x, y, z, centroids[at]!, centroids[at + 1]!, centroids[at + 2]!)
      if (distance < shortest) [id, shortest] = [candidate, distance]
    }
    this.cells[this.blockAt[block]! + (((r & 7) << 6) | ((g & 7) << 3) | (b & 7))] = id
  }

  private addBlock(): number {
    const at = this.used
    this.used += BLOCK
    this.reserve(this.used)
    this.cells.fill(UNKNOWN, at, this.used)
    return at
  }

  /** Have at least so many bytes of cells, and what is known kept. */
  private reserve(cells: number): void {
    if (cells <= this.cells.length) return
    const buffer = this.kernel.reserve(CELLS_AT + Math.max(cells, 2 * this.cells.length))
    this.memory = new Uint8Array(buffer)
    this.blockAt = new Uint32Array(buffer, 0, BLOCKS)
    this.cells = new Uint8Array(buffer, CELLS_AT)
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
function createContenders({ space, clusters }: Palette): (r: number, g: number, b: number) => Uint8Array {
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
    return Uint8Array.from(ids)
  }
}
