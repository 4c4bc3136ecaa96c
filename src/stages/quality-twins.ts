/** For each photo the one before it, in the order of names, that looks most like it. */
import { findAlike } from '../duplicates/alike-pairs.js'
import { MAX_THRESHOLD } from '../duplicates/signature-set.js'
import type { Twin } from '../labels/verdict.js'
import type { StageContext } from '../pipeline/stage.js'
import type { Sample } from '../sample.js'
import { searchOptions, signSamples } from './signatures.js'

/**
 * @param photos  samples whose photos are compared; one that can be read no more is left out and counted
 * @param bits  of the hash that may differ; more than MAX_THRESHOLD counts as that
 * @returns the samples that are left, and their twins; the first of a group has none
 */
export async function findTwins(
  photos: readonly Sample[],
  bits: number,
  context: StageContext,
): Promise<{ signed: readonly Sample[]; twins: ReadonlyMap<Sample, Twin> }> {
  const byName = [...photos].sort((a, b) => (a.name < b.name ? -1 : 1))
  const { samples, signatures } = await signSamples(byName, context)
  const twins = new Map<number, { rank: number; bits: number }>()
  const meet = (rank: number, other: number, distance: number): void => {
    const best = twins.get(rank)
    if (!best || distance < best.bits || (distance === best.bits && other < best.rank))
      twins.set(rank, { rank: other, bits: distance })
  }
  const threshold = Math.min(MAX_THRESHOLD, Math.floor(bits))
  const { runs } = await findAlike(signatures, searchOptions(threshold, context), (a, b, distance) => {
    const [early, late] = a[0]! < b[0]! ? [a, b] : [b, a]
    for (const rank of late) meet(rank, early[0]!, distance)
    for (const rank of early) if (rank > late[0]!) meet(rank, late[0]!, distance)
  })
  for (const [first, ...others] of runs) for (const rank of others) meet(rank, first!, 0)
  const named = [...twins].map(([rank, { rank: other, bits }]) => [rank, { name: samples[other]!.name, bits }] as const)
  return { signed: samples, twins: new Map(named.map(([rank, twin]) => [samples[rank]!, twin])) }
}
