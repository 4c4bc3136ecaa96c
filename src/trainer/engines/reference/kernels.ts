/** What every op means, in plain float64 loops: the oracle of the other engines, written to be read. */
import { type Kind, type Node, type Shape, sizeOf } from '../../graph/graph.js'
import { imageShape } from '../../graph/ops.js'

export type Numbers = Float64Array
type Computed = Exclude<Kind, 'input' | 'weight'>
type Kernel<K extends Kind> = (node: Node<K>, ...inputs: Numbers[]) => Numbers

const map = (x: Numbers, f: (value: number, i: number) => number): Numbers => x.map(f)
const mean = (x: Numbers, f: (value: number, i: number) => number): Numbers =>
  Float64Array.of(x.reduce((sum, value, i) => sum + f(value, i), 0) / x.length)

/**
 * Visit every product of a convolution as indices into its big image [N,I,H,W], its filters [O,I,h,w] and its small
 * image [N,O,.,.]: conv sums into the small one, its two adjoints into the others.
 */
function convolve(
  big: Shape,
  filters: Shape,
  small: Shape,
  { stride, pad }: { readonly stride: number; readonly pad: number },
  visit: (big: number, filter: number, small: number) => void,
): void {
  const [n, channels, height, width] = imageShape(big)
  const [outputs, , kernelH, kernelW] = imageShape(filters)
  const [, , smallH, smallW] = imageShape(small)
  for (let image = 0; image < n; image++)
    for (let o = 0; o < outputs; o++)
      for (let c = 0; c < channels; c++)
        for (let ky = 0; ky < kernelH; ky++)
          for (let kx = 0; kx < kernelW; kx++) {
            const filter = ((o * channels + c) * kernelH + ky) * kernelW + kx
            for (let sy = 0; sy < smallH; sy++) {
              const y = sy * stride + ky - pad
              if (y < 0 || y >= height) continue
              for (let sx = 0; sx < smallW; sx++) {
                const x = sx * stride + kx - pad
                if (x < 0 || x >= width) continue
                visit(
                  ((image * channels + c) * height + y) * width + x,
                  filter,
                  ((image * outputs + o) * smallH + sy) * smallW + sx,
                )
              }
            }
          }
}

/** The channel of each element of [N,C,H,W], or with `images` the (image, channel) pair. */
function groupOf(shape: Shape, images: boolean): (i: number) => number {
  const [, channels, height, width] = imageShape(shape)
  return i => (images ? Math.floor(i / (height * width)) : Math.floor(i / (height * width)) % channels)
}

