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

/** Names in the order of the paths; those that would be equal (a.jpg and a.png) keep their extension. */
export function namesFor(paths: readonly string[], base: string): string[] {
  const below = paths.map(path => (base ? path.slice(base.length + 1) : path))
  const stems = below.map(path => path.replace(/\.[^./]+$/, ''))
  const counts = new Map<string, number>()
  // File systems that ignore case would let A.jpg and a.jpg overwrite each other's results.
  for (const stem of stems) counts.set(stem.toLowerCase(), (counts.get(stem.toLowerCase()) ?? 0) + 1)
  return stems.map((stem, i) => ((counts.get(stem.toLowerCase()) ?? 0) > 1 ? below[i]! : stem))
}
