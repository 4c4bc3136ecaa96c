/** Names of samples: the path below the common folder, without extension, unique. */
import { createHash } from 'node:crypto'

/** The deepest folder that holds every path. */
export function commonFolder(paths: readonly string[]): string {
  const folders = paths.map(path => path.split('/').slice(0, -1))
  const [first = []] = folders
  let depth = first.length
  for (const folder of folders) {
    let same = 0
    while (same < depth && folder[same] === first[same]) same++
    depth = same
  }
  return first.slice(0, depth).join('/')
}

/** What results beside those of the photos are called. */
const RESERVED = /(^|\/)contact-sheet$|_label$/i

/** Bytes of a part of a name: files are called by it, with some 50 more (`_label.png`, a temporary name), of the 255 there are. */
const MAX_PART_BYTES = 200
const HASH_DIGITS = 12

export const isReserved = (name: string): boolean => RESERVED.test(name)

/**
 * Names in the order of the paths, no two alike, not even on a file system that ignores letter case and how accents are
 * composed. Those that would be equal (a.jpg and a.png) or stand for something else keep their extension; what is still
 * equal is numbered. Very long ones are cut, and a hash takes the place of the rest.
 */
export function namesFor(paths: readonly string[], base: string): string[] {
  const below = paths.map(path => (base ? path.slice(base.length + 1) : path))
  const stems = below.map(path => path.replace(/\.[^./]+$/, ''))
  const counts = new Map<string, number>()
  for (const stem of stems) counts.set(asFileSystemsSee(stem), (counts.get(asFileSystemsSee(stem)) ?? 0) + 1)
  return distinct(
    stems.map((stem, i) => {
      const unclear = (counts.get(asFileSystemsSee(stem)) ?? 0) > 1 || isReserved(stem)
      return (unclear ? below[i]! : stem).split('/').map(shorten).join('/')
    }),
  )
}

/** Number what occurs again, as file systems see it. */
export function distinct(wanted: readonly string[]): string[] {
  const taken = new Set<string>()
  /** The number to try next, so that many equal names are no matter of their square. */
  const next = new Map<string, number>()
  return wanted.map(stem => {
    const base = asFileSystemsSee(stem)
    let name = stem
    let number = next.get(base) ?? 2
    while (taken.has(asFileSystemsSee(name))) name = `${stem}-${number++}`
    next.set(base, number)
    taken.add(asFileSystemsSee(name))
    return name
  })
}

const asFileSystemsSee = (name: string): string => name.normalize('NFC').toLowerCase()

/** A part of a name, cut where it is very long, with a hash in place of the rest. */
export function shorten(part: string): string {
  if (Buffer.byteLength(part) <= MAX_PART_BYTES) return part
  const hash = createHash('sha256').update(part).digest('hex').slice(0, HASH_DIGITS)
  let kept = ''
  for (const character of part) {
    if (Buffer.byteLength(kept + character) > MAX_PART_BYTES - HASH_DIGITS - 1) break
    kept += character
  }
  return `${kept}~${hash}`
}
