/** Who is asked next: a queue for each host, so that a slow or resting host holds up nobody else. */
import { Fifo } from './fifo.js'

export interface ScheduleLimits {
  /** Jobs at work at a time, over all hosts. */
  readonly concurrency: number
  /** Jobs at work at a time with one host. */
  readonly perHost: number
  /** Milliseconds between the starts of two jobs with one host. */
  readonly intervalMs: number
}

interface Host<Job> {
  readonly name: string
  readonly queue: Fifo<Job>
  active: number
  /** No job starts before this moment (performance.now). */
  restsUntil: number
  intervalMs: number
  /** Stands in the line of hosts that may be served, or has a timer that will put it there. */
  waiting: 'no' | 'in line' | 'for time'
}

/** More hosts than this and those with nothing to do are forgotten. */
const HOSTS = 10_000
/** Node's timers take no more. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Runs jobs within the limits, host by host in turn; a job that throws stops the whole.
 */
export class Schedule<Job> {
  readonly #hosts = new Map<string, Host<Job>>()
  readonly #line = new Fifo<Host<Job>>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #active = 0
  /** Jobs that come back after a wait. */
  #delayed = 0
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(readonly limits: ScheduleLimits) {}

  /** @param delayMs  the job joins the queue after this wait, without taking anybody's place meanwhile */
  add(hostName: string, job: Job, { delayMs = 0, first = false } = {}): void {
    if (delayMs > 0) {
      this.#delayed += 1
      this.#later(delayMs, () => {
        this.#delayed -= 1
        this.add(hostName, job, { first })
      })
      return
    }
    const host = this.#host(hostName)
    if (first) host.queue.unshift(job)
    else host.queue.push(job)
    this.#enlist(host)
    this.#wake?.()
  }

  /** Take all jobs that wait for this host out of the queue. */
  drain(hostName: string): Job[] {
    const queue = this.#hosts.get(hostName)?.queue
    const jobs: Job[] = []
    for (let job = queue?.shift(); job !== undefined; job = queue?.shift()) jobs.push(job)
    return jobs
  }

  /** No job with this host starts for so long. */
  rest(hostName: string, ms: number): void {
    const host = this.#host(hostName)
    host.restsUntil = Math.max(host.restsUntil, performance.now() + ms)
  }

  /** Keep at least so long between jobs with this host. */
  slowDown(hostName: string, intervalMs: number): void {
    const host = this.#host(hostName)
    if (intervalMs <= host.intervalMs) return
    host.restsUntil = Math.max(host.restsUntil, performance.now() + intervalMs)
    host.intervalMs = intervalMs
  }

  /** Is there no further job waiting for this host? */
  isLast(hostName: string): boolean {
    return !this.#hosts.get(hostName)?.queue.size
  }

  /**
   * Work until nothing is left, or until `signal` aborts: jobs at work are then waited for.
   * @throws what a job throws
   */
  async run(work: (job: Job) => Promise<void>, signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#wake?.()
    signal.addEventListener('abort', stop)
    try {
      for (;;) {
        const stopped = signal.aborted || this.#failure !== undefined
        if (!stopped) this.#start(work)
        if (this.#active === 0 && (stopped || !this.#hasWork())) break
        await new Promise<void>(resolve => (this.#wake = resolve))
      }
    } finally {
      signal.removeEventListener('abort', stop)
      for (const timer of this.#timers) clearTimeout(timer)
    }
    if (this.#failure) throw this.#failure.error
  }

  #hasWork(): boolean {
    return this.#delayed > 0 || this.#line.size > 0 || this.#timers.size > 0
  }

  #start(work: (job: Job) => Promise<void>): void {
    while (this.#active < this.limits.concurrency) {
      const host = this.#line.shift()
      if (!host) return
      host.waiting = 'no'
      const wait = host.restsUntil - performance.now()
      if (wait > 0) {
        this.#enlistLater(host, wait)
        continue
      }
      const job = host.queue.shift()
      if (job === undefined) continue
      host.active += 1
      this.#active += 1
      if (host.intervalMs > 0) host.restsUntil = performance.now() + host.intervalMs
      this.#enlist(host)
      work(job)
        .catch(error => (this.#failure ??= { error }))
        .finally(() => {
          host.active -= 1
          this.#active -= 1
          this.#enlist(host)
          this.#wake?.()
        })
    }
  }

  /** Put the host in line if a job of its may start. */
  #enlist(host: Host<Job>): void {
    if (host.waiting !== 'no' || host.queue.size === 0 || host.active >= this.limits.perHost) return
    const wait = host.restsUntil - performance.now()
    if (wait > 0) {
      this.#enlistLater(host, wait)
      return
    }
    host.waiting = 'in line'
    this.#line.push(host)
  }

  #enlistLater(host: Host<Job>, wait: number): void {
    host.waiting = 'for time'
    this.#later(wait, () => {
      host.waiting = 'no'
      this.#enlist(host)
      this.#wake?.()
    })
  }

  #later(ms: number, then: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        then()
      },
      Math.min(Math.ceil(ms), MAX_TIMER_MS),
    )
    this.#timers.add(timer)
  }

  #host(name: string): Host<Job> {
    const known = this.#hosts.get(name)
    if (known) return known
    if (this.#hosts.size >= HOSTS && this.#hosts.size % HOSTS === 0) this.#forgetIdle()
    const host: Host<Job> = {
      name,
      queue: new Fifo(),
      active: 0,
      restsUntil: 0,
      intervalMs: this.limits.intervalMs,
      waiting: 'no',
    }
    this.#hosts.set(name, host)
    return host
  }

  #forgetIdle(): void {
    const now = performance.now()
    for (const { name, queue, active, restsUntil } of this.#hosts.values())
      if (queue.size === 0 && active === 0 && restsUntil < now) this.#hosts.delete(name)
  }
}
