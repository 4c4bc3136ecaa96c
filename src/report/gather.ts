/** Reads what a run left and gives it as one plain object, with the pictures that it speaks of. Nothing is drawn here. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PrepError } from '../errors.js'
import { isClaimed, type Origin } from '../pipeline/output.js'
import type { SampleSet } from '../pipeline/stage.js'
import type { StepInputs, StepRecord } from '../pipeline/step-record.js'
import { readRecords } from '../pipeline/why.js'
import { type Advice, readAdvice } from './advice.js'
import { gatherData } from './data.js'
import type { Outcome, OutcomeStatus, ProvenanceFacts, RunFacts, StepFacts } from './facts.js'
import { type History, readHistory } from './history.js'
import { type PackedDataset, readPacked } from './packed.js'
import { PictureList } from './picture-list.js'
import { gatherProvenance } from './provenance.js'
import { makeRedactor } from './secrets.js'
import { gatherTraining, readNewestState } from './training.js'
import { reasonSecrets } from './yaml-secrets.js'

export interface Gathered {
  readonly facts: RunFacts
  /** Places as they are, which the facts may not tell. */
  readonly run: string
  readonly checkpoints: { readonly files: readonly string[]; readonly best?: string | undefined }
  readonly packed: PackedDataset | undefined
  readonly pictures: PictureList
  /** Takes secrets out of what is added to the facts later. */
  readonly redact: <T>(data: T) => T
}

/** What report.json is read for. */
interface ReportFile {
  readonly status?: string
  readonly at?: string
  readonly error?: { readonly code: string; readonly message: string }
  readonly stages?: readonly { readonly stage: string; readonly options: unknown }[]
  readonly machine?: ProvenanceFacts['machine']
}

/**
 * @param run  output folder of a run, finished or not
 * @throws {PrepError} `FILE_MISSING` for a folder that holds no run, `FILE_UNREADABLE`
 */
export async function gather(run: string): Promise<Gathered> {
  const origin = parse<Origin>(await readFile(join(run, 'pipeline.json'), 'utf8').catch(() => ''))
  const records = currentRecords(await readRecords(run))
  if (origin?.madeBy !== 'prep' && records.length === 0)
    throw new PrepError('FILE_MISSING', `${run} holds no run`, {
      hint: 'name the output folder of a run, such as runs/quickstart',
    })
  const report = parse<ReportFile>(await readFile(join(run, 'report.json'), 'utf8').catch(() => '')) ?? {}
  const history = await readHistory(join(run, 'run.jsonl'))
  const packed = await readPacked(run, records)
  const advice = await readAdvice()
  const state = await readNewestState(join(run, 'train'))
  const pictures = new PictureList()
  const { machine } = report
  const provenance = await gatherProvenance({ run, origin, records, packed, state, machine })
  const options = report.stages?.find(({ stage }) => stage === 'train')?.options
  const training = await gatherTraining({ run, history, packed, options }, state, pictures)
  const facts: RunFacts = {
    run,
    name: origin?.pipeline ?? run,
    outcome: outcomeOf(report, history, { busy: await isClaimed(run), advice, command: provenance.command }),
    history: history.attempts,
    steps: records.map(record => stepOf(record, history)),
    data: await gatherData({ run, records, packed, advice }, pictures),
    ...(training && { training }),
    provenance: provenance.facts,
  }
  const redact = makeRedactor(provenance.secrets)
  const checkpoints = { files: training?.checkpoints.map(({ file }) => file) ?? [], best: training?.best?.file }
  return { facts: redact(facts), run, checkpoints, packed, pictures, redact }
}

/**
 * The records that follow from each other: when a run was stopped after a step was made anew, those after it still tell
 * of what there was before, and are left out.
 */
function currentRecords(records: readonly StepRecord[]): StepRecord[] {
  const current: StepRecord[] = []
  for (const record of records) {
    if (!record.from || !Array.isArray(record.result?.samples)) continue
    const before = current.at(-1)?.result
    if (before && !followsFrom(record.from, before)) break
    current.push(record)
  }
  return current
}

function followsFrom({ artefacts, samples }: StepInputs, before: SampleSet): boolean {
  const names = Object.keys(samples)
  // a step that works on products of the whole set alone names no samples
  const sameSamples =
    names.length === 0 ||
    (names.length === before.samples.length && before.samples.every(({ name }) => Object.hasOwn(samples, name)))
  const given = new Map(Object.entries(before.artefacts).map(([name, { key }]) => [name, key]))
  return sameSamples && Object.entries(artefacts).every(([name, key]) => given.get(name) === key)
}

function stepOf({ from, at, reason, seconds, result, failures, notes = [] }: StepRecord, history: History): StepFacts {
  return {
    stage: from.stage,
    at,
    reason: reasonSecrets(reason).told,
    seconds,
    samples: result.samples.length,
    skipped: failures.length,
    notes,
    warnings: history.warnings.get(from.stage) ?? [],
  }
}

interface Circumstances {
  /** A run is writing the folder. */
  readonly busy: boolean
  readonly advice: ReadonlyMap<string, Advice>
  readonly command: string | undefined
}

const STATUSES: readonly string[] = ['done', 'failed', 'interrupted']

/** By the log, which tells of runs that were killed as well; without one, by report.json. */
function outcomeOf(report: ReportFile, history: History, { busy, advice, command }: Circumstances): Outcome {
  const last = history.attempts.at(-1)
  const told = STATUSES.includes(report.status ?? '') ? (report.status as OutcomeStatus) : 'unknown'
  const ended: OutcomeStatus = last?.status ?? told
  const status: OutcomeStatus = ended === 'lost' && busy ? 'running' : ended
  const at = last?.ended ?? history.lastAt ?? report.at
  const code = history.end?.code ?? report.error?.code
  const message = history.end?.message ?? report.error?.message ?? ''
  const failed = status === 'failed' && code !== undefined
  return {
    status,
    ...(at && { at }),
    ...(failed && { error: { code, message, ...(advice.get(code) && { advice: advice.get(code)!.advice }) } }),
    ...(command !== undefined && status !== 'done' && status !== 'running' && { goOn: command }),
  }
}

function parse<T>(text: string): (Partial<T> & T) | undefined {
  try {
    const data: unknown = JSON.parse(text)
    return data !== null && typeof data === 'object' ? (data as T & Partial<T>) : undefined
  } catch {
    return undefined
  }
}
