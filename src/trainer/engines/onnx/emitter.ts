/** Builds an ONNX graph node by node, and never writes the same node twice: shared statistics are shared by themselves. */
import type { OnnxAttribute, OnnxNode, OnnxTensor } from '../../../formats/onnx/model.js'
import type { Shape } from '../../graph/graph.js'

export class Emitter {
  readonly nodes: OnnxNode[] = []
  readonly initializers: OnnxTensor[] = []
  /** @param plain  convolutions as the ops of that name, for files that others run, and not in the forms that are fastest here */
  constructor(readonly plain = false) {}

  private readonly known = new Map<string, string[]>()

  /** The only output of an op. */
  op(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}): string {
    return this.ops(op, 1, inputs, attributes)[0]!
  }

  /** All outputs of an op with several. */
  ops(
    op: string,
    outputs: number,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): readonly string[] {
    return this.once(JSON.stringify([op, inputs, attributes]), () => {
      const first = `${op}_${this.nodes.length}`
      const names = Array.from({ length: outputs }, (_, i) => (i === 0 ? first : `${first}_${i}`))
      this.nodes.push({ op, inputs, outputs: names, attributes })
      return names
    })
  }

  floats(values: readonly number[], shape: Shape = []): string {
    return this.constant('f', values, shape, () => Float32Array.from(values))
  }

  /** A one-dimensional list, as shapes, axes and slice bounds are given. */
  ints(values: readonly number[]): string {
    return this.constant('i', values, [values.length], () => BigInt64Array.from(values, BigInt))
  }

  private constant(
    kind: string,
    values: readonly number[],
    shape: Shape,
    make: () => Float32Array | BigInt64Array,
  ): string {
    const [name] = this.once(JSON.stringify([kind, values, shape]), () => {
      const name = `const_${this.initializers.length}`
      this.initializers.push({ name, shape, data: make() })
      return [name]
    })
    return name!
  }

  private once(key: string, make: () => string[]): string[] {
    const found = this.known.get(key) ?? make()
    this.known.set(key, found)
    return found
  }

  reshape(x: string, shape: Shape): string {
    return this.op('Reshape', [x, this.ints(shape)])
  }

  /** x[..., from:to:step, ...] along each of `axes`. */
  slice(
    x: string,
    axes: readonly number[],
    from: readonly number[],
    to: readonly number[],
    steps: readonly number[],
  ): string {
    return this.op('Slice', [x, this.ints(from), this.ints(to), this.ints(axes), this.ints(steps)])
  }
}
