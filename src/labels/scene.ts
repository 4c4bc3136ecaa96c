/**
 * A photo as labels see it: planes of OKLab bytes at full size, and the cells of `cells.ts`, in the memory of a kernel.
 */
import { instantiate } from '../kernels/instantiate.js'
import sceneKernel from '../kernels/scene.wasm.js'
import { type Cells, cellsOn, type Grid, gridOf, type Surroundings } from './cells.js'
import type { Features } from './features.js'
import { okLab } from './oklab.js'

/** Cells along each side of the square whose texture is a cell's. */
const SURROUNDINGS = 5

export interface ScenePasses {
  toLab(rgb: number, pixels: number, table: number, planes: number, stride: number): void
  sumCells(plane: number, width: number, height: number, cell: number, what: number, sums: number, out: number): void
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
    edges: number,
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

  /** What the cells say of the pixels in them; texture where it counts. */
  surroundings(features: Pick<Features, 'texture'>): Surroundings {
    return this.around(this.means(0), features)
  }

  /** The cells as units of a fit. */
  cells(features: Pick<Features, 'texture'>): Cells {
    const lightness = this.means(0)
    return cellsOn(this.around(lightness, features), [lightness, this.means(1), this.means(2)])
  }

  private around(lightness: Uint8Array, { texture }: Pick<Features, 'texture'>): Surroundings {
    const level = Math.round(lightness.reduce((sum, byte) => sum + byte, 0) / lightness.length)
    return { ...this.grid, level, ...(texture && { texture: [this.texture(1), this.texture(2)] as const }) }
  }

  /** The planes of OKLab bytes, void as soon as the scene is loaded or measured again. */
  colour(): readonly [Uint8Array, Uint8Array, Uint8Array] {
    const memory = this.kernel.reserve(0)
    const plane = (i: number): Uint8Array =>
      new Uint8Array(memory, this.planes + i * this.stride, this.width * this.height)
    return [plane(0), plane(1), plane(2)]
  }

  private means(plane: number): Uint8Array {
    const { cell, columns, rows } = this.grid
    const sums = this.sums(this.planes + plane * this.stride, 0)
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

  /** Mean steps of lightness from pixel to pixel, across (1) or down (2), on a scale of logarithms. */
  private texture(what: 1 | 2): Uint8Array {
    const { grid } = this
    const steps = new Float64Array(this.sums(this.planes, what))
    const around = boxSums(steps, grid)
    const bytes = new Uint8Array(steps.length)
    const pixels = (SURROUNDINGS * grid.cell) ** 2
    for (let i = 0; i < bytes.length; i++)
      bytes[i] = Math.round(Math.min(255, 55.26 * Math.log1p(around[i]! / pixels / 2.55)))
    return bytes
  }

  private sums(plane: number, what: 0 | 1 | 2): Uint32Array {
    const { cell, columns, rows } = this.grid
    const scratch = this.free
    const out = align(scratch + 2 * this.width + 48)
    const memory = this.kernel.reserve(out + 4 * columns * rows)
    this.kernel.run.sumCells(plane, this.width, this.height, cell, what, scratch, out)
    return new Uint32Array(memory, out, columns * rows).slice()
  }
}

let inHand: Scene | undefined

/** A photo as a scene; the one before it is void, for there is one for all callers. */
export function sceneOf(rgb: Uint8Array, width: number, height: number): Scene {
  inHand ??= new Scene()
  inHand.load(rgb, width, height)
  return inHand
}

/** The sum over a square of cells around each; beyond the border its cells go on. */
function boxSums(values: Float64Array, { columns, rows }: Grid): Float64Array {
  const across = new Float64Array(columns * rows)
  for (let row = 0; row < rows; row++) slide(values, row * columns, 1, columns, across)
  const out = new Float64Array(columns * rows)
  for (let column = 0; column < columns; column++) slide(across, column, columns, rows, out)
  return out
}

/** Sums of SURROUNDINGS values around each of `count`, which lie `step` apart. */
function slide(values: Float64Array, start: number, step: number, count: number, out: Float64Array): void {
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
