/** Worker threads for per-sample work: started on first use, bounded, results in order. */
import { Piscina } from 'piscina'
import { type ErrorCode, PrepError } from '../errors.js'
import type { TaskResult } from '../pipeline/stage.js'
import { workerEntry } from './entry.js'
import type { WorkerCall, WorkerReply } from './sample-worker.js'

/** What a batch should take, waiting included. */
const BATCH_MS = 40
const MAX_BATCH = 64
/** Batches that a thread has in hand: while one photo is decoded in the background, the one before is worked on. */
const BATCHES_PER_THREAD = 2

export class WorkerPool {
  readonly #threads: number
  readonly #batches: number
  #pool: Piscina<readonly WorkerCall[], WorkerReply[]> | undefined

  /** @param threads  worker threads, each with two photos in hand; a single one takes them one at a time, to spare memory */
  constructor(threads: number) {
    this.#threads = threads
    this.#batches = threads === 1 ? 1 : BATCHES_PER_THREAD
  }

  /**
   * Run every call.
   *
   * @param onResult  called as results come, in any order
   * @param signal    once aborted no further call starts; those under way finish
   * @returns results in the order of the calls
   * @throws {PrepError} the first that concerns the run rather than a sample; `INTERRUPTED` after an abort
   */
  async map(
    calls: readonly WorkerCall[],
    signal: AbortSignal,
    onResult: (result: TaskResult) => void,
  ): Promise<TaskResult[]> {
    const results = new Array<TaskResult>(calls.length)
    let next = 0
    let failure: unknown
    let msPerCall = BATCH_MS
    const lane = async (): Promise<void> => {
      while (next < calls.length && failure === undefined && !signal.aborted) {
        const start = next
        next = Math.min(start + this.#batchSize(calls.length - start, msPerCall), calls.length)
        const began = performance.now()
        try {
          const replies = await this.#start().run(calls.slice(start, next))
          msPerCall = (performance.now() - began) / (next - start)
          for (const [offset, reply] of replies.entries()) {
            if (reply.status === 'error') throw revive(reply.error)
            results[start + offset] = reply
            onResult(reply)
          }
        } catch (error) {
          failure ??= error
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(calls.length, this.#threads * this.#batches) }, lane))
    if (failure !== undefined) throw failure
    if (signal.aborted && next < calls.length)
      throw new PrepError('INTERRUPTED', 'stopped before all samples were done')
    return results
  }

  /** Short calls travel together: a trip to a thread costs about a millisecond. Towards the end all threads share. */
  #batchSize(left: number, msPerCall: number): number {
    const share = Math.floor(left / (2 * this.#batches * this.#threads))
    return Math.max(1, Math.min(Math.round(BATCH_MS / msPerCall), MAX_BATCH, share))
  }

  #start(): Piscina<readonly WorkerCall[], WorkerReply[]> {
    this.#pool ??= new Piscina<readonly WorkerCall[], WorkerReply[]>({
      filename: workerEntry('workers/sample-worker.js').href,
      minThreads: this.#threads,
      maxThreads: this.#threads,
      concurrentTasksPerWorker: this.#batches,
    })
    return this.#pool
  }

  async close(): Promise<void> {
    await this.#pool?.close({ force: true })
    this.#pool = undefined
  }
}

const revive = ({ code, message, hint }: { code: string; message: string; hint: string | undefined }): PrepError =>
  new PrepError(code as ErrorCode, message, { hint })
