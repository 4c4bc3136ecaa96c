/**
 * Convolutions with a fraction of the multiplications: tiles of outputs are polynomials' values at a few points, where
 * convolution is a product. With stride 1, 36 products give 3x3 outputs of 4x4 taps and do the work of 144. With stride 2
 * the even and odd rows and columns are images of their own, each with 2x2 taps, and 25 products give 4x4 outputs and do
 * the work of 64. Image, filters and result have one set of values for the convolution and both of its gradients, so what
 * one computes serves the others. Errors are a few units in the last place (measured: 1e-6 to 2e-6 relative).
 *
 * @see Lavin, Gray, Fast Algorithms for Convolutional Neural Networks, 2016
 */
import type { Shape, Window } from '../../graph/graph.js'
import { imageShape } from '../../graph/ops.js'
import { cookToom, type Matrix, square } from './cook-toom.js'
import type { Emitter } from './emitter.js'

const KERNEL = 4

/** How convolutions of one stride are computed. */
export interface Tiling {
  readonly stride: number
  /** Taps of each phase's filters, outputs of a tile, points; each squared in two dimensions. */
  readonly taps: number
  readonly outputs: number
  readonly size: number
  readonly products: number
  /** Images that one image falls into: even and odd rows and columns. */
  readonly phases: number
  /** Values at the points, of results, filters and images: a row a point (row and column). */
  readonly ofResults: Matrix
  readonly ofFilters: Matrix
  readonly ofImages: Matrix
}

/** Points are small numbers whose powers and differences stay small; infinity comes as the last by itself. */
function tiling(stride: number, points: readonly number[]): Tiling {
  const [taps, size] = [KERNEL / stride, points.length + 1]
  const outputs = size - taps + 1
  const { A, G, B } = cookToom(points, outputs, taps)
  const [ofResults, ofFilters, ofImages] = [square(A), square(G), square(B)]
  return { stride, taps, outputs, size, products: size ** 2, phases: stride ** 2, ofResults, ofFilters, ofImages }
}

/** By stride; these points gave the least error of those tried. */
const TILINGS = { 1: tiling(1, [0, 1, -1, 2, -0.5]), 2: tiling(2, [0, 1, -2, -0.5]) } as const

/** Below these the transforms cost more than they save. */
const LEAST_CHANNELS = 32
const LEAST_PIXELS = { 1: 400, 2: 1024 } as const

/** One convolution: `image` [N,I,H,W] with `filters` [O,I,4,4] gives `result` [N,O,h,w]. */
export interface Convolution {
  readonly image: Shape
  readonly filters: Shape
  readonly result: Shape
  readonly window: Window
}

/** The tiling by which a convolution or one of its gradients goes faster, if there is one. */
export function tilingFor({ image, filters, result, window }: Convolution): Tiling | undefined {
  const [outputs, channels, kernelH, kernelW] = imageShape(filters)
  const [, , height, width] = imageShape(image)
  const [, , h, w] = imageShape(result)
  if (kernelH !== KERNEL || kernelW !== KERNEL || Math.min(outputs, channels) < LEAST_CHANNELS) return undefined
  const { stride, pad } = window
  if (stride === 1 && h * w >= LEAST_PIXELS[1]) return TILINGS[1]
  const halves = stride === 2 && pad === 1 && height === 2 * h && width === 2 * w
  return halves && h * w >= LEAST_PIXELS[2] ? TILINGS[2] : undefined
}

/** A convolution and its two gradients by a tiling. */
export class Winograd {
  private readonly tiles: readonly [number, number]
  private readonly count: number
  private readonly n: number
  private readonly outputs: number
  private readonly channels: number
  /** Per image channel the phases. */
  private readonly planes: number

  constructor(
    private readonly out: Emitter,
    private readonly tiling: Tiling,
    private readonly of: Convolution,
  ) {
    const [n, outputs, h, w] = imageShape(of.result)
    this.tiles = [Math.ceil(h / tiling.outputs), Math.ceil(w / tiling.outputs)]
    this.count = this.tiles[0] * this.tiles[1]
    this.n = n
    this.outputs = outputs
    this.channels = imageShape(of.image)[1]
    this.planes = this.channels * tiling.phases
  }