/** (x - mean) / deviation per group, with the deviations and the number of elements of a group. */
function standardise(x: Numbers, shape: Shape, over: 'batch' | 'instance', epsilon: number) {
  const [n, channels] = imageShape(shape)
  const group = groupOf(shape, over === 'instance')
  const groups = over === 'instance' ? n * channels : channels
  const count = x.length / groups
  const means = new Float64Array(groups)
  const variances = new Float64Array(groups)
  x.forEach((value, i) => {
    means[group(i)]! += value / count
  })
  x.forEach((value, i) => {
    variances[group(i)]! += (value - means[group(i)]!) ** 2 / count
  })
  const deviations = variances.map(variance => Math.sqrt(variance + epsilon))
  return { group, groups, count, deviations, hat: map(x, (v, i) => (v - means[group(i)]!) / deviations[group(i)]!) }
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** Where each part's channels go in a concatenation: visits (index in part, index in whole). */
function eachElement(part: Shape, whole: Shape, from: number, visit: (part: number, whole: number) => void): void {
  const [n, channels, height, width] = imageShape(part)
  const total = imageShape(whole)[1]
  const block = channels * height * width
  for (let image = 0; image < n; image++)
    for (let i = 0; i < block; i++) visit(image * block + i, (image * total + from) * height * width + i)
}

export const kernels: { readonly [K in Computed]: Kernel<K> } = {
  fill: ({ attributes: { value }, shape }) => new Float64Array(sizeOf(shape)).fill(value),

  conv: ({ attributes, inputs, shape }, x, filters) => {
    const y = new Float64Array(sizeOf(shape))
    convolve(inputs[0]!.shape, inputs[1]!.shape, shape, attributes, (big, filter, small) => {
      y[small]! += x![big]! * filters![filter]!
    })
    return y
  },
  convTranspose: ({ attributes, inputs, shape }, x, filters) => {
    const y = new Float64Array(sizeOf(shape))
    convolve(shape, inputs[1]!.shape, inputs[0]!.shape, attributes, (big, filter, small) => {
      y[big]! += x![small]! * filters![filter]!
    })
    return y
  },
  convFilter: ({ attributes, inputs, shape }, x, g) => {
    const y = new Float64Array(sizeOf(shape))
    convolve(inputs[0]!.shape, shape, inputs[1]!.shape, attributes, (big, filter, small) => {
      y[filter]! += x![big]! * g![small]!
    })
    return y
  },

  mapTaps: ({ attributes: { matrix }, shape }, filters) => {
    const from = matrix[0]!.length
    return new Float64Array(sizeOf(shape)).map((_, i) => {
      const at = Math.floor(i / matrix.length) * from
      return matrix[i % matrix.length]!.reduce((sum, factor, j) => sum + factor * filters![at + j]!, 0)
    })
  },

  addBias: ({ shape }, x, bias) => {
    const channel = groupOf(shape, false)
    return map(x!, (value, i) => value + bias![channel(i)]!)
  },
  channelSum: ({ inputs, shape }, x) => {
    const channel = groupOf(inputs[0]!.shape, false)
    const sums = new Float64Array(sizeOf(shape))
    x!.forEach((value, i) => {
      sums[channel(i)]! += value
    })
    return sums
  },

  norm: ({ attributes: { over, epsilon }, shape }, x, scale, shift) => {
    const { hat } = standardise(x!, shape, over, epsilon)
    const channel = groupOf(shape, false)
    return map(hat, (value, i) => scale![channel(i)]! * value + shift![channel(i)]!)
  },
  // dx = scale / deviation * (g - mean(g) - hat * mean(g * hat)), means over the group
  normInputGrad: ({ attributes: { over, epsilon }, shape }, g, x, scale) => {
    const { hat, group, groups, count, deviations } = standardise(x!, shape, over, epsilon)
    const [meanG, meanGHat] = [new Float64Array(groups), new Float64Array(groups)]
    g!.forEach((value, i) => {
      meanG[group(i)]! += value / count
      meanGHat[group(i)]! += (value * hat[i]!) / count
    })
    const channel = groupOf(shape, false)
    return map(g!, (value, i) => {
      const k = group(i)
      return (scale![channel(i)]! / deviations[k]!) * (value - meanG[k]! - hat[i]! * meanGHat[k]!)
    })
  },
  normScaleGrad: ({ attributes: { over, epsilon }, inputs, shape }, g, x) => {
    const { hat } = standardise(x!, inputs[1]!.shape, over, epsilon)
    const channel = groupOf(inputs[1]!.shape, false)
    const sums = new Float64Array(sizeOf(shape))
    g!.forEach((value, i) => {
      sums[channel(i)]! += value * hat[i]!
    })
    return sums
  },

  leakyRelu: ({ attributes: { slope } }, x) => map(x!, value => (value > 0 ? value : slope * value)),
  leakyReluGrad: ({ attributes: { slope } }, g, y) => map(g!, (value, i) => (y![i]! > 0 ? value : slope * value)),
  tanh: (_, x) => map(x!, Math.tanh),
  tanhGrad: (_, g, y) => map(g!, (value, i) => value * (1 - y![i]! ** 2)),

  concat: ({ inputs, shape }, ...parts) => {
    const y = new Float64Array(sizeOf(shape))
    let from = 0
    inputs.forEach((part, k) => {
      eachElement(part.shape, shape, from, (i, whole) => {
        y[whole] = parts[k]![i]!
      })
      from += part.shape[1]!
    })
    return y
  },
  slice: ({ attributes: { from }, inputs, shape }, x) => {
    const y = new Float64Array(sizeOf(shape))
    eachElement(shape, inputs[0]!.shape, from, (i, whole) => {
      y[i] = x![whole]!
    })
    return y
  },
  add: (_, a, b) => map(a!, (value, i) => value + b![i]!),
  mul: (_, a, b) => map(a!, (value, i) => value * b![i]!),
  times: ({ attributes: { factor } }, x) => map(x!, value => value * factor),

  // -t log p - (1 - t) log(1 - p) with p = sigmoid(x), written so that no exponential overflows
  bce: ({ attributes: { target } }, x) =>
    mean(x!, value => Math.max(value, 0) - value * target + Math.log1p(Math.exp(-Math.abs(value)))),
  bceGrad: ({ attributes: { target } }, g, x) => map(x!, value => (g![0]! * (sigmoid(value) - target)) / x!.length),
  mse: ({ attributes: { target } }, x) => mean(x!, value => (value - target) ** 2),
  mseGrad: ({ attributes: { target } }, g, x) => map(x!, value => (g![0]! * 2 * (value - target)) / x!.length),
  l1: (_, a, b) => mean(a!, (value, i) => Math.abs(value - b![i]!)),
  l1Grad: (_, g, a, b) => map(a!, (value, i) => (g![0]! * Math.sign(value - b![i]!)) / a!.length),
  mean: (_, x) => mean(x!, value => value),
  meanGrad: (_, g, x) => map(x!, () => g![0]! / x!.length),
  shareAbove: ({ attributes: { threshold } }, x) => mean(x!, value => (value > threshold ? 1 : 0)),
}
