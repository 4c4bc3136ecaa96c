/** OUT/run.jsonl: what happened and when, one event a line, across runs. */
import { appendFileSync, closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { RunEvent } from './events.js'

export class RunLog {
  readonly #file: number

  constructor(output: string) {
    this.#file = openSync(join(output, 'run.jsonl'), 'a')
  }

  /** Everything but the ticks of progress bars; a log that cannot be written (full disk) stops no run. */
  append(event: RunEvent): void {
    if (event.type === 'progress' || (event.type === 'train' && event.event.type === 'step')) return
    try {
      appendFileSync(this.#file, `${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`)
    } catch {
      // The run itself meets the same disk and says so.
    }
  }

  close(): void {
    closeSync(this.#file)
  }
}
