/** Weights, moments and averages as tensors of the device, and Adam over them: graph/adam.ts says what it computes. */
import type { Tensor as TfTensor } from '@tensorflow/tfjs-core'
import { adamFactors, averageDecay, initialData, updatesPerStep } from '../../graph/adam.js'
import { type Shape, type StepGraph, sizeOf } from '../../graph/graph.js'
import type { Rates, Tensor, Tensors } from '../engine.js'
import type { TensorFlow } from './backend.js'
import { download, upload } from './layout.js'

/** All that training changes, on the device. */
export class DeviceState {
  private readonly tensors = new Map<string, TfTensor>()
  private readonly shapes = new Map<string, Shape>()
  private readonly averaged: ReadonlySet<string>
  private readonly perStep: Readonly<Record<keyof Rates, number>>
  private t: number
  private readonly updates = new Map<string, number>()

  /** @throws {PrepError} `CHECKPOINT_MISMATCH` when a tensor is missing or has another shape */
  constructor(
    private readonly tf: TensorFlow,
    private readonly graph: StepGraph,
    initial: Tensors,
  ) {
    const { weights, buffers, ema, phases } = graph
    this.perStep = updatesPerStep(phases)
    this.averaged = new Set(Object.keys(weights).filter(name => ema > 0 && name.startsWith('G.')))
    const resumed = initial['adam.t']
    this.t = resumed?.data[0] ?? 0
    const given = (name: string, shape: Shape): Float32Array => initialData(initial, name, shape)
    for (const [name, shape] of Object.entries(weights)) {
      this.place(name, shape, given(name, shape))
      for (const moment of [`adam.m.${name}`, `adam.v.${name}`])
        this.place(moment, shape, resumed ? given(moment, shape) : new Float32Array(sizeOf(shape)))
      if (this.averaged.has(name)) this.place(`ema.${name}`, shape, given(resumed ? `ema.${name}` : name, shape))
    }
    for (const [name, shape] of Object.entries(buffers)) this.place(name, shape, given(name, shape))
  }

  private place(name: string, shape: Shape, data: Float32Array): void {
    this.tensors.set(name, upload(this.tf, { shape, data }))
    this.shapes.set(name, shape)
  }

  /** A weight or buffer as it stands; the state's own, not to be disposed of. */
  weight(name: string): TfTensor {
    return this.tensors.get(name)!
  }

  /** What to generate with: the average of a weight that has one. */
  painting(name: string): TfTensor {
    return this.tensors.get(this.averaged.has(name) ? `ema.${name}` : name)!
  }

  /** Call once per step, before its updates. */
  begin(): void {
    this.t += 1
    this.updates.clear()
  }

  /** Give a weight, moment or buffer its new value, which it takes over. */
  assign(name: string, value: TfTensor): void {
    this.tensors.get(name)!.dispose()
    this.tensors.set(name, this.tf.keep(value))
  }

  /** Update one weight by its gradient. */
  update(name: string, gradient: TfTensor, rates: Rates): void {
    const { tf } = this
    const player = name[0] as keyof Rates
    const update = (this.updates.get(name) ?? 0) + 1
    this.updates.set(name, update)
    const t = (this.t - 1) * this.perStep[player] + update
    const { beta1, beta2, rate, correction, epsilon } = adamFactors(this.graph.adam, rates[player], t)
    tf.tidy(() => {
      const m = tf.add(tf.mul(this.weight(`adam.m.${name}`), beta1), tf.mul(gradient, 1 - beta1))
      const v = tf.add(tf.mul(this.weight(`adam.v.${name}`), beta2), tf.mul(tf.square(gradient), 1 - beta2))
      const change = tf.div(tf.mul(m, rate), tf.add(tf.mul(tf.sqrt(v), correction), epsilon))
      const weight = tf.sub(this.weight(name), change)
      this.assign(`adam.m.${name}`, m)
      this.assign(`adam.v.${name}`, v)
      this.assign(name, weight)
      if (!this.averaged.has(name)) return
      const average = this.weight(`ema.${name}`)
      this.assign(`ema.${name}`, tf.add(average, tf.mul(tf.sub(weight, average), 1 - averageDecay(this.graph.ema, t))))
    })
  }

  /** Copies of everything, by the names of a checkpoint. */
  async snapshot(): Promise<Tensors> {
    const state: Record<string, Tensor> = {}
    for (const [name, tensor] of this.tensors) state[name] = await download(this.tf, tensor, this.shapes.get(name)!)
    return { ...state, 'adam.t': { shape: [], data: Float32Array.of(this.t) } }
  }

  dispose(): void {
    for (const tensor of this.tensors.values()) tensor.dispose()
    this.tensors.clear()
  }
}
