/**
 * Convolutions of stride 1 with a quarter of the multiplications: tiles of 3x3 outputs are polynomials' values at 6x6
 * points, where convolution is a product, so 36 products do the work of 144. The discriminator's widest layer takes over a
 * third of a training step, and this halves it. Errors are a few units in the last place (measured: 2e-6 relative).
 *
 * @see Lavin, Gray, Fast Algorithms for Convolutional Neural Networks, 2016
 */
import type { Shape, Window } from '../../graph/graph.js'
import { imageShape } from '../../graph/ops.js'
import type { Emitter } from './emitter.js'

type Matrix = readonly (readonly number[])[]

const OUTPUTS = 3
const TAPS = 4
const TILE = OUTPUTS + TAPS - 1
const PRODUCTS = TILE * TILE
/** Small numbers whose powers and differences stay small; the last point is infinity. */
const POINTS = [0, 1, -1, 2, -0.5]

/** Below these the transforms cost more than they save. */
const LEAST_CHANNELS = 32
const LEAST_PIXELS = 400

/** Whether filters [O,I,h,w] over images with this many pixels go faster this way. */
export function winogradPays(filters: Shape, { stride }: Window, height: number, width: number): boolean {
  const [outputs, channels, kernelH, kernelW] = imageShape(filters)
  return (
    stride === 1 &&
    kernelH === TAPS &&
    kernelW === TAPS &&
    Math.min(outputs, channels) >= LEAST_CHANNELS &&
    height * width >= LEAST_PIXELS
  )
}

/**
 * The Cook-Toom matrices: y = A' [(G g) * (B' d)] correlates 6 inputs d with 4 taps g to 3 outputs y.
 *
 * A and G take the values of polynomials at the points; B holds the coefficients of Lagrange's polynomials.
 */
export function cookToom(): { readonly A: Matrix; readonly G: Matrix; readonly B: Matrix } {
  const others = (i: number): number[] => POINTS.filter((_, l) => l !== i)
  const atInfinity = (length: number): number[] => Array.from({ length }, (_, k) => (k === length - 1 ? 1 : 0))
  const powers = (p: number, length: number): number[] => Array.from({ length }, (_, k) => p ** k)
  const G = POINTS.map((p, i) => {
    const scale = others(i).reduce((product, q) => product * (p - q), 1)
    return powers(p, TAPS).map(power => power / scale)
  })
  return {
    A: [...POINTS.map(p => powers(p, OUTPUTS)), atInfinity(OUTPUTS)],
    G: [...G, atInfinity(TAPS)],
    B: [...POINTS.map((_, i) => [...withRoots(others(i)), 0]), withRoots(POINTS)],
  }
}

/** Coefficients, lowest first, of the polynomial with these roots and leading coefficient 1. */
function withRoots(roots: readonly number[]): number[] {
  let polynomial = [1]
  for (const root of roots) {
    const before = polynomial
    polynomial = [0, ...before].map((c, k) => c - root * (before[k] ?? 0))
  }
  return polynomial
}

/** For rows and columns at once. */
const square = (matrix: Matrix): Matrix => matrix.flatMap(a => matrix.map(b => a.flatMap(x => b.map(y => x * y))))

const { A, G, B } = cookToom()
const VALUES_OF_OUTPUTS = square(A)
const VALUES_OF_TAPS = square(G)
const VALUES_OF_TAPS_FLIPPED = square(G.map(row => row.toReversed()))
const VALUES_OF_INPUTS = square(B)

const tilesFor = (size: number): number => Math.ceil(size / OUTPUTS)
const constant = (out: Emitter, matrix: Matrix, shape: Shape): string => out.floats(matrix.flat(), shape)
const strided = { strides: { ints: [OUTPUTS, OUTPUTS] } }
const lastTwoSwapped = { perm: { ints: [0, 2, 1] } }

/** [N*C, 36, tiles] as convolution gives it -> [36, C, N*tiles] as products need it. */
function byProduct(out: Emitter, x: string, n: number, channels: number, tiles: number): string {
  const split = out.reshape(x, [n, channels, PRODUCTS, tiles])
  return out.reshape(out.op('Transpose', [split], { perm: { ints: [2, 1, 0, 3] } }), [PRODUCTS, channels, n * tiles])
}

