/**
 * Random numbers addressed by what they are for. A generator is made from the seed, the name of a stream and counters
 * (epoch, step, position), never carried along: rows can be prepared ahead of the step, and training that goes on from
 * a checkpoint draws what it would have drawn, from the counters alone.
 */
import { createHash } from 'node:crypto'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'

/** What draws: each purpose has numbers of its own, so that turning one off changes no other. */
export const RANDOM_STREAMS = ['init', 'shuffle', 'augment', 'dropout', 'pool', 'sheet'] as const
export type RandomStream = (typeof RANDOM_STREAMS)[number]

/** Names the derivation in checkpoints; another value there means that the draws would differ. */
export const RANDOM_SCHEME = 'xoroshiro128plus/sha256/1'

export type Random = RandomGenerator

/**
 * A generator for one purpose at one place, always the same for the same arguments.
 *
 * @param counters  where in the training, e.g. `epoch, position`; streams do not overlap for different counters
 */
export function randomAt(seed: number, stream: RandomStream, ...counters: readonly number[]): Random {
  const digest = createHash('sha256')
    .update([RANDOM_SCHEME, seed, stream, ...counters].join('/'))
    .digest()
  return xoroshiro128plusFromState([0, 4, 8, 12].map(at => digest.readInt32LE(at)))
}

/** A uniform integer of 0..count-1. */
export const drawBelow = (random: Random, count: number): number => uniformInt(random, 0, count - 1)

/** Uniform numbers in [0, 1), as nets take them for weights and masks. */
export const unitNumbers = (random: Random): (() => number) => {
  return () => (random.next() >>> 0) / 2 ** 32
}
