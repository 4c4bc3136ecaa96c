/** Which rows a step trains on: every row once an epoch, in the order of a shuffle buffer, from the seed alone. */
import { drawBelow, type Random, randomAt } from './random.js'

/**
 * The order in which a shuffle buffer gives out rows 0..rows-1: it holds the next `buffer` rows of the split, one of
 * them is drawn, the next row takes its place. No row comes more than `buffer - 1` places early.
 *
 * @param buffer  rows held; 0, or `rows` and more, is a uniform shuffle of all
 */
export function shuffledRows(rows: number, buffer: number, random: Random): Uint32Array {
  const held = Uint32Array.from({ length: buffer === 0 ? rows : Math.min(buffer, rows) }, (_, row) => row)
  const order = new Uint32Array(rows)
  let size = held.length
  let next = size
  for (let place = 0; place < rows; place++) {
    const slot = drawBelow(random, size)
    order[place] = held[slot]!
    held[slot] = next < rows ? next++ : held[--size]!
  }
  return order
}

/** One row on its way to a step. `epoch` counts from 1; `place` from 0 within the epoch, fillers included. */
export interface Pick {
  readonly row: number
  readonly epoch: number
  readonly place: number
}

export interface Sampler {
  readonly stepsPerEpoch: number
  /** The rows of a step, counted from 1 over the whole training. Steps may be asked for in any order. */
  picks(step: number): readonly Pick[]
}

export interface SamplerOptions {
  readonly rows: number
  readonly batch: number
  readonly buffer: number
  readonly seed: number
}

/** A sampler over the rows of a split; the last batch of an epoch is filled with rows from the epoch's start. */
export function createSampler({ rows, batch, buffer, seed }: SamplerOptions): Sampler {
  const stepsPerEpoch = Math.ceil(rows / batch)
  // two epochs: reading ahead crosses the border before the step does
  const orders = new Map<number, Uint32Array>()
  const orderOf = (epoch: number): Uint32Array => {
    const known = orders.get(epoch)
    if (known) return known
    const order = shuffledRows(rows, buffer, randomAt(seed, 'shuffle', epoch))
    for (const old of orders.keys()) if (orders.size > 1) orders.delete(old)
    orders.set(epoch, order)
    return order
  }
  return {
    stepsPerEpoch,
    picks(step) {
      const epoch = Math.floor((step - 1) / stepsPerEpoch) + 1
      const first = ((step - 1) % stepsPerEpoch) * batch
      const order = orderOf(epoch)
      return Array.from({ length: batch }, (_, i) => ({ row: order[(first + i) % rows]!, epoch, place: first + i }))
    },
  }
}
