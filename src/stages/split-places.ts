/** Which side each group goes to: by a hash alone where shares are asked for, by filling places where counts are. */
import { createHash } from 'node:crypto'
import { bySplit, SPLITS, type Split } from '../sample.js'

export interface SplitRule {
  /** Below 1 a share, otherwise a number of photos; 0: none. */
  readonly test: number
  readonly val: number
  readonly seed: number
}

/** What goes to one side as a whole. */
export interface Group {
  /** What the group's place is drawn from; with the seed it decides everything that is not decided yet. */
  readonly id: string
  /** Different photos in it. */
  readonly size: number
  /** Decided by an earlier run. */
  readonly before?: Split | undefined
  /** Decided by whoever made the data set: never changed. */
  readonly given?: Split | undefined
}

export interface Placement {
  readonly splits: readonly Split[]
  /** Groups kept for training because they are larger than the side that the hash chose. */
  readonly tooLarge: readonly number[]
  /** Groups that left the side of an earlier run, because another side had none. */
  readonly lent: readonly number[]
  /** The side that could not be filled, because there are too few groups. */
  readonly empty?: Split
}

/** A number in [0, 1) that depends on the id and the seed alone. */
export const splitPosition = (id: string, seed: number): number =>
  createHash('sha256').update(`split\0${seed}\0${id}`).digest().readUIntBE(0, 6) / 2 ** 48

const isShare = (amount: number): boolean => amount < 1

/**
 * Place groups: those decided before stay; of the others the ones with positions from 0 on go to test, the next to
 * validation, the rest to training.
 *
 * A group of several photos that is larger than the whole side goes to training. Each side that is asked for, and
 * training, gets at least one group: if need be the smallest that another side can spare.
 */
export function placeGroups(groups: readonly Group[], rule: SplitRule): Placement {
  const total = groups.reduce((sum, { size }) => sum + size, 0)
  const wanted = { test: amountOf(rule.test, total), val: amountOf(rule.val, total) }
  const splits = groups.map(({ given, before }): Split | undefined => given ?? before)
  const position = groups.map(({ id }) => splitPosition(id, rule.seed))
  const order = groups.map((_, i) => i).sort((a, b) => position[a]! - position[b]! || compareText(groups, a, b))
  const tooLarge: number[] = []
  const placed = bySplit(() => 0)
  for (const [i, { size }] of groups.entries()) if (splits[i]) placed[splits[i]] += size

  for (const i of order) {
    if (splits[i]) continue
    const { size } = groups[i]!
    const side = sideOfShare(position[i]!, rule)
    if (side !== 'train' && (size === 1 || size <= wanted[side])) splits[i] = side
    else if (side !== 'train') tooLarge.push(i)
    if (!splits[i])
      splits[i] = (['test', 'val'] as const).find(s => !isShare(rule[s]) && placed[s] + size <= wanted[s]) ?? 'train'
    placed[splits[i]] += size
  }

  const result = splits as Split[]
  const lent: number[] = []
  for (const side of SPLITS.toReversed()) {
    if ((side !== 'train' && rule[side] === 0) || result.includes(side)) continue
    const spare = smallestSpare(groups, side === 'train' ? order.toReversed() : order, result)
    if (spare === undefined) return { splits: result, tooLarge, lent, empty: side }
    if (groups[spare]!.before) lent.push(spare)
    result[spare] = side
  }
  return { splits: result, tooLarge: tooLarge.filter(i => result[i] === 'train'), lent }
}

const amountOf = (amount: number, total: number): number => (isShare(amount) ? amount * total : amount)

function sideOfShare(position: number, { test, val }: SplitRule): Split {
  const [testShare, valShare] = [isShare(test) ? test : 0, isShare(val) ? val : 0]
  if (position < testShare) return 'test'
  return position < testShare + valShare ? 'val' : 'train'
}

const compareText = (groups: readonly Group[], a: number, b: number): number => (groups[a]!.id < groups[b]!.id ? -1 : 1)

/** A group whose side keeps another one; new ones first, then small ones, then in order. */
function smallestSpare(
  groups: readonly Group[],
  order: readonly number[],
  splits: readonly Split[],
): number | undefined {
  const counts = bySplit(side => splits.filter(split => split === side).length)
  const spare = order.filter(i => !groups[i]!.given && counts[splits[i]!] > 1)
  const total = groups.reduce((sum, { size }) => sum + size, 0)
  const rank = (i: number): number => (groups[i]!.before ? total : 0) + groups[i]!.size
  return spare.length ? spare.reduce((best, i) => (rank(i) < rank(best) ? i : best)) : undefined
}
