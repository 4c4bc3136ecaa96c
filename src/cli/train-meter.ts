/** How a training stands, in a line or two: recent means of what its steps say, and the time left. */
import type { Losses, TrainEvent } from '../trainer/events.js'
import { duration } from '../words.js'

type Step = Extract<TrainEvent, { type: 'step' }>

/** Steps that a shown number is the mean of: single ones jump. */
const RECENT = 20

export class TrainMeter {
  private total = 0
  private epochs = 0
  /** The step that this run began after, and when, in ms. */
  private from = 0
  private since = 0
  private recent: Step[] = []

  /** @param now  a clock in ms */
  add(event: TrainEvent, now: number): void {
    if (event.type === 'train-start') {
      this.total = event.totalSteps
      this.epochs = event.epochs
      this.from = event.resumed?.step ?? 0
      this.since = now
      this.recent = []
    } else if (event.type === 'step') this.recent = [...this.recent.slice(1 - RECENT), event]
  }

  /** Share of all steps that are done, 0..1. */
  get share(): number {
    return this.step / Math.max(1, this.total)
  }

  /** `epoch 3/100, step 615/8000` */
  get place(): string {
    return `epoch ${this.recent.at(-1)?.epoch ?? 1}/${this.epochs}, step ${this.step}/${this.total}`
  }

  /** `D 0.2997  G 18.156 (GAN 1.021, L1 17.135)` */
  get losses(): string {
    const { loss_D, loss_G, loss_G_GAN, loss_G_L1 } = this.means
    const parts = [
      loss_G_GAN !== undefined && `GAN ${loss_G_GAN.toFixed(3)}`,
      loss_G_L1 && `L1 ${loss_G_L1.toFixed(3)}`,
    ]
    const shown = parts.filter(Boolean).join(', ')
    return `D ${(loss_D ?? Number.NaN).toFixed(4)}  G ${(loss_G ?? Number.NaN).toFixed(3)}${shown && ` (${shown})`}`
  }

  /** `D acc 43% real, 51% fake: 3 points below chance`; chance is half of each */
  get accuracy(): string {
    const { acc_real, acc_fake } = this.means
    if (acc_real === undefined || acc_fake === undefined) return ''
    const points = Math.round(50 * (acc_real + acc_fake) - 50)
    const distance = points === 0 ? 'at chance' : `${Math.abs(points)} points ${points > 0 ? 'above' : 'below'} chance`
    return `D acc ${percent(acc_real)} real, ${percent(acc_fake)} fake: ${distance}`
  }

  /** `1.31 img/s, 0.4% waiting for data, 1 h 41 min left` @param now  the clock of `add` */
  speed(now: number): string {
    const ms = this.sum(({ stepMs }) => stepMs)
    const waited = this.sum(({ dataWaitMs }) => dataWaitMs)
    const rate =
      this.recent.length /
      Math.max(
        1e-9,
        this.sum(({ imagesPerSecond }) => 1 / imagesPerSecond),
      )
    const wait = `${((100 * waited) / Math.max(1e-9, ms)).toFixed(1)}% waiting for data`
    const secondsPerStep = (now - this.since) / 1000 / Math.max(1, this.step - this.from)
    return `${rate.toFixed(2)} img/s, ${wait}, ${duration(Math.max(0, this.total - this.step) * secondsPerStep)} left`
  }

  private get step(): number {
    return this.recent.at(-1)?.step ?? this.from
  }

  private get means(): Losses {
    const names = Object.keys(this.recent.at(-1)?.losses ?? {})
    const count = this.recent.length
    return Object.fromEntries(names.map(name => [name, this.sum(({ losses }) => losses[name] ?? 0) / count]))
  }

  private sum(of: (step: Step) => number): number {
    return this.recent.reduce((sum, step) => sum + of(step), 0)
  }
}

const percent = (share: number): string => `${Math.round(100 * share)}%`
