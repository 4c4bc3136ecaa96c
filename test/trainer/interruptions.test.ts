import { expect, test } from 'vitest'
import { PrepError } from '../../src/errors.js'
import type { TrainEvent, TrainResult } from '../../src/trainer/events.js'
import { drawBelow, randomAt } from '../../src/trainer/random.js'
import { runTraining } from '../../src/trainer/run.js'
import { readTree } from '../helpers.js'
import { temporaryFolder, tinyOptions, trainers, writeTiny } from './tiny.js'

const options = tinyOptions({
  epochs: 8,
  batch: 2,
  sample_every: 2,
  eval_every: 1,
  keep_best: 'pixel_accuracy',
  keep_every: 3,
  keep_last: 2,
  checkpoint_every: { epochs: 1, steps: 4 },
  augment: { load_size: 18, crop: 16 },
})

/** Everything that a training leaves: checkpoints, metrics, sheets, curves, strip, event file. */
const filesOf = async (output: string): Promise<Record<string, string>> =>
  Object.fromEntries([...(await readTree(output))].map(([name, bytes]) => [name, bytes.toString('base64')]))

test.skipIf(process.platform !== 'linux')(
  'killed and stopped at random steps, a training leaves the very files of one that was left alone',
  async () => {
    const dataset = await writeTiny({ train: 9, test: 3, fitted: true })
    const [calm, torn] = [temporaryFolder('calm'), temporaryFolder('torn')]
    await runTraining({ dataset, output: calm, options, seed: 7 })

    const random = randomAt(11, 'shuffle')
    const ends: Record<string, number> = { kill: 0, stop: 0 }
    /** One run, ended after a few steps in one of both ways. */
    const life = async (how: 'kill' | 'stop'): Promise<TrainResult | undefined> => {
      const controller = new AbortController()
      let left = 2 + drawBelow(random, 9)
      const onEvent = ({ type }: TrainEvent): void => {
        if (type !== 'step' || --left !== 0) return
        if (how === 'stop') controller.abort()
        else for (const pid of trainers()) process.kill(pid, 'SIGKILL')
      }
      const job = { dataset, output: torn, options, seed: 7, signal: controller.signal, onEvent }
      const result = await runTraining(job).catch(error => {
        if (error instanceof PrepError && error.code === 'OUT_OF_MEMORY') return undefined
        throw error
      })
      if (result?.interrupted !== false) ends[how]!++
      return result
    }
    for (let run = 0; run < 60; run++) {
      const result = await life(run % 2 ? 'kill' : 'stop')
      if (result?.interrupted === false) break
    }
    const last = await runTraining({ dataset, output: torn, options, seed: 7 })
    expect(last).toMatchObject({ interrupted: false, step: 40 })
    expect(ends.kill! + ends.stop!, JSON.stringify(ends)).toBeGreaterThanOrEqual(6)
    expect(Math.min(ends.kill!, ends.stop!)).toBeGreaterThanOrEqual(2)
    expect(await filesOf(torn)).toEqual(await filesOf(calm))
  },
)
