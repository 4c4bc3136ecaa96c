/**
 * A photo as labels see it: planes of OKLab bytes, and a grid of cells that say where they are and what lies around them.
 * All numbers of a cell are bytes, so that what many photos say can be merged in any order.
 */
import { instantiate } from '../kernels/instantiate.js'
import sceneKernel from '../kernels/scene.wasm.js'
import { type Features, weightsOf } from './features.js'
import { okLab } from './oklab.js'

/** Cells along the shorter side: 8 px each at 512. Larger photos have larger cells, and so the same features. */
const CELLS = 64
/** Cells along each side of what counts as the surroundings of a cell: about a quarter of the shorter side. */
const SURROUNDINGS = 17

export interface Grid {
  /** Pixels along each side of a cell; those at the right and lower borders may be narrower. */
  readonly cell: number
  readonly columns: number
  readonly rows: number
}

export function gridOf(width: number, height: number): Grid {
  const cell = Math.max(1, Math.round(Math.min(width, height) / CELLS))
  return { cell, columns: Math.ceil(width / cell), rows: Math.ceil(height / cell) }
}

/** Bytes of each cell, row by row. */
export interface Cells extends Grid {
  /** Means of the planes: 255 L, 128 + 512 a, 128 + 512 b; then y, A, B, t as far as the features ask for them. */
  readonly bytes: readonly Uint8Array[]
}

/** A coordinate of a centroid from a byte: L, y and t are 255ths, a and b 512ths around 128. */
const fromByte = {
  part: (byte: number): number => byte / 255,
  chroma: (byte: number): number => (byte - 128) / 512,
}

/** How the bytes of each coordinate are read. */
export const coordinatesOf = ({ position, surround, texture }: Features): ((byte: number) => number)[] => {
  const { part, chroma } = fromByte
  return [
    part,
    chroma,
    chroma,
    ...(position ? [part] : []),
    ...(surround ? [chroma, chroma] : []),
    ...(texture ? [part] : []),
  ]
}

export interface ScenePasses {
  toLab(rgb: number, pixels: number, table: number, planes: number, stride: number): void
  sumCells(
    plane: number,
    width: number,
    height: number,
    cell: number,
    steps: boolean,
    sums: number,
    out: number,
  ): void
  assign(
    planes: number,
    stride: number,
    width: number,
    height: number,
    slopes: number,
    cells: number,
    columns: number,
    rows: number,
    k: number,
    left: number,
    part: number,
    above: number,
    down: number,
    one: number,
    other: number,
    ids: number,
    labels: number,
  ): void
}

const TABLE_BYTES = 4 * 256
const align = (bytes: number): number => (bytes + 15) & ~15

/** Linear light of each code, as OKLab's red signal shows it. */
const LIGHT = Float32Array.from({ length: 256 }, (_, code) => okLab(code, code, code)[0] ** 3)

/** The photo in hand, in the kernel's memory. Made once and loaded with one photo after the other. */
export class Scene {
  readonly kernel = instantiate<ScenePasses>(sceneKernel)
  width = 0
  height = 0
  grid: Grid = { cell: 1, columns: 0, rows: 0 }
  /** Where the planes begin, how far they are apart, and where memory is free behind them, in bytes. */
  planes = 0
  stride = 0
  free = 0

  constructor() {
    new Float32Array(this.kernel.reserve(TABLE_BYTES), 0, 256).set(LIGHT)
  }

  /** @param rgb  interleaved sRGB pixels, length 3 * width * height */
  load(rgb: Uint8Array, width: number, height: number): void {
    const pixels = width * height
    if (rgb.length !== 3 * pixels) throw new RangeError(`${rgb.length} bytes for ${width}x${height} pixels`)
    Object.assign(this, { width, height, grid: gridOf(width, height) })
    this.stride = align(pixels + 16)
    this.planes = TABLE_BYTES
    const rgbAt = this.planes + 3 * this.stride
    this.free = rgbAt
    const memory = this.kernel.reserve(rgbAt + align(3 * pixels + 16))
    new Uint8Array(memory, rgbAt).set(rgb)
    this.kernel.run.toLab(rgbAt, pixels, 0, this.planes, this.stride)
  }

