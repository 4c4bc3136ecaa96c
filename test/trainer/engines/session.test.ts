/** What options make of a step, on every engine: compared with what they stand for, by other means. */
import { describe, expect, test } from 'vitest'
import type { Engine, Tensors } from '../../../src/trainer/engines/engine.js'
import { engines } from '../../../src/trainer/engines/index.js'
import { noise } from '../../../src/trainer/engines/noise.js'
import { sizeOf } from '../../../src/trainer/graph/graph.js'
import { type Pix2PixConfig, type Pix2PixOptions, pix2pixConfig } from '../../../src/trainer/pix2pix/model.js'
import { buildStep, initialWeights } from '../../../src/trainer/pix2pix/step.js'
import { randomFrom } from './random.js'

const RATES = { G: 2e-3, D: 1e-3 }

const tiny = (options: Partial<Pix2PixOptions> = {}): Pix2PixConfig =>
  pix2pixConfig({ width: 16, height: 16, labelChannels: 2, downs: 2, ngf: 2, ndf: 2, layers: 1, ...options })

/** Label and photo of so many images. */
function pairs({ labelChannels, height, width }: Pix2PixConfig, count: number, seed: number) {
  const random = randomFrom(seed)
  return {
    label: noise([count, labelChannels, height, width], random),
    photo: noise([count, 3, height, width], random),
  }
}

const initialOf = (config: Pix2PixConfig): Tensors => initialWeights(config, randomFrom(11))
const load = (engine: Engine, config: Pix2PixConfig, initial = initialOf(config)) =>
  engine.load(buildStep(config), initial, { threads: 1 })

const available = await Promise.all(engines.map(async engine => ({ engine, probe: await engine.probe() })))

