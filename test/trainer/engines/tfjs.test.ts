import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { noise, noiseBatch } from '../../../src/trainer/engines/noise.js'
import { evaluate, reference } from '../../../src/trainer/engines/reference/engine.js'
import { findBackend } from '../../../src/trainer/engines/tfjs/backend.js'
import { Computer, drop, type Leaf, type Values } from '../../../src/trainer/engines/tfjs/compute.js'
import { tfjs } from '../../../src/trainer/engines/tfjs/engine.js'
import { download, upload } from '../../../src/trainer/engines/tfjs/layout.js'
import { gradients } from '../../../src/trainer/graph/gradients.js'
import { inOrder, type Value } from '../../../src/trainer/graph/graph.js'
import { input, mse, mul } from '../../../src/trainer/graph/ops.js'
import { scheduleStep } from '../../../src/trainer/graph/schedule.js'
import { pix2pixConfig } from '../../../src/trainer/pix2pix/model.js'
import { buildStep, initialWeights } from '../../../src/trainer/pix2pix/step.js'
import { numbersFor, opCases } from '../graph/cases.js'
import { randomFrom } from './random.js'

const found = await findBackend()
const backend = 'tf' in found ? found : undefined
const why = backend ? '' : ` (skipped: ${found})`

describe.skipIf(!backend)(`tfjs computes what the reference does${why}`, () => {
  test.each(Object.entries(opCases))('%s and its gradients', async (_, cases) => {
    const { tf } = backend!
    const computer = new Computer(tf)
    const before = tf.memory().numTensors
    await fc.assert(
      fc.asyncProperty(cases!, fc.nat(), async ({ inputs, output }, seed) => {
        const loss = output.shape.length === 0 ? output : mse(mul(output, input('mix', output.shape)), 0.3)
        const outputs = [output, ...(gradients(loss, inputs) as Value[])]
        const leaves = inOrder([loss, ...outputs]).filter(({ kind }) => kind === 'input')
        const numbers = new Map<object, Float64Array>(leaves.map((leaf, i) => [leaf, numbersFor(leaf, seed + i)]))
        const leaf: Leaf = value => upload(tf, { shape: value.shape, data: Float32Array.from(numbers.get(value)!) })
        const values: Values = new Map()
        computer.run(scheduleStep([phaseOf(outputs)], outputs)[0]!.turns, values, leaf)
        const wanted = evaluate(outputs, value => numbers.get(value)!)
        for (const [i, value] of outputs.entries())
          expectClose((await download(tf, values.get(value)!, value.shape)).data, wanted[i]!)
        drop([...values.keys()], values)
      }),
      { numRuns: 12 },
    )
    expect(tf.memory().numTensors).toBe(before)
  })

  test('losses and weights of steps with everything: dropout, pool, several updates, averages, accumulation', async () => {
    const config = pix2pixConfig({
      width: 16,
      height: 24,
      labelChannels: 2,
      downs: 3,
      ngf: 3,
      ndf: 2,
      layers: 2,
      accumulate: 2,
      dSteps: 2,
      gSteps: 2,
      ema: 0.9,
      spectralNorm: true,
      norm: 'instance',
    })
    const graph = buildStep(config)
    const random = randomFrom(3)
    const initial = initialWeights(config, random)
    const sessions = await Promise.all([reference, tfjs].map(engine => engine.load(graph, initial)))
    for (let k = 0; k < 3; k++) {
      const batch = noiseBatch(config, random)
      const [wanted, losses] = await Promise.all(sessions.map(session => session.step(batch, { G: 2e-4, D: 1e-4 })))
      for (const [name, value] of Object.entries(wanted!)) expect(losses![name]).toBeCloseTo(value, 4)
    }
    const [wanted, state] = await Promise.all(sessions.map(session => session.state()))
    expect(Object.keys(state!).sort()).toEqual(Object.keys(wanted!).sort())
    for (const [name, { shape, data }] of Object.entries(wanted!)) {
      expect(state![name]!.shape).toEqual(shape)
      if (!name.startsWith('adam.')) expectClose(state![name]!.data, Float64Array.from(data), 2e-3)
    }
  })

  test('200 steps leave no tensor behind, and disposing leaves none at all', async () => {
    const { tf } = backend!
    const config = pix2pixConfig({ width: 8, height: 8, labelChannels: 2, downs: 2, ngf: 2, ndf: 2, layers: 1 })
    const random = randomFrom(5)
    const before = tf.memory().numTensors
    const session = await tfjs.load(buildStep(config), initialWeights(config, random))
    const batch = { label: noise([1, 2, 8, 8], random), photo: noise([1, 3, 8, 8], random) }
    const counts = new Set<number>()
    for (let step = 0; step < 200; step++) {
      await session.step(batch, { G: 2e-4, D: 2e-4 })
      if (step % 50 === 0) await session.generate(batch)
      counts.add(tf.memory().numTensors)
    }
    expect(counts.size).toBe(1)
    await session.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  test('goes on from its state, to the bit', async () => {
    const config = pix2pixConfig({
      width: 16,
      height: 16,
      labelChannels: 2,
      downs: 2,
      ngf: 2,
      ndf: 2,
      layers: 1,
      ema: 0.5,
    })
    const random = randomFrom(7)
    const graph = buildStep(config)
    const batches = Array.from({ length: 4 }, () => ({
      label: noise([1, 2, 16, 16], random),
      photo: noise([1, 3, 16, 16], random),
    }))
    const rates = { G: 2e-3, D: 1e-3 }
    const straight = await tfjs.load(graph, initialWeights(config, randomFrom(1)))
    for (const batch of batches) await straight.step(batch, rates)
    const first = await tfjs.load(graph, initialWeights(config, randomFrom(1)))
    for (const batch of batches.slice(0, 2)) await first.step(batch, rates)
    const second = await tfjs.load(graph, await first.state())
    for (const batch of batches.slice(2)) await second.step(batch, rates)
    expect(await second.state()).toEqual(await straight.state())
  })
})

const phaseOf = (outputs: readonly Value[]) => ({
  losses: Object.fromEntries(outputs.map((value, i) => [`${i}`, value])),
  gradients: {},
  buffers: {},
})

/** @param within  of the largest number */
function expectClose(found: Float32Array, wanted: Float64Array, within = 2e-5): void {
  expect(found.length).toBe(wanted.length)
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
  const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(found[i]! - value)), 0)
  expect(worst / scale).toBeLessThan(within)
}
