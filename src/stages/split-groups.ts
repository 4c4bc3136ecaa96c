/** Which photos must not be torn apart: copies, groups that samples bring along, and what the option `group` says. */
import { dirname } from 'node:path'
import { DisjointSets } from '../duplicates/disjoint-sets.js'
import { PrepError } from '../errors.js'
import type { StageContext } from '../pipeline/stage.js'
import type { Sample } from '../sample.js'
import { findAlikeSamples, type Signed } from './signatures.js'

/** One way to group: a word, or a column of the list that the samples come from. */
export type Grouping = 'none' | 'near-duplicates' | 'folder' | { readonly column: string }

export interface PhotoGroup {
  /** Indices of the samples, ascending. */
  readonly members: readonly number[]
  /** The name of a group that has one, else the lowest sha256 of its photos. */
  readonly id: string
  /** Different photos in it. */
  readonly size: number
}

/**
 * Group the samples. The groups depend on the samples alone, not on their order.
 * @param signed  the samples' signatures, in the same order; needed for `near-duplicates`
 */
export async function groupSamples(
  samples: readonly Sample[],
  groupings: readonly Grouping[],
  { signed, threshold, context }: { signed?: Signed | undefined; threshold: number; context: StageContext },
): Promise<PhotoGroup[]> {
  const sets = new DisjointSets(samples.length)
  const names = new Array<string | undefined>(samples.length)
  uniteBy(sets, samples, ({ sha256 }) => sha256)
  const byName = (nameOf: (sample: Sample) => string | undefined): void => {
    uniteBy(sets, samples, nameOf)
    for (const [i, sample] of samples.entries()) names[i] ??= nameOf(sample)
  }
  byName(({ group }) => group && `group ${group}`)
  for (const grouping of groupings) {
    if (typeof grouping === 'object') byName(columnOf(samples, grouping.column))
    else if (grouping === 'folder') uniteBy(sets, samples, ({ source }) => dirname(source))
    else if (grouping === 'near-duplicates') await uniteAlike(sets, signed!, threshold, context)
  }
  return sets.sets().map(members => {
    const photos = new Set(members.map(i => samples[i]!.sha256))
    const own = members.flatMap(i => names[i] ?? [])
    return { members, id: least(own.length ? own : photos), size: photos.size }
  })
}

const least = (texts: Iterable<string>): string => {
  let least: string | undefined
  for (const text of texts) if (least === undefined || text < least) least = text
  return least!
}

function uniteBy(sets: DisjointSets, samples: readonly Sample[], keyOf: (sample: Sample) => string | undefined): void {
  const first = new Map<string, number>()
  for (const [i, sample] of samples.entries()) {
    const key = keyOf(sample)
    if (key === undefined || key === '') continue
    const before = first.get(key)
    if (before === undefined) first.set(key, i)
    else sets.unite(before, i)
  }
}

function columnOf(samples: readonly Sample[], column: string): (sample: Sample) => string | undefined {
  if (!samples.some(({ columns }) => columns?.[column])) {
    const known = new Set(samples.flatMap(({ columns = {} }) => Object.keys(columns)))
    throw new PrepError('COLUMN_UNKNOWN', `group: no sample has a column ${column}`, {
      hint: known.size
        ? `the columns are ${[...known].sort().join(', ')}`
        : 'columns come from a list of photos, such as a CSV file; glob gives none',
    })
  }
  return ({ columns }) => columns?.[column] && `${column} ${columns[column]}`
}

async function uniteAlike(sets: DisjointSets, signed: Signed, threshold: number, context: StageContext): Promise<void> {
  const { runs } = await findAlikeSamples(
    signed,
    threshold,
    context,
    ([a], [b]) => sets.unite(a!, b!),
    ([a], [b]) => sets.find(a!) === sets.find(b!),
  )
  for (const [first, ...others] of runs) for (const other of others) sets.unite(first!, other)
}
