import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { PrepError } from '../../src/errors.js'
import type { TrainEvent } from '../../src/trainer/events.js'
import { packError, unpackError } from '../../src/trainer/messages.js'
import { runTraining } from '../../src/trainer/run.js'
import { runTiny, temporaryFolder, tinyOptions, trainers, writeTiny } from './tiny.js'

const options = tinyOptions({ epochs: 40 })

test('an abort ends the process after the step in hand, with a checkpoint that goes on to the same bytes', async () => {
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

test('errors cross processes whole', async () => {
  const dataset = temporaryFolder('nothing')
  const failed = await runTraining({ dataset, output: temporaryFolder('run'), options, seed: 7 }).catch(error => error)
  expect(failed).toBeInstanceOf(PrepError)
  expect(failed).toMatchObject({ code: 'DATASET_MISSING', hint: expect.any(String) })
  const bug = unpackError(structuredClone(packError(new RangeError('off by one'))))
  expect(bug).not.toBeInstanceOf(PrepError)
  expect(bug).toMatchObject({ message: 'off by one', stack: expect.stringContaining('RangeError') })
})

describe.skipIf(process.platform !== 'linux')('the process', () => {
  test('is gone when the training is, and had memory settings from its start', async () => {
    const dataset = await writeTiny()
    let environment = ''
    const onEvent = ({ type }: TrainEvent): void => {
      if (type === 'train-start') environment = readFileSync(`/proc/${trainers()[0]}/environ`, 'utf8')
    }
    await runTraining({
      dataset,
      output: temporaryFolder('run'),
      options: tinyOptions({ epochs: 1 }),
      seed: 7,
      onEvent,
    })
    expect(environment).toContain('MALLOC_MMAP_THRESHOLD_=')
    expect(trainers()).toEqual([])
  })

  test('killed by the system: out of memory, and the next call goes on from the last checkpoint', async () => {
    const dataset = await writeTiny()
    const output = temporaryFolder('run')
    const onEvent = (event: TrainEvent): void => {
      if (event.type === 'step' && event.step === 12) for (const pid of trainers()) process.kill(pid, 'SIGKILL')
    }
    const failed = runTraining({ dataset, output, options, seed: 7, onEvent })
    await expect(failed).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' })
    const second = await runTraining({ dataset, output, options, seed: 7 })
    const whole = await runTiny({ dataset, options: { epochs: 40 } })
    expect(readFileSync(second.checkpoint).equals(readFileSync(whole.result.checkpoint))).toBe(true)
  })

  test("leaves a terminal's signals to the one that started it", async () => {
    const dataset = await writeTiny()
    const onEvent = (event: TrainEvent): void => {
      if (event.type === 'step' && event.step === 3)
        for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
          for (const pid of trainers()) process.kill(pid, signal)
    }
    const job = { dataset, output: temporaryFolder('run'), options: tinyOptions({ epochs: 4 }), seed: 7, onEvent }
    expect(await runTraining(job)).toMatchObject({ interrupted: false, step: 20 })
  })

  test('ends at once when the one that started it is killed', async () => {
    const job = {
      dataset: await writeTiny(),
      output: temporaryFolder('run'),
      options: tinyOptions({ epochs: 1e5 }),
      seed: 7,
    }
    const module = new URL('../../dist/trainer/run.js', import.meta.url)
    const script = `
      const { runTraining } = await import(${JSON.stringify(module)})
      await runTraining({ ...${JSON.stringify(job)}, onEvent: ({ type }) => type === 'step' && console.log('step') })`
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(parent.stdout, 'data')
    const [trainer] = trainers(parent.pid)
    parent.kill('SIGKILL')
    // its own end of the pipe closes when the trainer's does
    await once(parent, 'close')
    await vi.waitFor(() => expect(() => process.kill(trainer!, 0)).toThrow('ESRCH'), { timeout: 10_000 })
  })
})
