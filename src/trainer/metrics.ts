/**
 * The numbers of a training: running means, the log line, and metrics.jsonl. The file holds no times, so a training
 * that was interrupted leaves the same bytes as one that was not.
 */
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileError } from '../errors.js'
import type { Split } from '../sample.js'
import type { Rates } from './engines/engine.js'
import type { Losses } from './events.js'

/** Sums over the steps of the epoch at hand; plain data, kept in checkpoints so that a resumed mean is the same. */
export interface RunningMeans {
  readonly steps: number
  readonly sums: Losses
}

export const NO_STEPS: RunningMeans = { steps: 0, sums: {} }

export const addStep = ({ steps, sums }: RunningMeans, losses: Losses): RunningMeans => ({
  steps: steps + 1,
  sums: Object.fromEntries(Object.entries(losses).map(([name, value]) => [name, (sums[name] ?? 0) + value])),
})

export const meansOf = ({ steps, sums }: RunningMeans): Losses =>
  Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / steps]))

/** Where a log line is in the training. */
export interface Progress {
  readonly epoch: number
  readonly epochs: number
  readonly step: number
  readonly totalSteps: number
}

/**
 * One line on how the two nets stand: `[D loss: 0.299655, acc: 43%] [G loss: 18.155773]` after epoch and step. acc is
 * the mean share of patches that D takes for what they are, over photos and generated images.
 */
export function formatLosses({ epoch, epochs, step, totalSteps }: Progress, losses: Losses): string {
  const accuracy = ((losses.acc_real ?? 0) + (losses.acc_fake ?? 0)) / 2
  const d = `[D loss: ${losses.loss_D?.toFixed(6)}, acc: ${Math.round(100 * accuracy)}%]`
  return `[Epoch ${epoch}/${epochs}] [Step ${step}/${totalSteps}] ${d} [G loss: ${losses.loss_G?.toFixed(6)}]`
}

const LINE_TYPES = ['step', 'epoch', 'eval', 'sheet'] as const

/** A line of metrics.jsonl: what was measured, and where in the training. */
export interface MetricsLine {
  /** A single step, the means over an epoch, an evaluation on rows that G was not trained on, or a sheet drawn. */
  readonly type: (typeof LINE_TYPES)[number]
  readonly epoch: number
  readonly step: number
  /** Learning rates, of epochs. */
  readonly rates?: Rates
  /** Of evaluations: the rows painted. */
  readonly split?: Split
  /** Of sheets: the PNG, relative to the folder of the training. */
  readonly file?: string
  /** All else are numbers by name. */
  readonly [name: string]: unknown
}

/** The numbers of a line by name, without its place; those within objects as `rates/G`. */
export function numbersOf({ type, epoch, step, ...rest }: MetricsLine): readonly (readonly [string, number])[] {
  const within = (prefix: string, fields: object): (readonly [string, number])[] =>
    Object.entries(fields).flatMap(([name, value]) =>
      typeof value === 'number'
        ? [[prefix + name, value] as const]
        : value !== null && typeof value === 'object'
          ? within(`${prefix}${name}/`, value)
          : [],
    )
  return within('', rest)
}

/**
 * The lines of metrics.jsonl in order; a line that is none of ours is left out.
 * @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`
 */
export async function* readMetrics(path: string): AsyncGenerator<MetricsLine> {
  const file = await open(path).catch(error => {
    throw fileError(error, path, 'read the metrics in')
  })
  try {
    for await (const text of createInterface({ input: file.createReadStream({ autoClose: false }) })) {
      const line = parseLine(text)
      if (line) yield line
    }
  } finally {
    await file.close()
  }
}

function parseLine(text: string): MetricsLine | undefined {
  try {
    const { type, epoch, step } = JSON.parse(text)
    const ours = LINE_TYPES.includes(type) && Number.isInteger(epoch) && Number.isInteger(step)
    return ours ? JSON.parse(text) : undefined
  } catch {
    return undefined
  }
}

/** metrics.jsonl while it is written: lines are appended, `bytes` is where the next one begins. */
export interface MetricsFile {
  readonly bytes: number
  append(line: MetricsLine): Promise<void>
  /** Make what was appended survive a power cut; called before the checkpoint that records `bytes`. */
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * Open metrics.jsonl to go on after its first `bytes` bytes: what a lost run wrote past its checkpoint is cut off.
 *
 * @param bytes  the position of the checkpoint; 0 starts anew
 * @throws {PrepError} `DISK_FULL`, `OUTPUT_READ_ONLY`, `FILE_UNREADABLE`
 */
export async function openMetrics(path: string, bytes: number): Promise<MetricsFile> {
  const checked = async <T>(operation: Promise<T>): Promise<T> =>
    operation.catch(error => {
      throw fileError(error, path, 'write the metrics to')
    })
  await checked(mkdir(dirname(path), { recursive: true }))
  const file: FileHandle = await checked(open(path, bytes === 0 ? 'w' : 'a+'))
  let end = Math.min(bytes, (await file.stat()).size)
  await checked(file.truncate(end))
  return {
    get bytes() {
      return end
    },
    async append(line) {
      const text = Buffer.from(`${JSON.stringify(line)}\n`)
      await checked(file.appendFile(text))
      end += text.length
    },
    sync: () => checked(file.sync()),
    close: () => file.close(),
  }
}
