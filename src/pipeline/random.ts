/** Randomness that depends on the pipeline's seed and on a purpose, never on order, time or thread. */
import { createHash } from 'node:crypto'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'

/** @param purpose  stage, task and sample key, in that order; equal purposes give equal numbers */
export function randomFor(seed: number, ...purpose: readonly string[]): RandomGenerator {
  return xoroshiro128plus(seedFor(seed, ...purpose))
}

/** A 32-bit seed for `purpose`, for code that makes its own generator. */
export function seedFor(seed: number, ...purpose: readonly string[]): number {
  return createHash('sha256')
    .update([seed, ...purpose].join('\0'))
    .digest()
    .readInt32LE()
}
