/** Which pictures of a set look alike: equal signatures are taken as one, the others are found through the index. */
import { setImmediate } from 'node:timers/promises'
import { nearPairs } from './near-pairs.js'
import type { SignatureSet } from './signature-set.js'

export interface SearchOptions {
  /** Bits of the hash that may differ. */
  readonly threshold: number
  /** Aborted: the search stops with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** @param share  0..1 */
  readonly onProgress?: ((share: number) => void) | undefined
}

/** Between two looks at the signal. */
const PIECE_MS = 50

export interface Alike {
  /** Pictures of equal signatures, each list in ascending order; most have one member. */
  readonly runs: readonly (readonly number[])[]
}

/**
 * Find all near-duplicates in a set.
 *
 * @param visit  told each two runs of pictures that are alike, once, with the distance of their hashes; a run is a list
 *   of pictures whose signatures are equal
 * @param settled  spares comparing the thumbnails of two runs about which nothing more needs to be known
 * @returns all runs
 */
export async function findAlike(
  signatures: SignatureSet,
  { threshold, signal, onProgress }: SearchOptions,
  visit: (a: readonly number[], b: readonly number[], distance: number) => void,
  settled: (a: readonly number[], b: readonly number[]) => boolean = () => false,
): Promise<Alike> {
  const runs = equalRuns(signatures)
  const firsts = runs.map(([first]) => first!)
  const hashes = {
    length: runs.length,
    low: Uint32Array.from(firsts, first => signatures.low[first]!),
    high: Uint32Array.from(firsts, first => signatures.high[first]!),
  }
  const search = nearPairs(hashes, threshold, (a, b, distance) => {
    if (settled(runs[a]!, runs[b]!) || !signatures.thumbnailsAgree(firsts[a]!, firsts[b]!)) return
    visit(runs[a]!, runs[b]!, distance)
  })
  let rested = performance.now()
  for (const share of search) {
    if (performance.now() - rested < PIECE_MS) continue
    onProgress?.(share)
    await setImmediate()
    signal?.throwIfAborted()
    rested = performance.now()
  }
  return { runs }
}

function equalRuns(signatures: SignatureSet): number[][] {
  const order = Uint32Array.from({ length: signatures.length }, (_, i) => i)
  order.sort((a, b) => signatures.compare(a, b) || a - b)
  const runs: number[][] = []
  for (const [at, index] of order.entries()) {
    if (at > 0 && signatures.compare(order[at - 1]!, index) === 0) runs.at(-1)!.push(index)
    else runs.push([index])
  }
  return runs.sort(([a], [b]) => a! - b!)
}
