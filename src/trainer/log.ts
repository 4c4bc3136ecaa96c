/**
 * What a training leaves for people to read: metrics.jsonl, and what is drawn from it. metrics.jsonl is the record; the
 * TensorBoard file, the curves, the progress strip and the warnings follow from it and the sheets, so they come out the
 * same however often the training was interrupted.
 */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isTemporary } from '../files.js'
import type { SheetPlan } from '../images/sheet.js'
import { drawCurves } from './curves.js'
import { openEventFile } from './event-file.js'
import { Health } from './health.js'
import { type MetricsLine, openMetrics, readMetrics } from './metrics.js'
import type { TrainOptions } from './options.js'
import { type DrawnSheet, drawStrip } from './strip.js'

export interface TrainLogOptions {
  /** Folder of the training. */
  readonly output: string
  readonly options: TrainOptions
  readonly stepsPerEpoch: number
  /** Where metrics.jsonl goes on; 0 starts anew. */
  readonly bytes: number
  /** What sheets are like, when any are drawn. */
  readonly sheets: SheetPlan | undefined
  /** Told what goes wrong, in plain words. */
  readonly warn: (message: string) => void
}

export interface TrainLog {
  /** Length of metrics.jsonl, for the checkpoint. */
  readonly bytes: number
  /** Write a line to metrics.jsonl and all that follows it; a sheet is named once it is drawn. */
  append(line: MetricsLine): Promise<void>
  /** Draw curves and progress strip as of now. */
  draw(): Promise<TrainPictures>
  /** Make the lines survive a power cut; called before the checkpoint that records `bytes`. */
  sync(): Promise<void>
  close(): Promise<void>
}

/** Pictures of a whole training, where there was anything to draw. */
export interface TrainPictures {
  readonly curves?: string
  readonly progress?: string
}

/**
 * Open the log of a training that begins or goes on.
 * @throws {PrepError} `DISK_FULL`, `OUTPUT_READ_ONLY`, `FILE_UNREADABLE`
 */
export async function openTrainLog(log: TrainLogOptions): Promise<TrainLog> {
  const { output, options, stepsPerEpoch, warn } = log
  const path = join(output, 'metrics.jsonl')
  const metrics = await openMetrics(path, log.bytes)
  if (metrics.bytes < log.bytes) warn('metrics.jsonl has lost lines from before the checkpoint')
  try {
    await removeHalves(output, join(output, 'samples'))
    const health = new Health(options)
    for await (const line of readMetrics(path)) if (line.type === 'epoch') health.add(line)
    const events = options.tensorboard ? await openEventFile({ output, options, past: readMetrics(path) }) : undefined
    return {
      get bytes() {
        return metrics.bytes
      },
      async append(line) {
        await metrics.append(line)
        await events?.append(line)
        if (line.type === 'epoch') for (const warning of health.add(line)) warn(warning)
      },
      async draw() {
        const curves = join(output, 'curves.png')
        const progress = join(output, 'progress.png')
        const plan = log.sheets
        return {
          ...((await drawCurves(path, curves, stepsPerEpoch)) && { curves }),
          ...(plan && (await drawStrip(await sheetsIn(path, output, stepsPerEpoch), progress, plan)) && { progress }),
        }
      },
      sync: () => metrics.sync(),
      async close() {
        await metrics.close()
        await events?.close()
      },
    }
  } catch (error) {
    await metrics.close()
    throw error
  }
}

/** What a killed run left half written. */
async function removeHalves(...folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => [])
    for (const name of names.filter(isTemporary)) await rm(join(folder, name), { force: true })
  }
}

async function sheetsIn(metrics: string, output: string, stepsPerEpoch: number): Promise<DrawnSheet[]> {
  const found: DrawnSheet[] = []
  for await (const { type, epoch, step, file } of readMetrics(metrics))
    if (type === 'sheet' && file !== undefined)
      found.push({ epoch, step, whole: step === epoch * stepsPerEpoch, path: join(output, file) })
  return found
}
