/** A computation as data: values that know how they are made. Engines run it; nothing here computes. */

export type Shape = readonly number[]

/** Where a convolution's window goes. */
export interface Window {
  readonly stride: number
  readonly pad: number
}

/** What a normalisation takes its mean and variance over: (N, H, W) or (H, W), always of the batch at hand. */
export type NormOver = 'batch' | 'instance'

/** Every op with its attributes. ops.ts says what each does, its shape and its gradient. */
export interface Attributes {
  input: { readonly name: string }
  /** The weight, or the buffer, as it stands when the given phase of the step begins. */
  weight: { readonly name: string; readonly phase: number }
  fill: { readonly value: number }
  conv: Window
  convTranspose: Window & { readonly size: readonly [height: number, width: number] }
  convFilter: Window & { readonly kernel: readonly [height: number, width: number] }
  /** Tap k of a result is the sum over j of `matrix[k][j]` times tap j; `kernel` is the result's size. */
  mapTaps: {
    readonly matrix: readonly (readonly number[])[]
    readonly kernel: readonly [height: number, width: number]
  }
  unit: object
  perSigma: object
  perSigmaGrad: object
  addBias: object
  channelSum: object
  norm: { readonly over: NormOver; readonly epsilon: number }
  normInputGrad: { readonly over: NormOver; readonly epsilon: number }
  normScaleGrad: { readonly over: NormOver; readonly epsilon: number }
  leakyRelu: { readonly slope: number }
  leakyReluGrad: { readonly slope: number }
  tanh: object
  tanhGrad: object
  concat: object
  slice: { readonly from: number; readonly to: number }
  add: object
  mul: object
  times: { readonly factor: number }
  bce: { readonly target: number }
  bceGrad: { readonly target: number }
  mse: { readonly target: number }
  mseGrad: { readonly target: number }
  l1: object
  l1Grad: object
  mean: object
  meanGrad: object
  shareAbove: { readonly threshold: number }
}
export type Kind = keyof Attributes

export interface Node<K extends Kind> {
  readonly kind: K
  readonly attributes: Attributes[K]
  readonly inputs: readonly Value[]
  readonly shape: Shape
}
/** One tensor of the computation, identified by the object itself. */
export type Value = { [K in Kind]: Node<K> }[Kind]

/** Losses and gradients that are computed together; the update with these gradients ends the phase. */
export interface Phase {
  /** Scalars to report, by name. */
  readonly losses: Readonly<Record<string, Value>>
  /** The gradient of every weight that this phase updates, by weight name; the others stay. */
  readonly gradients: Readonly<Record<string, Value>>
  /** New values of buffers, by their names, when the phase ends; the same whatever batch comes. */
  readonly buffers: Readonly<Record<string, Value>>
}

/** All that a phase is for. */
export const outputsOf = ({ losses, gradients, buffers }: Phase): Value[] =>
  [losses, gradients, buffers].flatMap(values => Object.values(values))

/** What a batch must bring. */
export interface InputSpec {
  readonly shape: Shape
  /** An input that may be left out of a batch is filled with this. */
  readonly fill?: number
}

/** Adam's constants; the learning rates come with every step. */
export interface AdamConstants {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}

/**
 * One training step: phases in order, each ended by its Adam update; of losses of one name the last counts. A weight belongs to the player before its first
 * dot (`G.` or `D.`), whose learning rate it follows.
 */
export interface StepGraph {
  readonly name: string
  readonly inputs: Readonly<Record<string, InputSpec>>
  readonly weights: Readonly<Record<string, Shape>>
  /** What a step remembers for the next beside weights; values read it as they read weights. */
  readonly buffers: Readonly<Record<string, Shape>>
  readonly phases: readonly Phase[]
  readonly adam: AdamConstants
  /**
   * What share of itself the running average of G's weights keeps at each of G's updates; generating then takes the
   * average. 0: there is none.
   */
  readonly ema: number
  /** Batches of the size of `inputs` that a step brings; its updates are by their mean gradients. */
  readonly accumulate: number
  /** What G paints at the beginning of the step, where it is wanted back: a value of the first phase. */
  readonly painting?: Value
  /** The generator alone, for a batch of this size; it reads the weights of phase 0 (their average with `ema`) and only some of the inputs. */
  readonly generate: (batch: number) => Value
}

export const sizeOf = (shape: Shape): number => shape.reduce((product, n) => product * n, 1)

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i])

/** All values that `outputs` need, each after its inputs, in an order that depends on the graph alone. */
export function inOrder(outputs: Iterable<Value>): Value[] {
  const order = new Set<Value>()
  const visit = (value: Value): void => {
    if (order.has(value)) return
    for (const input of value.inputs) visit(input)
    order.add(value)
  }
  for (const output of outputs) visit(output)
  return [...order]
}

/** The earliest phase in which each value can be computed: that of the latest weight it depends on. */
export function phasesOf(values: readonly Value[]): Map<Value, number> {
  const phases = new Map<Value, number>()
  for (const value of values) {
    const own = value.kind === 'weight' ? value.attributes.phase : 0
    phases.set(value, Math.max(own, ...value.inputs.map(input => phases.get(input) ?? 0)))
  }
  return phases
}
