import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { sha256Hex, temporaryPath } from '../../src/files.js'
import { engines } from '../../src/trainer/engines/index.js'
import { eventFilePath } from '../../src/trainer/event-file.js'
import type { TrainOptionsInput } from '../../src/trainer/options.js'
import { runTiny, type TinyRun, temporaryFolder, writeTiny } from './tiny.js'

let dataset: string
/** Large enough for nets with dropout. */
let larger: string
beforeAll(async () => {
  dataset = await writeTiny()
  larger = await writeTiny({ train: 3, test: 1, height: 64, width: 64 })
})
const run = (options: Partial<TinyRun> = {}) => runTiny({ dataset, ...options })

/** The last checkpoint, the metrics and what is drawn of them: what must not depend on how the training went. */
const outcome = (output: string) => {
  const checkpoints = readdirSync(join(output, 'checkpoints')).sort()
  const last = readFileSync(join(output, 'checkpoints', checkpoints.at(-1)!))
  const drawn = ['curves.png', 'progress.png', eventFilePath('')].map(name => {
    const path = join(output, name)
    return [name, existsSync(path) && sha256Hex(readFileSync(path))]
  })
  return { checkpoints, last, metrics: readFileSync(join(output, 'metrics.jsonl'), 'utf8'), drawn }
}

function expectSame(output: string, whole: string): void {
  const [ours, theirs] = [outcome(output), outcome(whole)]
  expect(ours.metrics).toBe(theirs.metrics)
  expect(ours.checkpoints).toEqual(theirs.checkpoints)
  expect(ours.drawn).toEqual(theirs.drawn)
  expect(ours.last.equals(theirs.last)).toBe(true)
}

const flipByte = (file: string, at: number): void => {
  const bytes = readFileSync(file)
  bytes[at < 0 ? bytes.length + at : at]! ^= 16
  writeFileSync(file, bytes)
}

const available = await Promise.all(engines.map(async engine => ({ engine, probe: await engine.probe() })))

describe.each(available)(
  'a resumed training on $engine.name is the uninterrupted one, byte for byte',
  ({ engine, probe }) => {
    const skipped = probe.available ? '' : ` (skipped: ${probe.reason})`
    const options: TrainOptionsInput = {
      engine: engine.name,
      epochs: 3,
      batch: 2,
      sample_every: 2,
      log_every: 1,
      decay_from: 1,
      augment: { load_size: 18, crop: 16 },
    }

    test.skipIf(!probe.available)(`stopped at any steps${skipped}`, async () => {
      const whole = await run({ options })
      await fc.assert(
        fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 2 }), async stops => {
          const output = temporaryFolder('train')
          for (const steps of stops) {
            const { result } = await run({ output, options, steps })
            if (!result.interrupted) break
            expect(existsSync(result.checkpoint)).toBe(true)
          }
          const { result } = await run({ output, options })
          expect(result).toMatchObject({ interrupted: false, step: 9 })
          expectSame(output, whole.output)
        }),
        { numRuns: 4 },
      )
    })

    test.skipIf(!probe.available)(`with dropout${skipped}`, async () => {
      const dropout: TrainOptionsInput = { engine: engine.name, downs: 6, epochs: 2, dropout: true }
      const whole = await run({ dataset: larger, options: dropout })
      const output = temporaryFolder('train')
      await run({ dataset: larger, output, options: dropout, steps: 2 })
      await run({ dataset: larger, output, options: dropout, steps: 2 })
      await run({ dataset: larger, output, options: dropout })
      expectSame(output, whole.output)
      const without = await run({ dataset: larger, options: { ...dropout, dropout: false } })
      expect(outcome(without.output).metrics).not.toBe(outcome(whole.output).metrics)
    })

    test.skipIf(!probe.available)(`with all the state that options add${skipped}`, async () => {
      const stateful: TrainOptionsInput = {
        ...options,
        ema: 0.9,
        spectral_norm: true,
        pool: 3,
        d_steps: 2,
        g_steps: 2,
        accumulate: 2,
        batch: 1,
        sample_every: 1,
      }
      const whole = await run({ options: stateful })
      const sheet = (folder: string) => readFileSync(join(folder, 'samples/epoch-0003.png'))
      for (const stops of [[1, 5], [4]]) {
        const output = temporaryFolder('train')
        for (const steps of stops) await run({ output, options: stateful, steps })
        await run({ output, options: stateful })
        expectSame(output, whole.output)
        expect(sheet(output).equals(sheet(whole.output))).toBe(true)
      }
      // each of them counts: what they are compared with would differ without
      for (const changed of [
        { pool: 0 },
        { spectral_norm: false },
        { d_steps: 1 },
        { g_steps: 1 },
        { accumulate: 1 },
      ]) {
        const other = await run({ options: { ...stateful, ...changed } })
        expect(outcome(other.output).metrics, Object.keys(changed)[0]).not.toBe(outcome(whole.output).metrics)
      }
      const { output: unaveraged } = await run({ options: { ...stateful, ema: 0 } })
      // what is painted by the average is measured as well; training is the same
      const trained = (folder: string) => outcome(folder).metrics.replaceAll(/.*"eval".*\n/g, '')
      expect(trained(unaveraged)).toBe(trained(whole.output))
      expect(sheet(unaveraged).equals(sheet(whole.output))).toBe(false)
    })

    test.skipIf(!probe.available)(`from an older checkpoint, whatever was written after it${skipped}`, async () => {
      const whole = await run({ options })
      const output = temporaryFolder('train')
      cpSync(whole.output, output, { recursive: true })
      rmSync(join(output, 'checkpoints/epoch-0003.safetensors'))
      rmSync(join(output, 'checkpoints/epoch-0002.safetensors'))
      const { of } = await run({ output, options })
      expect(of('train-start')[0]!.resumed).toMatchObject({ epoch: 1, step: 3 })
      expectSame(output, whole.output)
    })

    test.skipIf(!probe.available)(`past a damaged checkpoint, which is said${skipped}`, async () => {
      const whole = await run({ options })
      const damages: readonly ((file: string) => void)[] = [
        ...[-1, 3, 200].map(at => (file: string) => flipByte(file, at)),
        file => truncateSync(file, statSync(file).size >> 1),
        file => truncateSync(file, 0),
      ]
      for (const damage of damages) {
        const output = temporaryFolder('train')
        cpSync(whole.output, output, { recursive: true })
        const newest = join(output, 'checkpoints/epoch-0003.safetensors')
        writeFileSync(temporaryPath(newest), 'half of it')
        damage(newest)
        const { of } = await run({ output, options })
        expect(of('warning').map(({ message }) => message)).toEqual([expect.stringContaining('epoch-0003.safetensors')])
        expect(of('train-start')[0]!.resumed).toMatchObject({ epoch: 2 })
        expectSame(output, whole.output)
      }
    })
  },
)

