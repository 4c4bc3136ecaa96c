/** Every op of the graph in ONNX ops: one entry per kind, and a walk that emits only what its outputs need. */
import { type Kind, type Node, type NormOver, type Shape, sizeOf, type Value } from '../../graph/graph.js'
import { imageShape } from '../../graph/ops.js'
import { emitConv, emitConvFilter, emitConvTranspose } from './convolution.js'
import { Emitter } from './emitter.js'

type Computed = Exclude<Kind, 'input' | 'weight'>
type Translation<K extends Kind> = (out: Emitter, node: Node<K>, ...inputs: string[]) => string

const CHANNELS = { axis: { int: 1 } }
const KEEP = { keepdims: { int: 1 } }
const FLOAT32 = { to: { int: 1 } }
const FLOAT64 = { to: { int: 11 } }
const DROP = { keepdims: { int: 0 } }

const perChannel = (out: Emitter, vector: string, shape: Shape): string =>
  out.reshape(vector, [1, imageShape(shape)[1], 1, 1])
const over = (over: NormOver): readonly number[] => (over === 'batch' ? [0, 2, 3] : [2, 3])
/** A loss: summed in float64, as a float32 sum over an image loses a digit or two. */
const mean = (out: Emitter, x: string): string =>
  out.op('Cast', [out.op('ReduceMean', [out.op('Cast', [x], FLOAT64)], DROP)], FLOAT32)

/** x less its mean, and 1 / deviation: forward and backward share them, as no node is written twice. */
function standardised(out: Emitter, x: string, attributes: { over: NormOver; epsilon: number }) {
  const axes = out.ints(over(attributes.over))
  const centred = out.op('Sub', [x, out.op('ReduceMean', [x, axes], KEEP)])
  const variance = out.op('ReduceMean', [out.op('Mul', [centred, centred]), axes], KEEP)
  const deviation = out.op('Sqrt', [out.op('Add', [variance, out.floats([attributes.epsilon])])])
  return { axes, centred, inverse: out.op('Reciprocal', [deviation]) }
}

/** g / count * f(x) for the losses that are means over all elements. */
const scaled = (out: Emitter, g: string, f: string, shape: Shape, factor = 1): string =>
  out.op('Mul', [f, out.op('Mul', [g, out.floats([factor / sizeOf(shape)])])])

/** u'Wv. */
const sigma = (out: Emitter, filters: string, u: string, v: string): string =>
  out.op('ReduceSum', [out.op('Mul', [out.op('Mul', [filters, v]), u])], DROP)

