/** Worker threads for per-sample work: started on first use, bounded, results in order. */
import { Piscina } from 'piscina'
import { type ErrorCode, PrepError } from '../errors.js'
import type { TaskResult } from '../pipeline/stage.js'
import { workerEntry } from './entry.js'
import type { WorkerCall, WorkerReply } from './sample-worker.js'

export class WorkerPool {
  readonly #threads: number
  #pool: Piscina<WorkerCall, WorkerReply> | undefined

  /** @param threads  how many tasks run at a time; one thread each */
  constructor(threads: number) {
    this.#threads = threads
  }

  /**
   * Run every call, at most `threads` at a time.
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
    const lane = async (): Promise<void> => {
      while (next < calls.length && failure === undefined && !signal.aborted) {
        const index = next++
        try {
          const reply = await this.#start().run(calls[index]!)
          if (reply.status === 'error') throw revive(reply.error)
          results[index] = reply
          onResult(reply)
        } catch (error) {
          failure ??= error
        }
      }
    }
    // One call more than threads is queued, so that no thread waits for the main thread.
    await Promise.all(Array.from({ length: Math.min(calls.length, this.#threads + 1) }, lane))
    if (failure !== undefined) throw failure
    if (signal.aborted && next < calls.length)
      throw new PrepError('INTERRUPTED', 'stopped before all samples were done')
    return results
  }

  #start(): Piscina<WorkerCall, WorkerReply> {
    this.#pool ??= new Piscina<WorkerCall, WorkerReply>({
      filename: workerEntry('workers/sample-worker.js').href,
      minThreads: this.#threads,
      maxThreads: this.#threads,
      concurrentTasksPerWorker: 1,
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
