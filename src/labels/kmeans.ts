/**
 * Weighted k-means, made to find a good optimum and not just the nearest: k-means++ starts, improved by moving one
 * centre at a time to where it saves most, on a coarse version of the points; then Lloyd's iterations on all of them.
 *
 * @see Lloyd, Least squares quantization in PCM, 1982
 * @see Arthur and Vassilvitskii, k-means++: the advantages of careful seeding, 2007
 * @see Lattanzi and Sohler, A better k-means++ algorithm via local search, 2019
 */
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { loadPoints, type PointSet } from './point-set.js'
import { type Coordinates, coarsen, type Points } from './points.js'

export interface KMeansOptions {
  /** Number of centres, at most the number of points. */
  readonly clusters: number
  /** Independent starts, the best of which is kept. */
  readonly restarts: number
  /** Any integer; the same seed and points give the same centres. */
  readonly seed: number
}

/** Points that a search looks at, and how hard it tries: what the 1% of docs/labels.md was measured with. */
const COARSE_POINTS = 1024
const CANDIDATES = 4
const SWAPS = 20
const FINE_SWAPS = 16
const SWAP_ITERATIONS = 3
/** Iterations after which starts are compared on all points. */
const CONTEST_ITERATIONS = 6
const TOLERANCE = 1e-3
const FINAL_TOLERANCE = 1e-5
const FINAL_ITERATIONS = 300

/** @returns the centres in no particular order */
export function kmeans(points: Points, { clusters, restarts, seed }: KMeansOptions): Coordinates[] {
  const coarsePoints = coarsen(points, Math.max(COARSE_POINTS, 4 * clusters))
  const [fine, coarse] = loadPoints([points, coarsePoints] as const, clusters)
  const generator = xoroshiro128plus(seed)
  const random = (): number => uniformFloat64(generator)
  let best: Float32Array | undefined
  let lowest = Infinity
  for (let start = 0; start < restarts; start++) {
    const centres = improve(coarse, coarse.seed(clusters, CANDIDATES, random), SWAPS, random)
    const inertia = fine.lloyd(centres, CONTEST_ITERATIONS, TOLERANCE)
    if (inertia < lowest || !best) [best, lowest] = [centres, inertia]
  }
  best = improve(fine, best!, FINE_SWAPS, random)
  fine.lloyd(best, FINAL_ITERATIONS, FINAL_TOLERANCE)
  return Array.from({ length: clusters }, (_, c) => [best![3 * c]!, best![3 * c + 1]!, best![3 * c + 2]!])
}

/** Swap a centre for a point, drawn by its share of the inertia, where Lloyd's iterations then end lower. */
function improve(points: PointSet, start: Float32Array, swaps: number, random: () => number): Float32Array {
  const clusters = start.length / 3
  let centres = start
  let inertia = points.lloyd(centres, SWAP_ITERATIONS, TOLERANCE)
  points.assign(centres)
  for (let attempt = 0; attempt < swaps; attempt++) {
    const candidates = Array.from({ length: CANDIDATES }, () => points.draw(random()))
    const { point, centre } = points.bestSwap(candidates, clusters)
    const changed = centres.slice()
    changed.set(points.at(point), 3 * centre)
    const improved = points.lloyd(changed, SWAP_ITERATIONS, TOLERANCE, inertia)
    if (improved >= inertia) continue
    centres = changed
    inertia = improved
    points.assign(centres)
  }
  return centres
}
