/**
 * The transposed convolution of stride 2 as a plain one: each of the four phases of the result (even and odd rows and
 * columns) is a 2x2 convolution of the image, and all four see the same windows. onnxruntime's own ConvTranspose adds
 * up sixteen planes per channel on one thread; here that is left with four.
 *
 * @see Shi et al., Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel CNN, 2016
 */
import type { Shape, Window } from '../../graph/graph.js'
import { imageShape } from '../../graph/ops.js'
import type { Emitter } from './emitter.js'

const TAPS = 4
const PHASES = 4
/** Below so many pixels per input channel, sorting the filters by phase costs more than it saves. */
const LEAST_PIXELS_PER_CHANNEL = 8

/** Whether x [N,O,h,w] with filters [O,I,h,w] goes faster this way. */
export function phasesPay(
  x: Shape,
  filters: Shape,
  { stride, pad, size }: Window & { readonly size: readonly [number, number] },
): boolean {
  const [, channels, height, width] = imageShape(x)
  const [, , kernelH, kernelW] = imageShape(filters)
  const doubles = stride === 2 && pad === 1 && size[0] === 2 * height && size[1] === 2 * width
  const pays = height * width >= LEAST_PIXELS_PER_CHANNEL * channels
  return doubles && kernelH === TAPS && kernelW === TAPS && pays
}

/** x [N,O,h,w] with filters [O,I,4,4] -> `result` [N,I,2h,2w]. */
export function emitPhases(
  out: Emitter,
  x: string,
  xShape: Shape,
  filters: string,
  filterShape: Shape,
  result: Shape,
): string {
  const [n, , height, width] = imageShape(xShape)
  const [outputs, inputs] = imageShape(filterShape)
  const square = TAPS * TAPS
  const sorted = out.op('MatMul', [
    out.reshape(filters, [outputs * inputs, square]),
    out.floats(TAPS_BY_PHASE, [square, square]),
  ])
  const byPhase = out.op('Transpose', [out.reshape(sorted, [outputs, inputs * PHASES, square / PHASES])], {
    perm: { ints: [1, 0, 2] },
  })
  const kernels = out.reshape(byPhase, [inputs * PHASES, outputs, 2, 2])
  const phases = out.op('Conv', [x, kernels], { pads: { ints: [1, 1, 1, 1] } })
  // each phase's elements go to their places, a step further for the first phase of rows or columns
  const planes = out.reshape(phases, [n * inputs, PHASES, height + 1, width + 1])
  const places = out.floats(
    oneIn(PHASES, phase => PHASES - 1 - phase),
    [PHASES, 1, 2, 2],
  )
  const joined = out.op('ConvTranspose', [planes, places], {
    strides: { ints: [2, 2] },
    pads: { ints: [1, 1, 1, 1] },
  })
  return out.reshape(joined, result)
}

/** A square matrix, row-major, with a single 1 in each row. */
const oneIn = (size: number, columnOf: (row: number) => number): number[] =>
  Array.from({ length: size * size }, (_, i) => (columnOf(Math.floor(i / size)) === i % size ? 1 : 0))

/** Takes tap (y, x) to phase (py, px) and place (a, b) in its 2x2 kernel, where y = 3 - py - 2a and x = 3 - px - 2b. */
const TAPS_BY_PHASE = oneIn(TAPS * TAPS, tap => {
  const [y, x] = [3 - Math.floor(tap / TAPS), 3 - (tap % TAPS)]
  return (y % 2) * 8 + (x % 2) * 4 + Math.floor(y / 2) * 2 + Math.floor(x / 2)
})
