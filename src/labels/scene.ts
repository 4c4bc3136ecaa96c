/**
 * A photo as labels see it: planes of OKLab bytes and the cells of `cells.ts`, in the memory of a kernel. Colours of
 * photos that are not very small are looked at in half size: labels.md says what that costs.
 */
import { instantiate } from '../kernels/instantiate.js'
import sceneKernel from '../kernels/scene.wasm.js'
import { type Cells, cellsOn, EVEN_CELL, type Grid, gridOf, type Surroundings } from './cells.js'
import type { Features } from './features.js'
import { okLab } from './oklab.js'

/** Cells along each side of the square whose texture is a cell's. */
const SURROUNDINGS = 5

export interface ScenePasses {
  halve(rgb: number, width: number, height: number, lumas: number, pitch: number, halves: number, apart: number): void
  translate(bytes: number, count: number, table: number): void
  toLab(red: number, apart: number, step: number, pixels: number, table: number, planes: number, stride: number): void
  sumCells(
    plane: number,
    pitch: number,
    width: number,
    height: number,
    cell: number,
    what: number,
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
    edges: number,
    part: number,
    above: number,
    down: number,
    one: number,
    other: number,
    labels: number,
    apart: number,
  ): void
  refine(
    rgb: number,
    width: number,
    height: number,
    table: number,
    map: number,
    apart: number,
    slopes: number,
    cells: number,
    columns: number,
    rows: number,
    left: number,
    part: number,
    above: number,
    down: number,
    labels: number,
  ): void
  rename(labels: number, count: number, ids: number): void
}

/** Linear light of each code, then lightness. */
const TABLE_BYTES = 5 * 256
const align = (bytes: number): number => (bytes + 15) & ~15

const LIGHTNESS_AT = 4 * 256

/** OKLab lightness of each grey, 0..255. */
const LIGHTNESS = Uint8Array.from({ length: 256 }, (_, code) => Math.round(255 * okLab(code, code, code)[0]))

/** Linear light of each code, as OKLab's red signal shows it. */
const LIGHT = Float32Array.from({ length: 256 }, (_, code) => okLab(code, code, code)[0] ** 3)

/** The photo in hand, in the kernel's memory. Made once and loaded with one photo after the other. */
export class Scene {
  readonly kernel = instantiate<ScenePasses>(sceneKernel)
  width = 0
  height = 0
  grid: Grid = { cell: 1, columns: 0, rows: 0 }
  /** Pixels of the photo along a side of one in the planes: 1, or 2. */
  step: 1 | 2 = 1
  /** Where in the kernel's memory, in bytes, the photo, its lightness and the planes begin, and where memory is free. */
  rgb = 0
  private lumas = 0
  planes = 0
  free = 0
  /** How far apart the planes are. */
  stride = 0

  constructor() {
    const memory = this.kernel.reserve(TABLE_BYTES)
    new Float32Array(memory, 0, 256).set(LIGHT)
    new Uint8Array(memory, LIGHTNESS_AT, 256).set(LIGHTNESS)
  }

  /** @param rgb  interleaved sRGB pixels, length 3 * width * height */
  load(rgb: Uint8Array, width: number, height: number): void {
    const pixels = width * height
    if (rgb.length !== 3 * pixels) throw new RangeError(`${rgb.length} bytes for ${width}x${height} pixels`)
    const grid = gridOf(width, height)
    Object.assign(this, { width, height, grid, step: grid.cell < EVEN_CELL ? 1 : 2 })
    const halfPixels = Math.ceil(width / 2) * Math.ceil(height / 2)
    const apart = align(halfPixels + 16)
    this.rgb = TABLE_BYTES
    this.lumas = this.rgb + align(3 * pixels + 64)
    const halves = this.lumas + this.pitch * height + 16
    this.planes = halves + 3 * apart
    this.stride = align((this.step === 1 ? pixels : halfPixels) + 16)
    this.free = this.planes + 3 * this.stride
    const { run } = this.kernel
    new Uint8Array(this.kernel.reserve(this.free), this.rgb, rgb.length).set(rgb)
    run.halve(this.rgb, width, height, this.lumas, this.pitch, halves, apart)
    run.translate(this.lumas, this.pitch * height, LIGHTNESS_AT)
    if (this.step === 1) run.toLab(this.rgb, 1, 3, pixels, 0, this.planes, this.stride)
    else run.toLab(halves, apart, 1, halfPixels, 0, this.planes, this.stride)
  }

  /** How far rows of lightness are apart. */
  private get pitch(): number {
    return align(this.width)
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

  /** OKLab bytes of each pixel as three planes, void as soon as the scene is loaded, measured or labelled again. */
  colour(): readonly [Uint8Array, Uint8Array, Uint8Array] {
    const pixels = this.width * this.height
    const stride = align(pixels + 16)
    const memory = this.kernel.reserve(this.free + 3 * stride)
    this.kernel.run.toLab(this.rgb, 1, 3, pixels, 0, this.free, stride)
    const plane = (i: number): Uint8Array => new Uint8Array(memory, this.free + i * stride, pixels)
    return [plane(0), plane(1), plane(2)]
  }

  private means(plane: number): Uint8Array {
    const { columns, rows } = this.grid
    const cell = this.grid.cell / this.step
    const width = Math.ceil(this.width / this.step)
    const height = Math.ceil(this.height / this.step)
    const sums = this.sums({ at: this.planes + plane * this.stride, pitch: width, width, height, cell }, 0)
    const means = new Uint8Array(columns * rows)
    for (let row = 0, i = 0; row < rows; row++) {
      const high = Math.min(cell, height - row * cell)
      for (let column = 0; column < columns; column++, i++) {
        const wide = Math.min(cell, width - column * cell)
        means[i] = Math.round(sums[i]! / (wide * high))
      }
    }
    return means
  }

  /** Mean steps of lightness from pixel to pixel, across (1) or down (2), on a scale of logarithms. */
  private texture(what: 1 | 2): Uint8Array {
    const { grid, lumas: at, pitch, width, height } = this
    const steps = new Float64Array(this.sums({ at, pitch, width, height, cell: grid.cell }, what))
    const around = boxSums(steps, grid)
    const bytes = new Uint8Array(steps.length)
    const pixels = (SURROUNDINGS * grid.cell) ** 2
    for (let i = 0; i < bytes.length; i++)
      bytes[i] = Math.round(Math.min(255, 55.26 * Math.log1p(around[i]! / pixels / 2.55)))
    return bytes
  }

  private sums({ at, pitch, width, height, cell }: Plane, what: 0 | 1 | 2): Uint32Array {
    const { columns, rows } = this.grid
    const scratch = this.free
    const out = align(scratch + 2 * width + 48)
    const memory = this.kernel.reserve(out + 4 * columns * rows)
    this.kernel.run.sumCells(at, pitch, width, height, cell, what, scratch, out)
    return new Uint32Array(memory, out, columns * rows).slice()
  }
}

/** Bytes in the kernel's memory, and how many of them a cell is wide. */
interface Plane {
  readonly at: number
  readonly pitch: number
  readonly width: number
  readonly height: number
  readonly cell: number
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
