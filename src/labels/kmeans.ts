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
import { coarsen } from './coarsen.js'
import { loadPoints, type PointSet } from './point-set.js'
import type { Coordinates, Points } from './points.js'

export interface KMeansOptions {
  /** Number of centres, at most the number of points. */
  readonly clusters: number
  /** Independent starts at most; fewer once they agree. */
  readonly restarts: number
  /** Any integer; the same seed and points give the same centres. */
  readonly seed: number
}

// how hard a search tries: what the 1% of docs/labels.md was measured with
/** Points of the coarse search at most, and as many more for each cluster. */
const COARSE_POINTS = 512
const COARSE_POINTS_EACH = 64
/** Points among which each new centre is chosen. */
const CANDIDATES = 4
/** Exchanges of a centre that are tried, besides one for each cluster. */
const FINE_SWAPS = 8
const SWAP_ITERATIONS = 3
/** Starts whose inertias differ by less than this part count as one solution. */
const ALIKE = 1e-3
/** Swaps on the coarse points, and starts of the best kind that are enough: groups farther apart than colours trap more. */
const COLOUR_EFFORT = { swaps: 12, consensus: 3 } as const
const EFFORT = { swaps: 40, consensus: 6 } as const
/** Starts that are followed up on all points, and iterations until they are compared there. */
const FINALISTS = 5
const FINE_ITERATIONS = 6
const TOLERANCE = 1e-3
const FINAL_TOLERANCE = 1e-6
const FINAL_ITERATIONS = 300

export interface Clustering {
  /** In no particular order. */
  readonly centres: readonly Coordinates[]
  /** The weighted squared distances of the points to their nearest centre, summed. */
  readonly inertia: number
}

/** The centres alone of `clusterPoints`. */
export const kmeans = (points: Points, options: KMeansOptions): readonly Coordinates[] =>
  clusterPoints(points, options).centres

/** Find centres of weighted points, of which there are at least as many. */
export function clusterPoints(points: Points, { clusters, restarts, seed }: KMeansOptions): Clustering {
  const coarsePoints = coarsen(points, COARSE_POINTS + COARSE_POINTS_EACH * clusters)
  const [fine, coarse] = loadPoints([points, coarsePoints] as const, clusters)
  const generator = xoroshiro128plus(seed)
  const random = (): number => uniformFloat64(generator)
  const { swaps, consensus } = points.dims === 3 ? COLOUR_EFFORT : EFFORT
  const starts: Solution[] = []
  while (starts.length < restarts && !agreed(starts, consensus)) {
    starts.push(improve(coarse, coarse.seed(clusters, CANDIDATES, random), swaps + clusters, random))
  }
  const finalists = distinct(starts).slice(0, FINALISTS)
  const settled = finalists.map(({ centres }) => ({
    centres,
    inertia: fine.lloyd(centres, FINE_ITERATIONS, TOLERANCE),
  }))
  const first = settled.reduce((best, other) => (other.inertia < best.inertia ? other : best))
  const { centres } = improve(fine, first.centres, FINE_SWAPS + clusters, random)
  return settle(fine, centres, FINAL_ITERATIONS, FINAL_TOLERANCE)
}

/**
 * Lloyd's iterations alone, from given centres: what changes little from one fit to the next, and can be compared with
 * other implementations.
 *
 * @param tolerance  the least relative gain of an iteration that is worth another; 0: until nothing moves
 */
export function lloydFrom(
  points: Points,
  centres: readonly Coordinates[],
  { iterations = FINAL_ITERATIONS, tolerance = FINAL_TOLERANCE } = {},
): Clustering {
  const [set] = loadPoints([points] as const, centres.length)
  return settle(set, set.pack(centres), iterations, tolerance)
}

function settle(points: PointSet, centres: Float32Array, iterations: number, tolerance: number): Clustering {
  points.lloyd(centres, iterations, tolerance)
  return { centres: points.unpack(centres), inertia: points.assign(centres) }
}

interface Solution {
  /** Packed. */
  readonly centres: Float32Array
  readonly inertia: number
}

/** Whether enough starts have ended as low as the lowest: more would hardly find anything else. */
function agreed(starts: readonly Solution[], consensus: number): boolean {
  const lowest = Math.min(...starts.map(({ inertia }) => inertia))
  return starts.filter(({ inertia }) => inertia <= lowest * (1 + ALIKE)).length >= consensus
}

/** Lowest first, and of those alike the lowest alone. */
function distinct(starts: readonly Solution[]): Solution[] {
  const sorted = starts.toSorted((p, q) => p.inertia - q.inertia)
  return sorted.filter(({ inertia }, i) => i === 0 || inertia > sorted[i - 1]!.inertia * (1 + ALIKE))
}

/** Swap a centre for a point, drawn by its share of the inertia, where Lloyd's iterations then end lower. */
function improve(points: PointSet, start: Float32Array, swaps: number, random: () => number): Solution {
  const clusters = start.length / points.dims
  let centres = start
  let inertia = points.lloyd(centres, SWAP_ITERATIONS, TOLERANCE)
  points.assign(centres)
  const candidates: number[] = []
  for (let attempt = 0; attempt < swaps; attempt++) {
    for (let i = 0; i < CANDIDATES; i++) candidates[i] = points.draw(random())
    const { point, centre } = points.bestSwap(candidates, clusters)
    const changed = centres.slice()
    points.moveTo(changed, centre, point)
    const improved = points.lloyd(changed, SWAP_ITERATIONS, TOLERANCE, inertia)
    if (improved >= inertia) continue
    centres = changed
    inertia = improved
    points.assign(centres)
  }
  return { centres, inertia }
}
