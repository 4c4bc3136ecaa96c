/** Runs a pipeline: step after step, each reused when nothing that it depends on has changed. Events out, no printing. */
import { PrepError } from '../errors.js'
import { failureClass } from '../failure-classes.js'
import { CODEC_VERSION } from '../images/decode.js'
import { WorkerPool } from '../workers/pool.js'
import { makeContext } from './context.js'
import type { RunEvent } from './events.js'
import { checkInputFiles } from './input-files.js'
import { cacheFolder, claimOutput } from './output.js'
import type { Pipeline, Step } from './parse.js'
import { removeReport, type StepReport, tellsOfSuccess, writeReport } from './report.js'
import { RunLog } from './run-log.js'
import type { Failure, SampleSet } from './stage.js'
import {
  explainChange,
  forgetSteps,
  readStepRecord,
  type StepRecord,
  stepInputs,
  stepKey,
  writeStepRecord,
} from './step-record.js'
import { Store } from './store.js'

export interface RunOptions {
  /** How many samples are worked on at a time. */
  readonly jobs: number
  /** Take nothing from earlier runs. */
  readonly fresh?: boolean
  /** Try failures of these classes again, and no others. */
  readonly retry?: ReadonlySet<string>
  /** Index of the step to begin anew at; earlier ones are reused where they can be. */
  readonly from?: number
  /** Index of the last step to run. */
  readonly until?: number
  /** Abort to finish the sample in hand, write state and stop. */
  readonly signal?: AbortSignal
  readonly onEvent?: (event: RunEvent) => void
}

export interface RunSummary {
  readonly status: 'done' | 'unchanged'
  readonly output: string
  readonly set: SampleSet
  readonly failures: readonly Failure[]
  readonly steps: readonly StepReport[]
  readonly seconds: number
}

/**
 * Run the pipeline and leave its results in the output folder.
 *
 * The same inputs give byte-identical results for any `jobs`, after any interruption. Photos that cannot be used are
 * left out, counted and listed.
 *
 * @throws {PrepError} `TOO_MANY_FAILURES`, `INTERRUPTED`, `OUTPUT_*`, `DISK_FULL`, or whatever a stage reports
 */
export async function runPipeline(pipeline: Pipeline, options: RunOptions): Promise<RunSummary> {
  const claim = await claimOutput(pipeline)
  const log = new RunLog(pipeline.output)
  const pool = new WorkerPool(options.jobs)
  const started = performance.now()
  const emit = (event: RunEvent): void => {
    log.append(event)
    options.onEvent?.(event)
  }
  emit({
    type: 'run-start',
    pipeline: pipeline.name,
    output: pipeline.output,
    steps: pipeline.steps.map(({ stage }) => stage.name),
  })
  const failures: Failure[] = []
  const end = (status: 'done' | 'unchanged' | 'interrupted' | 'failed', samples: number, error?: PrepError): void =>
    emit({
      type: 'run-end',
      pipeline: pipeline.name,
      status,
      samples,
      skipped: failures.length,
      seconds: secondsSince(started),
      ...(error && { code: error.code, message: error.message }),
    })
  const run = new Run(pipeline, options, pool, emit, failures)
  try {
    await checkInputFiles(pipeline, options.until)
    if (options.fresh) await forgetSteps(pipeline.output)
    const set = await run.all()
    const status = run.steps.every(step => step.status === 'unchanged') ? 'unchanged' : 'done'
    const summary: RunSummary = {
      status,
      output: pipeline.output,
      set,
      failures,
      steps: run.steps,
      seconds: secondsSince(started),
    }
    if (status === 'done' || !(await tellsOfSuccess(pipeline)))
      await writeReport(pipeline, { ...summary, status: 'done' })
    end(status, set.samples.length)
    return summary
  } catch (error) {
    if (error instanceof PrepError) {
      const status = error.code === 'INTERRUPTED' ? 'interrupted' : 'failed'
      const { set, steps } = run
      // Where even this cannot be written, the error itself says why.
      await writeReport(pipeline, { status, error, set, failures, steps, seconds: secondsSince(started) }).catch(
        () => {},
      )
      end(status, set.samples.length, error)
    }
    throw error
  } finally {
    pool.close()
    log.close()
    await claim.release()
  }
}

const secondsSince = (started: number): number => Number(((performance.now() - started) / 1000).toFixed(3))

/** One run in progress. */
class Run {
  readonly steps: StepReport[] = []
  /** What the last step that ended gave. */
  set: SampleSet = { samples: [], artefacts: {} }
  readonly #store: Store
  #total = 0

  constructor(
    readonly pipeline: Pipeline,
    readonly options: RunOptions,
    readonly pool: WorkerPool,
    readonly emit: (event: RunEvent) => void,
    readonly failures: Failure[],
  ) {
    this.#store = new Store(cacheFolder(pipeline.output))
  }

