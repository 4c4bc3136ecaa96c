/** Ends an exchange that takes too long: no progress over a while, or too much time in all. */
import { DownloadError } from './failure.js'

export interface TimeLimits {
  readonly connectMs: number
  /** Over each window of this length at least `minBytesPerSecond` must come. */
  readonly stallMs: number
  readonly minBytesPerSecond: number
  readonly totalMs: number
}

export class Watch {
  readonly #controller = new AbortController()
  readonly #timers: NodeJS.Timeout[]
  readonly #outer: AbortSignal
  readonly #stop = (): void => this.#controller.abort(this.#outer.reason)
  #received = 0
  #answered = false

  /** @param outer  ends the exchange too */
  constructor({ stallMs, minBytesPerSecond, totalMs }: TimeLimits, outer: AbortSignal) {
    this.#outer = outer
    const late = setTimeout(
      () => this.#end('DEADLINE_PASSED', `not done within ${totalMs / 1000} s (timeouts.total)`),
      totalMs,
    )
    const window = setInterval(() => {
      const needed = (minBytesPerSecond * stallMs) / 1000
      if (this.#received < needed)
        this.#end(
          'STALLED',
          this.#answered
            ? `only ${this.#received} bytes in ${stallMs / 1000} s, expected ${Math.ceil(needed)} (timeouts.min_speed)`
            : `no answer within ${stallMs / 1000} s (timeouts.stall)`,
        )
      this.#received = 0
    }, stallMs)
    this.#timers = [late, window]
    if (outer.aborted) this.#stop()
    else outer.addEventListener('abort', this.#stop)
  }

  /** Aborted with a DownloadError when time is up. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The headers have come. */
  answered(): void {
    this.#answered = true
  }

  received(bytes: number): void {
    this.#received += bytes
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#outer.removeEventListener('abort', this.#stop)
  }

  #end(code: 'STALLED' | 'DEADLINE_PASSED', message: string): void {
    this.#controller.abort(new DownloadError(code, message, { ofHost: !this.#answered }))
  }
}
