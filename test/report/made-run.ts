/** Output folders as runs leave them, made by hand: what a report reads without anything having been run. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import type { RunEvent } from '../../src/pipeline/events.js'
import type { Failure } from '../../src/pipeline/stage.js'
import type { Sample } from '../../src/sample.js'

export interface MadeRun {
  readonly name?: string
  readonly yaml?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly overrides?: readonly string[]
  /** By stage, in order. */
  readonly steps?: readonly MadeStep[]
  readonly events?: readonly (RunEvent & { readonly at?: string })[]
  readonly metrics?: readonly object[]
  /** Sheets of so many epochs. */
  readonly sheets?: number
}

export interface MadeStep {
  readonly stage: string
  readonly samples: readonly Sample[]
  readonly failures?: readonly Failure[]
  readonly options?: Readonly<Record<string, unknown>>
  readonly palette?: string
}

export const AT = '2026-01-02T03:04:05.000Z'

export const sampleOf = (name: string): Sample => ({
  name,
  source: `photos/${name}.jpg`,
  sha256: Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64),
})

/** @returns the folder */
export async function makeRun(folder: string, made: MadeRun): Promise<string> {
  const { name = 'made', yaml = 'name: made\nsteps: []\n', environment = {}, overrides = [] } = made
  const steps = join(folder, '.cache/steps')
  await mkdir(steps, { recursive: true })
  await writeFile(join(folder, 'p.yaml'), yaml)
  const origin = { madeBy: 'prep', pipeline: name, file: 'p.yaml', folder, overrides, environment }
  await writeFile(join(folder, 'pipeline.json'), JSON.stringify(origin))
  let before: MadeStep | undefined
  for (const [index, step] of (made.steps ?? []).entries()) {
    const { stage, samples, failures = [], options = {}, palette } = step
    const incoming = Object.fromEntries((before?.samples ?? []).map(one => [one.name, 'x']))
    const from = {
      stage,
      version: 1,
      module: '',
      codec: 'c',
      seed: 7,
      options,
      files: {},
      skipped: '',
      samples: incoming,
      artefacts: {},
    }
    const artefacts = palette === undefined ? {} : { palette: { path: palette, key: 'k' } }
    const record = {
      key: 'k',
      from,
      reason: 'first run',
      at: AT,
      seconds: 1.5,
      result: { samples, artefacts },
      failures,
      notes: [],
    }
    await writeFile(join(steps, `${String(index).padStart(2, '0')}-${stage}.json`), JSON.stringify(record))
    before = step
  }
  if (made.events)
    await writeLines(
      join(folder, 'run.jsonl'),
      made.events.map(event => ({ at: AT, ...event })),
    )
  if (made.metrics) await writeLines(join(folder, 'train/metrics.jsonl'), made.metrics)
  for (let epoch = 1; epoch <= (made.sheets ?? 0); epoch++)
    await writeNoise(join(folder, `train/samples/epoch-${epoch}.png`), epoch)
  return folder
}

async function writeLines(path: string, lines: readonly object[]): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, lines.map(line => `${JSON.stringify(line)}\n`).join(''))
}

/** Lines of metrics.jsonl as a training of so many epochs leaves them, with a sheet and an evaluation at each. */
export const metricsOf = (epochs: number): object[] =>
  Array.from({ length: epochs }, (_, i) => i + 1).flatMap(epoch => [
    {
      type: 'epoch',
      epoch,
      step: 10 * epoch,
      rates: { G: 2e-4, D: 2e-4 },
      loss_D: 0.5,
      loss_D_real: 0.4,
      loss_D_fake: 0.6,
      acc_real: 0.8,
      acc_fake: 0.7,
      loss_G: 20 / epoch,
      loss_G_GAN: 1,
      loss_G_L1: 19 / epoch,
    },
    { type: 'sheet', epoch, step: 10 * epoch, file: `samples/epoch-${epoch}.png` },
    { type: 'eval', epoch, step: 10 * epoch, split: 'test', l1: 0.2 + Math.abs(epoch - 2) / 10, psnr: 18, ssim: 0.5 },
  ])

/** A picture that no codec makes small. */
export async function noise(seed: number, width = 320, height = 200): Promise<Uint8Array> {
  let state = seed * 2654435761
  const data = Uint8Array.from({ length: 3 * width * height }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  })
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
}

async function writeNoise(path: string, seed: number): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, await noise(seed))
}
