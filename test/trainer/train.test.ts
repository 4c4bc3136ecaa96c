import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { readCheckpoint, writeCheckpoint } from '../../src/trainer/checkpoint.js'
import { engines } from '../../src/trainer/engines/index.js'
import { notFinite } from '../../src/trainer/finite.js'
import type { TrainOptionsInput } from '../../src/trainer/options.js'
import { runTiny, type TinyRun, temporaryFolder, writeTiny } from './tiny.js'

let dataset: string
beforeAll(async () => {
  dataset = await writeTiny()
})
const run = (options: Partial<TinyRun> = {}) => runTiny({ dataset, ...options })

const filesOf = (output: string): string[] => readdirSync(join(output, 'checkpoints')).sort()
const metricsOf = (output: string): string => readFileSync(join(output, 'metrics.jsonl'), 'utf8')

describe('train', () => {
  test('says what it does, in order', async () => {
    const { events, of, result, output } = await run({ options: { sample_every: 1, sample_rows: 2 } })
    expect(events.map(event => event.type)).toEqual([
      'train-start',
      ...Array(2).fill(['step', 'step', 'step', 'step', 'step', 'epoch', 'sheet', 'eval', 'checkpoint']).flat(),
      'train-end',
    ])
    expect(of('train-start')[0]).toMatchObject({
      engine: 'reference',
      stepsPerEpoch: 5,
      totalSteps: 10,
      rows: { train: 5, test: 2 },
    })
    expect(of('epoch')[1]!.line).toMatch(
      /^\[Epoch 2\/2\] \[Step 10\/10\] \[D loss: \d+\.\d{6}, acc: \d+%\] \[G loss: \d+\.\d{6}\]$/,
    )
    expect(result).toMatchObject({
      interrupted: false,
      epoch: 2,
      step: 10,
      checkpoint: join(output, 'checkpoints/epoch-0002.safetensors'),
    })
    expect(filesOf(output)).toEqual(['epoch-0001.safetensors', 'epoch-0002.safetensors'])
    const lines = metricsOf(output)
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines.map(line => [line.type, line.epoch, line.step])).toEqual([
      ['step', 1, 2],
      ['step', 1, 4],
      ['epoch', 1, 5],
      ['sheet', 1, 5],
      ['eval', 1, 5],
      ['step', 2, 6],
      ['step', 2, 8],
      ['step', 2, 10],
      ['epoch', 2, 10],
      ['sheet', 2, 10],
      ['eval', 2, 10],
    ])
    expect(lines[2].loss_G).toBeCloseTo(
      of('step')
        .slice(0, 5)
        .reduce((sum, { losses }) => sum + losses.loss_G!, 0) / 5,
      10,
    )
  })

  test('the same seed gives the same bytes, another seed others', async () => {
    const [one, two, other] = [await run(), await run(), await run({ seed: 8 })]
    const bytes = ({ result }: Awaited<ReturnType<typeof run>>) => readFileSync(result.checkpoint)
    expect(bytes(one).equals(bytes(two))).toBe(true)
    expect(bytes(one).equals(bytes(other))).toBe(false)
    expect(metricsOf(one.output)).toBe(metricsOf(two.output))
  })

  test('keeps the newest checkpoints only', async () => {
    const { output } = await run({ options: { epochs: 4, keep_last: 2 } })
    expect(filesOf(output)).toEqual(['epoch-0003.safetensors', 'epoch-0004.safetensors'])
  })

  test('checkpoint_every leaves epochs out, never the last; max_steps ends within an epoch, with a checkpoint', async () => {
    const sparse = await run({ options: { epochs: 3, checkpoint_every: 2 } })
    expect(filesOf(sparse.output)).toEqual(['epoch-0002.safetensors', 'epoch-0003.safetensors'])
    const short = await run({ options: { epochs: 3, max_steps: 7 } })
    expect(short.result).toMatchObject({ interrupted: false, epoch: 1, step: 7 })
    expect(filesOf(short.output)).toEqual(['epoch-0001-step-00000007.safetensors', 'epoch-0001.safetensors'])
  })

  test('a data set without test rows shows training rows and says so', async () => {
    const { of, output } = await run({ dataset: await writeTiny({ test: 0 }), options: { epochs: 1, sample_every: 1 } })
    expect(
      of('warning')
        .map(({ message }) => message)
        .join(),
    ).toContain('no test rows')
    expect(existsSync(join(output, 'samples/epoch-0001.png'))).toBe(true)
  })

  test('a batch larger than the data set is filled up and said', async () => {
    const { of, result } = await run({ options: { batch: 8, epochs: 2 } })
    expect(
      of('warning')
        .map(({ message }) => message)
        .join(),
    ).toContain('filled from 5 training rows')
    expect(result.step).toBe(2)
  })

  test('accumulated batches count as one step', async () => {
    const { of, result } = await run({ options: { batch: 1, accumulate: 2, epochs: 2 } })
    expect(of('train-start')[0]!.stepsPerEpoch).toBe(3)
    expect(result.step).toBe(6)
  })

  test.each([
    ['mse, instance norm, colours, batch of 2', { gan: 'mse', norm: 'instance', label_input: 'colours', batch: 2 }],
    ['resize, crop and no flip', { augment: { load_size: 20, crop: 16, flip: false } }],
    ['hinge', { gan: 'hinge', lambda_l1: 10 }],
    ['smoothed targets', { label_smoothing: 0.1 }],
    ['spectral norm', { spectral_norm: true, gan: 'hinge' }],
    ['resized ways up', { upsample: 'resize' }],
    ['one layer of D', { d_layers: 1 }],
    ['deeper nets, no norm, decay', { downs: 3, norm: 'none', decay_from: 1, d_learning_rate: 1e-4 }],
  ] satisfies [string, TrainOptionsInput][])('trains with %s', async (_, options) => {
    const { result } = await run({ options: { ...options, sample_every: 1 } })
    expect(result).toMatchObject({ interrupted: false, epoch: 2 })
  })

  test('photos stored as JPEG, rectangles', async () => {
    const rectangles = await writeTiny({ photo: 'jpeg', height: 16, width: 24 })
    const { of } = await run({ dataset: rectangles, options: { epochs: 1, sample_every: 1 } })
    expect(of('train-start')[0]!.size).toEqual({ height: 16, width: 24 })
  })

  test('refuses sizes that the nets cannot have, and a data set without training rows', async () => {
    await expect(run({ options: { downs: 9 } })).rejects.toMatchObject({ code: 'TRAIN_SIZE' })
    await expect(run({ options: { augment: { crop: 32 } } })).rejects.toMatchObject({ code: 'OPTION_OUT_OF_RANGE' })
    await expect(run({ dataset: await writeTiny({ train: 0 }) })).rejects.toMatchObject({ code: 'SPLIT_IMPOSSIBLE' })
    await expect(run({ dataset: '/nowhere' })).rejects.toMatchObject({ code: 'DATASET_MISSING' })
  })

  test('divergence stops with the name of the loss, and the last good checkpoint stays', async () => {
    const options = { gan: 'mse', norm: 'none', d_layers: 2 } satisfies TrainOptionsInput
    const { output, result } = await run({ options: { ...options, epochs: 1 } })
    const { state, tensors } = await readCheckpoint(result.checkpoint)
    // four layers of these overflow even the reference engine's float64
    for (const [name, { data }] of Object.entries(tensors)) if (/^D.*weight/.test(name)) data.fill(1e38)
    await writeCheckpoint(result.checkpoint, state, tensors)
    const failed = await run({ output, options: { ...options, epochs: 2 } }).catch(error => error)
    expect(failed).toMatchObject({
      code: 'TRAIN_DIVERGED',
      message: expect.stringMatching(
        /loss_D is (NaN|Infinity).* step 6 .*; [GD]\.\S+ holds values that are not finite/,
      ),
    })
    expect(failed.hint).toContain(result.checkpoint)
    expect(filesOf(output)).toEqual(['epoch-0001.safetensors'])
  })

  test('a learning rate far too high ends in NaN: the loss and the tensor are named, the checkpoint before is good', async () => {
    const wild = { learning_rate: 1, beta1: 0.99, beta2: 0, norm: 'none', d_layers: 2, width: 4, d_width: 8 } as const
    const output = temporaryFolder('train')
    const failed = await run({ output, options: { ...wild, epochs: 4 } }).catch(error => error)
    expect(failed).toMatchObject({
      code: 'TRAIN_DIVERGED',
      message: expect.stringMatching(/loss_G is NaN.*; G\.\S+ holds values that are not finite/),
    })
    const [good, ...others] = filesOf(output)
    expect([good, others]).toEqual(['epoch-0001.safetensors', []])
    expect(failed.hint).toContain(good)
    const { tensors } = await readCheckpoint(join(output, 'checkpoints', good!))
    expect(notFinite(tensors)).toEqual([])
  })

  test('an update that overflows is found before it is saved', async () => {
    const options = { gan: 'mse', learning_rate: 1, norm: 'none', lambda_l1: 1e38 } satisfies TrainOptionsInput
    await expect(run({ options })).rejects.toMatchObject({
      code: 'TRAIN_DIVERGED',
      message: expect.stringContaining('adam.v.G'),
    })
  })
})

