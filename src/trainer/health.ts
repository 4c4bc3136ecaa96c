/**
 * What goes wrong in a training, in plain words: a function of the means of its epochs alone, so that a resumed training
 * warns as an uninterrupted one does. It judges; who hears of it is the caller's.
 */
import type { MetricsLine } from './metrics.js'
import type { TrainOptions } from './options.js'

/** Means are judged over the last epochs that make at least so many steps: single steps say little. */
const WINDOW_STEPS = 200
/** G's L1 may rest for so many epochs. */
const PATIENCE_EPOCHS = 10
/** A warning is repeated after so many epochs and steps, whichever comes last. */
const REPEAT = { epochs: 10, steps: 5 * WINDOW_STEPS } as const

/** Losses of D when it takes everything for real with probability one half. */
const CHANCE_LOSS: Readonly<Record<string, number>> = { bce: Math.LN2, mse: 0.25 }

type HealthOptions = Pick<TrainOptions, 'gan' | 'learning_rate' | 'd_learning_rate'>

interface Epoch {
  readonly epoch: number
  readonly step: number
  readonly steps: number
  readonly means: Readonly<Record<string, number>>
}

/** All epochs so far, and the means over the last of them. */
interface History {
  readonly epochs: readonly Epoch[]
  readonly recent: Readonly<Record<string, number>>
  /** Steps and epochs that `recent` covers. */
  readonly steps: number
  readonly count: number
  readonly options: HealthOptions
}

/** Each gives what is to be said, or nothing. */
const CHECKS: Readonly<Record<string, (history: History) => string | undefined>> = {
  discriminatorWins({ recent, steps, options }) {
    const accuracy = meanAccuracy(recent)
    if (!(accuracy >= 0.97)) return undefined
    return `the discriminator wins (acc ${percent(accuracy)} over the last ${steps} steps): G learns from L1 alone; try d_learning_rate: ${halved(options)} or label smoothing`
  },

  discriminatorCollapsed({ recent, steps, options }) {
    const { acc_real = Number.NaN, acc_fake = Number.NaN } = recent
    if (!(Math.abs(acc_real - acc_fake) >= 0.9)) return undefined
    const answer = acc_real > acc_fake ? 'real' : 'fake'
    return `the discriminator has collapsed: it calls everything ${answer} (acc ${percent(acc_real)} on photos, ${percent(acc_fake)} on generated images over the last ${steps} steps), so G learns from L1 alone; try d_learning_rate: ${halved(options)}`
  },

  discriminatorAtChance({ recent, steps, options }) {
    const { acc_real = Number.NaN, acc_fake = Number.NaN, loss_D = Number.NaN } = recent
    const guesses = [acc_real, acc_fake].every(accuracy => Math.abs(accuracy - 0.5) <= 0.05)
    const chance = CHANCE_LOSS[options.gan]
    if (!guesses || chance === undefined || !(Math.abs(loss_D / chance - 1) <= 0.02)) return undefined
    return `the discriminator is at chance (acc ${percent(meanAccuracy(recent))}, loss ${loss_D.toFixed(3)} over the last ${steps} steps): it tells G nothing; try a higher d_learning_rate or more d_layers`
  },

  ganLossExplodes({ recent, steps, epochs, count }) {
    const lowest = Math.min(...epochs.slice(0, -count).map(({ means }) => Math.abs(means.loss_G_GAN ?? 0)))
    const now = Math.abs(recent.loss_G_GAN ?? 0)
    if (!(now > 10 * Math.max(1, Number.isFinite(lowest) ? lowest : 1))) return undefined
    return `the GAN loss of G explodes (${now.toPrecision(3)} over the last ${steps} steps): training is about to diverge; try a lower learning_rate, or gan: mse`
  },

  l1Rests({ epochs }) {
    const patience = Math.max(PATIENCE_EPOCHS, epochsOfWindow(epochs))
    const l1 = epochs.map(({ means }) => means.loss_G_L1 ?? 0)
    const best = Math.min(...l1.slice(0, -patience))
    // without L1 there is nothing to fall; half a percent is no fall either
    if (epochs.length <= patience || best <= 0 || Math.min(...l1.slice(-patience)) < 0.995 * best) return undefined
    const since = epochs[l1.indexOf(best)]!.epoch
    return `G's L1 has not fallen for ${epochs.at(-1)!.epoch - since} epochs (best ${best.toPrecision(4)}, at epoch ${since}): look at the sheets whether more epochs help; try decay_from or a lower learning_rate`
  },
}

/** Watches a training epoch by epoch. */
export class Health {
  private readonly epochs: Epoch[] = []
  private readonly said = new Map<string, Epoch>()

  constructor(private readonly options: HealthOptions) {}

  /**
   * Add an epoch and get what is to be said after it; each warning comes at most once in ten epochs and 1000 steps.
   * A training that goes on adds the epochs of its past first.
   */
  add({ type, epoch, step, ...means }: MetricsLine): string[] {
    const steps = step - (this.epochs.at(-1)?.step ?? 0)
    const now = { epoch, step, steps, means: means as Epoch['means'] }
    this.epochs.push(now)
    const { epochs, options } = this
    const count = epochsOfWindow(epochs)
    const window = epochs.slice(-count)
    const covered = window.reduce((sum, one) => sum + one.steps, 0)
    if (covered < WINDOW_STEPS) return []
    const history = { epochs, recent: meansOver(window), steps: covered, count, options }
    return Object.entries(CHECKS).flatMap(([name, check]) => {
      const last = this.said.get(name)
      if (last && (epoch - last.epoch < REPEAT.epochs || step - last.step < REPEAT.steps)) return []
      const warning = check(history)
      if (warning === undefined) return []
      this.said.set(name, now)
      return [`epoch ${epoch}: ${warning}`]
    })
  }
}

/** How many of the last epochs make a window; all of them when they are too few. */
function epochsOfWindow(epochs: readonly Epoch[]): number {
  let steps = 0
  for (let count = 1; count <= epochs.length; count++) {
    steps += epochs.at(-count)!.steps
    if (steps >= WINDOW_STEPS) return count
  }
  return epochs.length
}

/** Each epoch counts by its steps. */
function meansOver(window: readonly Epoch[]): Record<string, number> {
  const steps = window.reduce((sum, epoch) => sum + epoch.steps, 0)
  const names = Object.keys(window.at(-1)!.means)
  return Object.fromEntries(
    names.map(name => [name, window.reduce((sum, epoch) => sum + epoch.steps * epoch.means[name]!, 0) / steps]),
  )
}

const meanAccuracy = ({ acc_real = Number.NaN, acc_fake = Number.NaN }: Readonly<Record<string, number>>): number =>
  (acc_real + acc_fake) / 2

const percent = (share: number): string => `${Math.round(100 * share)}%`

/** Half of D's learning rate, as one writes it in YAML: 1e-4. */
const halved = ({ learning_rate, d_learning_rate = learning_rate }: HealthOptions): string =>
  Number((d_learning_rate / 2).toPrecision(3))
    .toExponential()
    .replace('e+', 'e')
