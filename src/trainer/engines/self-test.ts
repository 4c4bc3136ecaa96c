/**
 * A small net trained for two steps by an engine and by the reference: drivers and devices compute wrongly often enough
 * that none is trusted with a night of training unseen.
 */
import { pix2pixConfig } from '../pix2pix/model.js'
import { buildStep, initialWeights } from '../pix2pix/step.js'
import { randomAt, unitNumbers } from '../random.js'
import type { Engine, Tensors } from './engine.js'
import { noiseBatch } from './noise.js'
import { reference } from './reference/engine.js'

/** Every op of the default net; 6 and 9 input channels are in it, with which some devices err. */
const NET = pix2pixConfig({
  width: 16,
  height: 16,
  labelChannels: 6,
  downs: 3,
  ngf: 3,
  ndf: 3,
  layers: 2,
  dropout: false,
})
const STEPS = 2
const RATES = { G: 2e-4, D: 2e-4 }
/** Of the largest number of a tensor; half-precision devices stay below it, and a wrong kernel does not. */
const WITHIN = 5e-3

/** What is wrong with an engine here, in words; undefined: nothing. Never throws. */
export async function selfTest(engine: Engine): Promise<string | undefined> {
  try {
    const [wanted, found] = [await train(reference), await train(engine)]
    for (const [name, { data }] of Object.entries(wanted)) {
      const off = distance(data, found[name]?.data)
      if (!(off <= WITHIN)) return `it computes wrongly: ${name} is ${(100 * off).toPrecision(2)}% off in a small net`
    }
    return undefined
  } catch (error) {
    return `it fails in a small net: ${error instanceof Error ? error.message.split('\n')[0] : error}`
  }
}

/** What two steps leave: losses of the last, and what G then paints. */
async function train(engine: Engine): Promise<Tensors> {
  const random = unitNumbers(randomAt(1, 'init'))
  const session = await engine.load(buildStep(NET), initialWeights(NET, random), { threads: 1 })
  const batch = noiseBatch(NET, random)
  try {
    let losses: Readonly<Record<string, number>> = {}
    for (let step = 0; step < STEPS; step++) losses = await session.step(batch, RATES)
    const painting = await session.generate(batch)
    const scalars = Object.entries(losses)
      .filter(([name]) => name.startsWith('loss'))
      .map(([name, value]) => [name, { shape: [], data: Float32Array.of(value) }] as const)
    return { ...Object.fromEntries(scalars), painting }
  } finally {
    await session.dispose()
  }
}

/** The largest difference as a share of the largest number; NaN where something is missing or not finite. */
function distance(wanted: Float32Array, found: Float32Array | undefined): number {
  if (found?.length !== wanted.length) return Number.NaN
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6)
  return wanted.reduce((most, value, i) => Math.max(most, Math.abs(found[i]! - value)), 0) / scale
}
