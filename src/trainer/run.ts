/** Training beside the caller: in a process of its own, so that progress, signals and servers live while it computes. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { PrepError, systemCode } from '../errors.js'
import { workerEntry } from '../workers/entry.js'
import type { TrainEvent, TrainResult } from './events.js'
import { type FromTrainer, type ToTrainer, unpackError } from './messages.js'
import type { TrainJob } from './setup.js'

export interface RunTraining extends TrainJob {
  /** Ends the training after the step in hand, with a checkpoint; the same call then goes on from it. */
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: ((event: TrainEvent) => void) | undefined
}

/**
 * Variables for a process that trains: glibc would give the memory of large tensors back to the system after each step,
 * and find and clear it again in the next. It reads them at the start of a process only; other systems ignore them.
 */
export const TRAINER_ENVIRONMENT: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: '4000000000',
  MALLOC_TRIM_THRESHOLD_: '8000000000',
}

/** What is kept of the process's last words on standard error, in characters. */
const LAST_WORDS = 4000

/**
 * Train in a process of its own, which ends with this one, however that ends.
 *
 * @returns what was reached; `interrupted` when `signal` ended it before its last step
 * @throws {PrepError} as `train` does; `OUT_OF_MEMORY` when the process runs out of memory; `INTERRUPTED` when a signal
 *   ended it before it had begun
 */
export function runTraining({ signal, onEvent, ...job }: RunTraining): Promise<TrainResult> {
  const child = fork(fileURLToPath(workerEntry('trainer/worker.js')), [], {
    env: { ...TRAINER_ENVIRONMENT, ...process.env },
    execArgv: [],
    serialization: 'advanced',
    // the child lives while its standard input is open
    stdio: ['pipe', 'ignore', 'pipe', 'ipc'],
  })
  let lastWords = ''
  child.stderr!.setEncoding('utf8').on('data', text => {
    lastWords = (lastWords + text).slice(-LAST_WORDS)
  })
  // a child that is gone needs no telling: its end says why
  const tell = (message: ToTrainer): void => void (child.connected && child.send(message, () => {}))
  const stop = (): void => tell({ type: 'stop' })
  tell({ type: 'train', job })
  if (signal?.aborted) stop()
  signal?.addEventListener('abort', stop, { once: true })

  return new Promise<TrainResult>((resolve, reject) => {
    let settle: (() => void) | undefined
    child.on('message', (message: FromTrainer) => {
      if (message.type === 'event') return onEvent?.(message.event)
      settle = () => (message.type === 'result' ? resolve(message.result) : reject(explain(unpackError(message.error))))
      child.stdin!.destroy()
    })
    child.on('error', error => {
      settle ??= () => reject(explain(error))
      if (child.pid === undefined) settle()
    })
    // its files and memory are free again before the caller goes on
    child.on('close', () => (settle ? settle() : reject(deathOf(child, lastWords, signal?.aborted === true))))
  }).finally(() => signal?.removeEventListener('abort', stop))
}

/** How V8's heap, its array buffers and native engines say that memory is used up. */
const NO_MEMORY = /ERR_WORKER_OUT_OF_MEMORY|allocation failed|failed to allocate|bad_alloc|out of memory/i

/** Did work end for want of memory, in whatever words its engine says so? */
export const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error && !(error instanceof PrepError) && NO_MEMORY.test(`${systemCode(error)} ${error.message}`)

function explain(error: Error): Error {
  if (!isOutOfMemory(error)) return error
  return outOfMemory(error.message, error)
}

/** Why a child that said nothing ended. */
function deathOf({ signalCode, exitCode }: ChildProcess, lastWords: string, stopping: boolean): Error {
  if (stopping && signalCode !== null && signalCode !== 'SIGKILL')
    return new PrepError('INTERRUPTED', 'training was stopped before it had begun')
  if (signalCode === 'SIGKILL') return outOfMemory('the system killed it')
  if (NO_MEMORY.test(lastWords)) return outOfMemory('it ended itself', new Error(lastWords))
  const how = signalCode ?? `exit code ${exitCode}`
  return new Error(`the training process ended without a result (${how})${lastWords && `\n${lastWords}`}`)
}

function outOfMemory(how: string, cause?: Error): PrepError {
  return new PrepError('OUT_OF_MEMORY', `training ran out of memory (${how})`, {
    hint: 'lower batch, width, or the size of the images; checkpoints written so far are intact',
    cause,
  })
}
