/** What a run would do: reads the pipeline, the list of photos and the records of earlier runs; writes nothing. */
import type { Json } from './fingerprint.js'
import { checkInputFiles } from './input-files.js'
import type { Pipeline, Step } from './parse.js'
import { changedFiles, hashEdits, readStepRecord } from './step-record.js'

export interface StepPlan {
  readonly stage: string
  readonly options: { readonly [name: string]: Json }
  /** Names of the options that the file leaves at their default. */
  readonly defaults: readonly string[]
  readonly effects: readonly string[]
  /** Was it run before, and with these options? */
  readonly state: string
}

export interface PipelinePlan {
  readonly name: string
  readonly file: string
  readonly output: string
  readonly seed: number
  readonly photos: { readonly count: number; readonly note?: string }
  readonly steps: readonly StepPlan[]
  /** Rough size of the packed data set. */
  readonly bytes: number
}

/** @throws {PrepError} `NO_MATCHES`, `FILE_MISSING`, `FILE_UNREADABLE` as the run would */
export async function planPipeline(pipeline: Pipeline): Promise<PipelinePlan> {
  const { name, file, output, seed } = pipeline
  await checkInputFiles(pipeline)
  const source = pipeline.steps.find(({ stage }) => stage.preview)
  const photos = (await source?.stage.preview?.(source.options, output)) ?? {
    count: 0,
    note: 'listed by the stage itself',
  }
  const steps: StepPlan[] = []
  for (const step of pipeline.steps) steps.push(await planStep(pipeline, step))
  return { name, file, output, seed, photos, steps, bytes: photos.count * rowBytes(pipeline) }
}

async function planStep({ output }: Pipeline, step: Step): Promise<StepPlan> {
  const { stage } = step
  const options = step.options as { [name: string]: Json }
  const fallback = stage.options.safeParse({})
  const defaults = Object.keys(options).filter(
    name =>
      fallback.success && JSON.stringify((fallback.data as typeof options)[name]) === JSON.stringify(options[name]),
  )
  return {
    stage: stage.name,
    options,
    defaults,
    effects: stage.plan?.(step.options, output) ?? [],
    state: await stateOf(output, step),
  }
}

async function stateOf(output: string, step: Step): Promise<string> {
  if (step.stage.source) return 'looks for new and changed photos each time'
  const record = await readStepRecord(output, step)
  if (!record) return 'to do (first run)'
  const neutral = new Set(step.stage.neutral)
  const options = step.options as { [name: string]: Json }
  const changed = Object.keys({ ...options, ...record.from.options }).filter(
    name => !neutral.has(name) && JSON.stringify(options[name]) !== JSON.stringify(record.from.options[name]),
  )
  if (record.from.stage !== step.stage.name) return 'to do (another stage stood here)'
  if (changed.length)
    return `to do again (${changed.map(name => `${name}: ${JSON.stringify(record.from.options[name])} -> ${JSON.stringify(options[name])}`).join(', ')})`
  const edits = step.stage.edits?.(step.options) ?? []
  const before = Object.fromEntries(Object.entries(record.from.files).filter(([path]) => edits.includes(path)))
  const files = changedFiles(before, hashEdits(step, output))
  if (files.length) return `to do again (${files.join(', ')})`
  return 'reused unless something before it changes'
}

/** Bytes of one packed row: photo, label, checksum and key. */
function rowBytes({ steps }: Pipeline): number {
  const size = (
    steps.find(({ stage }) => stage.name === 'resize')?.options as
      | { size?: number | { width: number; height: number } }
      | undefined
  )?.size
  if (size === undefined || !steps.some(({ stage }) => stage.name === 'pack')) return 0
  const pixels = typeof size === 'number' ? size * size : size.width * size.height
  return pixels * 4 + 40
}
