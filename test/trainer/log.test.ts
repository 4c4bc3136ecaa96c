import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { temporaryPath } from '../../src/files.js'
import { eventFilePath } from '../../src/trainer/event-file.js'
import { openTrainLog, type TrainLogOptions } from '../../src/trainer/log.js'
import type { MetricsLine } from '../../src/trainer/metrics.js'
import { readEvents } from '../formats/events.js'
import { runTiny, type TinyRun, temporaryFolder, tinyOptions, writeTiny } from './tiny.js'

let dataset: string
beforeAll(async () => {
  dataset = await writeTiny()
})
const run = (options: Partial<TinyRun> = {}) => runTiny({ dataset, ...options })
const sheets = { sample_every: 1, sample_rows: 2 } as const

describe('the TensorBoard file', () => {
  test('has the options, each line of the metrics and each sheet, at their steps', async () => {
    const { output } = await run({ options: { ...sheets, epochs: 2 } })
    const [version, options, ...events] = readEvents(eventFilePath(output))
    expect(version).toMatchObject({ fileVersion: 'brain.Event:2', wallTime: 0 })
    const [table] = options!.values
    expect(table).toMatchObject({ tag: 'options', plugin: 'text' })
    expect(table!.strings![0]!.toString()).toMatch(/^\| option \| value \|\n\| --- \| --- \|\n/)
    expect(table!.strings![0]!.toString()).toContain('| augment.flip | true |')
    const lines = metricsOf(output)
    expect(events.map(({ step }) => step)).toEqual(lines.map(({ step }) => step))
    expect(events.every(({ step, wallTime }) => wallTime === step)).toBe(true)
    for (const [i, line] of lines.entries()) {
      const values = events[i]!.values
      if (line.type === 'sheet') {
        const png = readFileSync(join(output, line.file!))
        const { width, height } = await sharp(png).metadata()
        expect(values).toEqual([
          {
            tag: 'samples',
            plugin: 'images',
            dataClass: 3,
            strings: [Buffer.from(`${width}`), Buffer.from(`${height}`), png],
          },
        ])
      } else {
        const name = line.type === 'eval' ? 'l1' : 'loss_G'
        expect(values).toContainEqual({ tag: `${line.type}/${name}`, scalar: Math.fround(line[name] as number) })
      }
    }
    expect(events.flatMap(({ values }) => values.map(({ tag }) => tag))).toContain('epoch/rates/G')
  })

  test('is made again when it is lost or was never written, and left out when nobody wants it', async () => {
    const { output } = await run({ options: sheets })
    const whole = readFileSync(eventFilePath(output))
    rmSync(eventFilePath(output))
    await run({ output, options: { ...sheets, tensorboard: false } })
    expect(existsSync(eventFilePath(output))).toBe(false)
    await run({ output, options: sheets })
    expect(readFileSync(eventFilePath(output)).equals(whole)).toBe(true)
    writeFileSync(eventFilePath(output), 'x'.repeat(2 * whole.length))
    await run({ output, options: sheets })
    expect(readFileSync(eventFilePath(output)).equals(whole)).toBe(true)
  })
})

