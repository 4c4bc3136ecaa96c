/** For each photo the one before it, in the order of names, that looks most like it. */
import { findAlike } from '../duplicates/alike-pairs.js'
import { MAX_THRESHOLD, SignatureSet } from '../duplicates/signature-set.js'
import type { Twin } from '../labels/verdict.js'
import type { StageContext } from '../pipeline/stage.js'
import type { Sample } from '../sample.js'
import { searchOptions } from './signatures.js'

/**
 * @param facts  for each sample its signature as base64, if it has one
 * @param bits  of the hash that may differ; more than MAX_THRESHOLD counts as that
 * @returns by index of the sample; nothing for the first of a group
 */
export async function findTwins(
  samples: readonly Sample[],
  facts: readonly { readonly signature?: string }[],
  bits: number,
  context: StageContext,
): Promise<(Twin | undefined)[]> {
  const order = samples.flatMap((_, i) => (facts[i]!.signature === undefined ? [] : [i]))
  order.sort((a, b) => (samples[a]!.name < samples[b]!.name ? -1 : 1))
  const signatures = new SignatureSet(order.length)
  for (const [rank, i] of order.entries()) signatures.set(rank, Buffer.from(facts[i]!.signature!, 'base64'))
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
  const found: (Twin | undefined)[] = samples.map(() => undefined)
  for (const [rank, { rank: other, bits }] of twins) found[order[rank]!] = { name: samples[order[other]!]!.name, bits }
  return found
}
