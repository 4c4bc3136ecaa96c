/** Held-out pictures that a model has as good as seen: the same or nearly the same picture lies in another split. */
import { SPLITS, type Split } from '../sample.js'
import { findAlike, type SearchOptions } from './alike-pairs.js'
import type { SignatureSet } from './signature-set.js'

/** A held-out picture and the one most like it in a split that comes before its own: train, val, test. */
export interface Leak {
  readonly picture: number
  readonly split: Split
  readonly twin: number
  readonly twinSplit: Split
  /** Bits of the hash that differ, 0 to 64. */
  readonly distance: number
}

/** Of each run of equal pictures, named by its first, and each split: the nearest run that has a picture there. */
class Nearest {
  readonly #runs: Int32Array
  readonly #distances: Uint8Array

  constructor(runs: number) {
    this.#runs = new Int32Array(runs * SPLITS.length).fill(-1)
    this.#distances = new Uint8Array(runs * SPLITS.length)
  }

  offer(run: number, split: number, other: number, distance: number): void {
    const at = run * SPLITS.length + split
    const before = this.#runs[at]!
    if (before >= 0 && (this.#distances[at]! - distance || before - other) <= 0) return
    this.#runs[at] = other
    this.#distances[at] = distance
  }

  of(run: number, split: number): { run: number; distance: number } | undefined {
    const at = run * SPLITS.length + split
    const found = this.#runs[at]!
    return found < 0 ? undefined : { run: found, distance: this.#distances[at]! }
  }
}

/**
 * Each held-out picture with its nearest near-duplicate in every split before its own, in order of the pictures. Copies
 * count: their distance is 0. Memory does not grow with the number of pairs.
 */
export async function findLeaks(
  signatures: SignatureSet,
  splits: readonly Split[],
  options: SearchOptions,
): Promise<Leak[]> {
  const rank = splits.map(split => SPLITS.indexOf(split))
  const nearest = new Nearest(signatures.length)
  const offer = ([first]: readonly number[], others: readonly number[], distance: number): void => {
    for (const other of others) nearest.offer(first!, rank[other]!, others[0]!, distance)
  }
  const oneSplit = (a: readonly number[], b: readonly number[]): boolean =>
    a.length === 1 && b.length === 1 && rank[a[0]!] === rank[b[0]!]
  const { runs } = await findAlike(
    signatures,
    options,
    (a, b, distance) => {
      offer(a, b, distance)
      offer(b, a, distance)
    },
    oneSplit,
  )
  const runOf = new Array<readonly number[]>(signatures.length)
  for (const run of runs) {
    offer(run, run, 0)
    for (const member of run) runOf[member] = run
  }
  return splits.flatMap((split, picture) =>
    SPLITS.slice(0, rank[picture]!).flatMap((twinSplit, side): Leak[] => {
      const found = nearest.of(runOf[picture]![0]!, side)
      if (!found) return []
      const twin = runOf[found.run]!.find(member => rank[member] === side)!
      return [{ picture, split, twin, twinSplit, distance: found.distance }]
    }),
  )
}