/** x [N,C,H,W] in overlapping tiles of 6x6, for outputs of h x w: values [36, C, N*tiles]. */
function imageValues(out: Emitter, x: string, shape: Shape, pad: number, [h, w]: readonly [number, number]): string {
  const [n, channels, height, width] = imageShape(shape)
  const rest = [tilesFor(h) * OUTPUTS + TAPS - 1 - pad - height, tilesFor(w) * OUTPUTS + TAPS - 1 - pad - width]
  const kernel = constant(out, VALUES_OF_INPUTS, [PRODUCTS, 1, TILE, TILE])
  const planes = out.reshape(x, [n * channels, 1, height, width])
  const values = out.op('Conv', [planes, kernel], { ...strided, pads: { ints: [pad, pad, ...rest] } })
  return byProduct(out, values, n, channels, tilesFor(h) * tilesFor(w))
}

/** Filters [O,I,4,4] -> values [36, O, I]. */
function filterValues(out: Emitter, filters: string, shape: Shape, matrix: Matrix): string {
  const [outputs, channels] = imageShape(shape)
  const taps = out.reshape(filters, [outputs * channels, TAPS * TAPS])
  const values = out.op('Gemm', [constant(out, matrix, [PRODUCTS, TAPS * TAPS]), taps], { transB: { int: 1 } })
  return out.reshape(values, [PRODUCTS, outputs, channels])
}

/** Products [36, C, N*tiles] -> image [N,C,h,w]. */
function imageFrom(
  out: Emitter,
  products: string,
  [n, channels, h, w]: readonly [number, number, number, number],
): string {
  const [rows, columns] = [tilesFor(h), tilesFor(w)]
  const split = out.reshape(products, [PRODUCTS, channels, n, rows * columns])
  const planes = out.reshape(out.op('Transpose', [split], { perm: { ints: [2, 1, 0, 3] } }), [
    n * channels,
    PRODUCTS,
    rows,
    columns,
  ])
  const kernel = constant(out, VALUES_OF_OUTPUTS, [PRODUCTS, 1, OUTPUTS, OUTPUTS])
  const whole = out.reshape(out.op('ConvTranspose', [planes, kernel], strided), [
    n,
    channels,
    rows * OUTPUTS,
    columns * OUTPUTS,
  ])
  return rows * OUTPUTS === h && columns * OUTPUTS === w ? whole : out.slice(whole, [2, 3], [0, 0], [h, w], [1, 1])
}

/** x [N,I,H,W] with filters [O,I,4,4] -> `result` [N,O,h,w]. */
export function emitWinograd(
  out: Emitter,
  x: string,
  xShape: Shape,
  filters: string,
  filterShape: Shape,
  pad: number,
  result: Shape,
): string {
  const size = imageShape(result)
  const values = imageValues(out, x, xShape, pad, [size[2], size[3]])
  return imageFrom(out, out.op('MatMul', [filterValues(out, filters, filterShape, VALUES_OF_TAPS), values]), size)
}

/** The adjoint: g [N,O,h,w] with filters [O,I,4,4] -> `result` [N,I,H,W], by correlation with the flipped filters. */
export function emitWinogradTransposed(
  out: Emitter,
  g: string,
  gShape: Shape,
  filters: string,
  filterShape: Shape,
  pad: number,
  result: Shape,
): string {
  const size = imageShape(result)
  const values = imageValues(out, g, gShape, TAPS - 1 - pad, [size[2], size[3]])
  const flipped = filterValues(out, filters, filterShape, VALUES_OF_TAPS_FLIPPED)
  return imageFrom(out, out.op('MatMul', [out.op('Transpose', [flipped], lastTwoSwapped), values]), size)
}

/** The filter gradient of x [N,I,H,W] and g [N,O,h,w] as a matrix in the order of [O,I,4,4]. */
export function emitWinogradFilter(
  out: Emitter,
  x: string,
  xShape: Shape,
  g: string,
  gShape: Shape,
  pad: number,
): string {
  const [n, outputs, h, w] = imageShape(gShape)
  const channels = imageShape(xShape)[1]
  const rest = [tilesFor(h) * OUTPUTS - h, tilesFor(w) * OUTPUTS - w]
  const kernel = constant(out, VALUES_OF_OUTPUTS, [PRODUCTS, 1, OUTPUTS, OUTPUTS])
  const planes = out.reshape(g, [n * outputs, 1, h, w])
  const spread = out.op('Conv', [planes, kernel], { ...strided, pads: { ints: [0, 0, ...rest] } })
  const gValues = byProduct(out, spread, n, outputs, tilesFor(h) * tilesFor(w))
  const xValues = imageValues(out, x, xShape, pad, [h, w])
  const products = out.op('MatMul', [gValues, out.op('Transpose', [xValues], lastTwoSwapped)])
  const flat = out.reshape(products, [PRODUCTS, outputs * channels])
  return out.op('Gemm', [flat, constant(out, VALUES_OF_TAPS, [PRODUCTS, TAPS * TAPS])], { transA: { int: 1 } })
}
