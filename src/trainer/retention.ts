/** Which checkpoints are written, and which of those are kept. */
import { readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isTemporary, readFileChecked, writeFileAtomic } from '../files.js'
import { type CheckpointFile, listCheckpoints } from './checkpoint.js'
import { type MetricsLine, readMetrics } from './metrics.js'
import type { HeldOutMetric, TrainOptions } from './options.js'

type Every = { readonly [unit in 'epochs' | 'steps' | 'minutes']?: number | undefined }

/** When a checkpoint is due, apart from the end of the training and of a run. */
export class CheckpointSchedule {
  private readonly every: Every
  private savedAt: number

  /** @param now  a clock in ms; the methods go by the same */
  constructor(
    private readonly options: Pick<TrainOptions, 'checkpoint_every' | 'keep_every'>,
    private readonly stepsPerEpoch: number,
    now: number,
  ) {
    const { checkpoint_every } = options
    this.every = typeof checkpoint_every === 'number' ? { epochs: checkpoint_every } : checkpoint_every
    this.savedAt = now
  }

  /** After a step, which may have ended an epoch. */
  isDue(step: number, now: number): boolean {
    const { minutes } = this.every
    return this.isRegular(step) || (minutes !== undefined && now - this.savedAt >= minutes * MINUTE_MS)
  }

  saved(now: number): void {
    this.savedAt = now
  }

  /** Is there a checkpoint after this step in any case, whatever the clock says and whoever stops the training? */
  readonly isRegular = (step: number): boolean => {
    const { epochs, steps } = this.every
    const epoch = step / this.stepsPerEpoch
    // one that is to be kept for ever has to be written first
    const whole = [epochs, this.options.keep_every].some(every => every !== undefined && epoch % every === 0)
    return whole || (steps !== undefined && step % steps === 0)
  }

  readonly stepOf = ({ epoch, step }: Pick<CheckpointFile, 'epoch' | 'step'>): number =>
    step ?? epoch * this.stepsPerEpoch
}

export const MINUTE_MS = 60_000

/** Says in the folder of checkpoints which one is best. */
export const BEST_FILE = 'best.json'

/** A checkpoint and the figure by which it is best. */
export interface Best {
  /** Name of the checkpoint in the folder. */
  readonly file: string
  readonly metric: HeldOutMetric
  readonly value: number
  readonly epoch: number
  readonly step: number
}

export const isBetter = (metric: HeldOutMetric, value: number, than: number): boolean =>
  metric === 'l1' ? value < than : value > than

/** Say which checkpoint is best, or that none is known to be. */
export const writeBest = (folder: string, best: Best | undefined): Promise<void> =>
  best
    ? writeFileAtomic(join(folder, BEST_FILE), `${JSON.stringify(best, null, 2)}\n`)
    : rm(join(folder, BEST_FILE), { force: true })

/**
 * The best checkpoint that is still there, by the evaluations in metrics.jsonl; the first of equals.
 *
 * @param nameOf  the file of a moment in the training
 */
export async function findBest(
  { folder, metrics, metric }: { readonly folder: string; readonly metrics: string; readonly metric: HeldOutMetric },
  nameOf: (line: MetricsLine) => string,
): Promise<Best | undefined> {
  const names = new Set((await listCheckpoints(folder)).map(({ path }) => basename(path)))
  let best: Best | undefined
  for await (const line of readMetrics(metrics)) {
    const { type, epoch, step, [metric]: value } = line
    if (type !== 'eval' || typeof value !== 'number' || !names.has(nameOf(line))) continue
    if (!best || isBetter(metric, value, best.value)) best = { file: nameOf(line), metric, value, epoch, step }
  }
  return best
}

/** The best checkpoint of a folder by its best.json, if it is there. */
export async function readBest(folder: string): Promise<Best | undefined> {
  const text = await readFileChecked(join(folder, BEST_FILE)).catch(() => undefined)
  try {
    const best = JSON.parse(String(text)) as Best
    return (await listCheckpoints(folder)).some(({ path }) => basename(path) === best.file) ? best : undefined
  } catch {
    return undefined
  }
}

export interface Keeping {
  /** Newest checkpoints that stay. */
  readonly last: number
  /** Is it one that every training like this would have? Others are for emergencies: they go when they are passed. */
  readonly isRegular: (file: CheckpointFile) => boolean
  /** Those of every so many epochs stay as well. */
  readonly every?: number | undefined
  /** Name of one that stays in any case. */
  readonly best?: string | undefined
  /** The training is over: nothing will be passed any more. */
  readonly finished?: boolean
}

/**
 * Remove the checkpoints that need not be kept, and what a killed run left half written. What is there in the end does
 * not depend on clocks and interruptions. To be called when nothing is being written there.
 */
export async function pruneCheckpoints(folder: string, keeping: Keeping): Promise<void> {
  const { last, isRegular, every, best, finished } = keeping
  const [newest, ...older] = await listCheckpoints(folder)
  const regular = older.filter(isRegular)
  const newestRegular = newest && isRegular(newest) ? 0 : older.findIndex(isRegular)
  const emergencies = older.slice(0, newestRegular < 0 ? older.length : newestRegular)
  const kept = new Set([...regular.slice(0, last - 1), ...(finished ? [] : emergencies.slice(0, last - 1))])
  const protectedOnes = older.filter(
    ({ path, epoch, step }) =>
      basename(path) === best || (step === undefined && every !== undefined && epoch % every === 0),
  )
  for (const file of protectedOnes) kept.add(file)
  const halves = (await readdir(folder)).filter(isTemporary).map(name => join(folder, name))
  const surplus = older.filter(file => !kept.has(file)).map(({ path }) => path)
  await Promise.all([...surplus, ...halves].map(path => rm(path, { force: true })))
}
