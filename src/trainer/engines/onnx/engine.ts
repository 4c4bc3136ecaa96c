/** The CPU engine: a model per phase of the step, run by onnxruntime, with Adam between them. */
import { availableParallelism, cpus } from 'node:os'
import { AdamState } from '../../graph/adam.js'
import { GradientSums } from '../../graph/gradient-sums.js'
import type { Node, StepGraph, Value } from '../../graph/graph.js'
import { isThin, type Product, productOf } from '../../graph/product.js'
import { batchInput, batchSize, joinBatches, splitBatch } from '../batch.js'
import type { Engine, LoadOptions, Rates, Session, Tensor, Tensors } from '../engine.js'
import { cut, type Part } from './cut.js'
import { type Floats, Model, type Ort, release } from './model.js'

/** Bytes of values after which a phase of a step is cut: fewer take a little less memory and more time. */
const MOST_BYTES = 200e6

type LoadedPart = Part & {
  readonly model: Model
  /** Whose weights its phase updates. */
  readonly player: string
}

/** Images, and what of them later parts are handed. */
interface Batch {
  readonly images: Tensors
  readonly saved: Map<Value, Floats>
}

/** What a phase has come to, summed over its batches. */
interface Outcome {
  readonly losses: Record<string, number>
  readonly buffers: Map<string, Float32Array>
}

interface PhaseRun {
  /** Of the batch at hand, until their weights are settled. */
  readonly gradients: Map<string, Floats | Product>
  readonly outcome: Outcome
  readonly rates: Rates
}

/** Whether a gradient stays in its factors: a thin one, unless it is to be summed. */
const isFactored = ({ accumulate }: StepGraph, value: Value): value is Node<'convFilter'> =>
  accumulate === 1 && isThin(value)

/** The factors of a thin gradient, copied: it may be used when their memory is given back. */
function factorsOf(value: Node<'convFilter'>, result: (value: Value) => Floats): Product {
  const [x, g] = value.inputs.map(factor => result(factor).data) as [Float32Array, Float32Array]
  return productOf(value, x, g.slice())
}

class OnnxSession implements Session {
  private readonly generators = new Map<number, { model: Model; output: Value }>()
  private readonly sums: GradientSums
  private painted: Tensor[] = []
  private seconds: Record<string, number> = {}

  private constructor(
    private readonly ort: Ort,
    private readonly graph: StepGraph,
    private readonly adam: AdamState,
    /** Views of the state: onnxruntime reads the weights where Adam writes them. `paintingWeights` are for generating. */
    private readonly weights: ReadonlyMap<string, Floats>,
    private readonly paintingWeights: ReadonlyMap<string, Floats>,
    /** Of each phase of the step. */
    private readonly parts: readonly (readonly LoadedPart[])[],
    private readonly threads: number,
  ) {
    this.sums = new GradientSums(graph.accumulate)
  }

  static async load(
    ort: Ort,
    graph: StepGraph,
    initial: Tensors,
    threads: number,
    mostBytes: number,
  ): Promise<OnnxSession> {
    const adam = AdamState.of(graph, initial)
    const views = (tensors: Tensors): Map<string, Floats> =>
      new Map(
        Object.entries(tensors).map(
          ([name, { shape, data }]) => [name, new ort.Tensor('float32', data, shape)] as const,
        ),
      )
    const shown = graph.painting ? [graph.painting] : []
    const loaded: LoadedPart[][] = []
    for (const [at, parts] of cut(graph.phases, shown, mostBytes).entries()) {
      const phase: LoadedPart[] = []
      const player = Object.keys(graph.phases[at]!.gradients)[0]?.[0] ?? ''
      for (const part of parts) {
        const { losses, gradients, buffers, kept, given } = part
        const wanted = Object.values(gradients).flatMap(value => (isFactored(graph, value) ? value.inputs : value))
        const outputs = new Set([...Object.values(losses), ...wanted, ...Object.values(buffers), ...kept])
        const computed = [...outputs].filter(value => !given.has(value))
        phase.push({ ...part, player, model: await Model.load(ort, computed, { threads, given }) })
      }
      loaded.push(phase)
    }
    return new OnnxSession(ort, graph, adam, views(adam.weights), views(adam.painting), loaded, threads)
  }

  async step(batch: Tensors, rates: Rates): Promise<Readonly<Record<string, number>>> {
    const { accumulate, painting, phases } = this.graph
    const losses: Record<string, number> = {}
    const batches = splitBatch(batch, accumulate).map(images => ({ images, saved: new Map<Value, Floats>() }))
    this.adam.begin()
    this.seconds = {}
    for (const [at, parts] of this.parts.entries()) {
      const phase = phases[at]!
      const outcome: Outcome = {
        losses: Object.fromEntries(Object.keys(phase.losses).map(name => [name, 0])),
        buffers: new Map(),
      }
      for (const one of batches) {
        const gradients = new Map<string, Floats | Product>()
        for (const part of parts) await this.runPart(part, one, { gradients, outcome, rates })
      }
      if (accumulate > 1)
        for (const name of Object.keys(phase.gradients)) this.adam.update(name, this.sums.mean(name), rates)
      for (const [name, value] of outcome.buffers) this.adam.assign(name, value)
      for (const [name, sum] of Object.entries(outcome.losses)) losses[name] = sum / accumulate
    }
    if (painting)
      this.painted = batches.map(({ saved }) => ({ shape: painting.shape, data: saved.get(painting)!.data }))
    return losses
  }

