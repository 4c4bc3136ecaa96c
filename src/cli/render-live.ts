/** The view for a terminal: a list of steps, the one at work with a bar, rate and time left; notable lines stay above it. */
import { createLogUpdate } from 'log-update'
import pc from 'picocolors'
import type { RunEvent } from '../pipeline/events.js'
import { duration } from '../words.js'
import type { Renderer } from './render.js'
import { endLines, eventLine } from './render-lines.js'
import { TrainMeter } from './train-meter.js'

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>

interface StepLine {
  readonly stage: string
  state: 'waiting' | 'working' | 'done'
  /** What it is at, or how it ended. */
  text: string
}

export class LiveRenderer implements Renderer {
  readonly #screen = createLogUpdate(process.stdout)
  #steps: StepLine[] = []
  #phase = { label: '', since: 0, from: 0 }
  readonly #meter = new TrainMeter()

  event(event: RunEvent): void {
    if (event.type === 'run-start') this.#steps = event.steps.map(stage => ({ stage, state: 'waiting', text: '' }))
    const line = this.#lineOf(event)
    if (line) this.#screen.persist(line)
    if ('step' in event) this.#update(event)
    if (event.type === 'run-end') {
      this.#screen.done()
      for (const text of endLines(event)) this.#screen.persist(pc.bold(text))
      this.#steps = []
    } else this.#screen(this.#steps.map(drawStep).join('\n'))
  }

  /** Lines that stay; what the list itself shows needs none. */
  #lineOf(event: RunEvent): string | undefined {
    if (event.type === 'run-start') return pc.bold(event.pipeline) + pc.dim(` into ${event.output}`)
    if (event.type === 'warning' || event.type === 'skip') return pc.yellow(eventLine(event))
    if (event.type === 'note') return eventLine(event)
    if (event.type === 'train' && event.event.type === 'warning') return pc.yellow(eventLine(event))
    return event.type === 'train' && event.event.type !== 'step' ? eventLine(event) : undefined
  }

  #update(event: Extract<RunEvent, { step: number }>): void {
    const step = this.#steps[event.step]
    if (!step) return
    if (event.type === 'step-start') {
      step.state = 'working'
      step.text = event.reason === 'unchanged' ? '' : event.reason
    } else if (event.type === 'progress') step.text = this.#progress(event)
    else if (event.type === 'train') step.text = this.#train(event) ?? step.text
    else if (event.type === 'step-end') {
      step.state = 'done'
      step.text = event.status === 'unchanged' ? 'unchanged' : `${event.samples} photos, ${duration(event.seconds)}`
    }
  }

  #progress({ label, done, total, cached }: EventOf<'progress'>): string {
    const now = performance.now()
    if (this.#phase.label !== label || done === 0) this.#phase = { label, since: now, from: done }
    const rate = (done - this.#phase.from) / Math.max(0.001, (now - this.#phase.since) / 1000)
    const reused = cached ? ` (${cached} reused)` : ''
    const left =
      rate > 0 && done < total ? `  ${rate.toFixed(rate < 10 ? 1 : 0)}/s, ${duration((total - done) / rate)} left` : ''
    return `${label}  ${bar(done / Math.max(1, total))}  ${done}/${total}${reused}${left}`
  }

  #train({ event }: EventOf<'train'>): string | undefined {
    const now = performance.now()
    this.#meter.add(event, now)
    if (event.type !== 'step') return undefined
    const { share, place, losses, accuracy } = this.#meter
    return [`${bar(share)}  ${place}  ${this.#meter.speed(now)}`, [losses, accuracy].join('  ')].join('\n    ')
  }

  stopping(): void {
    this.#screen.persist('Stopping after what is in hand; press Ctrl-C again to stop at once.')
  }

  /** Leaves the last view on the screen, also after a failure, and shows the cursor again. */
  close(): void {
    this.#screen.done()
  }
}

const MARKS = { waiting: pc.dim('·'), working: pc.cyan('▸'), done: pc.green('✔') } as const

const drawStep = ({ stage, state, text }: StepLine): string =>
  `${MARKS[state]} ${state === 'waiting' ? pc.dim(stage) : stage}  ${state === 'done' ? pc.dim(text) : text}`

const BAR_WIDTH = 20

/** @param share  0..1 */
function bar(share: number): string {
  const full = Math.round(Math.min(1, share) * BAR_WIDTH)
  return `${pc.green('█'.repeat(full))}${pc.dim('░'.repeat(BAR_WIDTH - full))}`
}
