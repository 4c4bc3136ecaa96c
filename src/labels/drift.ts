/** Does a palette still fit? What it was fitted to against the photos that there are now. */
import type { Palette } from './palette.js'
import type { Points } from './points.js'

/** How centroids stand to places. */
export interface Quantisation {
  /** Mean squared distance to the nearest centroid. */
  readonly error: number
  /** The part of the weight that is nearest to each. */
  readonly shares: readonly number[]
}

/** Round to what `fit.error` holds, so that the same photos have a drift of exactly 0. */
const ERROR_DIGITS = 9

/** @param centroids  as many numbers each as there are columns */
export function quantise(
  { weight, columns }: Pick<Points, 'weight' | 'columns'>,
  centroids: readonly (readonly number[])[],
): Quantisation {
  const sums = new Float64Array(centroids.length)
  let [inertia, total] = [0, 0]
  for (let i = 0; i < weight.length; i++) {
    let nearest = 0
    let shortest = Infinity
    for (let c = 0; c < centroids.length; c++) {
      const centroid = centroids[c]!
      let distance = 0
      for (let d = 0; d < columns.length; d++) distance += (columns[d]![i]! - centroid[d]!) ** 2
      if (distance < shortest) {
        shortest = distance
        nearest = c
      }
    }
    sums[nearest]! += weight[i]!
    inertia += weight[i]! * shortest
    total += weight[i]!
  }
  return {
    error: Number((inertia / total).toPrecision(ERROR_DIGITS)),
    shares: Array.from(sums, sum => Math.round((sum / total) * 1e6) / 1e6),
  }
}

export interface Drift {
  /** By how much the error has grown, as a part of what it was: 0.1 is 10% more, below 0 is less. */
  readonly error: number
  /** How much of the pixels would have to change label for the shares to be as they were, 0..1 (total variation). */
  readonly shares: number
}

/**
 * How far the photos have moved away from what the palette was fitted to.
 *
 * @param now  of the palette's centroids on all photos that there are now
 * @returns undefined for a palette that was not fitted
 */
export function driftOf({ fit, clusters }: Palette, now: Quantisation): Drift | undefined {
  if (!fit) return undefined
  const more = now.error - fit.error
  return {
    error: more === 0 ? 0 : more / fit.error,
    shares: clusters.reduce((sum, { share }, id) => sum + Math.abs(share - now.shares[id]!), 0) / 2,
  }
}
