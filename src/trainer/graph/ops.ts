/**
 * The op set: for each op what it computes, the shape of its result and its gradient. The set is small on purpose, as
 * every engine must speak it: convolutions are closed under differentiation (three ops that are each other's gradients).
 */
import {
  type Attributes,
  type Kind,
  type Node,
  type Shape,
  sameShape,
  sizeOf,
  type Value,
  type Window,
} from './graph.js'

interface Rule<K extends Kind> {
  /** The shape of the result; throws on inputs that do not fit, which is a bug of the caller. */
  shape(inputs: readonly Shape[], attributes: Attributes[K]): Shape
  /**
   * Per input the gradient of a scalar with respect to it, given that scalar's gradient with respect to the result;
   * undefined where nothing flows. Absent: the op is not differentiated.
   */
  gradient?(node: Node<K>, g: Value): readonly (Value | undefined)[]
}

function make<K extends Kind>(kind: K, attributes: Attributes[K], ...inputs: Value[]): Value {
  const rule = rules[kind] as unknown as Rule<K>
  const shape = rule.shape(
    inputs.map(input => input.shape),
    attributes,
  )
  return { kind, attributes, inputs, shape } as Node<K> as Value
}

/** A tensor of the batch. */
export const input = (name: string, shape: Shape): Value =>
  ({ kind: 'input', attributes: { name }, inputs: [], shape }) as const
/** A trained tensor as it stands when `phase` begins. */
export const weight = (name: string, shape: Shape, phase = 0): Value =>
  ({ kind: 'weight', attributes: { name, phase }, inputs: [], shape }) as const
/** A tensor of one repeated value. */
export const fill = (value: number, shape: Shape): Value =>
  ({ kind: 'fill', attributes: { value }, inputs: [], shape }) as const

/** Cross-correlation of x [N,I,H,W] with filters [O,I,h,w], zero padded -> [N,O,.,.]. */
export const conv = (x: Value, filters: Value, window: Window): Value => make('conv', window, x, filters)
/**
 * The adjoint of `conv`: x [N,O,.,.] with filters [O,I,h,w] -> [N,I,H,W]. PyTorch's ConvTranspose2d, whose weights
 * [in, out, h, w] are in this layout. `size` defaults to the smallest [H,W] that gives x's size.
 */
export function convTranspose(
  x: Value,
  filters: Value,
  window: Window,
  size: readonly [number, number] = fullSize(x.shape, filters.shape, window),
): Value {
  return make('convTranspose', { ...window, size }, x, filters)
}
/** The filter gradient of `conv`: its input x [N,I,H,W] and its result's gradient [N,O,.,.] -> [O,I,h,w]. */
export const convFilter = (x: Value, g: Value, window: Window, kernel: readonly [number, number]): Value =>
  make('convFilter', { ...window, kernel }, x, g)

/** Filters [O,I,h,w] with taps that are linear combinations of theirs, a row of `matrix` each -> [O,I,...kernel]. */
export const mapTaps = (filters: Value, matrix: Attributes['mapTaps']['matrix'], kernel: readonly [number, number]) =>
  make('mapTaps', { matrix, kernel }, filters)

/** The taps of 3 in one direction that each of the 4 taps of `resizeConv` sums. */
const RESIZED: readonly (readonly number[])[] = [[2], [1, 2], [0, 1], [0]]
const RESIZE_TAPS = RESIZED.flatMap(rows =>
  RESIZED.map(columns =>
    Array.from({ length: 9 }, (_, j) => Number(rows.includes(Math.floor(j / 3)) && columns.includes(j % 3))),
  ),
)
/**
 * Each pixel doubled to 2x2, then a 3x3 convolution padded by 1: x [N,O,h,w] with filters [O,I,3,3] -> [N,I,2h,2w].
 *
 * It is a transposed convolution with 4x4 filters whose taps are sums of the 3x3's, and computed as such: the larger
 * image is never made. In the layout of `convTranspose`, of input channels first.
 * @see Odena et al., Deconvolution and Checkerboard Artifacts, 2016
 */
export const resizeConv = (x: Value, filters: Value): Value =>
  convTranspose(x, mapTaps(filters, RESIZE_TAPS, [4, 4]), { stride: 2, pad: 1 })

/** x [N,C,H,W] + bias [C]. */
export const addBias = (x: Value, bias: Value): Value => make('addBias', {}, x, bias)
/** Sum over N, H and W: [N,C,H,W] -> [C]. */
export const channelSum = (x: Value): Value => make('channelSum', {}, x)

/**
 * scale * (x - mean) / sqrt(variance + epsilon) + shift with the statistics of the batch at hand (biased variance).
 * @see Ioffe, Szegedy, Batch Normalization, 2015; Ulyanov et al., Instance Normalization, 2016
 */