const metricsOf = (output: string): MetricsLine[] =>
  readFileSync(join(output, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

describe('the pictures', () => {
  test('the strip has input, truth and up to eight predictions a row; the result names it and the curves', async () => {
    const widths = []
    for (const epochs of [1, 3, 8, 11]) {
      const { output, result } = await run({ options: { ...sheets, epochs, checkpoint_every: 20 } })
      expect(result).toMatchObject({ curves: join(output, 'curves.png'), progress: join(output, 'progress.png') })
      expect((await sharp(result.curves).metadata()).format).toBe('png')
      widths.push((await sharp(result.progress).metadata()).width)
    }
    const [one, three, eight, eleven] = widths as [number, number, number, number]
    expect(eight - three).toBe((5 * (three - one)) / 2)
    expect(eleven).toBe(eight)
  })

  test('the newest prediction of the strip is that of the newest sheet', async () => {
    const { result } = await run({ options: { ...sheets, epochs: 3 } })
    const lastCell = async (path: string) => {
      const { width } = await sharp(path).metadata()
      // below title and headings, 128 px wide, before the margin
      return sharp(path)
        .extract({ left: width! - 20 - 128, top: 80, width: 128, height: 128 })
        .raw()
        .toBuffer()
    }
    expect((await lastCell(result.progress!)).equals(await lastCell(result.sheet!))).toBe(true)
  })

  test('without sheets there is no strip; stopped before the first line there are no curves', async () => {
    const plain = await run({ options: { epochs: 1 } })
    expect(existsSync(plain.result.curves!)).toBe(true)
    expect(plain.result.progress).toBeUndefined()
    const stopped = await run({ options: { epochs: 1 }, steps: 0 })
    expect(stopped.result.curves).toBeUndefined()
  })

  test('sheets that somebody removed, or that showed other rows, are left out', async () => {
    const { output } = await run({ options: { ...sheets, epochs: 3 } })
    const before = await sharp(join(output, 'progress.png')).metadata()
    rmSync(join(output, 'samples/epoch-0002.png'))
    writeFileSync(join(output, 'samples/epoch-0001.png'), 'torn')
    await run({ output, options: { ...sheets, epochs: 3 } })
    const after = await sharp(join(output, 'progress.png')).metadata()
    expect(before.width! - after.width!).toBe(2 * (128 + 8))
    const { result } = await run({ output, options: { ...sheets, epochs: 4, sample_rows: 1 } })
    expect((await sharp(result.progress).metadata()).width).toBe(after.width)
  })

  test('curves show evaluations too, and lines of others do no harm', async () => {
    const log = await openLog({})
    await log.append({
      type: 'epoch',
      epoch: 1,
      step: 5,
      loss_D_real: 0.5,
      loss_G_feature: 3,
      rates: { G: 1e-4, D: 1e-4 },
    })
    const [without] = await drawn(log)
    await log.append({ type: 'eval', epoch: 1, step: 5, l1: 0.2, psnr: 18, ssim: 0.4, pixel_accuracy: 0.8, miou: 0.5 })
    appendFileSync(join(log.output, 'metrics.jsonl'), 'not JSON\n{"type":"of others"}\n')
    const [evaluated] = await drawn(log)
    expect(evaluated!.height!).toBeGreaterThan(without!.height!)
    await log.close()
    expect(
      readEvents(eventFilePath(log.output))
        .at(-1)!
        .values.map(({ tag }) => tag),
    ).toEqual(['l1', 'psnr', 'ssim', 'pixel_accuracy', 'miou'].map(name => `eval/${name}`))
  })
})

async function openLog(more: Partial<TrainLogOptions>) {
  const output = temporaryFolder('log')
  const place = { output, stepsPerEpoch: 5, bytes: 0, sheets: undefined, warn: () => {} }
  return Object.assign(await openTrainLog({ ...place, options: tinyOptions(), ...more }), { output })
}

const drawn = async (log: Awaited<ReturnType<typeof openLog>>) => {
  const { curves } = await log.draw()
  return [await sharp(curves).metadata()]
}

test('what a killed run left half written is removed when training goes on', async () => {
  const { output } = await run({ options: { ...sheets, epochs: 1 } })
  const halves = ['curves.png', 'progress.png', 'samples/epoch-0002.png'].map(name => temporaryPath(join(output, name)))
  for (const path of halves) writeFileSync(path, 'half')
  await run({ output, options: { ...sheets, epochs: 2 } })
  expect(halves.filter(path => existsSync(path))).toEqual([])
})

test('warnings come once, however often the training is opened again', async () => {
  const options = tinyOptions()
  const line = (epoch: number): MetricsLine => ({ type: 'epoch', epoch, step: 200 * epoch, acc_real: 1, acc_fake: 1 })
  const warnings: string[] = []
  const warn = (message: string) => void warnings.push(message)
  const first = await openLog({ options, warn })
  for (const epoch of [1, 2, 3]) await first.append(line(epoch))
  await first.close()
  const { output, bytes } = first
  const second = await openTrainLog({ output, options, bytes, stepsPerEpoch: 200, sheets: undefined, warn })
  for (const epoch of [4, 5, 6]) await second.append(line(epoch))
  await second.close()
  expect(warnings).toEqual([expect.stringMatching(/^epoch 1: the discriminator wins/)])
})
