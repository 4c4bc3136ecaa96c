/**
 * Labels for pixels, exactly and fast. The label of a colour is a fixed function of 2^24 colours, so it is looked up:
 * in a table of 32x32x32 blocks of 8x8x8 colours, filled as colours come along. A block that provably belongs to one
 * cluster costs nothing more; in the others each colour is worked out once.
 *
 * The squared distance to a centroid c is |x|^2 - 2 c.x + |c|^2, so the nearest has the lowest of some linear functions
 * ("scores") of x; and as OKLab is linear in the cone responses, of those as well.
 */
import { PrepError } from '../errors.js'
import assignKernel from '../kernels/assign.wasm.js'
import { instantiate } from '../kernels/instantiate.js'
import { CONES_TO_LAB, coneResponses, coneSignals } from './oklab.js'
import { labelIds, type Palette } from './palette.js'
import { type Coordinates, coordinates, nearest } from './points.js'

/** @returns the label of each pixel, length rgb.length / 3 */
export type Assigner = (rgb: Uint8Array) => Uint8Array

/**
 * A labeller for photos: each pixel gets the id of the palette's nearest centroid (or of the cluster that one is merged
 * into), in the palette's space at full 8-bit precision, the first of several equally near.
 *
 * It gets faster as it learns colours; make one for each palette and thread, and keep it. Its table grows to 17 MB at
 * most.
 *
 * @throws {PrepError} `PALETTE_MISMATCH` for a palette that has more than colour
 */
export function createAssigner(palette: Palette): Assigner {
  const table = new LabelTable()
  table.load(palette)
  return rgb => table.assign(rgb)
}

/** Pixels that are labelled at a time: few enough to stay in the processor's cache. */
const CHUNK = 1 << 13
const UNKNOWN = 255
const BLOCK = 512
const BLOCKS = 1 << 15
/** Scores this near to each other are left to exact arithmetic; their rounding is far below it. */
const MARGIN = 1e-7

// the kernel's memory in bytes; src/kernels/assign.as.ts says what lies there
const PIXELS_AT = 4 * BLOCKS
const LABELS_AT = PIXELS_AT + 3 * CHUNK + 8
const LIGHT_AT = LABELS_AT + CHUNK
const SCORES_AT = LIGHT_AT + 8 * 3 * 3 * 256
const IDS_AT = SCORES_AT + 8 * 4 * 256
const CODES_AT = IDS_AT + 256
const CELLS_AT = CODES_AT + 8 * 3 * 256

interface Lookup {
  assign(
    rgb: number,
    from: number,
    pixels: number,
    labels: number,
    codes: number,
    cells: number,
    light: number,
    roots: boolean,
    scores: number,
    ids: number,
    k: number,
    margin: number,
  ): number
}

/** The table; whoever labels with many palettes in turn (a palette for each photo) loads them into one. */
export class LabelTable {
  private readonly kernel = instantiate<Lookup>(assignKernel)
  private memory = new Uint8Array()
  private blockAt = new Uint32Array()
  private cells = new Uint8Array()
  /** Bytes of `cells` in use: one block that is UNKNOWN throughout, one for each label, then those of mixed blocks. */
  private used = 0
  private palette: Palette = { version: 2, space: 'rgb', clusters: [] }
  private centroids: readonly Coordinates[] = []
  /** The label of each cluster. */
  private ids: readonly number[] = []
  /** Slope (3) and offset of each cluster's score. */
  private scores: Float64Array = new Float64Array()

  constructor() {
    // the byte offset of the block's entry, then the cell within the block; red's digits are the highest of both
    const codes = new Uint32Array(this.kernel.reserve(CELLS_AT), CODES_AT, 2 * 3 * 256)
    for (let channel = 0, at = 0; channel < 3; channel++) {
      for (let code = 0; code < 256; code++) {
        codes[at++] = 4 * ((code >> 3) << (10 - 5 * channel))
        codes[at++] = (code & 7) << (6 - 3 * channel)
      }
    }
  }

  /** Forget everything and label by this palette from now on. */
  load(palette: Palette): void {
    const { clusters, space } = palette
    this.palette = palette
    this.centroids = clusters.map(({ centroid }) => colourOf(centroid))
    this.ids = labelIds(palette)
    this.scores = scoresOf(palette)
    this.used = BLOCK * (1 + clusters.length)
    this.reserve(4 * this.used)
    this.blockAt.fill(0)
    this.cells.fill(UNKNOWN, 0, BLOCK)
    for (const [cluster, id] of this.ids.entries()) this.cells.fill(id, BLOCK * (1 + cluster), BLOCK * (2 + cluster))
    this.memory.set(this.ids, IDS_AT)
    new Float64Array(this.memory.buffer, SCORES_AT).set(this.scores)
    const light = new Float64Array(this.memory.buffer, LIGHT_AT)
    for (let channel = 0; channel < 3; channel++) {
      for (let code = 0; code < 256; code++) {
        const colour = [0, 0, 0] as [number, number, number]
        colour[channel] = code
        light.set(space === 'oklab' ? coneSignals(...colour) : colour, 3 * (256 * channel + code))
      }
    }
  }

