import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PrepError } from '../../src/errors.js'
import type { TrainEvent } from '../../src/trainer/events.js'
import { packError, unpackError } from '../../src/trainer/messages.js'
import { runTraining } from '../../src/trainer/run.js'
import { runTiny, temporaryFolder, tinyOptions, writeTiny } from './tiny.js'

const options = tinyOptions({ epochs: 40 })

test('an abort ends the thread after the step in hand, with a checkpoint that goes on to the same bytes', async () => {
  const dataset = await writeTiny()
  const output = temporaryFolder('run')
  const controller = new AbortController()
  const events: TrainEvent[] = []
  const onEvent = (event: TrainEvent): void => {
    events.push(event)
    if (event.type === 'step' && event.step === 12) controller.abort()
  }
  const first = await runTraining({ dataset, output, options, seed: 7, signal: controller.signal, onEvent })
  expect(first.interrupted).toBe(true)
  expect(first.step).toBeGreaterThanOrEqual(12)
  expect(events.at(-1)).toEqual({ type: 'train-end', result: first })
  const second = await runTraining({ dataset, output, options, seed: 7 })
  expect(second).toMatchObject({ interrupted: false, step: 200 })
  const whole = await runTiny({ dataset, options: { epochs: 40 } })
  expect(readFileSync(second.checkpoint).equals(readFileSync(whole.result.checkpoint))).toBe(true)
  expect(readFileSync(join(output, 'metrics.jsonl'), 'utf8')).toBe(
    readFileSync(join(whole.output, 'metrics.jsonl'), 'utf8'),
  )
})

test('a signal that is aborted already trains nothing and leaves a checkpoint', async () => {
  const dataset = await writeTiny()
  const job = { dataset, output: temporaryFolder('run'), options, seed: 7, signal: AbortSignal.abort() }
  expect(await runTraining(job)).toMatchObject({ interrupted: true, step: 0 })
})

test('errors cross the thread whole', async () => {
  const dataset = temporaryFolder('nothing')
  const failed = await runTraining({ dataset, output: temporaryFolder('run'), options, seed: 7 }).catch(error => error)
  expect(failed).toBeInstanceOf(PrepError)
  expect(failed).toMatchObject({ code: 'DATASET_MISSING', hint: expect.any(String) })
  const bug = unpackError(structuredClone(packError(new RangeError('off by one'))))
  expect(bug).not.toBeInstanceOf(PrepError)
  expect(bug).toMatchObject({ message: 'off by one', stack: expect.stringContaining('RangeError') })
})
