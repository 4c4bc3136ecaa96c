/** Training beside the caller: in a thread of its own, so that progress, signals and servers live while it computes. */
import { Worker } from 'node:worker_threads'
import { PrepError, systemCode } from '../errors.js'
import { workerEntry } from '../workers/entry.js'
import type { TrainEvent, TrainResult } from './events.js'
import { unpackError, type WorkerData, type WorkerMessage } from './messages.js'
import type { TrainJob } from './setup.js'

export interface RunTraining extends TrainJob {
  /** Ends the training after the step in hand, with a checkpoint; the same call then goes on from it. */
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: ((event: TrainEvent) => void) | undefined
}

/**
 * Train in a worker thread.
 *
 * @returns what was reached; `interrupted` when `signal` ended it before its last step
 * @throws {PrepError} as `train` does, and `OUT_OF_MEMORY` when the thread runs out of memory
 */
export function runTraining({ signal, onEvent, ...job }: RunTraining): Promise<TrainResult> {
  const stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  const data: WorkerData = { job, stop }
  const worker = new Worker(workerEntry('trainer/worker.js'), { workerData: data })
  const abort = (): void => void Atomics.store(new Int32Array(stop), 0, 1)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort, { once: true })

  return new Promise<TrainResult>((resolve, reject) => {
    let settle = (): void => reject(new Error('the training thread ended without a word'))
    worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'event') onEvent?.(message.event)
      else if (message.type === 'result') settle = () => resolve(message.result)
      else settle = () => reject(explain(unpackError(message.error)))
    })
    worker.on('error', error => {
      settle = () => reject(explain(error))
    })
    // the thread's files and memory are free again before the caller goes on
    worker.on('exit', () => settle())
  }).finally(() => signal?.removeEventListener('abort', abort))
}

/** How V8's heap, its array buffers and native engines say that memory is used up. */
const NO_MEMORY = /ERR_WORKER_OUT_OF_MEMORY|allocation failed|failed to allocate|bad_alloc|out of memory/i

function explain(error: Error): Error {
  if (error instanceof PrepError || !NO_MEMORY.test(`${systemCode(error)} ${error.message}`)) return error
  return new PrepError('OUT_OF_MEMORY', `training ran out of memory (${error.message})`, {
    hint: 'lower batch, width, or the size of the images; checkpoints written so far are intact',
    cause: error,
  })
}