  /** The result [N,O,h,w]. */
  forward(x: string, filters: string): string {
    const { out, tiling, outputs, of } = this
    const products = out.op('MatMul', [this.ofFilters(filters), this.ofImage(x)])
    const values = this.byPlane(products, outputs)
    const kernel = constant(out, tiling.ofResults, [tiling.products, 1, tiling.outputs, tiling.outputs])
    return out.reshape(out.op('ConvTranspose', [values, kernel], this.resultTiles), of.result)
  }

  /** The gradient of the image [N,I,H,W] from that of the result. */
  imageGradient(g: string, filters: string): string {
    const { out, tiling, n, channels, planes, of } = this
    const byInput = out.op('Transpose', [this.ofFilters(filters)], { perm: { ints: [0, 2, 1] } })
    const values = this.byPlane(out.op('MatMul', [byInput, this.ofResult(g)]), planes)
    const kernel = constant(out, tiling.ofImages, [tiling.products, 1, tiling.size, tiling.size])
    const joined = out.op('ConvTranspose', [values, kernel], this.imageTiles)
    if (tiling.phases === 1) return out.reshape(joined, of.image)
    const phases = out.reshape(joined, [n * channels, tiling.phases, ...this.phaseSize])
    const x = out.op('ConvTranspose', [phases, onePerPhase(out, tiling)], interleaved(tiling, of.window))
    return out.reshape(x, of.image)
  }

  /** The gradient of the filters, a matrix in the order of [O,I,4,4]. */
  filterGradient(x: string, g: string): string {
    const { out, tiling, outputs, planes, channels } = this
    const byTile = out.op('Transpose', [this.ofImage(x)], { perm: { ints: [0, 2, 1] } })
    const products = out.op('MatMul', [this.ofResult(g), byTile])
    const flat = out.reshape(products, [tiling.products, outputs * planes])
    const taps = out.op('Gemm', [flat, this.filterMatrix()], { transA: { int: 1 } })
    if (tiling.phases === 1) return taps
    const byFilter = out.reshape(taps, [outputs * channels, KERNEL ** 2])
    return out.op('Gemm', [byFilter, tapsByPhase(out, tiling)], { transB: { int: 1 } })
  }

  private filterMatrix(): string {
    const { out, tiling } = this
    return constant(out, tiling.ofFilters, [tiling.products, tiling.taps ** 2])
  }

  /** Filters -> values [products, O, I*phases]. */
  private ofFilters(filters: string): string {
    const { out, tiling, outputs, channels, planes } = this
    const byFilter = out.reshape(filters, [outputs * channels, KERNEL ** 2])
    const sorted = tiling.phases === 1 ? byFilter : out.op('MatMul', [byFilter, tapsByPhase(out, tiling)])
    const taps = out.reshape(sorted, [outputs * planes, tiling.taps ** 2])
    const values = out.op('Gemm', [this.filterMatrix(), taps], { transB: { int: 1 } })
    return out.reshape(values, [tiling.products, outputs, planes])
  }

  /** An image in overlapping tiles -> values [products, I*phases, N*tiles]. */
  private ofImage(x: string): string {
    const { out, tiling, n, channels, planes, of } = this
    const [, , height, width] = imageShape(of.image)
    const whole = out.reshape(x, [n * channels, 1, height, width])
    const phases = out.op('Conv', [whole, onePerPhase(out, tiling)], interleaved(tiling, of.window))
    const images = tiling.phases === 1 ? whole : out.reshape(phases, [n * planes, 1, ...this.phaseSize])
    const kernel = constant(out, tiling.ofImages, [tiling.products, 1, tiling.size, tiling.size])
    return this.byProduct(out.op('Conv', [images, kernel], this.imageTiles), planes)
  }

