/** The view for a terminal: one line per step, with a bar, rate and time left for the one at work. */
import { Listr, type ListrTaskWrapper, type DefaultRenderer, type SimpleRenderer } from 'listr2'
import pc from 'picocolors'
import type { RunEvent } from '../pipeline/events.js'
import type { TrainEvent } from '../trainer/events.js'
import type { Renderer } from './render.js'
import { duration, endLines, eventLine } from './render-lines.js'

type Task = ListrTaskWrapper<unknown, typeof DefaultRenderer, typeof SimpleRenderer>

interface StepView {
  readonly stage: string
  task?: Task
  readonly started: PromiseWithSettlers
  readonly ended: PromiseWithSettlers
}

interface PromiseWithSettlers {
  readonly promise: Promise<void>
  readonly settle: () => void
  readonly fail: (error: Error) => void
}

function settleable(): PromiseWithSettlers {
  let settle = (): void => {}
  let fail = (_error: Error): void => {}
  const promise = new Promise<void>((resolve, reject) => {
    settle = resolve
    fail = reject
  })
  promise.catch(() => {})
  return { promise, settle, fail }
}

export class LiveRenderer implements Renderer {
  #steps: StepView[] = []
  #list: Promise<unknown> = Promise.resolve()
  #phase = { label: '', since: 0, from: 0 }
  #training = { since: 0, from: 0, total: 0, rate: 0 }

  event(event: RunEvent): void {
    if (event.type === 'run-start') return this.#begin(event)
    if (event.type === 'run-end') return this.#end(event)
    const view = this.#steps[event.step]
    if (!view) return
    switch (event.type) {
      case 'step-start':
        view.started.settle()
        return this.#say(view, event.reason === 'unchanged' ? '' : event.reason)
      case 'progress':
        return this.#say(view, this.#bar(event))
      case 'note':
      case 'warning':
      case 'skip':
        return this.#log(event)
      case 'train':
        return this.#train(view, event.event)
      case 'step-end':
        view.started.settle()
        this.#title(view, event.status === 'unchanged' ? pc.dim('unchanged') : pc.dim(`${event.samples} photos, ${duration(event.seconds)}`))
        return view.ended.settle()
    }
  }

  #begin({ pipeline, output, steps }: Extract<RunEvent, { type: 'run-start' }>): void {
    process.stdout.write(`${pc.bold(pipeline)} ${pc.dim(`into ${output}`)}\n`)
    this.#steps = steps.map(stage => ({ stage, started: settleable(), ended: settleable() }))
    const list = new Listr(
      this.#steps.map(view => ({
        title: view.stage,
        task: async (_context: unknown, task: unknown) => {
          view.task = task as Task
          await view.started.promise
          await view.ended.promise
        },
      })),
      { concurrent: false, registerSignalListeners: false, rendererOptions: { collapseErrors: false, showErrorMessage: false } },
    )
    this.#list = list.run().catch(() => {})
  }

  #end(event: Extract<RunEvent, { type: 'run-end' }>): void {
    const failed = event.status === 'failed' || event.status === 'interrupted'
    for (const view of this.#steps) {
      if (failed) view.ended.fail(new Error(event.status))
      else if (!view.task || view.ended) view.ended.settle()
      view.started.settle()
    }
    void this.#list.then(() => {
      for (const line of endLines(event)) process.stdout.write(`${line}\n`)
    })
  }

  /** `resize  ####----  42/90  61 img/s  1 s left` */
  #bar({ label, done, total, cached }: Extract<RunEvent, { type: 'progress' }>): string {
    const now = performance.now()
    if (this.#phase.label !== label || done === 0) this.#phase = { label, since: now, from: done }
    const rate = (done - this.#phase.from) / Math.max(0.001, (now - this.#phase.since) / 1000)
    const left = rate > 0 && done < total ? `  ${rate.toFixed(rate < 10 ? 1 : 0)}/s  ${duration((total - done) / rate)} left` : ''
    return `${label}  ${bar(done / Math.max(1, total))}  ${done}/${total}${cached ? pc.dim(` (${cached} reused)`) : ''}${left}`
  }

  #train(view: StepView, event: TrainEvent): void {
    if (event.type === 'train-start') {
      this.#training = { since: performance.now(), from: event.resumed?.step ?? 0, total: event.totalSteps, rate: 0 }
      return this.#log({ type: 'train', step: 0, event })
    }
    if (event.type !== 'step') return this.#log({ type: 'train', step: 0, event })
    const { since, from, total } = this.#training
    const secondsPerStep = (performance.now() - since) / 1000 / Math.max(1, event.step - from)
    const { loss_D = 0, loss_G = 0 } = event.losses
    const left = duration(Math.max(0, total - event.step) * secondsPerStep)
    this.#say(
      view,
      `${bar(event.step / Math.max(1, total))}  epoch ${event.epoch}  step ${event.step}/${total}  D ${loss_D.toFixed(4)}  G ${loss_G.toFixed(3)}  ${event.imagesPerSecond.toFixed(2)} img/s  ${left} left`,
    )
  }

  #say({ task }: StepView, text: string): void {
    if (task) task.output = text
  }

  #title({ task, stage }: StepView, text: string): void {
    if (task) task.title = `${stage}  ${text}`
  }

  /** Lines that stay, printed through the list so that they do not tear it. */
  #log(event: RunEvent): void {
    const line = eventLine(event)
    if (line) process.stdout.write(event.type === 'warning' ? `${pc.yellow(line)}\n` : `${line}\n`)
  }

  stopping(): void {
    process.stdout.write('Stopping after what is in hand; press Ctrl-C again to stop at once.\n')
  }

  close(): void {}
}

const BAR_WIDTH = 20

function bar(share: number): string {
  const full = Math.round(Math.min(1, share) * BAR_WIDTH)
  return `${pc.green('█'.repeat(full))}${pc.dim('░'.repeat(BAR_WIDTH - full))}`
}
