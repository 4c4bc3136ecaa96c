import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { openCorpus } from '../../src/trainer/corpus.js'
import type { Session } from '../../src/trainer/engines/engine.js'
import { engines } from '../../src/trainer/engines/index.js'
import { openEvaluation } from '../../src/trainer/evaluate.js'
import { evaluateCheckpoint } from '../../src/trainer/evaluate-checkpoint.js'
import { planTraining } from '../../src/trainer/plan.js'
import { readTree } from '../helpers.js'
import { runTiny, temporaryFolder, tinyOptions, writeTiny } from './tiny.js'

let dataset: string
beforeAll(async () => {
  dataset = await writeTiny({ fitted: true, test: 6 })
})

/** An evaluation of the tiny data set by whoever paints. */
async function evaluateWith(paint: (label: Float32Array) => Float32Array, folder = dataset) {
  const corpus = await openCorpus(folder)
  const { model, encoding } = planTraining(corpus, tinyOptions(), 7)
  const evaluation = await openEvaluation(corpus, {
    model,
    encoding,
    seed: 7,
    dropout: true,
    split: 'test',
    rows: 'all',
  })
  const session = {
    generate: async ({ label }) => ({ shape: [1, 3, 16, 16], data: paint(label!.data) }),
  } satisfies Pick<Session, 'generate'> as unknown as Session
  const found = (await evaluation.evaluate(session))!
  const ceiling = await evaluation.ceiling()
  await corpus.close()
  return { ...found, ceiling, evaluation }
}

/** Paints each class in one colour of [-1, 1], channel by channel, as the one-hot labels say. */
const paintFlat = (colours: readonly (readonly number[])[]) => (label: Float32Array) =>
  Float32Array.from({ length: 3 * 256 }, (_, i) => {
    const [channel, pixel] = [Math.floor(i / 256), i % 256]
    return colours[[0, 1, 2].findIndex(id => label[id * 256 + pixel] === 1)]![channel]! / 127.5 - 1
  })

describe('figures', () => {
  const truth = [
    [30, 40, 60],
    [90, 160, 80],
    [220, 210, 190],
  ]
  test('a painter that keeps the classes finds all labels again; the l1 is that of the gradient it leaves out', async () => {
    const { figures, rows, ceiling } = await evaluateWith(paintFlat(truth))
    expect(figures.pixel_accuracy).toBe(1)
    expect(figures.miou).toBe(1)
    expect(ceiling).toEqual({ pixel_accuracy: 1, miou: 1 })
    // photos are brighter by x, 0..15: 7.5 of 127.5 on average
    expect(figures.l1).toBeCloseTo(7.5 / 127.5, 5)
    const meanSquare = Array.from({ length: 16 }, (_, x) => x * x).reduce((a, b) => a + b) / 16
    expect(figures.psnr).toBeCloseTo(10 * Math.log10(255 ** 2 / meanSquare), 3)
    expect(figures.ssim).toBeLessThan(1)
    expect(rows.length).toBe(6)
  })

  test('a painter that swaps two classes is found out by its labels', async () => {
    const { figures } = await evaluateWith(paintFlat([truth[1]!, truth[0]!, truth[2]!]))
    expect(figures.pixel_accuracy).toBeLessThan(0.2)
    expect(figures.miou).toBeLessThan(0.4)
  })

  test('classes that were given, not found in the photos, leave labels out and say so', async () => {
    const { figures, evaluation } = await evaluateWith(paintFlat(truth), await writeTiny())
    expect(Object.keys(figures)).toEqual(['l1', 'psnr', 'ssim'])
    expect(evaluation.unlabelled).toEqual(expect.any(String))
  })
})

