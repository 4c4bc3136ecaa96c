/** Points in the memory of the k-means kernel, and the passes over them. Arithmetic is float32, sums are float64. */
import { instantiate } from '../kernels/instantiate.js'
import kmeansKernel from '../kernels/kmeans.wasm.js'
import type { Points } from './points.js'

/** Addresses are in bytes; src/kernels/kmeans.as.ts says what lies there. */
interface Passes {
  assign(points: number, n: number, centres: number, k: number, near: number): number
  sum(points: number, weighted: number, n: number, centres: number, k: number, sums: number): number
  join(points: number, n: number, near: number, x: number, y: number, z: number, out: number): number
  trySwap(points: number, n: number, near: number, k: number, x: number, y: number, z: number, losses: number): number
}

/** How many times the last iteration's gain the coming ones are credited with. */
const PATIENCE = 2

let kernel: ReturnType<typeof instantiate<Passes>> | undefined

const align = (bytes: number): number => (bytes + 15) & ~15

const bytesFor = (size: number, clusters: number): number => 48 * (size + 7) + align(12 * clusters) + 128 * clusters

/** Put several sets of points into the kernel's memory; those of the call before are void. */
export function loadPoints<Sets extends readonly Points[]>(
  sets: Sets,
  clusters: number,
): { [Index in keyof Sets]: PointSet } {
  kernel ??= instantiate(kmeansKernel)
  const { run } = kernel
  const memory = kernel.reserve(sets.reduce((sum, { size }) => sum + align(bytesFor(size, clusters)), 0))
  let base = 0
  return sets.map(points => {
    const set = new PointSet(points, clusters, run, memory, base)
    base += align(bytesFor(points.size, clusters))
    return set
  }) as { [Index in keyof Sets]: PointSet }
}

export class PointSet {
  /** Points including the padding to a multiple of eight. */
  private readonly n: number
  private readonly where: Readonly<Record<'points' | 'weighted' | 'near' | 'trial' | 'centres' | 'sums', number>>
  private readonly columns: Float32Array
  private readonly distances: Float32Array
  private readonly trial: Float32Array
  private readonly centres: Float32Array
  private readonly sums: Float64Array
  /** Running sums of the points' costs, for `draw`; up to date when `summed`. */
  private readonly cumulative: Float64Array
  private summed = false

  /** @param clusters  the most centres that will be used */
  constructor(
    private readonly points: Points,
    clusters: number,
    private readonly passes: Passes,
    memory: ArrayBuffer,
    base: number,
  ) {
    const n = (this.n = (points.size + 7) & ~7)
    const weighted = base + 16 * n
    const near = weighted + 16 * n
    const trial = near + 12 * n
    const centres = trial + 4 * n
    const sums = centres + align(12 * clusters)
    this.where = { points: base, weighted, near, trial, centres, sums }
    this.columns = new Float32Array(memory, base, 4 * n)
    this.distances = new Float32Array(memory, near, n)
    this.trial = new Float32Array(memory, trial, n)
    this.centres = new Float32Array(memory, centres, 3 * clusters)
    this.sums = new Float64Array(memory, sums, 4 * clusters)
    this.cumulative = new Float64Array(points.size)
    this.columns.fill(0)
    this.columns.set(points.x, 0)
    this.columns.set(points.y, n)
    this.columns.set(points.z, 2 * n)
    this.columns.set(points.weight, 3 * n)
    const rows = new Float32Array(memory, weighted, 4 * n).fill(0)
    for (let i = 0; i < points.size; i++) {
      const w = points.weight[i]!
      rows[4 * i] = w * points.x[i]!
      rows[4 * i + 1] = w * points.y[i]!
      rows[4 * i + 2] = w * points.z[i]!
      rows[4 * i + 3] = w
    }
  }

  at(point: number): [number, number, number] {
    const { columns, n } = this
    return [columns[point]!, columns[n + point]!, columns[2 * n + point]!]
  }

  /** Find each point's nearest and second nearest of the centres, xyz each. @returns the inertia */
  assign(centres: Float32Array): number {
    const { where, n } = this
    this.centres.set(centres)
    this.summed = false
    return this.passes.assign(where.points, n, where.centres, centres.length / 3, where.near)
  }

