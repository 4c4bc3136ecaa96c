/** How many clusters? As many as pay: the knee of the curve of errors. */
import type { Quantisation } from './drift.js'

/** One number of clusters, and how well it does. */
export interface ElbowPoint {
  readonly clusters: number
  readonly error: number
}

export const ELBOW_RANGE = { least: 2, most: 32 } as const

/**
 * The errors of 2 to 32 clusters (or as many as there are colours).
 *
 * @param fit  a fit of so many clusters
 */
export async function elbowCurve(
  colours: number,
  fit: (clusters: number) => Promise<Quantisation>,
): Promise<ElbowPoint[]> {
  const most = Math.min(ELBOW_RANGE.most, colours)
  const curve: ElbowPoint[] = []
  for (let clusters = ELBOW_RANGE.least; clusters <= most; clusters++) {
    const { error } = await fit(clusters)
    // A search that ended higher than one with fewer clusters is no reason to take fewer.
    curve.push({ clusters, error: Math.min(error, curve.at(-1)?.error ?? Infinity) })
  }
  return curve
}

/**
 * The knee of a falling curve: where it is furthest below the straight line between its ends, both axes scaled to 0..1.
 * The fewest of several that are equally far; 2 for a curve that does not fall.
 *
 * @see Satopaa et al., Finding a "kneedle" in a haystack: detecting knee points in system behavior, 2011; the whole curve
 *   is at hand here, so that its threshold for curves that still grow is not needed
 */
export function chooseClusters(curve: readonly ElbowPoint[]): number {
  const [first, last] = [curve[0], curve.at(-1)]
  if (!first || !last || first.error === last.error) return first?.clusters ?? ELBOW_RANGE.least
  let knee = first
  let furthest = 0
  for (const point of curve) {
    const along = (point.clusters - first.clusters) / (last.clusters - first.clusters)
    const height = (point.error - last.error) / (first.error - last.error)
    if (1 - along - height <= furthest) continue
    knee = point
    furthest = 1 - along - height
  }
  return knee.clusters
}
