/** Pairing two lists of files by name; names in, pairs and everything that is left over out. Reads no file. */
import { relative } from 'node:path'
import type { FoundFile } from './listing.js'
import { isInside } from './patterns.js'

/** One of the two lists. */
export interface Side {
  readonly files: readonly FoundFile[]
  /** Folders that names are relative to. */
  readonly bases: readonly string[]
  /** End of the names, before the extension, that the other side does not have; files without it are left aside. */
  readonly suffix: string
  readonly match: 'path' | 'name'
}

export interface FilePair {
  /** What both names have in common: the sample's name. */
  readonly name: string
  readonly photo: FoundFile
  readonly label: FoundFile
}

export interface Unpaired {
  readonly path: string
  readonly reason: string
}

export interface Pairing {
  /** In order of name. */
  readonly pairs: readonly FilePair[]
  readonly photos: readonly Unpaired[]
  readonly labels: readonly Unpaired[]
  /** Several files of one name on one side. */
  readonly doubles: readonly Unpaired[]
}

/** A file that both sides list (one folder holds both) belongs to the side whose suffix says more, else to the labels. */
export function pairFiles(photos: Side, labels: Side): Pairing {
  const photosFirst = photos.suffix.length > labels.suffix.length
  const byPhoto = groupByName(photos, photosFirst ? undefined : groupByName(labels))
  const byLabel = groupByName(labels, photosFirst ? byPhoto : undefined)
  const doubles = [...doublesOf(byPhoto, 'photo'), ...doublesOf(byLabel, 'label')]
  const alone = (files: Names, others: Names, what: string): Unpaired[] =>
    [...files].flatMap(([name, [first, ...more]]) =>
      others.has(name) || more.length ? [] : [{ path: first!.path, reason: `no ${what} is called ${name}` }],
    )
  const pairs = [...byPhoto].flatMap(([name, [photo, ...more]]): FilePair[] => {
    const [label, ...others] = byLabel.get(name) ?? []
    return photo && label && !more.length && !others.length ? [{ name, photo, label }] : []
  })
  return {
    pairs: pairs.sort((a, b) => (a.name < b.name ? -1 : 1)),
    photos: alone(byPhoto, byLabel, 'label'),
    labels: alone(byLabel, byPhoto, 'photo'),
    doubles,
  }
}

type Names = ReadonlyMap<string, readonly FoundFile[]>

function groupByName({ files, bases, suffix, match }: Side, claimed: Names = new Map()): Names {
  const names = new Map<string, FoundFile[]>()
  const taken = new Set([...claimed.values()].flat().map(({ path }) => path))
  for (const file of files) {
    if (taken.has(file.path)) continue
    const stem = relativeName(file.path, bases, match).replace(/\.[^./]+$/, '')
    if (!stem.endsWith(suffix)) continue
    const name = stem.slice(0, stem.length - suffix.length)
    const same = names.get(name)
    if (same) same.push(file)
    else names.set(name, [file])
  }
  return names
}

/** Below the deepest of the bases that holds it. */
function relativeName(path: string, bases: readonly string[], match: Side['match']): string {
  if (match === 'name') return path.slice(path.lastIndexOf('/') + 1)
  const [base = '.'] = bases.filter(base => isInside(path, base)).sort((a, b) => b.length - a.length)
  return relative(base, path)
}

const doublesOf = (names: Names, what: string): Unpaired[] =>
  [...names].flatMap(([name, files]) =>
    files.length < 2 ? [] : files.map(({ path }) => ({ path, reason: `another ${what} is called ${name} too` })),
  )

/** A message stays readable up to so many lines; the counts are of all. */
const MOST_LISTED = 1000

/**
 * Mismatches, a line each; nothing when all is paired.
 * @param most  lines; how many more there are is then said
 */
export function describeUnpaired(
  { photos, labels, doubles }: Omit<Pairing, 'pairs'>,
  most = MOST_LISTED,
): string | undefined {
  const groups = [
    ['photos without a label', photos],
    ['labels without a photo', labels],
    ['files of the same name', doubles],
  ] as const
  const found = groups.filter(([, files]) => files.length)
  if (!found.length) return undefined
  const lines = found.flatMap(([title, files]) =>
    files.map(({ path, reason }) => `${title.split(' ')[0]}: ${path}: ${reason}`),
  )
  const rest = lines.length > most ? [`and ${lines.length - most} more`] : []
  return [found.map(([title, { length }]) => `${length} ${title}`).join(', '), ...lines.slice(0, most), ...rest].join(
    '\n',
  )
}
