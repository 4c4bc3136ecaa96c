/** Points in the memory of the k-means kernel, and the passes over them. Arithmetic is float32, sums are float64. */
import { instantiate } from '../kernels/instantiate.js'
import kmeansKernel from '../kernels/kmeans.wasm.js'
import type { Coordinates, Points } from './points.js'

/** Addresses are in bytes; src/kernels/kmeans.as.ts says what lies there. */
interface Passes {
  assign(dims: number, points: number, n: number, centres: number, k: number, near: number): number
  sum(dims: number, points: number, weighted: number, n: number, centres: number, k: number, sums: number): number
  join(dims: number, points: number, n: number, near: number, place: number, out: number): number
  trySwap(dims: number, points: number, n: number, near: number, k: number, place: number, losses: number): number
}

/** How many times the last iteration's gain the coming ones are credited with. */
const PATIENCE = 2

let kernel: ReturnType<typeof instantiate<Passes>> | undefined

/** The kernel has no fewer; those that points lack are 0. */
const LEAST_DIMS = 3

type Part = 'points' | 'weighted' | 'near' | 'trial' | 'centres' | 'place' | 'sums'

/** What lies where in the kernel's memory, in bytes from the start of a set. */
interface Layout {
  /** Points including the padding to a multiple of eight. */
  readonly n: number
  readonly dims: number
  /** Numbers in a row of `weighted` and of `sums`. */
  readonly row: number
  readonly at: Readonly<Record<Part, number>>
  readonly bytes: number
}

function layOut(points: Points, clusters: number): Layout {
  const n = Math.ceil(points.size / 8) * 8
  const dims = Math.max(LEAST_DIMS, points.dims)
  const row = (dims + 4) & ~3
  let bytes = 0
  const take = (length: number): number => {
    const start = bytes
    bytes += Math.ceil(length / 16) * 16
    return start
  }
  const at = {
    points: take(4 * n * (dims + 1)),
    weighted: take(4 * n * row),
    near: take(12 * n),
    trial: take(4 * n),
    centres: take(4 * dims * clusters),
    place: take(4 * dims),
    sums: take(4 * 8 * row * clusters),
  }
  return { n, dims, row, at, bytes }
}

/** Put several sets of points into the kernel's memory; those of the call before are void. */
export function loadPoints<Sets extends readonly Points[]>(
  sets: Sets,
  clusters: number,
): { [Index in keyof Sets]: PointSet } {
  kernel ??= instantiate(kmeansKernel)
  const { run } = kernel
  const layouts = sets.map(points => layOut(points, clusters))
  const memory = kernel.reserve(layouts.reduce((sum, { bytes }) => sum + bytes, 0))
  let base = 0
  return sets.map((points, i) => {
    const layout = layouts[i]!
    const set = new PointSet(points, clusters, layout, run, memory, base)
    base += layout.bytes
    return set
  }) as { [Index in keyof Sets]: PointSet }
}

export class PointSet {
  /** Numbers of a centre here: the points' dimensions, though no fewer than three. */
  readonly dims: number
  private readonly n: number
  private readonly row: number
  private readonly where: Readonly<Record<Part, number>>
  private readonly columns: Float32Array
  private readonly weight: Float32Array
  private readonly distances: Float32Array
  private readonly trial: Float32Array
  private readonly centres: Float32Array
  private readonly place: Float32Array
  private readonly sums: Float64Array
  /** Running sums of the points' costs, for `draw`; up to date when `summed`. */
  private readonly cumulative: Float64Array
  private summed = false

  /** @param clusters  the most centres that will be used */
  constructor(
    private readonly points: Points,
    clusters: number,
    { n, dims, row, at }: Layout,
    private readonly passes: Passes,
    memory: ArrayBuffer,
    base: number,
  ) {
    this.dims = dims
    this.n = n
    this.row = row
    this.where = Object.fromEntries(Object.entries(at).map(([part, start]) => [part, base + start])) as typeof at
    const { where } = this
    this.columns = new Float32Array(memory, where.points, n * (dims + 1)).fill(0)
    this.weight = this.columns.subarray(n * dims)
    this.distances = new Float32Array(memory, where.near, n)
    this.trial = new Float32Array(memory, where.trial, n)
    this.centres = new Float32Array(memory, where.centres, dims * clusters)
    this.place = new Float32Array(memory, where.place, dims).fill(0)
    this.sums = new Float64Array(memory, where.sums, 4 * row * clusters)
    this.cumulative = new Float64Array(points.size)
    const { weight } = points
    this.weight.set(weight)
    const rows = new Float32Array(memory, where.weighted, row * n).fill(0)
    for (const [axis, column] of points.columns.entries()) {
      this.columns.set(column, n * axis)
      for (let i = 0; i < points.size; i++) rows[row * i + axis] = weight[i]! * column[i]!
    }
    for (let i = 0; i < points.size; i++) rows[row * i + dims] = weight[i]!
  }

