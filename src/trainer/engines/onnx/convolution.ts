/**
 * The three convolutions in ONNX ops, in the forms that run fastest on the CPU: the filter gradient has no op of its
 * own, and as one matrix product over the image's windows it is nearly twice as fast as a Conv with big kernels.
 */
import type { OnnxAttribute } from '../../../formats/onnx/model.js'
import type { Node, Shape, Window } from '../../graph/graph.js'
import { imageShape } from '../../graph/ops.js'
import type { Emitter } from './emitter.js'
import { emitPhases, phasesPay } from './phases.js'
import { tilingFor, Winograd } from './winograd.js'

const windowAttributes = ({ stride, pad }: Window): Record<string, OnnxAttribute> => ({
  strides: { ints: [stride, stride] },
  pads: { ints: [pad, pad, pad, pad] },
})

/** @param bias  optional [O], added within the op */
export function emitConv(out: Emitter, node: Node<'conv'>, x: string, filters: string, bias?: string): string {
  const [image, weights] = [node.inputs[0]!.shape, node.inputs[1]!.shape]
  const whole = { image, filters: weights, result: node.shape, window: node.attributes }
  const tiling = bias || out.plain ? undefined : tilingFor(whole)
  if (tiling) return new Winograd(out, tiling, whole).forward(x, filters)
  return out.op('Conv', bias ? [x, filters, bias] : [x, filters], windowAttributes(node.attributes))
}

export function emitConvTranspose(
  out: Emitter,
  { attributes, inputs, shape }: Node<'convTranspose'>,
  x: string,
  filters: string,
  bias?: string,
): string {
  const { stride, pad, size } = attributes
  const [, channels, height, width] = imageShape(inputs[0]!.shape)
  const [, filtersI, kernelH, kernelW] = imageShape(inputs[1]!.shape)
  const adjoint = { image: shape, filters: inputs[1]!.shape, result: inputs[0]!.shape, window: attributes }
  const tiling = bias || out.plain ? undefined : tilingFor(adjoint)
  if (tiling) return new Winograd(out, tiling, adjoint).imageGradient(x, filters)
  if (!bias && !out.plain && phasesPay(inputs[0]!.shape, inputs[1]!.shape, attributes)) {
    return emitPhases(out, x, inputs[0]!.shape, filters, inputs[1]!.shape, shape)
  }
  if (channels === 1 && stride === 1 && kernelH === kernelW && !bias && !out.plain) {
    // from one channel, a plain convolution with the flipped kernel is much faster
    const flipped = out.slice(
      out.reshape(filters, [filtersI, 1, kernelH, kernelW]),
      [2, 3],
      [-1, -1],
      [-99, -99],
      [-1, -1],
    )
    return out.op('Conv', [x, flipped], windowAttributes({ stride: 1, pad: kernelH - 1 - pad }))
  }
  const whole = [(height - 1) * stride - 2 * pad + kernelH, (width - 1) * stride - 2 * pad + kernelW] as const
  return out.op('ConvTranspose', bias ? [x, filters, bias] : [x, filters], {
    ...windowAttributes(attributes),
    output_padding: { ints: [size[0] - whole[0], size[1] - whole[1]] },
  })
}

/**
 * The filter gradient as one matrix product: g [O, positions] times the windows of x [I*h*w, positions].
 *
 * The result is a matrix in the order of [O,I,h,w]: shaping it would copy it.
 */
export function emitConvFilter(
  out: Emitter,
  { attributes, inputs, shape }: Node<'convFilter'>,
  x: string,
  g: string,
): string {
  const { stride, pad, kernel } = attributes
  const [n, channels, height, width] = imageShape(inputs[0]!.shape)
  const [, outputs, smallH, smallW] = imageShape(inputs[1]!.shape)
  const taps = kernel[0] * kernel[1]
  const whole = { image: inputs[0]!.shape, filters: shape, result: inputs[1]!.shape, window: attributes }
  const tiling = tilingFor(whole)
  if (tiling) return new Winograd(out, tiling, whole).filterGradient(x, g)
  if (smallH * smallW === 1 && pad === 0 && kernel[0] === height && kernel[1] === width) {
    // the image is the only window
    const [windows, rows] = [out.reshape(x, [n, channels * taps]), out.reshape(g, [n, outputs])]
    return out.reshape(out.op('Gemm', [rows, windows], { transA: { int: 1 } }), shape)
  }
  if (outputs === 1 && stride === 1 && n === 1) {
    // one output channel: the windows of g, which is small, meet the same products in reverse order
    const around = [kernel[0] - 1 - pad, kernel[1] - 1 - pad] as const
    const windows = emitWindows(out, g, inputs[1]!.shape, kernel, 1, around, 'reversed')
    const flat = out.reshape(x, [channels, height * width])
    return out.op('Gemm', [flat, out.reshape(windows, [taps, height * width])], { transB: { int: 1 } })
  }
  const positions = smallH * smallW
  const byImage = out.reshape(emitWindows(out, x, inputs[0]!.shape, kernel, stride, [pad, pad]), [
    n,
    channels * taps,
    positions,
  ])
  const columns = n === 1 ? byImage : out.op('Transpose', [byImage], { perm: { ints: [1, 0, 2] } })
  const rows = n === 1 ? g : out.op('Transpose', [g], { perm: { ints: [1, 0, 2, 3] } })
  return out.op(
    'Gemm',
    [out.reshape(rows, [outputs, n * positions]), out.reshape(columns, [channels * taps, n * positions])],
    { transB: { int: 1 } },
  )
}

/**
 * For each kernel position the elements of x [N,C,H,W] that it meets: [N*C, h*w positions of the kernel, ., .].
 *
 * A convolution with kernels of a single 1 copies them, on all threads; slices take one.
 */
function emitWindows(
  out: Emitter,
  x: string,
  shape: Shape,
  [kernelH, kernelW]: readonly [number, number],
  stride: number,
  [padH, padW]: readonly [number, number],
  order: 'forward' | 'reversed' = 'forward',
): string {
  const [n, channels, height, width] = imageShape(shape)
  const taps = kernelH * kernelW
  const ones = Array.from({ length: taps * taps }, (_, i) => {
    const [view, tap] = [Math.floor(i / taps), i % taps]
    return tap === (order === 'forward' ? view : taps - 1 - view) ? 1 : 0
  })
  return out.op(
    'Conv',
    [out.reshape(x, [n * channels, 1, height, width]), out.floats(ones, [taps, 1, kernelH, kernelW])],
    { strides: { ints: [stride, stride] }, pads: { ints: [padH, padW, padH, padW] } },
  )
}
