/** One ONNX model in onnxruntime: named values in, named values out. */
import { MessageChannel } from 'node:worker_threads'
import type { InferenceSession, Tensor as OrtTensor, TypedTensor } from 'onnxruntime-node'
import { encodeOnnx } from '../../../formats/onnx/write.js'
import type { Value } from '../../graph/graph.js'
import { feedName, translate } from './translate.js'

export type Ort = typeof import('onnxruntime-node')
export type Floats = TypedTensor<'float32'>

/** Reductions take their axes as an input from 18 on. */
const OPSET = 18

export interface ModelOptions {
  readonly threads: number
  readonly given?: ReadonlyMap<Value, string>
}

const { port1: nowhere, port2: closed } = new MessageChannel()
closed.close()

/**
 * Give a result's memory back at once, where the collector of garbage, to which it looks small, would let hundreds of
 * megabytes wait: what is transferred to a closed port is freed.
 */
export const release = ({ data }: Floats): void => nowhere.postMessage(undefined, [data.buffer as ArrayBuffer])

/** A loaded model and the values it is fed. */
export class Model {
  private constructor(
    private readonly session: InferenceSession,
    private readonly feeds: readonly { readonly name: string; readonly value: Value }[],
    private readonly names: ReadonlyMap<Value, string>,
  ) {}

  static async load(ort: Ort, outputs: readonly Value[], { threads, given = new Map() }: ModelOptions): Promise<Model> {
    const { emitter, fed, outputs: names } = translate(outputs, given)
    const feeds = fed.map(value => ({ name: feedName(value, given), value }))
    const bytes = encodeOnnx({
      name: 'step',
      opsets: { '': OPSET },
      nodes: emitter.nodes,
      initializers: emitter.initializers,
      inputs: feeds.map(({ name, value }) => ({ name, type: 'float32', shape: value.shape })),
      outputs: [...new Set(names)].map(name => ({ name, type: 'float32' })),
    })
    const session = await ort.InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      // 'all' would add changes of layout, which serve weights that are constant
      graphOptimizationLevel: 'extended',
      // a plan of all buffers at once saves no time and costs much memory
      enableMemPattern: false,
      // nor does an arena of its own, whose memory no other model can use (TRAINER_ENVIRONMENT keeps it from step to step)
      enableCpuMemArena: false,
      // else threads wait for more work at full speed, and take a core from Adam and from the next model's threads
      extra: { session: { force_spinning_stop: '1' } },
      logSeverityLevel: 3,
    })
    return new Model(session, feeds, new Map(outputs.map((value, i) => [value, names[i]!])))
  }

  /** @returns every requested output; the tensors are the caller's to `release` */
  async run(feed: (value: Value) => OrtTensor): Promise<(value: Value) => Floats> {
    const results = await this.session.run(Object.fromEntries(this.feeds.map(({ name, value }) => [name, feed(value)])))
    return value => results[this.names.get(value)!] as Floats
  }

  release(): Promise<void> {
    return this.session.release()
  }
}
