/** Values of the graph as tensors on the device, made in turn and forgotten when nobody needs them any more. */
import type { Tensor as TfTensor } from '@tensorflow/tfjs-core'
import type { Kind, Node, Value } from '../../graph/graph.js'
import type { Turn } from '../../graph/schedule.js'
import type { TensorFlow } from './backend.js'
import { type Kernels, kernelsOf } from './kernels.js'

/** What is on the device. */
export type Values = Map<Value, TfTensor>
/** The tensor of an input, new, or of a weight, which stays the state's. */
export type Leaf = (value: Node<'input'> | Node<'weight'>) => TfTensor

export class Computer {
  private readonly kernels: Kernels
  constructor(private readonly tf: TensorFlow) {
    this.kernels = kernelsOf(tf)
  }

  /** Take all turns: `values` gains what they make and loses what they drop. */
  run(turns: readonly Turn[], values: Values, leaf: Leaf): void {
    const { tf } = this
    const tensorOf = (value: Value): TfTensor => (value.kind === 'weight' ? leaf(value) : values.get(value)!)
    for (const { value, drops } of turns) {
      if (value.kind === 'input') values.set(value, leaf(value))
      else if (value.kind !== 'weight') {
        const kernel = this.kernels[value.kind] as (node: Node<Kind>, ...inputs: TfTensor[]) => TfTensor
        // a kernel may answer with what it was given: a clone has a life of its own
        const made = tf.tidy(() => tf.clone(kernel(value as Node<Kind>, ...value.inputs.map(tensorOf))))
        values.set(value, made)
      }
      drop(drops, values)
    }
  }
}

/** Take values from the device. */
export function drop(dropped: readonly Value[], values: Values): void {
  for (const value of dropped) {
    values.get(value)?.dispose()
    values.delete(value)
  }
}
