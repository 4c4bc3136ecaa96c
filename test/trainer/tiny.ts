/** A data set small enough to train on in a test: coloured blocks, whose photo follows from their labels. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commitDataset } from '../../src/formats/dataset/commit.js'
import { writeShard } from '../../src/formats/dataset/write-shard.js'
import { encodeJpeg } from '../../src/images/png.js'
import type { Split } from '../../src/sample.js'
import type { CheckpointState } from '../../src/trainer/checkpoint.js'
import type { TrainEvent } from '../../src/trainer/events.js'
import { type TrainOptionsInput, trainOptions } from '../../src/trainer/options.js'
import { pix2pixConfig } from '../../src/trainer/pix2pix/model.js'
import { drawBelow, randomAt } from '../../src/trainer/random.js'
import { train } from '../../src/trainer/train.js'
import { versionsHere } from '../../src/trainer/versions.js'

export const temporaryFolder = (name: string): string => mkdtempSync(join(tmpdir(), `prep-${name}-`))

const COLOURS = [
  [30, 40, 60],
  [90, 160, 80],
  [220, 210, 190],
] as const

/** Labels in two bands and a block, a photo in their colours with a gradient. */
function makePair(seed: number, height: number, width: number): { label: Uint8Array; photo: Uint8Array } {
  const random = randomAt(seed, 'sheet')
  const horizon = 2 + drawBelow(random, height - 4)
  const [left, top] = [drawBelow(random, width - 4), drawBelow(random, height - 4)]
  const label = new Uint8Array(height * width)
  const photo = new Uint8Array(3 * height * width)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const block = x >= left && x < left + 4 && y >= top && y < top + 4
      const id = block ? 2 : y < horizon ? 0 : 1
      label[y * width + x] = id
      for (let c = 0; c < 3; c++) photo[(y * width + x) * 3 + c] = COLOURS[id]![c]! + x
    }
  return { label, photo }
}

export interface TinyDataset {
  readonly train?: number
  readonly test?: number
  readonly height?: number
  readonly width?: number
  readonly photo?: 'raw' | 'jpeg'
  readonly fingerprint?: string
  /** Rows of a val split. */
  readonly val?: number
  /** A palette that labels photos, as kmeans makes it. */
  readonly fitted?: boolean
}

/** Write a data set into a new folder. @returns its path */
export async function writeTiny(options: TinyDataset = {}): Promise<string> {
  const { train = 5, test = 2, height = 16, width = 16, photo = 'raw', fingerprint = 'tiny' } = options
  const { val = 0, fitted = false } = options
  const dataset = temporaryFolder('tiny')
  const form = { height, width, photo }
  const shards = []
  for (const [split, rows] of [
    ['train', train],
    ['val', val],
    ['test', test],
  ] as [Split, number][]) {
    if (rows === 0) continue
    const shard = { file: `${split}/shard-00000.safetensors`, split, rows, generation: 1, fingerprint }
    shards.push(
      await writeShard(dataset, shard, form, async row => {
        const pair = makePair(row + { train: 0, val: 200, test: 100 }[split], height, width)
        const pixels = { data: pair.photo, height, width, channels: 3 as const }
        const stored = photo === 'raw' ? pair.photo : await encodeJpeg(pixels, 90)
        return { key: String(row).padStart(64, '0'), label: pair.label, photo: stored }
      }),
    )
  }
  const clusters = COLOURS.map((colour, id) => ({
    id,
    ...(fitted && { centroid: colour }),
    display: `#${Buffer.from(colour).toString('hex')}`,
  }))
  const fit = { photos: train, error: 1, options: 'tiny' }
  const palette = JSON.stringify({ version: fitted ? 2 : 1, space: 'rgb', ...(fitted && { fit }), clusters })
  const samples = Array.from({ length: test }, (_, row) => ({ name: `scene-${row}`, split: 'test', row }))
  const description = { generation: 1, fingerprint, form, clusters: COLOURS.length, palette, split: null, samples }
  await commitDataset(dataset, description, shards)
  return dataset
}

/** Options of nets so small that a step of the reference engine takes milliseconds. */
export const tinyOptions = (options: TrainOptionsInput = {}) =>
  trainOptions.parse({
    engine: 'reference',
    threads: 1,
    width: 1,
    d_width: 1,
    d_layers: 1,
    downs: 2,
    epochs: 2,
    log_every: 2,
    sample_every: 0,
    buffer: 3,
    ...options,
  })

/** What a checkpoint says, as if training had gone on for a while. */
export const checkpointState = (state: Partial<CheckpointState> = {}): CheckpointState => ({
  epoch: 3,
  step: 17,
  seed: 5,
  random: 'scheme',
  options: tinyOptions(),
  model: pix2pixConfig({ width: 16, height: 16, labelChannels: 3, layers: 1 }),
  engine: 'reference',
  palette: { clusters: [{ display: '#102030', name: 'Straße' }] },
  paletteHash: 'ab',
  dataset: { fingerprint: 'cd', rows: 5 },
  initial: null,
  means: { steps: 2, sums: { loss_G: 0.1 + 0.2, loss_D: 1e-300 } },
  metricsBytes: 123,
  evaluationDue: false,
  framing: {
    stored: { height: 20, width: 20 },
    load: { height: 18, width: 18 },
    crop: { height: 16, width: 16 },
  },
  versions: versionsHere(),
  ...state,
})

export interface TinyRun {
  readonly dataset: string
  readonly output?: string
  readonly options?: TrainOptionsInput
  readonly seed?: number
  /** Stop once so many steps of this run are done. */
  readonly steps?: number
}

/** Train in this thread. @returns where, the result, all events, and those of a type */
export async function runTiny({ dataset, output = temporaryFolder('train'), options, seed = 7, steps }: TinyRun) {
  const events: TrainEvent[] = []
  let done = 0
  const emit = (event: TrainEvent): void => {
    events.push(event)
    if (event.type === 'step') done++
  }
  const job = { dataset, output, options: tinyOptions(options), seed }
  const result = await train(job, { emit, stopped: () => done === steps })
  const of = <T extends TrainEvent['type']>(type: T) =>
    events.filter((event): event is Extract<TrainEvent, { type: T }> => event.type === type)
  return { output, result, events, of }
}

/** The trainers that this process has started and that still live. */
export const trainers = (parent = process.pid): number[] =>
  readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      try {
        const ppid = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])
        return ppid === parent && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('trainer/worker.js')
      } catch {
        return false
      }
    })
