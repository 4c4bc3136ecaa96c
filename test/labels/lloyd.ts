/** The oracle: textbook k-means over every colour of a photo at full precision, in plain float64 loops. */
import type { Coordinates, Points } from '../../src/labels/points.js'
import { nearest, placeOf, squaredDistance } from '../../src/labels/points.js'

/** Pixels of one colour are one weighted point, which changes nothing but the time. */
export interface LloydRun {
  readonly centres: readonly Coordinates[]
  readonly inertia: number
}

/** A small generator for tests (mulberry32). @returns numbers in 0..1 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Sum of weighted squared distances to the nearest centre. */
export function inertiaOf(points: Points, centres: readonly Coordinates[]): number {
  let sum = 0
  for (let i = 0; i < points.size; i++) {
    const place = placeOf(points, i)
    sum += points.weight[i]! * squaredDistance(place, centres[nearest(centres, place)]!)
  }
  return sum
}

/** k-means++ (Arthur and Vassilvitskii 2007): each centre a point drawn by its share of the inertia. */
export function plusPlus(points: Points, k: number, random: () => number): Coordinates[] {
  const { size, weight } = points
  const distance = new Float64Array(size).fill(1)
  const centres: Coordinates[] = []
  while (centres.length < k) {
    let total = 0
    for (let i = 0; i < size; i++) total += distance[i]! * weight[i]!
    let left = random() * total
    let point = 0
    for (; point < size - 1; point++) if ((left -= distance[point]! * weight[point]!) < 0) break
    const centre = placeOf(points, point)
    const first = centres.length === 0
    centres.push(centre)
    for (let i = 0; i < size; i++) {
      const d = squaredDistance(placeOf(points, i), centre)
      if (first || d < distance[i]!) distance[i] = d
    }
  }
  return centres
}

/** Lloyd's iterations until the inertia falls by less than a millionth. Empty clusters keep their centre. */
export function lloyd(points: Points, start: readonly Coordinates[], limit = 300): LloydRun {
  const { size, dims, columns, weight } = points
  const k = start.length
  const centres = Float64Array.from(start.flat())
  const sums = new Float64Array(dims * k)
  const weights = new Float64Array(k)
  let previous = Infinity
  for (let iteration = 0; iteration < limit; iteration++) {
    sums.fill(0)
    weights.fill(0)
    let inertia = 0
    for (let i = 0; i < size; i++) {
      let best = 0
      let shortest = Infinity
      for (let c = 0; c < k; c++) {
        let d = 0
        for (let axis = 0; axis < dims; axis++) d += (columns[axis]![i]! - centres[dims * c + axis]!) ** 2
        if (d < shortest) {
          shortest = d
          best = c
        }
      }
      const w = weight[i]!
      inertia += w * shortest
      for (let axis = 0; axis < dims; axis++) sums[dims * best + axis]! += w * columns[axis]![i]!
      weights[best]! += w
    }
    for (let c = 0; c < k; c++) {
      const w = weights[c]!
      if (w > 0) for (let axis = 0; axis < dims; axis++) centres[dims * c + axis] = sums[dims * c + axis]! / w
    }
    if (inertia > previous * (1 - 1e-6)) break
    previous = inertia
  }
  const result = start.map((_, c): Coordinates => [...centres.subarray(dims * c, dims * c + dims)])
  return { centres: result, inertia: inertiaOf(points, result) }
}

/** The lowest inertia of several k-means++ starts, each followed by Lloyd's iterations. */
export function bestOf(runs: number, points: Points, k: number, seed: number): number {
  const random = seededRandom(seed)
  return Math.min(...Array.from({ length: runs }, () => lloyd(points, plusPlus(points, k, random)).inertia))
}
