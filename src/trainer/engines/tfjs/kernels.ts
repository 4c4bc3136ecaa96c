/** What every op is in TensorFlow.js, on tensors with channels last (layout.ts). The reference engine says what they mean. */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core'
import type { Kind, Node, NormOver, Shape, Window } from '../../graph/graph.js'
import { imageShape } from '../../graph/ops.js'
import type { TensorFlow } from './backend.js'
import { deviceShape } from './layout.js'

type Computed = Exclude<Kind, 'input' | 'weight'>
type Kernel<K extends Kind> = (node: Node<K>, ...inputs: Tensor[]) => Tensor
export type Kernels = { readonly [K in Computed]: Kernel<K> }

const CHANNELS = 3
/** Keeps a vector of zeros what it is. */
const LEAST_LENGTH = 1e-12

/** The kernels by a TensorFlow.js; results are new tensors, and what is made on the way is a tidy's to drop. */
export function kernelsOf(tf: TensorFlow): Kernels {
  const image = (x: Tensor | undefined): Tensor4D => x as Tensor4D
  /** [O,h,w,I] -> [h,w,I,O] */
  const asFilters = (x: Tensor): Tensor4D => tf.transpose(image(x), [1, 2, 3, 0])
  const padded = (x: Tensor, pad: number): Tensor4D =>
    pad === 0
      ? image(x)
      : tf.pad(image(x), [
          [0, 0],
          [pad, pad],
          [pad, pad],
          [0, 0],
        ])

  /** Over the batch or each image; statistics keep their dimensions, as [1 or N,1,1,C]. */
  const standardise = (x: Tensor, { over, epsilon }: { over: NormOver; epsilon: number }) => {
    const axes = over === 'batch' ? [0, 1, 2] : [1, 2]
    const { mean, variance } = tf.moments(x, axes, true)
    const deviation = tf.sqrt(tf.add(variance, epsilon))
    return { axes, deviation, hat: tf.div(tf.sub(x, mean), deviation) }
  }
  /** By rows, then columns, then images: a float32 sum over all at once loses a digit. */
  const perChannel = (x: Tensor): Tensor1D => tf.sum(tf.sum(tf.sum(x, 2), 1), 0)

  /** u'Wv of filters [O,h,w,I] as a matrix of O rows. */
  const sigmaOf = (filters: Tensor, u: Tensor, v: Tensor): Tensor => tf.sum(tf.mul(tf.mul(filters, u), v))

  const scaled = (g: Tensor | undefined, x: Tensor): Tensor => tf.div(g!, x.size)

  return {
    fill: ({ attributes: { value }, shape }) => tf.fill(deviceShape(shape), value),

    conv: ({ attributes: { stride, pad } }, x, filters) =>
      tf.conv2d(padded(x!, pad), asFilters(filters!), stride, 'valid'),
    convTranspose: ({ attributes: { stride, pad }, shape }, x, filters) => {
      const [n, c, h, w] = imageShape(shape)
      const whole = tf.conv2dTranspose(image(x), asFilters(filters!), [n, h + 2 * pad, w + 2 * pad, c], stride, 'valid')
      return pad === 0 ? whole : tf.slice(whole, [0, pad, pad, 0], [n, h, w, c])
    },
    convFilter: ({ attributes: { stride, pad, kernel }, inputs }, x, g) => {
      const [, c] = imageShape(inputs[0]!.shape)
      const [, o] = imageShape(inputs[1]!.shape)
      const filters = filterGradient(tf, padded(x!, pad), image(g), stride, [...kernel, c, o])
      return tf.transpose(filters, [CHANNELS, 0, 1, 2])
    },

    mapTaps: ({ attributes: { matrix, kernel }, shape }, filters) => {
      const [o, i] = imageShape(shape)
      const taps = tf.reshape(tf.transpose(image(filters), [0, CHANNELS, 1, 2]), [o * i, -1]) as Tensor2D
      const mapped = tf.matMul(taps, tf.tensor2d(matrix.map(row => [...row])), false, true)
      return tf.transpose(tf.reshape(mapped, [o, i, ...kernel]) as Tensor4D, [0, 2, 3, 1])
    },

    unit: (_, x) => tf.div(x!, tf.maximum(tf.sqrt(tf.sum(tf.square(x!))), LEAST_LENGTH)),
    perSigma: (_, filters, u, v) => tf.div(filters!, sigmaOf(filters!, u!, v!)),
    perSigmaGrad: (_, g, filters, u, v) => {
      const sigma = sigmaOf(filters!, u!, v!)
      const along = tf.div(tf.sum(tf.mul(g!, filters!)), sigma)
      return tf.div(tf.sub(g!, tf.mul(along, tf.mul(u!, v!))), sigma)
    },

    addBias: (_, x, bias) => tf.add(x!, bias!),
    channelSum: (_, x) => perChannel(x!),

    norm: ({ attributes }, x, scale, shift) => tf.add(tf.mul(standardise(x!, attributes).hat, scale!), shift!),
    normInputGrad: ({ attributes }, g, x, scale) => {
      const { axes, deviation, hat } = standardise(x!, attributes)
      const meanG = tf.mean(g!, axes, true)
      const meanGHat = tf.mean(tf.mul(g!, hat), axes, true)
      return tf.mul(tf.div(scale!, deviation), tf.sub(tf.sub(g!, meanG), tf.mul(hat, meanGHat)))
    },
    normScaleGrad: ({ attributes }, g, x) => perChannel(tf.mul(g!, standardise(x!, attributes).hat)),

    leakyRelu: ({ attributes: { slope } }, x) => (slope === 0 ? tf.relu(x!) : tf.leakyRelu(x!, slope)),
    leakyReluGrad: ({ attributes: { slope } }, g, y) => tf.where(tf.greater(y!, 0), g!, tf.mul(g!, slope)),
    tanh: (_, x) => tf.tanh(x!),
    tanhGrad: (_, g, y) => tf.mul(g!, tf.sub(1, tf.square(y!))),

    concat: (_, ...parts) => tf.concat(parts, CHANNELS),
    slice: ({ attributes: { from, to }, inputs }, x) => {
      const [n, , h, w] = imageShape(inputs[0]!.shape)
      return tf.slice(image(x), [0, 0, 0, from], [n, h, w, to - from])
    },
    add: (_, a, b) => tf.add(a!, b!),
    mul: (_, a, b) => tf.mul(a!, b!),
    times: ({ attributes: { factor } }, x) => tf.mul(x!, factor),

    // written so that no exponential overflows
    bce: ({ attributes: { target } }, x) =>
      tf.mean(tf.add(tf.sub(tf.relu(x!), tf.mul(x!, target)), tf.log1p(tf.exp(tf.neg(tf.abs(x!)))))),
    bceGrad: ({ attributes: { target } }, g, x) => tf.mul(scaled(g, x!), tf.sub(tf.sigmoid(x!), target)),
    mse: ({ attributes: { target } }, x) => tf.mean(tf.square(tf.sub(x!, target))),
    mseGrad: ({ attributes: { target } }, g, x) => tf.mul(scaled(g, x!), tf.mul(tf.sub(x!, target), 2)),
    l1: (_, a, b) => tf.mean(tf.abs(tf.sub(a!, b!))),
    l1Grad: (_, g, a, b) => tf.mul(scaled(g, a!), tf.sign(tf.sub(a!, b!))),
    mean: (_, x) => tf.mean(x!),
    meanGrad: (_, g, x) => tf.mul(tf.onesLike(x!), scaled(g, x!)),
    shareAbove: ({ attributes: { threshold } }, x) => tf.mean(tf.cast(tf.greater(x!, threshold), 'float32')),
  }
}

/** The filters' gradient [h,w,I,O]: a kernel of every backend, which tfjs-core offers only inside its own gradients. */
function filterGradient(tf: TensorFlow, x: Tensor4D, dy: Tensor4D, stride: Window['stride'], shape: Shape): Tensor4D {
  const attributes = { strides: stride, pad: 'valid', dataFormat: 'NHWC', filterShape: shape }
  return tf.engine().runKernel(tf.Conv2DBackpropFilter, { x, dy }, attributes as never) as Tensor4D
}
