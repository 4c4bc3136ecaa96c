/**
 * Names for clusters from examples: which class each cluster stands for, by the pixels that both have in a few photos
 * with a ground truth, and the palette that says so.
 */
import { type OverlapScore, scoreMatched } from './overlap.js'
import type { Palette, PaletteCluster } from './palette.js'

/** What the examples say of one cluster. */
export interface ClusterEvidence {
  /** Its labelled pixels in the examples. */
  readonly pixels: number
  /** The class that most of them have, the lower id of equals; -1 where there is none. */
  readonly kind: number
  /** Their part of `pixels`, 0..1; 0 where there is none. */
  readonly share: number
}

export interface Naming {
  readonly evidence: readonly ClusterEvidence[]
  /** Class of each cluster; -1 where its best has a smaller share than asked for. */
  readonly classOf: Int32Array
  /** Of the clusters as named, on the examples. */
  readonly score: OverlapScore
}

/**
 * Find the class of each cluster: that of most of its pixels, if they are at least `minOverlap` of them.
 *
 * @param matrix      clusters * classes pixels, as `countOverlap` fills it
 * @param minOverlap  0..1
 */
export function nameClusters(matrix: Float64Array, clusters: number, classes: number, minOverlap: number): Naming {
  const evidence = Array.from({ length: clusters }, (_, cluster) =>
    weigh(matrix.subarray(cluster * classes, (cluster + 1) * classes)),
  )
  const classOf = Int32Array.from(evidence, ({ kind, share }) => (share >= minOverlap ? kind : -1))
  return { evidence, classOf, score: scoreMatched(matrix, classes, classOf) }
}

function weigh(row: Float64Array): ClusterEvidence {
  let kind = -1
  let pixels = 0
  for (const [id, count] of row.entries()) {
    pixels += count
    if (count > (row[kind] ?? 0)) kind = id
  }
  return { pixels, kind, share: kind < 0 ? 0 : row[kind]! / pixels }
}

/**
 * The palette with the names. Of several clusters of one class the one with most of its pixels in the examples has the
 * name; the others are merged into it, or, where they are not to be merged, called `road 2`, `road 3` by their pixels.
 * A name that a cluster had goes when the examples say another, or give it to another cluster.
 *
 * @param classes  names, by id
 */
export function applyNames(
  palette: Palette,
  { evidence, classOf }: Pick<Naming, 'evidence' | 'classOf'>,
  classes: readonly string[],
  { merge }: { readonly merge: boolean },
): Palette {
  const named = new Map<number, string>()
  const into = new Map<number, number>()
  const taken = new Set(classes.map(name => name.toLowerCase()))
  for (const [kind, name] of classes.entries()) {
    const agreed = (id: number): number => evidence[id]!.pixels * evidence[id]!.share
    const members = [...classOf.keys()]
      .filter(id => classOf[id] === kind)
      .sort((a, b) => agreed(b) - agreed(a) || a - b)
    const [first, ...others] = members
    if (first === undefined) continue
    named.set(first, name)
    let number = 2
    for (const id of others) {
      if (merge) into.set(id, first)
      else {
        while (taken.has(`${name} ${number}`.toLowerCase())) number += 1
        const numbered = `${name} ${number}`
        taken.add(numbered.toLowerCase())
        named.set(id, numbered)
      }
    }
  }
  const clusters = palette.clusters.map((cluster): PaletteCluster => {
    const { name: before, into: mergedBefore, ...rest } = cluster
    const name = named.get(cluster.id) ?? (before && !taken.has(before.toLowerCase()) ? before : undefined)
    // One that was merged before follows where the cluster that took it in has gone.
    const target =
      into.get(cluster.id) ?? (mergedBefore === undefined ? undefined : (into.get(mergedBefore) ?? mergedBefore))
    return {
      ...rest,
      ...(name !== undefined && !into.has(cluster.id) && { name }),
      ...(target !== undefined && { into: target }),
    }
  })
  return { ...palette, clusters }
}
