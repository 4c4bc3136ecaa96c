/** One call in a worker process: finds the result of a task in the store, or runs the task and stores it. */
import { PrepError } from '../errors.js'
import { failureClass } from '../failure-classes.js'
import { fingerprint, type Json } from '../pipeline/fingerprint.js'
import type { Stage, TaskCall, TaskOutput, TaskResult, TaskTools } from '../pipeline/stage.js'
import { Store } from '../pipeline/store.js'
import { type Limits, makeTools } from './task-tools.js'

/** A task call as it crosses to the process. */
export interface WorkerCall extends TaskCall {
  readonly cache: string
  readonly stage: string
  /** URL of a custom stage's module. */
  readonly moduleUrl?: string
  readonly task: string
  /** What enters the key besides `keyed`: stage, version, codec. */
  readonly keyBase: string
  readonly fresh: boolean
  /** Classes of failures that are tried again although they are remembered. */
  readonly retry?: readonly string[]
  /** Later steps' tasks on the image that this call makes. */
  readonly ahead?: readonly AheadCall[]
}

/** A later step's task, and what of that step's options its call depends on. */
export interface AheadCall extends Pick<WorkerCall, 'stage' | 'moduleUrl' | 'keyBase' | 'task'> {
  readonly details?: Json
  /** In the stage's list of what it wants done ahead. */
  readonly index: number
}

export type WorkerReply = TaskResult | { readonly status: 'error'; readonly error: SerialisedError }

/** A PrepError that stops the run, on its way to the run. */
export interface SerialisedError {
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
}

/** Failures of the photo itself: the same bytes fail again, so they are remembered and counted. */
const SAMPLE_CODES: ReadonlySet<string> = new Set([
  'NOT_A_FILE',
  'FILE_MISSING',
  'FILE_UNREADABLE',
  'EMPTY_FILE',
  'NOT_AN_IMAGE',
  'UNSUPPORTED_FORMAT',
  'DECODE_FAILED',
  'TOO_MANY_PIXELS',
  'TOO_SMALL',
  'ASPECT',
  'TOO_FEW_COLOURS',
  'LABELS_NOT_IDS',
  'SIZES_DIFFER',
])
const TRANSIENT_CODES: ReadonlySet<string> = new Set(['NOT_A_FILE', 'FILE_MISSING', 'FILE_UNREADABLE'])

const modules = new Map<string, Promise<Stage>>()

function findStage({ stage, moduleUrl }: Pick<WorkerCall, 'stage' | 'moduleUrl'>): Promise<Stage> {
  const id = moduleUrl ?? stage
  const found = modules.get(id)
  if (found) return found
  // Only what is needed is loaded: a process is started sooner.
  const loading = moduleUrl
    ? import(moduleUrl).then(module => module.default as Stage)
    : import(`../stages/${stage}.js`).then(module => (module[stage] ?? module[`${stage}Stage`]) as Stage)
  modules.set(id, loading)
  return loading
}

/** @throws what the task throws that is no PrepError */
export async function runCall(call: WorkerCall, limits: Limits): Promise<WorkerReply> {
  const store = new Store(call.cache)
  const key = call.keyed === undefined ? '' : fingerprint([call.keyBase, call.task, call.keyed])
  const tools = makeTools(store, limits)
  try {
    const head = key && !call.fresh ? store.head(key) : undefined
    if (head && 'facts' in head) return { status: 'done', key, cached: true, facts: head.facts }
    const again = head && 'failure' in head && call.retry?.includes(failureClass(head.failure.code))
    if (head && !again && call.sample) return failed(call, head.failure)
    const task = (await findStage(call)).tasks?.[call.task]
    if (!task) throw new Error(`stage ${call.stage} has no task ${call.task}`)
    const output = await task(call.input as never, tools)
    if (key) store.write(key, output)
    if (key) for (const ahead of call.ahead ?? []) await workAhead(ahead, key, output, store)
    return { status: 'done', key, cached: false, facts: output.facts ?? {} }
  } catch (error) {
    if (!(error instanceof PrepError)) throw error
    if (!call.sample || !SAMPLE_CODES.has(error.code))
      return { status: 'error', error: { code: error.code, message: error.message, hint: error.hint } }
    const failure = { code: error.code, message: error.message }
    if (key && !TRANSIENT_CODES.has(error.code)) store.writeFailure(key, failure)
    return failed(call, failure)
  } finally {
    tools.releaseAll()
  }
}

/** What a later step will ask of the photo just made. It is not this call's business should that fail. */
async function workAhead(ahead: AheadCall, key: string, { image }: TaskOutput, store: Store): Promise<void> {
  if (image?.channels !== 3) return
  const stage = await findStage(ahead)
  const { width, height } = image
  const { keyed, input } = stage.ahead![ahead.index]!.call(
    { kind: 'stored', key, width, height },
    ahead.details as never,
  )
  const aheadKey = fingerprint([ahead.keyBase, ahead.task, keyed!])
  if (store.head(aheadKey)) return
  const tools: TaskTools = {
    load: async () => image,
    bytes: key => store.bytes(key),
    release: () => {},
    guard: (_seconds, work) => work(async () => {}),
  }
  try {
    store.write(aheadKey, await stage.tasks![ahead.task]!(input as never, tools))
  } catch (error) {
    if (!(error instanceof PrepError)) throw error
  }
}

const failed = ({ sample }: WorkerCall, failure: { code: string; message: string }): TaskResult => ({
  status: 'failed',
  failure: { sample: sample!.name, source: sample!.source, ...failure },
})
