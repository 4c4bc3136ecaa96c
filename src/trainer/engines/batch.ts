/** A batch against what the graph asks for: the same checks for every engine. */
import { type InputSpec, sameShape, sizeOf } from '../graph/graph.js'
import type { Tensor, Tensors } from './engine.js'

const filled = new WeakMap<InputSpec, Tensor>()

/**
 * One input of a batch, or its fill where it may be left out.
 *
 * @throws {Error} when it is missing or has another shape, which is a bug of the caller
 */
export function batchInput(batch: Tensors, name: string, spec: InputSpec): Tensor {
  const tensor = batch[name]
  if (!tensor && spec.fill !== undefined) {
    const made = filled.get(spec) ?? { shape: spec.shape, data: new Float32Array(sizeOf(spec.shape)).fill(spec.fill) }
    filled.set(spec, made)
    return made
  }
  if (!tensor || !sameShape(tensor.shape, spec.shape) || tensor.data.length !== sizeOf(spec.shape)) {
    throw new Error(`batch: expected ${name} [${spec.shape}], found ${tensor ? `[${tensor.shape}]` : 'nothing'}`)
  }
  return tensor
}

/**
 * The batches that a step's tensors hold one after another, as views.
 *
 * @throws {Error} when they do not fall into so many, which is a bug of the caller
 */
export function splitBatch(batch: Tensors, count: number): Tensors[] {
  if (count === 1) return [batch]
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries(
      Object.entries(batch).map(([name, { shape, data }]) => {
        const [images = 0, ...rest] = shape
        if (images % count !== 0) throw new Error(`batch: ${images} of ${name} do not make ${count} batches`)
        const length = data.length / count
        return [name, { shape: [images / count, ...rest], data: data.subarray(i * length, (i + 1) * length) }]
      }),
    ),
  )
}

/** The images of several batches in one tensor. */
export function joinBatches(batches: readonly Tensor[]): Tensor {
  const [first] = batches
  if (!first) throw new Error('batch: nothing painted yet')
  if (batches.length === 1) return first
  const data = new Float32Array(first.data.length * batches.length)
  batches.forEach((batch, i) => {
    data.set(batch.data, i * first.data.length)
  })
  return { shape: [first.shape[0]! * batches.length, ...first.shape.slice(1)], data }
}

/** How many images a batch for generating has. */
export function batchSize(batch: Tensors): number {
  const n = batch.label?.shape[0]
  if (n === undefined) throw new Error('batch: no label to generate from')
  return n
}
