/** The reference engine: the graph evaluated value by value in float64. Slow, obvious, and what the others must match. */
import { AdamState } from '../../graph/adam.js'
import { GradientSums } from '../../graph/gradient-sums.js'
import { inOrder, type Kind, type Node, outputsOf, type StepGraph, sizeOf, type Value } from '../../graph/graph.js'
import { batchInput, batchSize, joinBatches, splitBatch } from '../batch.js'
import type { Engine, Rates, Session, Tensor, Tensors } from '../engine.js'
import { kernels, type Numbers } from './kernels.js'

/**
 * Compute `outputs` and all they need.
 *
 * @param leaf  numbers of an input or a weight
 * @param known  values computed before; what is computed here is added
 */
export function evaluate(
  outputs: readonly Value[],
  leaf: (value: Value) => Numbers,
  known = new Map<Value, Numbers>(),
): Numbers[] {
  for (const value of inOrder(outputs)) {
    if (known.has(value)) continue
    if (value.kind === 'input' || value.kind === 'weight') known.set(value, leaf(value))
    else {
      const kernel = kernels[value.kind] as (node: Node<Kind>, ...inputs: Numbers[]) => Numbers
      known.set(value, kernel(value as Node<Kind>, ...value.inputs.map(input => known.get(input)!)))
    }
  }
  return outputs.map(output => known.get(output)!)
}

class ReferenceSession implements Session {
  private readonly adam: AdamState
  private painted: readonly Tensor[] = []
  constructor(
    private readonly graph: StepGraph,
    initial: Tensors,
  ) {
    this.adam = AdamState.of(graph, initial)
  }

  private leaf(batch: Tensors, weights: Tensors): (value: Value) => Numbers {
    return value => {
      if (value.kind === 'weight') return Float64Array.from(weights[value.attributes.name]!.data)
      if (value.kind !== 'input') throw new Error(`${value.kind} is no leaf`)
      const { name } = value.attributes
      return Float64Array.from(batchInput(batch, name, { ...this.graph.inputs[name]!, shape: value.shape }).data)
    }
  }

  async step(batch: Tensors, rates: Rates): Promise<Readonly<Record<string, number>>> {
    const { accumulate, phases, painting } = this.graph
    const losses: Record<string, number> = {}
    const batches = splitBatch(batch, accumulate).map(part => ({ part, known: new Map<Value, Numbers>() }))
    const sums = new GradientSums(accumulate)
    this.adam.begin()
    for (const phase of phases) {
      const outputs = outputsOf(phase)
      for (const { part, known } of batches) {
        evaluate(outputs, this.leaf(part, this.adam.weights), known)
        for (const [name, value] of Object.entries(phase.gradients))
          sums.add(name, Float32Array.from(known.get(value)!))
      }
      for (const [name, value] of Object.entries(phase.losses))
        losses[name] = batches.reduce((sum, { known }) => sum + known.get(value)![0]!, 0) / accumulate
      for (const name of Object.keys(phase.gradients)) this.adam.update(name, sums.mean(name), rates)
      for (const [name, value] of Object.entries(phase.buffers))
        this.adam.assign(name, Float32Array.from(batches[0]!.known.get(value)!))
    }
    if (painting)
      this.painted = batches.map(({ known }) => ({
        shape: painting.shape,
        data: Float32Array.from(known.get(painting)!),
      }))
    return losses
  }

  painting(): Tensor {
    return joinBatches(this.painted)
  }

  async generate(batch: Tensors): Promise<Tensor> {
    const output = this.graph.generate(batchSize(batch))
    const [image] = evaluate([output], this.leaf(batch, this.adam.painting))
    return { shape: output.shape, data: Float32Array.from(image!.subarray(0, sizeOf(output.shape))) }
  }

  async state(): Promise<Tensors> {
    return this.adam.state()
  }

  async dispose(): Promise<void> {}
}

export const reference: Engine = {
  name: 'reference',
  probe: async () => ({
    available: true,
    device: 'JavaScript, float64 (an oracle: hundreds of times slower)',
    kind: 'javascript',
  }),
  load: async (graph, initial) => new ReferenceSession(graph, initial),
}