  /** What the cells say, as far as the features ask. */
  cells(features: Features): Cells {
    const { grid, height } = this
    const means = [0, 1, 2].map(plane => this.means(plane))
    const bytes = [...means]
    if (features.position) {
      const y = (row: number): number => Math.min(255, Math.round((255 * (row + 0.5) * grid.cell) / height))
      const column = new Uint8Array(grid.rows * grid.columns)
      for (let row = 0; row < grid.rows; row++) column.fill(y(row), row * grid.columns, (row + 1) * grid.columns)
      bytes.push(column)
    }
    if (features.surround) bytes.push(...means.slice(1).map(plane => blur(plane, grid)))
    if (features.texture) bytes.push(this.texture())
    return { ...grid, bytes }
  }

  private means(plane: number): Uint8Array {
    const { cell, columns, rows } = this.grid
    const sums = this.sums(this.planes + plane * this.stride, false)
    const means = new Uint8Array(columns * rows)
    for (let row = 0, i = 0; row < rows; row++) {
      const high = Math.min(cell, this.height - row * cell)
      for (let column = 0; column < columns; column++, i++) {
        const wide = Math.min(cell, this.width - column * cell)
        means[i] = Math.round(sums[i]! / (wide * high))
      }
    }
    return means
  }

  /** Steps of lightness between neighbours, fine ones and those from cell to cell, on a scale on which 1 of 255 shows. */
  private texture(): Uint8Array {
    const { grid } = this
    const energy = stepsBetween(this.means(0), grid)
    const fine = this.sums(this.planes, true)
    for (let i = 0; i < energy.length; i++) energy[i] = fine[i]! / grid.cell ** 2 + energy[i]! / 2
    const around = boxMeans(energy, grid)
    return toBytes(around, value => (255 * Math.log1p((100 * value) / 255)) / Math.log(201))
  }

  private sums(plane: number, steps: boolean): Uint32Array {
    const { cell, columns, rows } = this.grid
    const scratch = this.free
    const out = align(scratch + 2 * this.width + 48)
    const memory = this.kernel.reserve(out + 4 * columns * rows)
    this.kernel.run.sumCells(plane, this.width, this.height, cell, steps, scratch, out)
    return new Uint32Array(memory, out, columns * rows).slice()
  }
}

/** How far each cell is from its right and its lower neighbour. */
function stepsBetween(means: Uint8Array, { columns, rows }: Grid): Float64Array {
  const steps = new Float64Array(means.length)
  for (let i = 0; i < means.length; i++) {
    const right = (i + 1) % columns ? Math.abs(means[i]! - means[i + 1]!) : 0
    const below = i + columns < columns * rows ? Math.abs(means[i]! - means[i + columns]!) : 0
    steps[i] = right + below
  }
  return steps
}

const blur = (plane: Uint8Array, grid: Grid): Uint8Array => toBytes(boxMeans(plane, grid), value => value)

/** Rounded. A loop, for `Uint8Array.from` is many times as slow. */
function toBytes(values: Float64Array, byte: (value: number) => number): Uint8Array {
  const bytes = new Uint8Array(values.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.round(byte(values[i]!))
  return bytes
}

/** The mean of a square of cells around each; beyond the border its cells go on. Sums of whole numbers are exact. */
function boxMeans(values: Uint8Array | Float64Array, { columns, rows }: Grid): Float64Array {
  const across = new Float64Array(columns * rows)
  for (let row = 0; row < rows; row++) slide(values, row * columns, 1, columns, across)
  const out = new Float64Array(columns * rows)
  for (let column = 0; column < columns; column++) slide(across, column, columns, rows, out)
  for (let i = 0; i < out.length; i++) out[i]! /= SURROUNDINGS ** 2
  return out
}

/** Sums of SURROUNDINGS values around each of `count`, which lie `step` apart. */
function slide(values: Uint8Array | Float64Array, start: number, step: number, count: number, out: Float64Array): void {
  const reach = (SURROUNDINGS - 1) / 2
  const last = start + step * (count - 1)
  let sum = reach * values[start]!
  for (let i = 0; i < reach; i++) sum += values[Math.min(start + step * i, last)]!
  for (let i = 0, at = start; i < count; i++, at += step) {
    sum += values[Math.min(at + step * reach, last)]!
    out[at] = sum
    sum -= values[Math.max(at - step * reach, start)]!
  }
}

/** Where a cell lies in the space that is clustered: each coordinate times its weight. */
export function placesOf({ bytes }: Cells, features: Features): Float64Array[] {
  const read = coordinatesOf(features)
  const weights = weightsOf(features)
  return bytes.map((column, axis) => {
    const places = new Float64Array(column.length)
    for (let i = 0; i < places.length; i++) places[i] = weights[axis]! * read[axis]!(column[i]!)
    return places
  })
}
