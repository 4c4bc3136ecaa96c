import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readCheckpoint } from '../../src/trainer/checkpoint.js'
import type { TrainOptionsInput } from '../../src/trainer/options.js'
import { CheckpointSchedule, type Keeping, MINUTE_MS, pruneCheckpoints, readBest } from '../../src/trainer/retention.js'
import { runTiny, temporaryFolder, tinyOptions, writeTiny } from './tiny.js'

const metricsOf = (output: string): string => readFileSync(join(output, 'metrics.jsonl'), 'utf8')
const tensorsOf = async (output: string, stem: string) =>
  (await readCheckpoint(join(output, `checkpoints/${stem}.safetensors`))).tensors

const schedule = (options: TrainOptionsInput, stepsPerEpoch = 5) =>
  new CheckpointSchedule(tinyOptions(options), stepsPerEpoch, 0)
/** Steps of 1..20 after which a checkpoint is due when no time passes. */
const dueSteps = (options: TrainOptionsInput): number[] =>
  Array.from({ length: 20 }, (_, i) => i + 1).filter(step => schedule(options).isDue(step, 0))

test.each([
  ['every epoch', {}, [5, 10, 15, 20]],
  ['epochs as a number', { checkpoint_every: 2 }, [10, 20]],
  ['steps', { checkpoint_every: { steps: 8 } }, [8, 16]],
  ['both', { checkpoint_every: { epochs: 2, steps: 8 } }, [8, 10, 16, 20]],
  ['what is kept for ever is written', { checkpoint_every: 2, keep_every: 3 }, [10, 15, 20]],
  ['minutes alone', { checkpoint_every: { minutes: 10 } }, []],
] satisfies [string, TrainOptionsInput, number[]][])('due: %s', (_, options, steps) => {
  expect(dueSteps(options)).toEqual(steps)
})

test('minutes count from the last checkpoint, whatever it was written for', () => {
  const every = schedule({ checkpoint_every: { epochs: 1, minutes: 10 } })
  expect(every.isDue(1, 9 * MINUTE_MS)).toBe(false)
  expect(every.isDue(1, 10 * MINUTE_MS)).toBe(true)
  every.saved(10 * MINUTE_MS)
  expect(every.isDue(2, 19 * MINUTE_MS)).toBe(false)
  expect(every.isDue(2, 20 * MINUTE_MS)).toBe(true)
})

describe('pruning', () => {
  const regular: Keeping['isRegular'] = ({ step }) => step === undefined
  const prune = async (stems: readonly string[], keeping: Omit<Keeping, 'isRegular'> & Partial<Keeping>) => {
    const folder = temporaryFolder('retention')
    for (const stem of stems) writeFileSync(join(folder, `${stem}.safetensors`), '')
    await pruneCheckpoints(folder, { isRegular: regular, ...keeping })
    return readdirSync(folder)
      .map(name => name.replace('.safetensors', ''))
      .sort()
  }
  const epochs = ['epoch-0001', 'epoch-0002', 'epoch-0003', 'epoch-0004', 'epoch-0005', 'epoch-0006']

  test('the newest stay, those of every so many epochs, and the best', async () => {
    expect(await prune(epochs, { last: 2 })).toEqual(['epoch-0005', 'epoch-0006'])
    expect(await prune(epochs, { last: 1, every: 2, best: 'epoch-0003.safetensors' })).toEqual([
      'epoch-0002',
      'epoch-0003',
      'epoch-0004',
      'epoch-0006',
    ])
  })

  test('those of a stop or of minutes go once they are passed, and never push out others for long', async () => {
    const within = ['epoch-0002-step-00000011', 'epoch-0003-step-00000016', 'epoch-0003-step-00000017']
    const stems = [...epochs.slice(0, 3), ...within]
    expect(await prune(stems, { last: 3 })).toEqual(['epoch-0002', 'epoch-0003', ...within.slice(1)])
    expect(await prune(stems, { last: 3, finished: true })).toEqual(['epoch-0002', 'epoch-0003', within[2]])
    expect(await prune([...stems, 'epoch-0004'], { last: 3 })).toEqual(['epoch-0002', 'epoch-0003', 'epoch-0004'])
  })
})

test('the best checkpoint stays, best.json says which it is, and so does the result', async () => {
  const dataset = await writeTiny({ train: 5, test: 2 })
  const options: TrainOptionsInput = { epochs: 8, keep_last: 1, keep_best: 'l1', eval_every: 1, learning_rate: 0.02 }
  const { output, result, of } = await runTiny({ dataset, options })
  const l1 = of('eval').map(({ figures }) => figures.l1!)
  const lowest = Math.min(...l1)
  const epoch = l1.indexOf(lowest) + 1
  const folder = join(output, 'checkpoints')
  const file = `epoch-000${epoch}.safetensors`
  expect(await readBest(folder)).toEqual({ file, metric: 'l1', value: lowest, epoch, step: 5 * epoch })
  expect(result.best).toEqual({ checkpoint: join(folder, file), metric: 'l1', value: lowest })
  expect(readdirSync(folder).sort()).toEqual([...new Set(['best.json', 'epoch-0008.safetensors', file])].sort())
})

test('max_minutes ends a run with a checkpoint; the next run goes on to the same bytes', async () => {
  const dataset = await writeTiny()
  const whole = await runTiny({ dataset, options: { epochs: 1 } })
  const output = temporaryFolder('train')
  let runs = 0
  for (let interrupted = true; interrupted; runs++) {
    const { result } = await runTiny({ dataset, output, options: { epochs: 1, max_minutes: 1e-9 } })
    interrupted = result.interrupted
    expect(result.outOfTime).toBe(interrupted ? true : undefined)
  }
  expect(runs).toBe(5)
  const { result } = await runTiny({ dataset, output, options: { epochs: 1 } })
  expect(result.step).toBe(5)
  expect(await tensorsOf(output, 'epoch-0001')).toEqual(await tensorsOf(whole.output, 'epoch-0001'))
  expect(metricsOf(output)).toBe(metricsOf(whole.output))
})

test('checkpoints by the clock change no byte of the rest', async () => {
  const dataset = await writeTiny()
  const calm = await runTiny({ dataset, options: { sample_every: 1 } })
  const busy = await runTiny({ dataset, options: { sample_every: 1, checkpoint_every: { epochs: 1, minutes: 1e-9 } } })
  expect(busy.of('checkpoint').length).toBe(10)
  expect(metricsOf(busy.output)).toBe(metricsOf(calm.output))
  for (const name of ['curves.png', 'progress.png', 'samples/epoch-0002.png'])
    expect(readFileSync(join(busy.output, name)).equals(readFileSync(join(calm.output, name))), name).toBe(true)
  for (const stem of ['epoch-0001', 'epoch-0002'])
    expect(await tensorsOf(busy.output, stem)).toEqual(await tensorsOf(calm.output, stem))
  expect(readdirSync(join(busy.output, 'checkpoints'))).toEqual(readdirSync(join(calm.output, 'checkpoints')))
})
