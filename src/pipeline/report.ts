/** OUT/report.json: what a run made, from what, in numbers. */
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { writeFileAtomic } from '../files.js'
import { CODEC_VERSION } from '../images/decode.js'
import type { Pipeline } from './parse.js'
import type { RunSummary } from './run.js'

export interface StepReport {
  readonly stage: string
  readonly status: 'done' | 'unchanged'
  readonly reason: string
  readonly samples: number
  readonly skipped: number
  readonly seconds: number
}

export async function writeReport(pipeline: Pipeline, summary: RunSummary): Promise<void> {
  const { set, failures, steps, seconds } = summary
  const byCode: Record<string, number> = {}
  for (const { code } of failures) byCode[code] = (byCode[code] ?? 0) + 1
  const report = {
    pipeline: pipeline.name,
    file: pipeline.file,
    seed: pipeline.seed,
    at: new Date().toISOString(),
    seconds,
    samples: set.samples.length,
    splits: countBy(set.samples.map(({ split }) => split ?? 'train')),
    skipped: { count: failures.length, byCode, photos: failures },
    artefacts: set.artefacts,
    steps,
    stages: pipeline.steps.map(({ stage, options }) => ({ stage: stage.name, version: stage.version, options })),
    machine: { node: process.version, codec: CODEC_VERSION, cpus: cpus().length, memoryBytes: totalmem() },
  }
  await writeFileAtomic(join(pipeline.output, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
}

function countBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}
