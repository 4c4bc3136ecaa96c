/**
 * One process that works on samples. A process rather than a thread: native code that hangs cannot be stopped inside a
 * thread, and native code that crashes takes all threads with it. It is started on first use and again after it was lost.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { workerEntry } from './entry.js'
import type { MemoryBudget } from './memory-budget.js'
import type { FromWorker, ToWorker } from './messages.js'
import type { WorkerCall, WorkerReply } from './sample-worker.js'

/** How often the clocks are looked at. */
const TICK_MS = 100

/** How a batch ended. But for `done` the call in hand got no reply, and those after it were not begun. */
export type Ending =
  | { readonly status: 'done' }
  /** The call in hand took longer than this. */
  | { readonly status: 'overdue'; readonly seconds: number }
  /** The process ended by itself; the call in hand may be the cause. */
  | { readonly status: 'died'; readonly how: string }
  /** The process was ended because of another batch. */
  | { readonly status: 'lost' }

interface Batch {
  readonly onReply: (reply: WorkerReply) => void
  readonly end: (ending: Ending) => void
  readonly fail: (error: unknown) => void
  left: number
  /** Seconds that the call in hand may take, where it is on the clock. */
  seconds: number | undefined
  spentMs: number
  /** It has asked for memory, and its clock stands still. */
  waiting: boolean
  /** Gives the memory back. */
  release: (() => void) | undefined
}

export class WorkerProcess {
  readonly #memory: MemoryBudget
  readonly #batches = new Map<number, Batch>()
  #child: ChildProcess | undefined
  #ticker: NodeJS.Timeout | undefined
  #serial = 0

  constructor(memory: MemoryBudget) {
    this.#memory = memory
  }

  /**
   * Run calls one after the other; several batches may be under way at a time.
   *
   * @param onReply  called for each call, in order; an `error` reply is the last
   * @throws what a task threw that is no PrepError, or what `onReply` throws
   */
  run(calls: readonly WorkerCall[], onReply: (reply: WorkerReply) => void): Promise<Ending> {
    this.#child ??= this.#start()
    this.#ticker ??= this.#startTicking()
    const number = ++this.#serial
    const child = this.#child
    return new Promise<Ending>((end, fail) => {
      const idle = { seconds: undefined, spentMs: 0, waiting: false, release: undefined }
      this.#batches.set(number, { onReply, end, fail, left: calls.length, ...idle })
      send(child, { batch: number, calls })
    })
  }

  /** End the process; batches under way are lost. */
  close(): void {
    const child = this.#child
    this.#child = undefined
    clearInterval(this.#ticker)
    this.#ticker = undefined
    child?.removeAllListeners()
    // Not by asking: it may be deep in native code.
    child?.kill('SIGKILL')
    if (child?.connected) child.disconnect()
    child?.unref()
    for (const number of [...this.#batches.keys()]) this.#take(number)?.end({ status: 'lost' })
  }

  #start(): ChildProcess {
    const child = fork(fileURLToPath(workerEntry('workers/worker-main.js')), {
      serialization: 'advanced',
      // Ctrl-C in a terminal reaches the run alone, which lets what is in hand be finished.
      detached: true,
      execArgv: process.execArgv.filter(arg => arg.startsWith('--max-')),
    })
    let ready = false
    child.on('message', (message: FromWorker) => {
      if ('ready' in message) ready = true
      else this.#receive(message, child)
    })
    const onEnd = (how: string): void => {
      const batches = [...this.#batches.keys()].map(number => this.#take(number)!)
      this.close()
      for (const batch of batches)
        if (ready) batch.end({ status: 'died', how })
        else batch.fail(new Error(`a worker process could not be started: ${how}`))
    }
    child.on('error', error => onEnd(error.message))
    child.on('exit', (code, signal) => onEnd(signal ?? `exit code ${code}`))
    return child
  }

  #receive(message: Exclude<FromWorker, { ready: true }>, child: ChildProcess): void {
    const batch = this.#batches.get(message.batch)
    if (!batch) return
    if ('clock' in message) {
      settle(batch)
      batch.seconds = message.clock
    } else if ('reserve' in message) {
      batch.waiting = true
      batch.release = this.#memory.claim(message.reserve, () => {
        batch.waiting = false
        send(child, { granted: message.batch })
      })
    } else if ('thrown' in message) {
      this.#take(message.batch)?.fail(message.thrown)
    } else {
      settle(batch)
      batch.left -= 1
      const over = batch.left === 0 || message.reply.status === 'error'
      if (over) this.#batches.delete(message.batch)
      try {
        batch.onReply(message.reply)
      } catch (error) {
        this.#take(message.batch)
        batch.fail(error)
      }
      if (over) batch.end({ status: 'done' })
    }
  }

  /** The batch, which is not under way any more. */
  #take(number: number): Batch | undefined {
    const batch = this.#batches.get(number)
    this.#batches.delete(number)
    if (batch) settle(batch)
    return batch
  }

  #startTicking(): NodeJS.Timeout {
    let last = performance.now()
    const tick = (): void => {
      // A run that was stopped (Ctrl-Z, a sleeping machine) or busy itself charges nobody for that time.
      const ms = Math.min(performance.now() - last, 2 * TICK_MS)
      last = performance.now()
      for (const [number, batch] of this.#batches) {
        if (batch.seconds === undefined || batch.waiting) continue
        batch.spentMs += ms
        if (batch.spentMs < 1000 * batch.seconds) continue
        const { seconds } = batch
        this.#take(number)!.end({ status: 'overdue', seconds })
        this.close()
        return
      }
    }
    return setInterval(tick, TICK_MS).unref()
  }
}

/** Nothing is on the clock any more. */
function settle(batch: Batch): void {
  batch.release?.()
  Object.assign(batch, { seconds: undefined, spentMs: 0, waiting: false, release: undefined })
}

/** To a process that has just ended nothing can be sent: its end is reported by itself. */
const send = (child: ChildProcess, message: ToWorker): void => {
  if (child.connected) child.send(message, () => {})
}
