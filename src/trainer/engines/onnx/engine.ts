/** The CPU engine: a model per phase of the step, run by onnxruntime, with Adam between them. */
import { availableParallelism, cpus } from 'node:os'
import { AdamState } from '../../graph/adam.js'
import { GradientSums } from '../../graph/gradient-sums.js'
import type { Phase, StepGraph, Value } from '../../graph/graph.js'
import { isThin, productOf } from '../../graph/product.js'
import { batchInput, batchSize, joinBatches, splitBatch } from '../batch.js'
import type { Engine, LoadOptions, Rates, Session, Tensor, Tensors } from '../engine.js'
import { cut, type Part } from './cut.js'
import { type Floats, Model, type Ort } from './model.js'

class OnnxSession implements Session {
  private readonly generators = new Map<number, { model: Model; output: Value }>()
  private readonly sums: GradientSums
  private painted: Tensor[] = []

  private constructor(
    private readonly ort: Ort,
    private readonly graph: StepGraph,
    private readonly adam: AdamState,
    /** Views of the state: onnxruntime reads the weights where Adam writes them. `paintingWeights` are for generating. */
    private readonly weights: ReadonlyMap<string, Floats>,
    private readonly paintingWeights: ReadonlyMap<string, Floats>,
    private readonly parts: readonly (Part & { readonly model: Model })[],
    private readonly threads: number,
  ) {
    this.sums = new GradientSums(graph.accumulate)
  }

  static async load(ort: Ort, graph: StepGraph, initial: Tensors, threads: number): Promise<OnnxSession> {
    const adam = AdamState.of(graph, initial)
    const views = (tensors: Tensors): Map<string, Floats> =>
      new Map(
        Object.entries(tensors).map(
          ([name, { shape, data }]) => [name, new ort.Tensor('float32', data, shape)] as const,
        ),
      )
    const loaded: (Part & { model: Model })[] = []
    for (const part of cut(graph.phases)) {
      const { losses, gradients, buffers } = part.phase
      // a thin gradient stays in its factors, unless it is to be summed
      const factored = (value: Value): boolean => graph.accumulate === 1 && isThin(value)
      const wanted = Object.values(gradients).flatMap(value => (factored(value) ? value.inputs : value))
      const shown = loaded.length === 0 && graph.painting ? [graph.painting] : []
      const outputs = [
        ...new Set([...Object.values(losses), ...wanted, ...Object.values(buffers), ...part.kept, ...shown]),
      ]
      loaded.push({ ...part, model: await Model.load(ort, outputs, { threads, given: part.given }) })
    }
    return new OnnxSession(ort, graph, adam, views(adam.weights), views(adam.painting), loaded, threads)
  }

  async step(batch: Tensors, rates: Rates): Promise<Readonly<Record<string, number>>> {
    const { accumulate, painting } = this.graph
    const losses: Record<string, number> = {}
    const batches = splitBatch(batch, accumulate).map(part => {
      const saved = new Map<Value, Floats>()
      return { saved, feed: this.feeder(part, this.weights, saved) }
    })
    this.adam.begin()
    this.painted = []
    for (const [at, { phase, kept, model }] of this.parts.entries()) {
      const sums: Record<string, number> = {}
      const buffers = new Map<string, Float32Array>()
      for (const { saved, feed } of batches) {
        const result = await model.run(feed)
        for (const [name, value] of Object.entries(phase.losses))
          sums[name] = (sums[name] ?? 0) + result(value).data[0]!
        if (accumulate === 1) this.update(phase, result, rates)
        else this.sum(phase, result)
        for (const [name, value] of Object.entries(phase.buffers)) buffers.set(name, result(value).data)
        for (const value of kept) saved.set(value, result(value))
        if (at === 0 && painting) {
          const image = result(painting)
          this.painted.push({ shape: painting.shape, data: image.data.slice() })
          image.dispose()
        }
      }
      if (accumulate > 1)
        for (const name of Object.keys(phase.gradients)) this.adam.update(name, this.sums.mean(name), rates)
      for (const [name, value] of buffers) this.adam.assign(name, value)
      for (const [name, sum] of Object.entries(sums)) losses[name] = sum / accumulate
    }
    for (const { saved } of batches) for (const tensor of saved.values()) tensor.dispose()
    return losses
  }

  /** Update by the gradients of one batch. */
  private update(phase: Phase, result: (value: Value) => Floats, rates: Rates): void {
    for (const [name, value] of Object.entries(phase.gradients)) {
      if (isThin(value)) {
        const [x, g] = value.inputs.map(factor => result(factor).data) as [Float32Array, Float32Array]
        this.adam.updateByProduct(name, productOf(value, x, g), rates)
        continue
      }
      const gradient = result(value)
      this.adam.update(name, gradient.data, rates)
      gradient.dispose()
    }
  }

  private sum(phase: Phase, result: (value: Value) => Floats): void {
    for (const [name, value] of Object.entries(phase.gradients)) {
      const gradient = result(value)
      this.sums.add(name, gradient.data)
      gradient.dispose()
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
    image.dispose()
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
    return this.adam.snapshot()
  }

  async dispose(): Promise<void> {
    for (const { model } of [...this.parts, ...this.generators.values()]) await model.release()
    this.generators.clear()
  }
}

/** onnxruntime is loaded when first asked for: commands that do not train start without it. */
const loadOrt = (): Promise<Ort> => import('onnxruntime-node').then(module => module.default ?? module)

export const onnxCpu: Engine = {
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
    OnnxSession.load(await loadOrt(), graph, initial, threads),
}
