/** OUT/report.json: how a run ended, what it made, from what, in numbers. */
import { readFile, rm } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import type { PrepError } from '../errors.js'
import { writeFileAtomic } from '../files.js'
import { CODEC_VERSION } from '../images/decode.js'
import type { Pipeline } from './parse.js'
import type { Failure, SampleSet } from './stage.js'

export interface StepReport {
  readonly stage: string
  readonly status: 'done' | 'unchanged'
  readonly reason: string
  readonly samples: number
  readonly skipped: number
  readonly seconds: number
  /** What it said when it was made. */
  readonly notes: readonly string[]
}

export interface RunEnd {
  readonly status: 'done' | 'failed' | 'interrupted'
  /** Why it ended early. */
  readonly error?: PrepError
  /** After the last step that ended. */
  readonly set: SampleSet
  readonly failures: readonly Failure[]
  readonly steps: readonly StepReport[]
  readonly seconds: number
}

const reportPath = ({ output }: Pipeline): string => join(output, 'report.json')

/** Is there a report, and of a run that was done? */
export async function tellsOfSuccess(pipeline: Pipeline): Promise<boolean> {
  try {
    return (JSON.parse(await readFile(reportPath(pipeline), 'utf8')) as Partial<RunEnd>).status === 'done'
  } catch {
    return false
  }
}

/** For what is about to change: a run that is killed leaves no report of the one before. */
export const removeReport = (pipeline: Pipeline): Promise<void> => rm(reportPath(pipeline), { force: true })

export async function writeReport(pipeline: Pipeline, end: RunEnd): Promise<void> {
  const { status, error, set, failures, steps, seconds } = end
  const byCode: Record<string, number> = {}
  for (const { code } of failures) byCode[code] = (byCode[code] ?? 0) + 1
  const report = {
    pipeline: pipeline.name,
    file: pipeline.file,
    seed: pipeline.seed,
    at: new Date().toISOString(),
    status,
    ...(error && { error: { code: error.code, message: error.message } }),
    seconds,
    samples: set.samples.length,
    splits: countBy(set.samples.map(({ split }) => split ?? 'train')),
    skipped: { count: failures.length, byCode, photos: failures },
    artefacts: set.artefacts,
    steps,
    stages: pipeline.steps.map(({ stage, options }) => ({ stage: stage.name, version: stage.version, options })),
    machine: { node: process.version, codec: CODEC_VERSION, cpus: cpus().length, memoryBytes: totalmem() },
  }
  await writeFileAtomic(reportPath(pipeline), `${JSON.stringify(report, null, 2)}\n`)
}

function countBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}