const translations: { readonly [K in Computed]: Translation<K> } = {
  fill: (out, { attributes: { value }, shape }) =>
    out.op('Expand', [
      out.floats(
        [value],
        shape.map(() => 1),
      ),
      out.ints(shape),
    ]),

  conv: (out, node, x, filters) => emitConv(out, node, x!, filters!),
  convTranspose: (out, node, x, filters) => emitConvTranspose(out, node, x!, filters!),
  convFilter: (out, node, x, g) => emitConvFilter(out, node, x!, g!),

  mapTaps: (out, { attributes: { matrix }, shape }, filters) => {
    const [o, i] = imageShape(shape)
    const from = matrix[0]!.length
    const columns = Array.from({ length: from }, (_, j) => matrix.map(row => row[j]!)).flat()
    const taps = [out.reshape(filters!, [o * i, from]), out.floats(columns, [from, matrix.length])]
    return out.reshape(out.op('MatMul', taps), shape)
  },

  unit: (out, _, x) => {
    const length = out.op('Sqrt', [out.op('ReduceSum', [out.op('Mul', [x!, x!])], DROP)])
    return out.op('Div', [x!, out.op('Max', [length, out.floats([1e-12])])])
  },
  perSigma: (out, _, filters, u, v) => out.op('Div', [filters!, sigma(out, filters!, u!, v!)]),
  // (g - <g, W> / sigma u v') / sigma
  perSigmaGrad: (out, { shape }, gradient, filters, u, v) => {
    // of a filter's gradient only the order is sure, see emitConvFilter
    const g = out.reshape(gradient!, shape)
    const size = sigma(out, filters!, u!, v!)
    const along = out.op('Div', [out.op('ReduceSum', [out.op('Mul', [g, filters!])], DROP), size])
    const direction = out.op('Mul', [out.op('Mul', [u!, along]), v!])
    return out.op('Div', [out.op('Sub', [g, direction]), size])
  },

  addBias: (out, { shape }, x, bias) => out.op('Add', [x!, perChannel(out, bias!, shape)]),
  channelSum: (out, _, x) => out.op('ReduceSum', [x!, out.ints([0, 2, 3])], DROP),

  norm: (out, { attributes, shape }, x, scale, shift) => {
    const { centred, inverse } = standardised(out, x!, attributes)
    const factor = out.op('Mul', [inverse, perChannel(out, scale!, shape)])
    return out.op('Add', [out.op('Mul', [centred, factor]), perChannel(out, shift!, shape)])
  },
  // scale / deviation * (g - mean(g) - centred / variance * mean(g * centred))
  normInputGrad: (out, { attributes, shape }, g, x, scale) => {
    const { axes, centred, inverse } = standardised(out, x!, attributes)
    const meanG = out.op('ReduceMean', [g!, axes], KEEP)
    const meanGC = out.op('ReduceMean', [out.op('Mul', [g!, centred]), axes], KEEP)
    const slope = out.op('Mul', [out.op('Mul', [meanGC, inverse]), inverse])
    const rest = out.op('Sub', [out.op('Sub', [g!, meanG]), out.op('Mul', [centred, slope])])
    return out.op('Mul', [rest, out.op('Mul', [inverse, perChannel(out, scale!, shape)])])
  },
  normScaleGrad: (out, { attributes, inputs: [g] }, gName, x) => {
    const { axes, centred, inverse } = standardised(out, x!, attributes)
    const meanGC = out.op('ReduceMean', [out.op('Mul', [gName!, centred]), axes], KEEP)
    const [n, channels, height, width] = imageShape(g!.shape)
    const count = height * width * (attributes.over === 'batch' ? n : 1)
    const sums = out.op('Mul', [out.op('Mul', [meanGC, inverse]), out.floats([count])])
    const whole = attributes.over === 'batch' ? sums : out.op('ReduceSum', [sums, out.ints([0])], KEEP)
    return out.reshape(whole, [channels])
  },

  leakyRelu: (out, { attributes: { slope } }, x) =>
    slope === 0 ? out.op('Relu', [x!]) : out.op('LeakyRelu', [x!], { alpha: { float: slope } }),
  // the slope as a number: clip(1e30 y, slope, 1) is 1 where y > 0; a little faster than a comparison and Where
  leakyReluGrad: (out, { attributes: { slope } }, g, y) => {
    const steep = out.op('Mul', [y!, out.floats([1e30])])
    return out.op('Mul', [g!, out.op('Clip', [steep, out.floats([slope]), out.floats([1])])])
  },
  tanh: (out, _, x) => out.op('Tanh', [x!]),
  tanhGrad: (out, _, g, y) => out.op('Mul', [g!, out.op('Sub', [out.floats([1]), out.op('Mul', [y!, y!])])]),

  concat: (out, _, ...parts) => (parts.length === 1 ? parts[0]! : out.op('Concat', parts, CHANNELS)),
  slice: (out, { attributes: { from, to } }, x) => out.slice(x!, [1], [from], [to], [1]),
  add: (out, _, a, b) => out.op('Add', [a!, b!]),
  mul: (out, _, a, b) => out.op('Mul', [a!, b!]),
  times: (out, { attributes: { factor } }, x) => out.op('Mul', [x!, out.floats([factor])]),

  // relu(x) - target x + log(1 + exp(-|x|)): no exponential overflows
  bce: (out, { attributes: { target } }, x) => {
    const tail = out.op('Log', [
      out.op('Add', [out.op('Exp', [out.op('Neg', [out.op('Abs', [x!])])]), out.floats([1])]),
    ])
    const linear = out.op('Sub', [out.op('Relu', [x!]), out.op('Mul', [x!, out.floats([target])])])
    return mean(out, out.op('Add', [linear, tail]))
  },
  bceGrad: (out, { attributes: { target }, shape }, g, x) =>
    scaled(out, g!, out.op('Sub', [out.op('Sigmoid', [x!]), out.floats([target])]), shape),
  mse: (out, { attributes: { target } }, x) => {
    const away = out.op('Sub', [x!, out.floats([target])])
    return mean(out, out.op('Mul', [away, away]))
  },
  mseGrad: (out, { attributes: { target }, shape }, g, x) =>
    scaled(out, g!, out.op('Sub', [x!, out.floats([target])]), shape, 2),
  l1: (out, _, a, b) => mean(out, out.op('Abs', [out.op('Sub', [a!, b!])])),
  l1Grad: (out, { shape }, g, a, b) => scaled(out, g!, out.op('Sign', [out.op('Sub', [a!, b!])]), shape),
  mean: (out, _, x) => mean(out, x!),
  meanGrad: (out, { shape }, g) => {
    const share = out.op('Mul', [g!, out.floats([1 / sizeOf(shape)])])
    return out.op('Expand', [share, out.ints(shape)])
  },
  shareAbove: (out, { attributes: { threshold } }, x) => {
    const above = out.op('Greater', [x!, out.floats([threshold])])
    return mean(out, out.op('Where', [above, out.floats([1]), out.floats([0])]))
  },
}