describe('resume', () => {
  test('a finished training has nothing to do; more epochs go on as if they had been asked for at once', async () => {
    const output = (await run({ options: { epochs: 2 } })).output
    const again = await run({ output, options: { epochs: 2 } })
    expect(again.of('step')).toEqual([])
    expect(again.result).toMatchObject({ interrupted: false, epoch: 2, step: 10 })
    await run({ output, options: { epochs: 3 } })
    expectSame(output, (await run({ options: { epochs: 3 } })).output)
  })

  test.each([
    ['learning_rate', { learning_rate: 1e-3 }],
    ['width', { width: 2 }],
    ['augment', { augment: { flip: false } }],
    ['d_learning_rate', { d_learning_rate: 1e-5 }],
  ] satisfies [string, TrainOptionsInput][])('another %s is refused by name', async (name, changed) => {
    const { output } = await run({ options: { epochs: 1 } })
    const refused = run({ output, options: { epochs: 2, ...changed } })
    await expect(refused).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringContaining(`${name}: `),
    })
    expect(readdirSync(join(output, 'checkpoints'))).toEqual(['epoch-0001.safetensors'])
  })

  test('another data set or seed is refused by name; other samples, threads and engines are not', async () => {
    const { output } = await run({ options: { epochs: 1 } })
    const other = await writeTiny({ fingerprint: 'other' })
    const mismatch = (name: string) => ({ code: 'CHECKPOINT_MISMATCH', message: expect.stringContaining(`${name}: `) })
    await expect(run({ output, dataset: other })).rejects.toMatchObject(mismatch('dataset.fingerprint'))
    await expect(run({ output, seed: 8 })).rejects.toMatchObject(mismatch('seed'))
    const options = { sample_every: 1, sample_rows: 1, threads: 2, keep_last: 1, checkpoint_every: 2, log_every: 0 }
    const { result } = await run({ output, options })
    expect(result.step).toBe(10)
  })

  test('never starts over and keeps the earlier training in previous/', async () => {
    const first = await run({ options: { epochs: 2 } })
    const before = outcome(first.output)
    await run({ output: first.output, options: { epochs: 1, resume: 'never' }, seed: 9 })
    expect(readdirSync(join(first.output, 'checkpoints'))).toEqual(['epoch-0001.safetensors'])
    expect(outcome(join(first.output, 'previous'))).toEqual(before)
    // a start that came to nothing does not push out what is worth keeping
    rmSync(join(first.output, 'checkpoints'), { recursive: true })
    await run({ output: first.output, options: { epochs: 1, resume: 'never' } })
    expect(outcome(join(first.output, 'previous'))).toEqual(before)
  })

  test('required: no checkpoint, or only damaged ones, is an error; auto starts over and says why', async () => {
    const output = temporaryFolder('train')
    await expect(run({ output, options: { resume: 'required' } })).rejects.toMatchObject({ code: 'FILE_MISSING' })
    await run({ output, options: { epochs: 2 } })
    for (const name of readdirSync(join(output, 'checkpoints'))) flipByte(join(output, 'checkpoints', name), -1)
    await expect(run({ output, options: { resume: 'required' } })).rejects.toMatchObject({ code: 'CHECKPOINT_DAMAGED' })
    const { of } = await run({ output, options: { epochs: 2 } })
    expect(of('warning').length).toBe(3)
    expect(of('train-start')[0]!.resumed).toBeUndefined()
    expectSame(output, (await run({ options: { epochs: 2 } })).output)
    expect(readdirSync(join(output, 'previous/checkpoints')).length).toBe(2)
  })

  test('lost metrics are said', async () => {
    const { output } = await run({ options: { epochs: 1 } })
    rmSync(join(output, 'metrics.jsonl'))
    const { of } = await run({ output, options: { epochs: 2 } })
    expect(of('warning').map(({ message }) => message)).toEqual([expect.stringContaining('metrics.jsonl')])
  })
})
