/** Learning rates over the epochs: constant, or constant and then falling in a line. */
import type { Rates } from './engines/engine.js'
import type { TrainOptions } from './options.js'

/**
 * The learning rates of an epoch, counted from 1.
 *
 * Up to `decay_from` they are as given; after it epoch e has the share (epochs + 1 - e) / (epochs + 1 - decay_from), a
 * line that would reach 0 one epoch after the last, so that no epoch trains in vain.
 */
export function ratesOf(
  epoch: number,
  { learning_rate, d_learning_rate = learning_rate, decay_from, epochs }: TrainOptions,
): Rates {
  const share =
    decay_from === undefined || epoch <= decay_from ? 1 : Math.max(0, epochs + 1 - epoch) / (epochs + 1 - decay_from)
  return { G: learning_rate * share, D: d_learning_rate * share }
}