describe('sheets', () => {
  test('one row a pair, under input, truth and prediction', async () => {
    const { output, result } = await run({ options: { epochs: 1, sample_every: 1, sample_rows: 2 } })
    expect(result.sheet).toBe(join(output, 'samples/epoch-0001.png'))
    const { width, height } = await sharp(result.sheet).metadata()
    expect(width).toBeGreaterThan(3 * 128)
    expect(height).toBeGreaterThan(2 * 128)
  })

  test('without dropout at inference they show G without masks; training is the same', async () => {
    const large = await writeTiny({ train: 2, test: 1, height: 64, width: 64 })
    const options = { downs: 6, epochs: 1, sample_every: 1, learning_rate: 0.01 } satisfies TrainOptionsInput
    const draw = (more: TrainOptionsInput) => run({ dataset: large, options: { ...options, ...more } })
    const [masked, plain] = [await draw({}), await draw({ dropout_at_inference: false })]
    const trained = (output: string) => metricsOf(output).replaceAll(/.*"eval".*\n/g, '')
    expect(trained(plain.output)).toBe(trained(masked.output))
    expect(readFileSync(plain.result.sheet!).equals(readFileSync(masked.result.sheet!))).toBe(false)
    // it may be changed when training goes on
    const { result } = await run({
      dataset: large,
      output: masked.output,
      options: { ...options, epochs: 2, dropout_at_inference: false },
    })
    expect(result.epoch).toBe(2)
  })

  test('drawing and measuring change nothing of the training', async () => {
    const [plain, drawn] = [await run(), await run({ options: { sample_every: 1 } })]
    const measured = metricsOf(drawn.output).replaceAll(/.*"(sheet|eval)".*\n/g, '')
    expect(measured).toBe(metricsOf(plain.output))
  })
})

const available = await Promise.all(engines.map(async engine => ({ engine, probe: await engine.probe() })))
describe.each(available)('learning on $engine.name', ({ engine, probe }) => {
  test.skipIf(!probe.available)(
    `L1 falls clearly on one pair${probe.available ? '' : ` (skipped: ${probe.reason})`}`,
    async () => {
      const one = await writeTiny({ train: 1, test: 1 })
      const options = {
        engine: engine.name,
        width: 4,
        d_width: 2,
        epochs: 60,
        learning_rate: 5e-3,
        checkpoint_every: 60,
      } as const
      const { of } = await run({ dataset: one, options: { ...options, augment: { flip: false } } })
      const l1 = of('step').map(({ losses }) => losses.loss_G_L1!)
      expect(Math.min(...l1.slice(-5))).toBeLessThan(l1[0]! / 3)
    },
  )
})