  /** All steps; once more from the start when a stored result turns out to be damaged (it has then been removed). */
  async all(): Promise<SampleSet> {
    try {
      return await this.#once()
    } catch (error) {
      if (!(error instanceof PrepError) || error.code !== 'CACHE_DAMAGED') throw error
      this.emit({ type: 'warning', step: this.steps.length, message: `${error.message}: making it again` })
      await forgetSteps(this.pipeline.output)
      this.steps.length = 0
      this.failures.length = 0
      return await this.#once()
    }
  }

  async #once(): Promise<SampleSet> {
    const { steps } = this.pipeline
    this.set = { samples: [], artefacts: {} }
    for (const step of steps.slice(0, (this.options.until ?? steps.length - 1) + 1)) {
      this.set = await this.#step(step, this.set)
      this.#checkFailures(step, this.set)
    }
    return this.set
  }

  async #step(step: Step, set: SampleSet): Promise<SampleSet> {
    const { output, seed } = this.pipeline
    const { stage, index } = step
    const started = performance.now()
    const from = await stepInputs(step, { output, seed, codec: CODEC_VERSION, set, skipped: this.failures })
    const key = stepKey(from)
    const before = await readStepRecord(output, step)
    const forced = this.options.fresh || (this.options.from !== undefined && index >= this.options.from)
    const retried = before?.failures.some(({ code }) => this.options.retry?.has(failureClass(code))) ?? false
    const reuse =
      !forced &&
      !retried &&
      !stage.source &&
      before?.key === key &&
      ((await stage.intact?.(before.result, step.options, output)) ?? true)
    let record: StepRecord
    if (reuse && before) {
      record = before
      this.emit({ type: 'step-start', step: index, stage: stage.name, reason: 'unchanged' })
    } else {
      const reason = this.options.fresh
        ? 'asked to start fresh'
        : forced
          ? 'asked by --from'
          : retried
            ? 'failures are tried again'
            : explainChange(before?.from, from)
      this.emit({
        type: 'step-start',
        step: index,
        stage: stage.name,
        reason: stage.source ? 'look for photos' : reason,
      })
      if (!stage.source) await removeReport(this.pipeline)
      const failures: Failure[] = []
      const notes: string[] = []
      const result = await this.#execute(step, set, failures, notes)
      const same = stage.source && before && JSON.stringify(before.result) === JSON.stringify(result)
      record = same
        ? { ...before, failures, notes }
        : { key, from, reason, at: new Date().toISOString(), seconds: secondsSince(started), result, failures, notes }
      if (!same || JSON.stringify(before.failures) !== JSON.stringify(failures)) {
        await removeReport(this.pipeline)
        await writeStepRecord(output, step, record)
      }
    }
    for (const failure of reuse ? record.failures : []) this.emit({ type: 'skip', step: index, failure })
    this.failures.push(...record.failures)
    const status = record === before || (stage.source && record.result === before?.result) ? 'unchanged' : 'done'
    const report: StepReport = {
      stage: stage.name,
      status,
      reason: record.reason,
      samples: record.result.samples.length,
      skipped: record.failures.length,
      seconds: secondsSince(started),
      notes: record.notes ?? [],
    }
    this.steps.push(report)
    this.emit({
      type: 'step-end',
      step: index,
      stage: stage.name,
      status,
      samples: report.samples,
      seconds: report.seconds,
    })
    this.#total = Math.max(this.#total, record.result.samples.length + this.failures.length)
    return record.result
  }

  #execute(step: Step, set: SampleSet, failures: Failure[], notes: string[]): Promise<SampleSet> {
    const context = makeContext({
      pipeline: this.pipeline,
      step,
      codec: CODEC_VERSION,
      options: this.options,
      pool: this.pool,
      store: this.#store,
      emit: event => {
        if (event.type === 'note') notes.push(event.message)
        this.emit(event)
      },
      skipped: [...this.failures],
      fail: failure => {
        failures.push(failure)
        this.emit({ type: 'skip', step: step.index, failure })
      },
    })
    return step.stage.run(set, step.options, context)
  }

  #checkFailures({ stage }: Step, set: SampleSet): void {
    const { maxFailures } = this.pipeline
    const limit = 'count' in maxFailures ? maxFailures.count : Math.floor(maxFailures.share * this.#total)
    const unwanted = this.failures.filter(({ wanted }) => !wanted)
    const failed = unwanted.length
    if (failed <= limit && (set.samples.length > 0 || !failed)) return
    const counts = new Map<string, number>()
    for (const { code } of unwanted) counts.set(code, (counts.get(code) ?? 0) + 1)
    const list = [...counts].map(([code, count]) => `${count} ${code}`).join(', ')
    const examples = unwanted.slice(0, 3).map(({ source, message }) => `\n  ${source}: ${message}`)
    const [why, hint] =
      failed > limit
        ? [
            `more than max_failures allows (${limit})`,
            `prep failures ${this.pipeline.output} shows all: mend or remove them, or raise max_failures in the pipeline`,
          ]
        : ['and none is left', `prep failures ${this.pipeline.output} shows all: mend or replace them`]
    throw new PrepError(
      'TOO_MANY_FAILURES',
      `${failed} of ${this.#total} photos cannot be used after ${stage.name}, ${why}: ${list}${examples.join('')}`,
      { hint },
    )
  }
}
