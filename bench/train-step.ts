/**
 * Our side of `bench/train.ts`, with the protocol of `peers/pix2pix_step.py`.
 *
 * Usage: train-step.ts SIZE THREADS [BATCH]; reads a number of steps per line and answers with the seconds of every step,
 * and behind a bar where those of the last went.
 */
import { createInterface } from 'node:readline'
import { selectEngine } from '../src/trainer/engines/index.js'
import { noiseBatch } from '../src/trainer/engines/noise.js'
import { pix2pixConfig } from '../src/trainer/pix2pix/model.js'
import { buildStep, initialWeights } from '../src/trainer/pix2pix/step.js'

const [size, threads, pairs = 1] = process.argv.slice(2).map(Number) as [number, number, number?]
const config = pix2pixConfig({ width: size, height: size, labelChannels: 3, batch: pairs })
const engine = await selectEngine('auto')
const session = await engine.load(buildStep(config), initialWeights(config, Math.random), { threads })
const batch = noiseBatch(config, Math.random)

console.log(`ready ${engine.name}`)
for await (const line of createInterface({ input: process.stdin })) {
  const seconds: number[] = []
  for (let i = 0; i < Number(line); i++) {
    const start = performance.now()
    await session.step(batch, { G: 2e-4, D: 2e-4 })
    seconds.push((performance.now() - start) / 1000)
  }
  console.log(`${seconds.join(' ')} | ${JSON.stringify(session.timing?.() ?? {})}`)
}
await session.dispose()
