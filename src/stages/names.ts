/** Names of samples: the path below the common folder, without extension, unique. */

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

export const isReserved = (name: string): boolean => RESERVED.test(name)

/**
 * Names in the order of the paths, no two alike, not even on a file system that ignores case. Those that would be
 * equal (a.jpg and a.png) or stand for something else keep their extension; what is still equal is numbered.
 */
export function namesFor(paths: readonly string[], base: string): string[] {
  const below = paths.map(path => (base ? path.slice(base.length + 1) : path))
  const stems = below.map(path => path.replace(/\.[^./]+$/, ''))
  const counts = new Map<string, number>()
  for (const stem of stems) counts.set(stem.toLowerCase(), (counts.get(stem.toLowerCase()) ?? 0) + 1)
  return distinct(
    stems.map((stem, i) => {
      const unclear = (counts.get(stem.toLowerCase()) ?? 0) > 1 || isReserved(stem)
      return unclear ? below[i]! : stem
    }),
  )
}

/** Number what occurs again, whatever its letter case. */
export function distinct(wanted: readonly string[]): string[] {
  const taken = new Set<string>()
  /** The number to try next, so that many equal names are no matter of their square. */
  const next = new Map<string, number>()
  return wanted.map(stem => {
    const base = stem.toLowerCase()
    let name = stem
    let number = next.get(base) ?? 2
    while (taken.has(name.toLowerCase())) name = `${stem}-${number++}`
    next.set(base, number)
    taken.add(name.toLowerCase())
    return name
  })
}