  /** Compute a part for a batch, update what is settled, and give back what nobody needs any more. */
  private async runPart(
    part: LoadedPart,
    { images, saved }: Batch,
    { gradients, outcome, rates }: PhaseRun,
  ): Promise<void> {
    const began = performance.now()
    const computed = await part.model.run(this.feeder(images, this.weights, saved))
    const ran = performance.now()
    const result = (value: Value): Floats => saved.get(value) ?? computed(value)
    for (const [name, value] of Object.entries(part.losses)) outcome.losses[name]! += result(value).data[0]!
    for (const [name, value] of Object.entries(part.buffers)) outcome.buffers.set(name, result(value).data.slice())
    for (const [name, value] of Object.entries(part.gradients))
      gradients.set(name, isFactored(this.graph, value) ? factorsOf(value, result) : result(value))
    for (const name of part.settled) {
      this.use(name, gradients.get(name)!, rates)
      gradients.delete(name)
    }
    for (const value of part.kept) saved.set(value, computed(value))
    for (const value of part.spent) {
      release(saved.get(value)!)
      saved.delete(value)
    }
    this.count(`${part.player} compute`, ran - began)
    this.count(`${part.player} update`, performance.now() - ran)
  }

  private count(work: string, ms: number): void {
    this.seconds[work] = (this.seconds[work] ?? 0) + ms / 1000
  }

  timing(): Readonly<Record<string, number>> {
    return this.seconds
  }

  /** Update a weight by the gradient of a batch, or add to the sum of several. */
  private use(name: string, gradient: Floats | Product, rates: Rates): void {
    if ('rank' in gradient) this.adam.updateByProduct(name, gradient, rates)
    else {
      if (this.graph.accumulate > 1) this.sums.add(name, gradient.data)
      else this.adam.update(name, gradient.data, rates)
      release(gradient)
    }
  }

  painting(): Tensor {
    return joinBatches(this.painted)
  }

  async generate(batch: Tensors): Promise<Tensor> {
    const size = batchSize(batch)
    const { model, output } = this.generators.get(size) ?? (await this.loadGenerator(size))
    const image = (await model.run(this.feeder(batch, this.paintingWeights)))(output)
    const data = image.data.slice()
    release(image)
    return { shape: output.shape, data }
  }

  private async loadGenerator(size: number): Promise<{ model: Model; output: Value }> {
    const output = this.graph.generate(size)
    const generator = { model: await Model.load(this.ort, [output], { threads: this.threads }), output }
    this.generators.set(size, generator)
    return generator
  }

  /** What a model is fed for each value: the batch, the weights as they are now, results of earlier phases. */
  private feeder(
    batch: Tensors,
    weights: ReadonlyMap<string, Floats>,
    saved: ReadonlyMap<Value, Floats> = new Map(),
  ): (value: Value) => Floats {
    return value => {
      if (value.kind === 'weight') return weights.get(value.attributes.name)!
      if (value.kind !== 'input') return saved.get(value)!
      const { name } = value.attributes
      const { data, shape } = batchInput(batch, name, { ...this.graph.inputs[name]!, shape: value.shape })
      return new this.ort.Tensor('float32', data, shape)
    }
  }

  async state(): Promise<Tensors> {
    return this.adam.state()
  }

  async dispose(): Promise<void> {
    for (const { model } of [...this.parts.flat(), ...this.generators.values()]) await model.release()
    this.generators.clear()
  }
}

/** onnxruntime is loaded when first asked for: commands that do not train start without it. */
const loadOrt = (): Promise<Ort> => import('onnxruntime-node').then(module => module.default ?? module)

/** The engine; `mostBytes` says how finely it cuts a step. */
export const onnxCpuCutAt = (mostBytes: number): Engine => ({
  name: 'onnx-cpu',
  probe: async () => {
    try {
      await loadOrt()
      const device = `${cpus()[0]?.model.trim() ?? 'CPU'}, ${availableParallelism()} threads`
      return { available: true, device, kind: 'native' }
    } catch (error) {
      return {
        available: false,
        reason: `onnxruntime-node does not load: ${error instanceof Error ? error.message.split('\n')[0] : error}`,
        hint: 'reinstall with `npm i onnxruntime-node@1.30.0`; it has binaries for x64 and arm64 Linux, macOS and Windows',
      }
    }
  },
  load: async (graph: StepGraph, initial: Tensors, { threads = availableParallelism() }: LoadOptions = {}) =>
    OnnxSession.load(await loadOrt(), graph, initial, threads, mostBytes),
})

export const onnxCpu = onnxCpuCutAt(MOST_BYTES)
