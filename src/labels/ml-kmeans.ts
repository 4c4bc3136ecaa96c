/**
 * Clustering with the npm package ml-kmeans, for those who want exactly that. It knows no weights and takes arrays of
 * arrays, so it gets a bounded sample of the pixels.
 */
import { kmeans } from 'ml-kmeans'
import type { ClusterEngine } from './fit.js'
import { type Coordinates, nearest, type Points, placeOf, squaredDistance } from './points.js'

const SAMPLE = 10_000

/** An engine for `fitPalette`. It makes one start: `restarts` has no effect. */
export const mlKMeans: ClusterEngine = (points, { clusters, seed }) => {
  const sample = samplePoints(points, Math.max(SAMPLE, 10 * clusters))
  const { centroids } = kmeans(sample, clusters, { seed, initialization: 'kmeans++', maxIterations: 100 })
  return repair(points, centroids)
}

/**
 * Rows drawn evenly along the weight: a colour that n% of the pixels have is n% of the sample, to within one row. The
 * rarest colours may be missed; points that fit into the sample one by one all take part once at least.
 */
export function samplePoints(points: Points, rows: number): number[][] {
  const { size, weight } = points
  const total = weight.reduce((sum, w) => sum + w, 0)
  const every = size <= rows / 2
  const spread = every ? rows - size : rows
  const sample: number[][] = []
  let passed = 0
  for (let i = 0, next = 0; i < size; i++) {
    passed += weight[i]!
    const due = Math.round((passed / total) * spread)
    for (let copies = due - next + (every ? 1 : 0); copies > 0; copies--) sample.push(placeOf(points, i))
    next = due
  }
  return sample
}

/** Centres that no colour is nearest to (ml-kmeans repeats centres for flat photos) move to the colour farthest off. */
function repair(points: Points, centroids: readonly Coordinates[]): Coordinates[] {
  const centres = [...centroids]
  for (let round = 0; round < centres.length; round++) {
    const used = new Set<number>()
    let farthest: Coordinates = centres[0]!
    let most = -1
    for (let i = 0; i < points.size; i++) {
      const place = placeOf(points, i)
      const id = nearest(centres, place)
      used.add(id)
      const distance = squaredDistance(place, centres[id]!)
      if (distance > most) [farthest, most] = [place, distance]
    }
    const empty = centres.findIndex((_, id) => !used.has(id))
    if (empty < 0) break
    centres[empty] = farthest
  }
  return centres
}