/** Ops in which a bias can be added for free. */
const withBias = { conv: emitConv, convTranspose: emitConvTranspose } as const

/** A value computed inside the model, or one that it is fed. */
export interface Translated {
  readonly emitter: Emitter
  /** What the model is fed, in the order in which it was met. */
  readonly fed: readonly Value[]
  /** The name of each requested output, in the order of the request. */
  readonly outputs: readonly string[]
}

/** The name under which a value is fed. */
export const feedName = (value: Value, given: ReadonlyMap<Value, string>): string => {
  if (value.kind === 'input' || value.kind === 'weight') return value.attributes.name
  return given.get(value)!
}

/**
 * Translate what `outputs` need into ONNX nodes.
 *
 * @param given  values computed elsewhere, with the names under which they are fed
 * @param plain  as of `Emitter`
 */
export function translate(
  outputs: readonly Value[],
  given: ReadonlyMap<Value, string>,
  { plain = false }: { readonly plain?: boolean } = {},
): Translated {
  const emitter = new Emitter(plain)
  const names = new Map<Value, string>()
  const fed: Value[] = []

  const emit = (value: Value): string => {
    const known = names.get(value)
    if (known !== undefined) return known
    let name: string
    if (given.has(value) || value.kind === 'input' || value.kind === 'weight') {
      fed.push(value)
      name = feedName(value, given)
    } else name = compute(value)
    names.set(value, name)
    return name
  }
  const compute = (value: Exclude<Value, Node<'input'> | Node<'weight'>>): string => {
    if (value.kind === 'addBias') {
      const [x, bias] = value.inputs
      if ((x!.kind === 'conv' || x!.kind === 'convTranspose') && !given.has(x!)) {
        const operands = x!.inputs.map(emit)
        const fused = withBias[x!.kind] as (out: Emitter, node: Node<Kind>, ...inputs: string[]) => string
        return fused(emitter, x as Node<Kind>, ...operands, emit(bias!))
      }
    }
    const translation = translations[value.kind] as Translation<Kind>
    return translation(emitter, value as Node<Kind>, ...value.inputs.map(emit))
  }
  const named = outputs.map(emit)
  return { outputs: named, emitter, fed }
}
