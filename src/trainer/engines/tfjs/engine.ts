/**
 * The engine on TensorFlow.js: @tensorflow/tfjs-node-gpu where it is installed and finds its CUDA, else tfjs-node, else
 * (for tests) JavaScript. State and all values between phases stay on the device; losses come back, and with a pool
 * what G painted.
 */
import type { Tensor as TfTensor } from '@tensorflow/tfjs-core'
import { PrepError } from '../../../errors.js'
import type { StepGraph, Value } from '../../graph/graph.js'
import { type PhaseTurns, scheduleStep, type Turn } from '../../graph/schedule.js'
import { batchInput, batchSize, joinBatches, splitBatch } from '../batch.js'
import type { Engine, Rates, Session, Tensor, Tensors } from '../engine.js'
import { type Backend, findBackend, type TensorFlow } from './backend.js'
import { Computer, drop, type Leaf, type Values } from './compute.js'
import { download, upload } from './layout.js'
import { DeviceState } from './state.js'

type Generator = { readonly output: Value; readonly turns: readonly Turn[] }

class TfjsSession implements Session {
  private readonly computer: Computer
  private readonly device: DeviceState
  private readonly schedule: readonly PhaseTurns[]
  private readonly generators = new Map<number, Generator>()
  private painted: readonly Tensor[] = []

  constructor(
    private readonly tf: TensorFlow,
    private readonly graph: StepGraph,
    initial: Tensors,
  ) {
    this.computer = new Computer(tf)
    this.device = new DeviceState(tf, graph, initial)
    this.schedule = scheduleStep(graph.phases, graph.painting ? [graph.painting] : [])
  }

  async step(batch: Tensors, rates: Rates): Promise<Readonly<Record<string, number>>> {
    const { phases, accumulate, painting } = this.graph
    const batches = splitBatch(batch, accumulate).map(part => ({ part, values: new Map() as Values }))
    const losses = new Map<string, TfTensor>()
    this.device.begin()
    for (const [at, phase] of phases.entries()) {
      const { turns, drops } = this.schedule[at]!
      for (const { part, values } of batches)
        this.computer.run(
          turns,
          values,
          this.leaf(part, name => this.device.weight(name)),
        )
      const mean = (value: Value): TfTensor => this.meanOf(batches.map(({ values }) => values.get(value)!))
      for (const [name, value] of Object.entries(phase.losses)) {
        losses.get(name)?.dispose()
        losses.set(name, mean(value))
      }
      for (const [name, value] of Object.entries(phase.gradients)) {
        const gradient = mean(value)
        this.device.update(name, gradient, rates)
        gradient.dispose()
      }
      // the same whatever batch comes
      for (const [name, value] of Object.entries(phase.buffers))
        this.device.assign(name, this.tf.clone(batches[0]!.values.get(value)!))
      for (const { values } of batches) drop(drops, values)
    }
    if (painting)
      this.painted = await Promise.all(
        batches.map(({ values }) => download(this.tf, values.get(painting)!, painting.shape)),
      )
    for (const { values } of batches) drop([...values.keys()], values)
    return this.takeLosses(losses)
  }

  /** Inputs come from the batch, weights from the state. */
  private leaf(batch: Tensors, weight: (name: string) => TfTensor): Leaf {
    return value => {
      const { name } = value.attributes
      if (value.kind === 'weight') return weight(name)
      return upload(this.tf, batchInput(batch, name, { ...this.graph.inputs[name]!, shape: value.shape }))
    }
  }

  /** A tensor of its own, also of one. */
  private meanOf(tensors: readonly TfTensor[]): TfTensor {
    const { tf } = this
    if (tensors.length === 1) return tf.clone(tensors[0]!)
    return tf.tidy(() => tf.div(tf.addN([...tensors]), tensors.length))
  }

  /** All losses in one transfer. */
  private async takeLosses(losses: ReadonlyMap<string, TfTensor>): Promise<Readonly<Record<string, number>>> {
    const scalars = [...losses.values()]
    const stacked = this.tf.stack(scalars)
    const numbers = await stacked.data()
    for (const tensor of [stacked, ...scalars]) tensor.dispose()
    return Object.fromEntries([...losses.keys()].map((name, i) => [name, numbers[i]!]))
  }

  painting(): Tensor {
    return joinBatches(this.painted)
  }

  async generate(batch: Tensors): Promise<Tensor> {
    const { output, turns } = this.generator(batchSize(batch))
    const values: Values = new Map()
    this.computer.run(
      turns,
      values,
      this.leaf(batch, name => this.device.painting(name)),
    )
    const image = await download(this.tf, values.get(output)!, output.shape)
    drop([output], values)
    return image
  }

  private generator(size: number): Generator {
    const known = this.generators.get(size)
    if (known) return known
    const output = this.graph.generate(size)
    const phase = { losses: { output }, gradients: {}, buffers: {} }
    const generator = { output, turns: scheduleStep([phase])[0]!.turns }
    this.generators.set(size, generator)
    return generator
  }

  state(): Promise<Tensors> {
    return this.device.snapshot()
  }

  async dispose(): Promise<void> {
    this.device.dispose()
  }
}

const HINT =
  'npm install @tensorflow/tfjs-node-gpu (for an NVIDIA GPU with CUDA 11.2 and cuDNN 8.1, on Node 18 to 22) or @tensorflow/tfjs-node; both fetch 300 MB or more'

const isBackend = (found: Backend | readonly string[]): found is Backend => 'tf' in found

export const tfjs: Engine = {
  name: 'tfjs',
  probe: async () => {
    const found = await findBackend()
    if (!isBackend(found)) return { available: false, reason: found.join('; '), hint: HINT }
    const { device, kind, passedOver } = found
    const hint = kind === 'gpu' ? {} : { hint: [...passedOver, HINT].join('; ') }
    return { available: true, device, kind, ...hint }
  },
  load: async (graph, initial) => {
    const found = await findBackend()
    if (!isBackend(found)) throw new PrepError('ENGINE_UNAVAILABLE', `tfjs: ${found.join('; ')}`)
    return new TfjsSession(found.tf, graph, initial)
  },
}