describe.each(available)('on $engine.name', ({ engine, probe }) => {
  const when = test.skipIf(!probe.available)
  const skipped = probe.available ? '' : ` (skipped: ${probe.reason})`

  when(`ema paints with averages of G's weights and trains as without${skipped}`, async () => {
    const [plain, averaged] = [tiny(), tiny({ ema: 0.5 })]
    const [one, two] = [await load(engine, plain), await load(engine, averaged)]
    for (let k = 0; k < 4; k++) {
      const batch = pairs(plain, 1, k + 1)
      expect(await two.step(batch, RATES)).toEqual(await one.step(batch, RATES))
    }
    const { label } = pairs(plain, 1, 9)
    const painted = await two.generate({ label })
    expect(painted).not.toEqual(await one.generate({ label }))
    const state = await two.state()
    const averages = Object.fromEntries(
      Object.entries(state).map(([name, tensor]) => [name, state[`ema.${name}`] ?? tensor]),
    )
    expect(await (await load(engine, plain, averages)).generate({ label })).toEqual(painted)
  })

  when(`d_steps and g_steps repeat a player's update for the same batch${skipped}`, async () => {
    const config = tiny()
    const batch = pairs(config, 1, 1)
    const still = (player: 'G' | 'D') => ({ ...RATES, [player]: 0 })
    // a rate of 0 leaves the weights: two steps of one player alone are that player's two updates
    const twice = async (options: Partial<Pix2PixOptions>, stillPlayer: 'G' | 'D') => {
      const session = await load(engine, tiny(options))
      const losses = [await session.step(batch, still(stillPlayer))]
      if (options.dSteps === undefined && options.gSteps === undefined)
        losses.push(await session.step(batch, still(stillPlayer)))
      const state = await session.state()
      return { losses: losses.at(-1)!, weights: weightsOf(state, stillPlayer === 'G' ? 'D' : 'G') }
    }
    const [onceD, repeatedD] = [await twice({}, 'G'), await twice({ dSteps: 2 }, 'G')]
    expect(repeatedD.weights).toEqual(onceD.weights)
    expect(repeatedD.losses).toEqual(onceD.losses)
    const [onceG, repeatedG] = [await twice({}, 'D'), await twice({ gSteps: 2 }, 'D')]
    expect(repeatedG.weights).toEqual(onceG.weights)
    expect(repeatedG.losses.loss_G).toBe(onceG.losses.loss_G)
  })

  when.each(['instance', 'none'] as const)(
    `accumulated gradients are those of one large batch, norm: %s${skipped}`,
    async norm => {
      // enough levels for filter gradients that a single batch leaves in factors
      const options = { norm, gan: 'mse', width: 32, height: 32, downs: 5, layers: 1 } as const
      const [whole, parts] = [tiny({ ...options, batch: 6 }), tiny({ ...options, batch: 2, accumulate: 3 })]
      const singles = tiny({ ...options, batch: 1, accumulate: 6 })
      const sessions = [await load(engine, whole), await load(engine, parts), await load(engine, singles)]
      for (let k = 0; k < 3; k++) {
        const batch = pairs(whole, 6, k + 1)
        const [wanted, ...found] = await Promise.all(sessions.map(session => session.step(batch, RATES)))
        for (const losses of found) {
          expect(Object.keys(losses)).toEqual(Object.keys(wanted!))
          for (const [name, value] of Object.entries(wanted!))
            expect(Math.abs(losses[name]! - value), name).toBeLessThan(2e-4 * Math.max(1, Math.abs(value)))
        }
      }
      // another batch gives another step: agreement is not for want of a difference
      const [a, b] = [
        await sessions[0]!.step(pairs(whole, 6, 9), RATES),
        await sessions[1]!.step(pairs(whole, 6, 8), RATES),
      ]
      expect(Math.abs(a.loss_G! - b.loss_G!)).toBeGreaterThan(1e-3)
    },
  )

  when(`a step whose images do not make its batches is refused${skipped}`, async () => {
    const config = tiny({ accumulate: 2 })
    const session = await load(engine, config)
    await expect(session.step(pairs(config, 3, 1), RATES)).rejects.toThrow('do not make 2 batches')
    await expect(session.step(pairs(config, 4, 1), RATES)).rejects.toThrow('expected label [1,')
  })

  when(`with a pool D learns from the pair it is given, and the painting comes back${skipped}`, async () => {
    const [plain, pooled] = [tiny({ batch: 1, accumulate: 2 }), tiny({ batch: 1, accumulate: 2, pool: 3 })]
    const { label, photo } = pairs(plain, 2, 1)
    const [one, two, three] = [await load(engine, plain), await load(engine, pooled), await load(engine, pooled)]
    const shape = photo.shape
    const all = (value: number) => ({ shape, data: new Float32Array(sizeOf(shape)).fill(value) })
    const fresh = { 'pool.label': label, 'pool.painting': all(0), 'pool.fresh': all(1) }
    const painted = await one.generate({ label })
    // its own pair: the step without a pool
    expect(await two.step({ label, photo, ...fresh }, RATES)).toEqual(await one.step({ label, photo }, RATES))
    expect(await two.state()).toEqual(await one.state())
    const { shape: found, data } = two.painting()
    expect(found).toEqual(painted.shape)
    const perImage = await Promise.all(
      [0, 1].map(async i => {
        const half = { shape: [1, ...label.shape.slice(1)], data: label.data.slice(...halfOf(label.data, i)) }
        return (await (await load(engine, plain)).generate({ label: half })).data
      }),
    )
    expect(data).toEqual(Float32Array.from(perImage.flatMap(image => [...image])))
    // the photo itself as the earlier painting: D cannot tell the two apart
    const same = { 'pool.label': label, 'pool.painting': photo, 'pool.fresh': all(0) }
    const losses = await three.step({ label, photo, ...same }, RATES)
    expect(losses.acc_fake).toBeCloseTo(1 - losses.acc_real!, 6)
  })

  when(`spectral norm makes the largest singular value of each filter of D 1${skipped}`, async () => {
    const config = tiny({ spectralNorm: true, gan: 'hinge', layers: 1 })
    const still = { G: 0, D: 0 }
    const batch = pairs(config, 1, 1)
    const session = await load(engine, config)
    // with weights at rest the power iteration arrives
    for (let k = 0; k < 60; k++) await session.step(batch, still)
    const state = await session.state()
    const normed = { ...state }
    for (const [name, { shape, data }] of Object.entries(state)) {
      if (!/^D\..*weight$/.test(name) || shape.length !== 4) continue
      const sigma = largestSingular(data, shape[0]!)
      expect(Math.abs(sigma - 1)).toBeGreaterThan(0.1)
      normed[name] = { shape, data: data.map(value => value / sigma) }
    }
    const plain = await load(engine, { ...config, spectralNorm: false }, normed)
    const [found, wanted] = [await session.step(batch, still), await plain.step(batch, still)]
    for (const [name, value] of Object.entries(wanted)) expect(found[name]).toBeCloseTo(value, 4)
  })
})

const weightsOf = (state: Tensors, player: 'G' | 'D'): Tensors =>
  Object.fromEntries(Object.entries(state).filter(([name]) => name.startsWith(`${player}.`)))

const halfOf = (data: Float32Array, i: number): [number, number] => [(i * data.length) / 2, ((i + 1) * data.length) / 2]

/** By many power iterations on A'A. */
function largestSingular(matrix: Float32Array, rows: number): number {
  const columns = matrix.length / rows
  const times = (v: number[]): number[] =>
    Array.from({ length: rows }, (_, r) => v.reduce((sum, value, c) => sum + matrix[r * columns + c]! * value, 0))
  let v = Array.from({ length: columns }, (_, i) => Math.cos(i))
  for (let k = 0; k < 500; k++) {
    const y = times(v)
    const back = v.map((_, c) => y.reduce((sum, value, r) => sum + matrix[r * columns + c]! * value, 0))
    const length = Math.hypot(...back)
    v = back.map(value => value / length)
  }
  return Math.hypot(...times(v))
}
