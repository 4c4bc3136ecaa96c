/**
 * The graph's images are [N,C,H,W] and its filters [O,I,h,w]; TensorFlow's kernels want channels last, and so does every
 * tensor of four dimensions on the device: [N,H,W,C] and [O,h,w,I].
 */
import type { Tensor4D, Tensor as TfTensor } from '@tensorflow/tfjs-core'
import type { Shape } from '../../graph/graph.js'
import type { Tensor } from '../engine.js'
import type { TensorFlow } from './backend.js'

/** The shape on the device of a tensor of the graph's shape. */
export const deviceShape = (shape: Shape): number[] => {
  const [n, c, h, w] = shape
  return shape.length === 4 ? [n!, h!, w!, c!] : [...shape]
}

/** To the device; the caller disposes of it. */
export function upload(tf: TensorFlow, { shape, data }: Tensor): TfTensor {
  // the backend may keep the array it is given, and the caller's may change
  const given = tf.tensor(data.slice(), [...shape], 'float32')
  if (shape.length !== 4) return given
  const last = tf.transpose(given, [0, 2, 3, 1])
  given.dispose()
  return last
}

/** Back from the device, which keeps its tensor. */
export async function download(tf: TensorFlow, tensor: TfTensor, shape: Shape): Promise<Tensor> {
  if (shape.length !== 4) return { shape, data: Float32Array.from(await tensor.data()) }
  const first = tf.transpose(tensor as Tensor4D, [0, 3, 1, 2])
  const data = Float32Array.from(await first.data())
  first.dispose()
  return { shape, data }
}