describe('while training', () => {
  test('the val split chooses where there is one, else test', async () => {
    const withVal = await runTiny({ dataset: await writeTiny({ val: 2 }), options: { epochs: 1, sample_every: 1 } })
    expect(withVal.of('eval')).toMatchObject([{ split: 'val', rows: 2, epoch: 1 }])
    const without = await runTiny({ dataset, options: { epochs: 4, eval_every: 2, eval_rows: 4 } })
    expect(without.of('eval')).toMatchObject([
      { split: 'test', rows: 4, epoch: 2 },
      { split: 'test', rows: 4, epoch: 4 },
    ])
  })

  test('held-out rows that are not there are an error only when asked for', async () => {
    const bare = await writeTiny({ test: 0 })
    expect((await runTiny({ dataset: bare, options: { epochs: 1, sample_every: 1 } })).of('eval')).toEqual([])
    const asked = runTiny({ dataset: bare, options: { epochs: 1, eval_every: 1 } })
    await expect(asked).rejects.toMatchObject({ code: 'SPLIT_MISSING' })
  })

  test('the best cannot be chosen by labels that cannot be found', async () => {
    const options = { epochs: 1, eval_every: 1, keep_best: 'miou' } as const
    const given = runTiny({ dataset: await writeTiny(), options })
    await expect(given).rejects.toMatchObject({ code: 'PALETTE_MISMATCH' })
  })

  test('a stop in the middle of an evaluation loses nothing: it is made up for, and all is as it was', async () => {
    const options = { epochs: 2, eval_every: 1, keep_best: 'l1' } as const
    const whole = await runTiny({ dataset, options })
    const output = temporaryFolder('train')
    const first = await runTiny({ dataset, output, options, steps: 10 })
    expect(first.result).toMatchObject({ interrupted: true, step: 10 })
    expect(first.of('eval').length).toBe(1)
    const second = await runTiny({ dataset, output, options })
    expect(second.result.interrupted).toBe(false)
    expect(await readTree(output)).toEqual(await readTree(whole.output))
  })
})

const available = await Promise.all(engines.map(async engine => ({ engine, probe: await engine.probe() })))

describe('a checkpoint', () => {
  test.each(available)('gives the figures that training wrote down, on $engine.name', async ({ engine, probe }) => {
    if (!probe.available) return
    const options = { engine: engine.name, epochs: 1, eval_every: 1 }
    const { result, of } = await runTiny({ dataset, options })
    const common = { checkpoint: result.checkpoint, dataset, split: 'test', rows: 'all', engine: engine.name } as const
    const found = await evaluateCheckpoint(common)
    for (const [name, value] of Object.entries(of('eval')[0]!.figures))
      expect(found.figures[name as 'l1'], name).toBeCloseTo(value, 5)
    expect(found).toMatchObject({ epoch: 1, step: 5, otherDataset: false })
    expect(found.rows[0]).toMatchObject({ row: 0, name: 'scene-0' })
  })

  test('is held against data that fits it alone', async () => {
    const { result } = await runTiny({ dataset, options: { epochs: 1 } })
    const evaluate = (folder: string, split: 'test' | 'val' = 'test') =>
      evaluateCheckpoint({
        checkpoint: result.checkpoint,
        dataset: folder,
        split,
        rows: 'all',
        engine: 'reference',
      })
    await expect(evaluate(await writeTiny())).rejects.toMatchObject({ code: 'PALETTE_MISMATCH' })
    const larger = await writeTiny({ fitted: true, height: 32, width: 32 })
    await expect(evaluate(larger)).rejects.toMatchObject({ code: 'CHECKPOINT_MISMATCH' })
    await expect(evaluate(dataset, 'val')).rejects.toMatchObject({ code: 'SPLIT_MISSING' })
    const grown = await writeTiny({ fitted: true, fingerprint: 'grown' })
    expect((await evaluate(grown)).otherDataset).toBe(true)
    const gone = temporaryFolder('gone')
    cpSync(dataset, gone, { recursive: true })
    rmSync(join(gone, 'index.json'))
    await expect(evaluate(gone)).rejects.toMatchObject({ code: 'DATASET_MISSING' })
  })
})