  /**
   * Lloyd's iterations, in place, until one lowers the inertia by less than `tolerance` (relative) or `limit` is met.
   * A centre left without points moves to the point that costs most.
   * @param target  give up once the iterations are too slow to get below this
   * @returns the inertia before the last move of the centres
   */
  lloyd(centres: Float32Array, limit: number, tolerance: number, target = Infinity): number {
    const { where, n } = this
    const k = centres.length / 3
    let previous = Infinity
    for (let iteration = 0; iteration < limit; iteration++) {
      this.centres.set(centres)
      const inertia = this.passes.sum(where.points, where.weighted, n, where.centres, k, where.sums)
      const reseeded = this.moveToMeans(centres)
      const gain = previous - inertia
      previous = inertia
      if (!reseeded && (gain <= tolerance * inertia || PATIENCE * gain < inertia - target)) break
    }
    return previous
  }

  /** @returns whether an empty cluster had to be given a point */
  private moveToMeans(centres: Float32Array): boolean {
    const { sums } = this
    let reseeded = false
    for (let c = 0; c < centres.length / 3; c++) {
      const weight = sums[4 * c + 3]!
      if (weight > 0) {
        for (let axis = 0; axis < 3; axis++) centres[3 * c + axis] = sums[4 * c + axis]! / weight
        continue
      }
      if (!reseeded) this.assign(this.centres.slice())
      const costliest = this.costliest()
      if (costliest < 0) continue
      centres.set(this.at(costliest), 3 * c)
      this.distances[costliest] = 0
      reseeded = true
    }
    return reseeded
  }

  /** The point with the largest share of the inertia, -1 when there is no inertia. */
  private costliest(): number {
    let point = -1
    let most = 0
    for (let i = 0; i < this.points.size; i++) {
      const cost = this.distances[i]! * this.columns[3 * this.n + i]!
      if (cost > most) [point, most] = [i, cost]
    }
    return point
  }

  /** A point drawn with probability in proportion to its share of the inertia. @param share  uniform in 0..1 */
  draw(share: number): number {
    const { cumulative, columns, n, distances } = this
    if (!this.summed) {
      let sum = 0
      for (let i = 0; i < cumulative.length; i++) cumulative[i] = sum += distances[i]! * columns[3 * n + i]!
      this.summed = true
    }
    const wanted = share * cumulative.at(-1)!
    // the first point whose sum is above: never one without a share
    let low = 0
    for (let high = cumulative.length - 1; low < high; ) {
      const middle = (low + high) >> 1
      if (cumulative[middle]! > wanted) high = middle
      else low = middle + 1
    }
    return low
  }

  /** k-means++ centres, each the best of some candidates. */
  seed(clusters: number, candidates: number, random: () => number): Float32Array {
    const centres = new Float32Array(3 * clusters)
    this.distances.fill(1, 0, this.points.size)
    this.summed = false
    for (let c = 0; c < clusters; c++) {
      const first = c === 0
      let best = 0
      let lowest = Infinity
      for (let candidate = 0; candidate < (first ? 1 : candidates); candidate++) {
        const point = this.draw(random())
        if (first) this.distances.fill(3e38)
        const inertia = this.joined(point)
        if (inertia < lowest) [best, lowest] = [point, inertia]
      }
      this.joined(best)
      this.distances.set(this.trial)
      this.summed = false
      centres.set(this.at(best), 3 * c)
    }
    return centres
  }

  /** @returns the inertia with one more centre at `point`; leaves the distances to it in `trial` */
  private joined(point: number): number {
    const { where, n } = this
    const [x, y, z] = this.at(point)
    return this.passes.join(where.points, n, where.near, x, y, z, where.trial)
  }

  /**
   * The best exchange of a centre for one of some points, after `assign`.
   * @returns the point, the centre to give up for it, and the inertia then
   */
  bestSwap(candidates: readonly number[], clusters: number): { point: number; centre: number; inertia: number } {
    const { where, n, sums } = this
    const best = { point: 0, centre: 0, inertia: Infinity }
    for (const point of candidates) {
      const [x, y, z] = this.at(point)
      const joined = this.passes.trySwap(where.points, n, where.near, clusters, x, y, z, where.sums)
      for (let centre = 0; centre < clusters; centre++) {
        const inertia = joined + sums[centre]!
        if (inertia < best.inertia) {
          best.inertia = inertia
          best.point = point
          best.centre = centre
        }
      }
    }
    return best
  }
}
