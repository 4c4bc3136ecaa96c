/** What a stage may use while it runs, bound to one step of one run. */
import { join } from 'node:path'
import type { Sample } from '../sample.js'
import type { WorkerPool } from '../workers/pool.js'
import type { AheadCall, WorkerCall } from '../workers/sample-worker.js'
import type { RunEvent } from './events.js'
import { fingerprint, type Json } from './fingerprint.js'
import { cacheFolder } from './output.js'
import { openFolder, settleFolder } from './output-folder.js'
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
  const { index } = step
  const cache = cacheFolder(pipeline.output)
  const fresh = (options.fresh ?? false) || (options.from !== undefined && index >= options.from)
  const signal = options.signal ?? new AbortController().signal
  const ahead = fresh ? NOTHING_AHEAD : findAhead(pipeline, step, codec, options.until)
  const places = new Map<string, CallPlace>()
  const placeFor = (task: string): CallPlace => {
    const place = places.get(task) ?? placeOf(step, codec, task)
    places.set(task, place)
    return place
  }
  const key = (task: string, keyed: Json): string => fingerprint([placeFor(task).keyBase, task, keyed])

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
    const samples = calls.flatMap(({ call }) => call.sample ?? [])
    const chosen = new Map(AHEAD_IMAGES.flatMap(image => ahead[image].map(one => [one, one.among(samples)])))
    const aheadOf = ({ makes = 'photo', sample }: TaskCall): NonNullable<WorkerCall['ahead']> =>
      ahead[makes].filter(one => chosen.get(one)?.has(sample?.sha256 ?? '') ?? true).map(({ call }) => call)
    const worker = calls.map(
      ({ task, call }): WorkerCall => ({
        ...call,
        ...placeFor(task),
        cache,
        task,
        fresh,
        ...(options.retry && { retry: [...options.retry] }),
        ahead: aheadOf(call),
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
    ...(options.retry && { retry: options.retry }),
    emit,
    skipped,
    fail,
    map,
    train: event => emit({ type: 'train', step: index, event }),
    note: message => emit({ type: 'note', step: index, message }),
    warn: message => emit({ type: 'warning', step: index, message }),
    progress: (label, done, total) => emit({ type: 'progress', step: index, label, done, total, cached: 0 }),
    key,
    bytes: key => store.bytes(key),
    async remember(keyed: Json, make: () => Promise<string>): Promise<string> {
      const kept = key('remember', keyed)
      if (!fresh && store.head(kept)) return Buffer.from(store.bytes(kept)).toString('utf8')
      const text = await make()
      store.write(kept, { bytes: Buffer.from(text) })
      return text
    },
    stale: (path, items) => openFolder(join(pipeline.output, path), items, fresh),
    async folder(path, items, made): Promise<void> {
      const folder = join(pipeline.output, path)
      if (new Set(items.map(({ file }) => file)).size < items.length)
        throw new Error(`${folder}: two results for one file`)
      const stale = await openFolder(folder, items, fresh)
      const missing = items.filter(({ file }) => stale.has(file) && !made?.has(file))
      await mapTasks(missing, `write ${path}`)
      await settleFolder(folder, items)
    },
  }
}

/** Where a worker finds a step's stage, and what enters the keys of its results. */
type CallPlace = Pick<WorkerCall, 'stage' | 'moduleUrl' | 'keyBase'>

function placeOf({ stage, module }: Step, codec: string, task: string): CallPlace {
  const shared = stage.shared?.[task]
  const keyBase = fingerprint(
    shared === undefined
      ? { stage: stage.name, version: stage.version, module: module?.sha256, codec }
      : { shared: task, version: shared, module: module?.sha256, codec },
  )
  return { stage: stage.name, keyBase, ...(module && { moduleUrl: module.url }) }
}

interface AheadTask {
  readonly call: AheadCall
  among(samples: readonly Sample[]): ReadonlySet<string> | undefined
}
const AHEAD_IMAGES = ['photo', 'drawing', 'label'] as const
type AheadTasks = Readonly<Record<(typeof AHEAD_IMAGES)[number], AheadTask[]>>
const NOTHING_AHEAD: AheadTasks = { photo: [], drawing: [], label: [] }

/** What later steps will want of each image that this step makes, as long as photos do not change again. */
function findAhead({ steps }: Pipeline, { stage, index }: Step, codec: string, until = steps.length - 1): AheadTasks {
  const found: AheadTasks = { photo: [], drawing: [], label: [] }
  if (!stage.gives.includes('photo')) return found
  for (const later of steps.slice(index + 1, until + 1)) {
    const { options } = later
    const { ahead = [], gives } = later.stage
    for (const [index, wish] of ahead.entries()) {
      const image = wish.wanted(options)
      if (!image) continue
      const task = wish.task(options)
      const place = placeOf(later, codec, task)
      // Two steps that share a task want one result.
      if (later.stage.shared?.[task] && found[image].some(({ call }) => call.keyBase === place.keyBase)) continue
      found[image].push({
        call: { ...place, task, index, ...(wish.details && { details: wish.details(options) }) },
        among: samples => wish.among?.(samples, options),
      })
    }
    if (gives.includes('photo')) break
  }
  return found
}