export const norm = (x: Value, scale: Value, shift: Value, over: Attributes['norm']['over'], epsilon = 1e-5): Value =>
  make('norm', { over, epsilon }, x, scale, shift)

/** x where positive, slope * x elsewhere; slope 0 is relu. */
export const leakyRelu = (x: Value, slope: number): Value => make('leakyRelu', { slope }, x)
export const relu = (x: Value): Value => leakyRelu(x, 0)
export const tanh = (x: Value): Value => make('tanh', {}, x)

/** Along channels. */
export const concat = (...parts: Value[]): Value => make('concat', {}, ...parts)
/** Channels from (inclusive) to (exclusive). */
export const slice = (x: Value, from: number, to: number): Value => make('slice', { from, to }, x)
export const add = (a: Value, b: Value): Value => make('add', {}, a, b)
export const mul = (a: Value, b: Value): Value => make('mul', {}, a, b)
export const times = (x: Value, factor: number): Value => make('times', { factor }, x)

/** Mean over all elements of the binary cross entropy of sigmoid(x) with a constant target -> scalar. */
export const bce = (x: Value, target: number): Value => make('bce', { target }, x)
/** Mean of (x - target)^2 -> scalar. */
export const mse = (x: Value, target: number): Value => make('mse', { target }, x)
/** Mean of |a - b| -> scalar. */
export const l1 = (a: Value, b: Value): Value => make('l1', {}, a, b)
/** Mean over all elements -> scalar. */
export const mean = (x: Value): Value => make('mean', {}, x)
/** Mean of max(0, 1 - sign * x) -> scalar: nothing is to be gained beyond the margin of 1 (Lim, Ye, 2017). */
export const hinge = (x: Value, sign: 1 | -1): Value => mean(relu(add(fill(1, x.shape), times(x, -sign))))
/** The share of elements above the threshold -> scalar; not differentiated. */
export const shareAbove = (x: Value, threshold: number): Value => make('shareAbove', { threshold }, x)

const scalar: Shape = []
const first = ([shape]: readonly Shape[]): Shape => shape!
const same = ([a, b]: readonly Shape[]): Shape => {
  check(sameShape(a!, b!), `shapes [${a}] and [${b}] differ`)
  return a!
}
const source = { shape: (): Shape => scalar }

function check(fits: boolean, complaint: string): asserts fits {
  if (!fits) throw new Error(`graph: ${complaint}`)
}

/** An image tensor's [N, C, H, W]. */
export function imageShape(shape: Shape): readonly [n: number, c: number, h: number, w: number] {
  check(shape.length === 4, `expected [N,C,H,W], found [${shape}]`)
  return shape as unknown as [number, number, number, number]
}

export const convSize = (size: number, kernel: number, { stride, pad }: Window): number =>
  Math.floor((size + 2 * pad - kernel) / stride) + 1

function fullSize(x: Shape, filters: Shape, { stride, pad }: Window): [number, number] {
  const [, , h, w] = imageShape(x)
  const [, , kernelH, kernelW] = imageShape(filters)
  return [(h - 1) * stride - 2 * pad + kernelH, (w - 1) * stride - 2 * pad + kernelW]
}

