import { describe, expect, test } from 'vitest'
import type { Tensors } from '../../../src/trainer/engines/engine.js'
import { engines, probeEngines } from '../../../src/trainer/engines/index.js'
import { buildStep, initialWeights } from '../../../src/trainer/pix2pix/step.js'
import { goldensFolder, largeGoldens, ownGoldens, readGolden, title } from '../goldens.js'

const LOSSES = ['loss_D', 'loss_D_real', 'loss_D_fake', 'loss_G', 'loss_G_GAN', 'loss_G_L1']
const RATES = { G: 2e-4, D: 2e-4 }
/** Share of a weight's largest number. In tfjs's float32 one leaky relu of unet32_bce flips, at an input of 2e-6. */
const weightsWithin = (engine: string, golden: string): number =>
  engine === 'tfjs' && golden === 'unet32_bce' ? 1e-2 : 1e-4
const goldens = [...ownGoldens, ...largeGoldens].map(path => [title(path), path] as const)
const probes = await probeEngines()

describe.each(engines)('the pix2pix step on $name', engine => {
  const { probe } = probes.find(({ name }) => name === engine.name)!
  const unavailable = !probe.available
  const reason = probe.available ? '' : ` (skipped: ${probe.reason})`

  test.skipIf(unavailable).each(goldens)(`three steps of PyTorch, %s${reason}`, async (golden, path) => {
    const { config, initial, batch, final, tensors } = readGolden(path)
    const session = await engine.load(buildStep(config), initial)
    for (const k of [1, 2, 3]) {
      const wanted = tensors[`step${k}.generated`]
      if (wanted) {
        const { shape, data } = await session.generate(batch)
        expect(shape).toEqual(wanted.shape)
        expect(largestDifference(data, wanted.data)).toBeLessThan(2e-6)
      }
      const losses = await session.step(batch, RATES)
      for (const name of LOSSES) {
        const found = { name, difference: Math.abs(losses[name]! - tensors[`step${k}.${name}`]!.data[0]!) }
        expect(found.difference, `step ${k} ${name}`).toBeLessThanOrEqual(1e-5)
      }
      expect(losses.acc_real).toBeGreaterThanOrEqual(0)
      expect(losses.acc_real).toBeLessThanOrEqual(1)
    }
    const state = await session.state()
    expect(state['adam.t']!.data[0]).toBe(3)
    for (const [name, { data }] of Object.entries(final)) {
      expect(relativeDistance(state[name]!.data, data), name).toBeLessThan(weightsWithin(engine.name, golden))
    }
    await session.dispose()
  })

  test.skipIf(largeGoldens.length === 0)(`larger goldens are checked (skipped: none in ${goldensFolder})`, () => {})
})

test('the goldens that are committed are there', () => {
  expect(ownGoldens.map(title)).toEqual(['square_batch_bce', 'wide_instance_mse'])
})

test('initial weights: N(0, 0.02) filters, N(1, 0.02) scales, zero biases, the same for the same draws', () => {
  const { config } = readGolden(ownGoldens[0]!)
  const wide = { ...config, ngf: 8, ndf: 8 }
  const draw = (seed: number) => {
    let state = seed
    return () => (state = (state * 16807) % 2147483647) / 2147483647
  }
  const weights = initialWeights(wide, draw(1))
  const [again, other] = [initialWeights(wide, draw(1)), initialWeights(wide, draw(2))]
  const bytes = (tensors: Tensors) =>
    Buffer.concat(Object.values(tensors).map(({ data }) => new Uint8Array(data.buffer)))
  expect(bytes(again).equals(bytes(weights))).toBe(true)
  expect(bytes(other).equals(bytes(weights))).toBe(false)
  const filters = weights['G.model.model.1.model.3.model.3.model.1.weight']!.data
  const mean = filters.reduce((sum, w) => sum + w, 0) / filters.length
  const spread = Math.sqrt(filters.reduce((sum, w) => sum + (w - mean) ** 2, 0) / filters.length)
  expect(Math.abs(mean)).toBeLessThan(5e-4)
  expect(spread).toBeGreaterThan(0.0195)
  expect(spread).toBeLessThan(0.0205)
  const scales = weights['D.model.3.weight']!.data
  expect(scales.every(w => Math.abs(w - 1) < 0.1)).toBe(true)
  expect(weights['D.model.3.bias']!.data.every(w => w === 0)).toBe(true)
})

const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0)

function relativeDistance(found: Float32Array, wanted: Float32Array): number {
  expect(found.length).toBe(wanted.length)
  const squares = (f: (i: number) => number): number => wanted.reduce((sum, _, i) => sum + f(i) ** 2, 0)
  return Math.sqrt(squares(i => found[i]! - wanted[i]!) / squares(i => wanted[i]!))
}
