/** What a stage may use while it runs, bound to one step of one run. */
import { join } from 'node:path'
import type { WorkerPool } from '../workers/pool.js'
import type { WorkerCall } from '../workers/sample-worker.js'
import type { RunEvent } from './events.js'
import { fingerprint, type Json } from './fingerprint.js'
import { cacheFolder } from './output.js'
import { settleFolder, staleItems } from './output-folder.js'
import type { Pipeline, Step } from './parse.js'
import type { RunOptions } from './run.js'
import type { Failure, FolderItem, StageContext, TaskCall, TaskResult } from './stage.js'
import type { Store } from './store.js'

export interface ContextParts {
  readonly pipeline: Pipeline
  readonly step: Step
  readonly codec: string
  readonly options: RunOptions
  readonly pool: WorkerPool
  readonly store: Store
  readonly emit: (event: RunEvent) => void
  readonly skipped: readonly Failure[]
  readonly fail: (failure: Failure) => void
}

/** Ticks of progress closer together than this are left out. */
const TICK_MS = 100

export function makeContext({
  pipeline,
  step,
  codec,
  options,
  pool,
  store,
  emit,
  skipped,
  fail,
}: ContextParts): StageContext {
  const { stage, module, index } = step
  const cache = cacheFolder(pipeline.output)
  const fresh = (options.fresh ?? false) || (options.from !== undefined && index >= options.from)
  const signal = options.signal ?? new AbortController().signal
  const keyBase = fingerprint({ stage: stage.name, version: stage.version, module: module?.sha256, codec })

  const map = (task: string, calls: readonly TaskCall[], label = task): Promise<TaskResult[]> =>
    mapTasks(
      calls.map(call => ({ task, call })),
      label,
    )

  async function mapTasks(calls: readonly Pick<FolderItem, 'task' | 'call'>[], label: string): Promise<TaskResult[]> {
    if (!calls.length) return []
    let [done, cached, ticked] = [0, 0, 0]
    const tick = (): void => {
      ticked = performance.now()
      emit({ type: 'progress', step: index, label, done, total: calls.length, cached })
    }
    tick()
    const worker = calls.map(
      ({ task, call }): WorkerCall => ({
        ...call,
        cache,
        task,
        keyBase,
        fresh,
        stage: stage.name,
        ...(module && { moduleUrl: module.url }),
      }),
    )
    const results = await pool.map(worker, signal, result => {
      done += 1
      if (result.status === 'done' && result.cached) cached += 1
      if (done === calls.length || performance.now() - ticked > TICK_MS) tick()
    })
    for (const result of results) if (result.status === 'failed') fail(result.failure)
    return results
  }

  return {
    output: pipeline.output,
    cache,
    seed: pipeline.seed,
    jobs: options.jobs,
    fresh,
    signal,
    emit,
    skipped,
    fail,
    map,
    train: event => emit({ type: 'train', step: index, event }),
    note: message => emit({ type: 'note', step: index, message }),
    warn: message => emit({ type: 'warning', step: index, message }),
    progress: (label, done, total) => emit({ type: 'progress', step: index, label, done, total, cached: 0 }),
    bytes: key => store.bytes(key),
    async remember(keyed: Json, make: () => Promise<string>): Promise<string> {
      const key = fingerprint([keyBase, 'remember', keyed])
      if (!fresh && store.head(key)) return Buffer.from(store.bytes(key)).toString('utf8')
      const text = await make()
      store.write(key, { bytes: Buffer.from(text) })
      return text
    },
    async folder(path, items): Promise<void> {
      const folder = join(pipeline.output, path)
      if (new Set(items.map(({ file }) => file)).size < items.length)
        throw new Error(`${folder}: two results for one file`)
      const stale = fresh ? [...items] : await staleItems(folder, items)
      for (const task of new Set(stale.map(item => item.task)))
        await map(
          task,
          stale.flatMap(item => (item.task === task ? [item.call] : [])),
          `write ${path}`,
        )
      await settleFolder(folder, items)
    },
  }
}
