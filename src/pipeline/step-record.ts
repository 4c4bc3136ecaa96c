/** What is written down about each step: from what it was made, why, and what came out. `prep why` reads it. */
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256File, writeFileAtomic } from '../files.js'
import type { Sample } from '../sample.js'
import { fingerprint, type Json } from './fingerprint.js'
import { cacheFolder } from './output.js'
import type { Step } from './parse.js'
import type { Failure, Field, SampleSet } from './stage.js'

export interface StepRecord {
  /** fingerprint of `from`. */
  readonly key: string
  readonly from: StepInputs
  /** Why it was last made, in words. */
  readonly reason: string
  /** When it was last made, ISO 8601. */
  readonly at: string
  readonly seconds: number
  readonly result: SampleSet
  readonly failures: readonly Failure[]
  /** What the step said when it was made. */
  readonly notes?: readonly string[]
}

/** Everything that a step's result depends on. */
export interface StepInputs {
  readonly stage: string
  readonly version: number
  readonly module: string
  readonly codec: string
  readonly seed: number
  readonly options: { readonly [name: string]: Json }
  /** sha256 of the files that options name, and of those below the output that people edit. */
  readonly files: { readonly [path: string]: string }
  /** fingerprint of the photos left out before, for a stage that lists them. */
  readonly skipped: string
  /** sha256 of each incoming sample's line, by name; empty for a stage that works on products of the whole set alone. */
  readonly samples: { readonly [name: string]: string }
  readonly artefacts: { readonly [name: string]: string }
}

const SAMPLE_FIELDS: ReadonlySet<Field> = new Set(['photo', 'label', 'drawing', 'split'])

export interface StepSituation {
  readonly output: string
  readonly seed: number
  readonly codec: string
  readonly set: SampleSet
  readonly skipped: readonly Failure[]
}

/** @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE` for a file that an option names */
export async function stepInputs(
  step: Step,
  { output, seed, codec, set, skipped }: StepSituation,
): Promise<StepInputs> {
  const neutral = new Set(step.stage.neutral)
  const perSample = step.stage.needs.some(field => SAMPLE_FIELDS.has(field))
  const options = Object.entries(step.options as { [name: string]: Json }).filter(([name]) => !neutral.has(name))
  return {
    stage: step.stage.name,
    version: step.stage.version,
    module: step.module?.sha256 ?? '',
    codec,
    seed,
    options: Object.fromEntries(options),
    files: { ...hashFiles(step), ...hashEdits(step, output) },
    skipped: step.stage.listsSkipped ? fingerprint(skipped as unknown as Json) : '',
    samples: perSample ? Object.fromEntries(set.samples.map(sample => [sample.name, sampleKey(sample)])) : {},
    artefacts: Object.fromEntries(Object.entries(set.artefacts).map(([name, artefact]) => [name, artefact.key])),
  }
}

/** sha256 of the files that options name. @throws {PrepError} as `stepInputs` */
const hashFiles = ({ stage, options }: Step): StepInputs['files'] =>
  Object.fromEntries((stage.files?.(options) ?? []).map(path => [path, sha256File(path)]))

/** sha256 of the files below the output that people have edited. */
export const hashEdits = ({ stage, options }: Step, output: string): StepInputs['files'] =>
  Object.fromEntries(
    (stage.edits?.(options) ?? [])
      .filter(path => existsSync(join(output, path)))
      .map(path => [path, sha256File(join(output, path))]),
  )

const sampleKey = (sample: Sample): string => fingerprint(sample as unknown as Json).slice(0, 16)

export const stepKey = (from: StepInputs): string => fingerprint(from as unknown as Json)

const recordPath = (output: string, { index, stage }: Step): string =>
  join(cacheFolder(output), 'steps', `${String(index).padStart(2, '0')}-${stage.name.replace(/[^\w-]/g, '_')}.json`)

export async function readStepRecord(output: string, step: Step): Promise<StepRecord | undefined> {
  try {
    return JSON.parse(await readFile(recordPath(output, step), 'utf8')) as StepRecord
  } catch {
    return undefined
  }
}

export function writeStepRecord(output: string, step: Step, record: StepRecord): Promise<void> {
  return writeFileAtomic(recordPath(output, step), JSON.stringify(record), { sync: false })
}

export function forgetSteps(output: string): Promise<void> {
  return rm(join(cacheFolder(output), 'steps'), { recursive: true, force: true })
}

/** Why a step is made: the difference between what it was made from and what it would be made from now, in words. */
export function explainChange(before: StepInputs | undefined, now: StepInputs): string {
  if (!before) return 'first run'
  const reasons = [
    ...changedOptions(before.options, now.options),
    ...changedFiles(before.files, now.files),
    ...changedSamples(before.samples, now.samples),
    ...Object.keys(now.artefacts).flatMap(name =>
      before.artefacts[name] === now.artefacts[name] ? [] : [`the ${name} changed`],
    ),
  ]
  if (before.skipped !== now.skipped) reasons.push('other photos were left out before it')
  if (before.version !== now.version) reasons.push(`stage version ${before.version} -> ${now.version}`)
  if (before.module !== now.module) reasons.push('the stage’s own file changed')
  if (before.codec !== now.codec) reasons.push(`image codec ${before.codec} -> ${now.codec}`)
  if (before.seed !== now.seed) reasons.push(`seed ${before.seed} -> ${now.seed}`)
  return reasons.join('; ') || 'its results are gone'
}

export function changedFiles(before: StepInputs['files'], now: StepInputs['files']): string[] {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(now)])]
  return paths.flatMap(path => (before[path] === now[path] ? [] : [`${path} ${now[path] ? 'changed' : 'is gone'}`]))
}

function changedOptions(before: StepInputs['options'], now: StepInputs['options']): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])]
  return names.flatMap(name => {
    const [a, b] = [JSON.stringify(before[name]), JSON.stringify(now[name])]
    return a === b ? [] : [`option ${name}: ${a ?? 'unset'} -> ${b ?? 'unset'}`]
  })
}

function changedSamples(before: StepInputs['samples'], now: StepInputs['samples']): string[] {
  const added = Object.keys(now).filter(name => !(name in before)).length
  const removed = Object.keys(before).filter(name => !(name in now)).length
  const changed = Object.keys(now).filter(name => name in before && before[name] !== now[name]).length
  const parts = [added && `${added} added`, removed && `${removed} removed`, changed && `${changed} changed`].filter(
    Boolean,
  )
  return parts.length ? [`photos: ${parts.join(', ')}`] : []
}