  /** Centres in the form that the passes take: one after the other, `dims` numbers each. */
  pack(centres: readonly Coordinates[]): Float32Array {
    const packed = new Float32Array(this.dims * centres.length)
    for (const [c, centre] of centres.entries()) packed.set(centre, this.dims * c)
    return packed
  }

  /** What `pack` packed, rounded to float32. */
  unpack(packed: Float32Array): Coordinates[] {
    const { dims, points } = this
    return Array.from({ length: packed.length / dims }, (_, c) => [
      ...packed.subarray(dims * c, dims * c + points.dims),
    ])
  }

  /** Make a point, as it is here, the centre. */
  moveTo(centres: Float32Array, centre: number, point: number): void {
    const { points, dims } = this
    for (let axis = 0; axis < points.dims; axis++) centres[dims * centre + axis] = points.columns[axis]![point]!
  }

  /** Find each point's nearest and second nearest of the packed centres. @returns the inertia */
  assign(centres: Float32Array): number {
    const { where, n, dims } = this
    this.centres.set(centres)
    this.summed = false
    return this.passes.assign(dims, where.points, n, where.centres, centres.length / dims, where.near)
  }

  /**
   * Lloyd's iterations, in place, until one lowers the inertia by less than `tolerance` (relative) or `limit` is met.
   * A centre left without points moves to the point that costs most.
   * @param target  give up once the iterations are too slow to get below this
   * @returns the inertia before the last move of the centres
   */
  lloyd(centres: Float32Array, limit: number, tolerance: number, target = Infinity): number {
    const { where, n, dims } = this
    const k = centres.length / dims
    let previous = Infinity
    for (let iteration = 0; iteration < limit; iteration++) {
      this.centres.set(centres)
      const inertia = this.passes.sum(dims, where.points, where.weighted, n, where.centres, k, where.sums)
      const reseeded = this.moveToMeans(centres)
      const gain = previous - inertia
      previous = inertia
      if (!reseeded && (gain <= tolerance * inertia || PATIENCE * gain < inertia - target)) break
    }
    return previous
  }

  /** @returns whether an empty cluster had to be given a point */
  private moveToMeans(centres: Float32Array): boolean {
    const { sums, dims, row } = this
    let reseeded = false
    for (let c = 0; c < centres.length / dims; c++) {
      const weight = sums[row * c + dims]!
      if (weight > 0) {
        for (let axis = 0; axis < dims; axis++) centres[dims * c + axis] = sums[row * c + axis]! / weight
        continue
      }
      if (!reseeded) this.assign(this.centres.slice())
      const costliest = this.costliest()
      if (costliest < 0) continue
      this.moveTo(centres, c, costliest)
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
      const cost = this.distances[i]! * this.weight[i]!
      if (cost > most) [point, most] = [i, cost]
    }
    return point
  }

  /** A point drawn with probability in proportion to its share of the inertia. @param share  uniform in 0..1 */
  draw(share: number): number {
    const { cumulative, weight, distances } = this
    if (!this.summed) {
      let sum = 0
      for (let i = 0; i < cumulative.length; i++) cumulative[i] = sum += distances[i]! * weight[i]!
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
    const centres = new Float32Array(this.dims * clusters)
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
      this.moveTo(centres, c, best)
    }
    return centres
  }

  /** @returns the inertia with one more centre at `point`; leaves the distances to it in `trial` */
  private joined(point: number): number {
    const { where, n, dims } = this
    this.moveTo(this.place, 0, point)
    return this.passes.join(dims, where.points, n, where.near, where.place, where.trial)
  }

  /**
   * The best exchange of a centre for one of some points, after `assign`.
   * @returns the point, the centre to give up for it, and the inertia then
   */
  bestSwap(candidates: readonly number[], clusters: number): { point: number; centre: number; inertia: number } {
    const { where, n, dims, sums } = this
    const best = { point: 0, centre: 0, inertia: Infinity }
    for (const point of candidates) {
      this.moveTo(this.place, 0, point)
      const joined = this.passes.trySwap(dims, where.points, n, where.near, clusters, where.place, where.sums)
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