/** One rule per op. */
export const rules: { readonly [K in Kind]: Rule<K> } = {
  input: source,
  weight: source,
  fill: source,

  conv: {
    shape: ([x, filters], window) => {
      const [n, i, h, w] = imageShape(x!)
      const [o, filterI, kernelH, kernelW] = imageShape(filters!)
      check(i === filterI, `conv: ${i} channels, but filters for ${filterI}`)
      const size = [convSize(h, kernelH, window), convSize(w, kernelW, window)] as const
      check(size[0] > 0 && size[1] > 0, `conv: ${kernelH}x${kernelW} filters do not fit in ${h}x${w}`)
      return [n, o, ...size]
    },
    gradient: ({ inputs: [x, filters], attributes: { stride, pad } }, g) => {
      const [, , h, w] = imageShape(x!.shape)
      const [, , kernelH, kernelW] = imageShape(filters!.shape)
      return [
        convTranspose(g, filters!, { stride, pad }, [h, w]),
        convFilter(x!, g, { stride, pad }, [kernelH, kernelW]),
      ]
    },
  },
  convTranspose: {
    shape: ([x, filters], { size: [h, w], ...window }) => {
      const [n, o, smallH, smallW] = imageShape(x!)
      const [filterO, i, kernelH, kernelW] = imageShape(filters!)
      check(o === filterO, `convTranspose: ${o} channels, but filters for ${filterO}`)
      check(
        convSize(h, kernelH, window) === smallH && convSize(w, kernelW, window) === smallW,
        `convTranspose: ${smallH}x${smallW} cannot become ${h}x${w}`,
      )
      return [n, i, h, w]
    },
    gradient: ({ inputs: [x, filters], attributes: { stride, pad } }, g) => {
      const [, , kernelH, kernelW] = imageShape(filters!.shape)
      return [conv(g, filters!, { stride, pad }), convFilter(g, x!, { stride, pad }, [kernelH, kernelW])]
    },
  },
  convFilter: {
    shape: ([x, g], { kernel }) => [imageShape(g!)[1], imageShape(x!)[1], ...kernel],
  },

  mapTaps: {
    shape: ([filters], { matrix, kernel }) => {
      const [o, i, h, w] = imageShape(filters!)
      const fits = matrix.length === kernel[0] * kernel[1] && matrix.every(row => row.length === h * w)
      check(fits, `mapTaps: a matrix of ${matrix.length} rows from ${h}x${w} to ${kernel} taps`)
      return [o, i, ...kernel]
    },
    gradient: ({ inputs: [filters], attributes: { matrix } }, g) => {
      const [, , h, w] = imageShape(filters!.shape)
      const transposed = Array.from({ length: h * w }, (_, j) => matrix.map(row => row[j]!))
      return [mapTaps(g, transposed, [h, w])]
    },
  },

  addBias: {
    shape: ([x, bias]) => {
      check(bias!.length === 1 && bias![0] === x![1], `addBias: [${bias}] on [${x}]`)
      return x!
    },
    gradient: (_, g) => [g, channelSum(g)],
  },
  channelSum: { shape: ([x]) => [imageShape(x!)[1]] },

  norm: {
    shape: ([x, scale, shift]) => {
      const [, c] = imageShape(x!)
      check(sizeOf(scale!) === c && sizeOf(shift!) === c, `norm: scale [${scale}] and shift [${shift}] on [${x}]`)
      return x!
    },
    gradient: ({ inputs: [x, scale], attributes }, g) => [
      make('normInputGrad', attributes, g, x!, scale!),
      make('normScaleGrad', attributes, g, x!),
      channelSum(g),
    ],
  },
  normInputGrad: { shape: first },
  normScaleGrad: { shape: ([g]) => [imageShape(g!)[1]] },

  leakyRelu: {
    shape: first,
    // the result has the sign of x, and remembering one of the two is enough
    gradient: (node, g) => [make('leakyReluGrad', node.attributes, g, node as Value)],
  },
  leakyReluGrad: { shape: same },
  tanh: { shape: first, gradient: (node, g) => [make('tanhGrad', {}, g, node as Value)] },
  tanhGrad: { shape: same },

  concat: {
    shape: parts => {
      const [n, , h, w] = imageShape(parts[0]!)
      for (const part of parts) {
        const [partN, , partH, partW] = imageShape(part)
        check(partN === n && partH === h && partW === w, `concat: [${part}] beside [${parts[0]}]`)
      }
      return [n, parts.reduce((sum, part) => sum + part[1]!, 0), h, w]
    },
    gradient: ({ inputs }, g) => {
      let from = 0
      return inputs.map(part => slice(g, from, (from += part.shape[1]!)))
    },
  },
  slice: {
    shape: ([x], { from, to }) => {
      const [n, c, h, w] = imageShape(x!)
      check(0 <= from && from < to && to <= c, `slice: ${from}..${to} of ${c} channels`)
      return [n, to - from, h, w]
    },
    gradient: ({ inputs: [x], attributes: { from, to } }, g) => {
      const [n, c, h, w] = imageShape(x!.shape)
      const around = [fill(0, [n, from, h, w]), g, fill(0, [n, c - to, h, w])]
      return [concat(...around.filter(part => part.shape[1]! > 0))]
    },
  },
  add: { shape: same, gradient: (_, g) => [g, g] },
  mul: { shape: same, gradient: ({ inputs: [a, b] }, g) => [mul(g, b!), mul(g, a!)] },
  times: { shape: first, gradient: ({ attributes: { factor } }, g) => [times(g, factor)] },

  bce: {
    shape: () => scalar,
    gradient: ({ inputs: [x], attributes }, g) => [make('bceGrad', attributes, g, x!)],
  },
  bceGrad: { shape: ([, x]) => x! },
  mse: {
    shape: () => scalar,
    gradient: ({ inputs: [x], attributes }, g) => [make('mseGrad', attributes, g, x!)],
  },
  mseGrad: { shape: ([, x]) => x! },
  l1: {
    shape: ([a, b]) => {
      same([a!, b!])
      return scalar
    },
    gradient: ({ inputs: [a, b] }, g) => [make('l1Grad', {}, g, a!, b!), make('l1Grad', {}, g, b!, a!)],
  },
  l1Grad: { shape: ([, a]) => a! },
  mean: { shape: () => scalar, gradient: ({ inputs: [x] }, g) => [make('meanGrad', {}, g, x!)] },
  meanGrad: { shape: ([, x]) => x! },
  shareAbove: { shape: () => scalar },
}
