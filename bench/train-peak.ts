/** How much work a training step is, and how much of it this machine could do at most. */
import { encodeOnnx } from '../src/formats/onnx/write.js'
import { inOrder, sizeOf, type Value } from '../src/trainer/graph/graph.js'
import { pix2pixConfig } from '../src/trainer/pix2pix/model.js'
import { buildStep } from '../src/trainer/pix2pix/step.js'

/** Multiplications of a step's convolutions as the paper defines them, whatever form they are computed in. */
export function macsOf(size: number, batch: number): number {
  const { phases } = buildStep(pix2pixConfig({ width: size, height: size, labelChannels: 3, batch }))
  const values = inOrder(
    phases.flatMap(({ losses, gradients }) => [...Object.values(losses), ...Object.values(gradients)]),
  )
  return values.reduce((sum, value) => sum + macs(value), 0)
}

function macs({ kind, inputs, shape }: Value): number {
  const [x, w] = inputs
  if (kind === 'conv') return sizeOf(shape) * sizeOf(w!.shape.slice(1))
  if (kind === 'convTranspose') return sizeOf(x!.shape) * sizeOf(w!.shape.slice(1))
  if (kind === 'convFilter') {
    // each element of a filter is a sum over the places of the smaller image, and the batch
    const [a, b] = inputs.map(input => (input.shape[0] ?? 1) * sizeOf(input.shape.slice(2)))
    return sizeOf(shape) * Math.min(a!, b!)
  }
  return 0
}

const SIDE = 1024
const RUNS = 12

/** What a product of two 1024x1024 matrices reaches in onnxruntime, the best of some runs. */
export async function peakGflops(threads: number): Promise<number> {
  const ort = await import('onnxruntime-node').then(module => module.default ?? module)
  const shape = [SIDE, SIDE]
  const model = encodeOnnx({
    name: 'product',
    opsets: { '': 18 },
    nodes: [{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['c'] }],
    initializers: [],
    inputs: ['a', 'b'].map(name => ({ name, type: 'float32', shape })),
    outputs: [{ name: 'c', type: 'float32' }],
  })
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: threads })
  const matrix = () => new ort.Tensor('float32', Float32Array.from({ length: SIDE ** 2 }, Math.random), shape)
  const feed = { a: matrix(), b: matrix() }
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now()
    await session.run(feed)
    best = Math.min(best, performance.now() - start)
  }
  await session.release()
  return (2 * SIDE ** 3) / best / 1e6
}
