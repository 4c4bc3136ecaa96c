/** Worker processes for per-sample work: started on first use, bounded, results in order, whatever a photo does to them. */
import { type ErrorCode, PrepError } from '../errors.js'
import type { TaskResult } from '../pipeline/stage.js'
import { MemoryBudget } from './memory-budget.js'
import type { WorkerCall, WorkerReply } from './sample-worker.js'
import { WorkerProcess } from './worker-process.js'

/** What a batch should take, waiting included. */
const BATCH_MS = 40
const MAX_BATCH = 64
/** Batches that a process has in hand: while one photo is decoded in the background, the one before is worked on. */
const BATCHES_PER_PROCESS = 2
/** What decoders may hold at a time, over all processes; a photo that needs more is decoded alone. */
const DECODE_BYTES = 512 * 2 ** 20

export class WorkerPool {
  readonly #memory = new MemoryBudget(DECODE_BYTES)
  readonly #processes: readonly WorkerProcess[]
  readonly #batches: number

  /** @param jobs  processes, each with two photos in hand; a single one takes them one at a time, to spare memory */
  constructor(jobs: number) {
    this.#processes = Array.from({ length: jobs }, () => new WorkerProcess(this.#memory))
    this.#batches = jobs === 1 ? 1 : BATCHES_PER_PROCESS
  }

  /**
   * Run every call. One that takes longer than it may, or ends its process, fails alone: nothing else is lost, though
   * what shared its process is begun again.
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
    const settle = (index: number, reply: WorkerReply): void => {
      if (reply.status === 'error') throw revive(reply.error)
      results[index] = reply
      onResult(reply)
    }
    const lane = async (worker: WorkerProcess): Promise<void> => {
      while (next < calls.length && failure === undefined && !signal.aborted) {
        const start = next
        next = Math.min(start + this.#batchSize(calls.length - start, msPerCall), calls.length)
        const began = performance.now()
        try {
          await this.#runBatch(worker, calls.slice(start, next), (place, reply) => settle(start + place, reply))
          msPerCall = (performance.now() - began) / (next - start)
        } catch (error) {
          failure ??= error
        }
      }
    }
    const lanes = Array.from({ length: this.#batches }, () => this.#processes).flat()
    await Promise.all(lanes.slice(0, calls.length).map(lane))
    if (failure !== undefined) throw failure
    if (signal.aborted && next < calls.length)
      throw new PrepError('INTERRUPTED', 'stopped before all samples were done')
    return results
  }

  /** Short calls travel together: a trip to a process costs about a millisecond. Towards the end all share. */
  #batchSize(left: number, msPerCall: number): number {
    const share = Math.floor(left / (2 * this.#batches * this.#processes.length))
    return Math.max(1, Math.min(Math.round(BATCH_MS / msPerCall), MAX_BATCH, share))
  }

  async #runBatch(
    worker: WorkerProcess,
    calls: readonly WorkerCall[],
    onReply: (place: number, reply: WorkerReply) => void,
  ): Promise<void> {
    let replied = 0
    const take = (reply: WorkerReply): void => onReply(replied++, reply)
    while (replied < calls.length) {
      const ending = await worker.run(calls.slice(replied), take)
      if (ending.status === 'done') return
      const call = calls[replied]!
      if (ending.status === 'overdue') take(timedOut(call, ending.seconds))
      if (ending.status === 'died') take(await this.#runAlone(call))
    }
  }

  /** In a process of its own: should that die too, it is this call's doing. */
  async #runAlone(call: WorkerCall): Promise<WorkerReply> {
    const worker = new WorkerProcess(this.#memory)
    let reply: WorkerReply | undefined
    try {
      const ending = await worker.run([call], given => {
        reply = given
      })
      if (ending.status === 'overdue') return timedOut(call, ending.seconds)
      return reply ?? died(call, ending.status === 'died' ? ending.how : 'ended')
    } finally {
      worker.close()
    }
  }

  close(): void {
    for (const worker of this.#processes) worker.close()
  }
}

const failed = ({ sample }: WorkerCall, code: ErrorCode, message: string, hint: string): WorkerReply =>
  sample
    ? {
        status: 'failed',
        failure: { sample: sample.name, source: sample.source, code, message: `${message}: ${hint}` },
      }
    : { status: 'error', error: { code, message, hint } }

const timedOut = (call: WorkerCall, seconds: number): WorkerReply =>
  failed(call, 'DECODE_TIMEOUT', `took longer than ${seconds} s to decode`, 'raise max_seconds if the file is trusted')

const died = (call: WorkerCall, how: string): WorkerReply =>
  failed(
    call,
    'WORKER_DIED',
    `${call.stage} ended its process (${how}), twice`,
    'if memory is short, use --jobs 1; else replace the file',
  )

const revive = ({ code, message, hint }: { code: string; message: string; hint: string | undefined }): PrepError =>
  new PrepError(code as ErrorCode, message, { hint })