  /** A result's gradient in tiles -> values [products, O, N*tiles]. */
  private ofResult(g: string): string {
    const { out, tiling, n, outputs, of } = this
    const [, , h, w] = imageShape(of.result)
    const kernel = constant(out, tiling.ofResults, [tiling.products, 1, tiling.outputs, tiling.outputs])
    const values = out.op('Conv', [out.reshape(g, [n * outputs, 1, h, w]), kernel], this.resultTiles)
    return this.byProduct(values, outputs)
  }

  /** Rows and columns of a phase's image: with stride 2, of those that the padded image has. */
  private get phaseSize(): readonly [number, number] {
    const [, , height, width] = imageShape(this.of.image)
    return this.tiling.phases === 1 ? [height, width] : [height / 2 + 1, width / 2 + 1]
  }

  /** Tiles of a phase's image overlap, and reach over its borders. */
  private get imageTiles() {
    const { outputs, taps, phases } = this.tiling
    const before = phases === 1 ? this.of.window.pad : 0
    const after = this.phaseSize.map((side, i) => this.tiles[i]! * outputs + taps - 1 - before - side)
    return { strides: { ints: [outputs, outputs] }, pads: { ints: [before, before, ...after] } }
  }

  /** Tiles of the result lie side by side, the last ones reach over its border. */
  private get resultTiles() {
    const { outputs } = this.tiling
    const [, , h, w] = imageShape(this.of.result)
    const after = [this.tiles[0] * outputs - h, this.tiles[1] * outputs - w]
    return { strides: { ints: [outputs, outputs] }, pads: { ints: [0, 0, ...after] } }
  }

  /** [N*planes, products, tiles] as convolution gives it -> [products, planes, N*tiles] as products need it. */
  private byProduct(values: string, planes: number): string {
    const { out, tiling, n, count } = this
    if (n === 1)
      return out.op('Transpose', [out.reshape(values, [planes, tiling.products, count])], { perm: { ints: [1, 0, 2] } })
    const split = out.reshape(values, [n, planes, tiling.products, count])
    const swapped = out.op('Transpose', [split], { perm: { ints: [2, 1, 0, 3] } })
    return out.reshape(swapped, [tiling.products, planes, n * count])
  }

  /** The way back: [products, planes, N*tiles] -> [N*planes, products, rows of tiles, columns of tiles]. */
  private byPlane(products: string, planes: number): string {
    const { out, tiling, n, count } = this
    const split = out.reshape(products, [tiling.products, planes, n, count])
    const swapped = out.op('Transpose', [split], { perm: { ints: [2, 1, 0, 3] } })
    return out.reshape(swapped, [n * planes, tiling.products, ...this.tiles])
  }
}

const constant = (out: Emitter, matrix: Matrix, shape: Shape): string => out.floats(matrix.flat(), shape)

/** Kernels that take each phase of the rows and columns. */
const onePerPhase = (out: Emitter, { stride, phases }: Tiling): string =>
  out.floats(
    Array.from({ length: phases ** 2 }, (_, i) => (Math.floor(i / phases) === i % phases ? 1 : 0)),
    [phases, 1, stride, stride],
  )

const interleaved = ({ stride }: Tiling, { pad }: Window) => ({
  strides: { ints: [stride, stride] },
  pads: { ints: [pad, pad, pad, pad] },
})

/** The permutation that takes tap (y, x) of a filter to phase (y mod s, x mod s), place (y div s, x div s). */
function tapsByPhase(out: Emitter, { stride, taps }: Tiling): string {
  const matrix = Array.from({ length: KERNEL ** 4 }, () => 0)
  for (let y = 0; y < KERNEL; y++)
    for (let x = 0; x < KERNEL; x++) {
      const phase = (y % stride) * stride + (x % stride)
      const place = Math.floor(y / stride) * taps + Math.floor(x / stride)
      matrix[(y * KERNEL + x) * KERNEL ** 2 + phase * taps ** 2 + place] = 1
    }
  return out.floats(matrix, [KERNEL ** 2, KERNEL ** 2])
}
