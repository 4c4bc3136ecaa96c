/**
 * The three convolutions in ONNX ops, in the forms that run fastest on the CPU: the filter gradient has no op of its
 * own, and as one matrix product over shifted views of the image it is nearly twice as fast as a Conv with big kernels.
 */
import type { OnnxAttribute } from '../../../formats/onnx/model.js'
import type { Node, Shape, Window } from '../../graph/graph.js'
import { imageShape } from '../../graph/ops.js'
import type { Emitter } from './emitter.js'

const windowAttributes = ({ stride, pad }: Window): Record<string, OnnxAttribute> => ({
  strides: { ints: [stride, stride] },
  pads: { ints: [pad, pad, pad, pad] },
})

/** @param bias  optional [O], added within the op */
export function emitConv(
  out: Emitter,
  { attributes }: Node<'conv'>,
  x: string,
  filters: string,
  bias?: string,
): string {
  return out.op('Conv', bias ? [x, filters, bias] : [x, filters], windowAttributes(attributes))
}

export function emitConvTranspose(
  out: Emitter,
  { attributes, inputs }: Node<'convTranspose'>,
  x: string,
  filters: string,
  bias?: string,
): string {
  const { stride, pad, size } = attributes
  const [, channels, height, width] = imageShape(inputs[0]!.shape)
  const [, filtersI, kernelH, kernelW] = imageShape(inputs[1]!.shape)
  if (channels === 1 && stride === 1 && kernelH === kernelW && !bias) {
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
 * The filter gradient as one matrix product: g [O, positions] times the shifted views of x [I*h*w, positions].
 *
 * The result is a matrix in the order of [O,I,h,w]: shaping it would copy it.
 */
export function emitConvFilter(out: Emitter, { attributes, inputs }: Node<'convFilter'>, x: string, g: string): string {
  const { stride, pad, kernel } = attributes
  const [n, channels, height, width] = imageShape(inputs[0]!.shape)
  const [, outputs, smallH, smallW] = imageShape(inputs[1]!.shape)
  if (outputs === 1 && stride === 1 && n === 1) {
    // one output channel: shifting g, which is small, gives the same products
    const around = [kernel[0] - 1 - pad, kernel[1] - 1 - pad] as const
    const views = shiftedViews(out, g, inputs[1]!.shape, around, kernel, 1, [height, width]).reverse()
    const shifted = out.reshape(out.op('Concat', views, { axis: { int: 1 } }), [kernel[0] * kernel[1], height * width])
    const flat = out.reshape(x, [channels, height * width])
    return out.op('Gemm', [flat, shifted], { transB: { int: 1 } })
  }
  const views = shiftedViews(out, x, inputs[0]!.shape, [pad, pad], kernel, stride, [smallH, smallW])
  const positions = n * smallH * smallW
  const columns = out.reshape(out.op('Concat', views, { axis: { int: 1 } }), [
    channels * kernel[0] * kernel[1],
    positions,
  ])
  const rows = out.reshape(n === 1 ? g : out.op('Transpose', [g], { perm: { ints: [1, 0, 2, 3] } }), [
    outputs,
    positions,
  ])
  return out.op('Gemm', [rows, columns], { transB: { int: 1 } })
}

/** For each kernel position the elements of x [N,C,H,W] that it meets, as [C,1,N*h*w'...]: one [C,1,N,h,w] per position. */
function shiftedViews(
  out: Emitter,
  x: string,
  shape: Shape,
  [padH, padW]: readonly [number, number],
  [kernelH, kernelW]: readonly [number, number],
  stride: number,
  [h, w]: readonly [number, number],
): string[] {
  const [n, channels, height, width] = imageShape(shape)
  const padded = out.op('Pad', [x, out.ints([0, 0, padH, padW, 0, 0, padH, padW])])
  const byChannel = n === 1 ? padded : out.op('Transpose', [padded], { perm: { ints: [1, 0, 2, 3] } })
  const [fullH, fullW] = [height + 2 * padH, width + 2 * padW]
  const image = out.reshape(byChannel, [channels, 1, n, fullH, fullW])
  const views: string[] = []
  for (let ky = 0; ky < kernelH; ky++)
    for (let kx = 0; kx < kernelW; kx++) {
      // strided slices are slow: take every stride-th element once per phase, then shift densely
      const phase = [ky % stride, kx % stride] as const
      const dense = stride === 1 ? image : out.slice(image, [3, 4], phase, [fullH, fullW], [stride, stride])
      const [top, left] = [(ky - phase[0]) / stride, (kx - phase[1]) / stride]
      views.push(out.slice(dense, [3, 4], [top, left], [top + h, left + w], [1, 1]))
    }
  return views
}