  /** @returns the label of each pixel */
  assign(rgb: Uint8Array): Uint8Array {
    const { assign } = this.kernel.run
    const roots = this.palette.space === 'oklab'
    const k = this.centroids.length
    const labels = new Uint8Array(rgb.length / 3)
    for (let start = 0; start < labels.length; start += CHUNK) {
      const pixels = Math.min(CHUNK, labels.length - start)
      this.memory.set(rgb.subarray(3 * start, 3 * (start + pixels)), PIXELS_AT)
      for (let at = 0; ; ) {
        at = assign(PIXELS_AT, at, pixels, LABELS_AT, CODES_AT, CELLS_AT, LIGHT_AT, roots, SCORES_AT, IDS_AT, k, MARGIN)
        if (at === pixels) break
        const pixel = 3 * (start + at)
        this.learn(rgb[pixel]!, rgb[pixel + 1]!, rgb[pixel + 2]!)
      }
      labels.set(this.memory.subarray(LABELS_AT, LABELS_AT + pixels), start)
    }
    return labels
  }

  /** Find out about a block that the table does not know, or a colour that the kernel could not decide. */
  private learn(r: number, g: number, b: number): void {
    const block = ((r >> 3) << 10) | ((g >> 3) << 5) | (b >> 3)
    if (this.blockAt[block] === 0) {
      const owner = this.ownerOf(r & 248, g & 248, b & 248)
      const at = owner < 0 ? this.addBlock() : BLOCK * (1 + owner)
      this.blockAt[block] = at // only now: addBlock may replace the array
      return
    }
    const cluster = nearest(this.centroids, ...coordinates(this.palette.space, r, g, b))
    this.cells[this.blockAt[block]! + (((r & 7) << 6) | ((g & 7) << 3) | (b & 7))] = this.ids[cluster]!
  }

  /**
   * The cluster that provably owns all colours from (r, g, b) to (r + 7, g + 7, b + 7), else -1.
   *
   * Cone responses grow with r, g and b, so the colours of a block lie in the box between its darkest and its brightest
   * corner, over which the extremes of a linear function are known.
   */
  private ownerOf(r: number, g: number, b: number): number {
    const { scores } = this
    const corner = this.palette.space === 'oklab' ? coneResponses : identity
    const [lowX, lowY, lowZ] = corner(r, g, b)
    const [highX, highY, highZ] = corner(r + 7, g + 7, b + 7)
    const x = (lowX + highX) / 2
    const y = (lowY + highY) / 2
    const z = (lowZ + highZ) / 2
    let best = 0
    let lowest = Infinity
    for (let at = 0; at < scores.length; at += 4) {
      const score = scores[at]! * x + scores[at + 1]! * y + scores[at + 2]! * z + scores[at + 3]!
      if (score < lowest) {
        lowest = score
        best = at
      }
    }
    for (let at = 0; at < scores.length; at += 4) {
      if (at === best) continue
      const dx = scores[at]! - scores[best]!
      const dy = scores[at + 1]! - scores[best + 1]!
      const dz = scores[at + 2]! - scores[best + 2]!
      // how near this score comes to the best one's within the box
      const slopes = dx * (dx > 0 ? lowX : highX) + dy * (dy > 0 ? lowY : highY) + dz * (dz > 0 ? lowZ : highZ)
      if (slopes + scores[at + 3]! - scores[best + 3]! <= MARGIN) return -1
    }
    return best / 4
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

/** @throws {PrepError} `PALETTE_MISMATCH` */
function colourOf(centroid: readonly number[]): Coordinates {
  const [x = 0, y = 0, z = 0] = centroid
  if (centroid.length === 3) return [x, y, z]
  throw new PrepError('PALETTE_MISMATCH', `expected centroids of 3 numbers, found ${centroid.length}`, {
    hint: 'labels by colour alone need a palette of colours',
  })
}

const identity = (r: number, g: number, b: number): Coordinates => [r, g, b]

/** score_i(u) = |c_i|^2 - 2 c_i . x(u), where u are cone responses for OKLab, else r, g, b. */
function scoresOf({ space, clusters }: Palette): Float64Array {
  const [L, a, b] = CONES_TO_LAB
  const rows = clusters.map(({ centroid }) => {
    const [x, y, z] = colourOf(centroid)
    const slope = space === 'oklab' ? [0, 1, 2].map(axis => x * L[axis]! + y * a[axis]! + z * b[axis]!) : [x, y, z]
    return [...slope.map(s => -2 * s), x * x + y * y + z * z]
  })
  return Float64Array.from(rows.flat())
}
