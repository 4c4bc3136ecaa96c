/** Weighted points, the form in which k-means works: colours in the space that is clustered, or with more to them. */
import type { ColourSums } from './histogram.js'
import { okLab } from './oklab.js'

/** `oklab` groups what looks alike; `rgb` is what the usual tutorials do. */
export const SPACES = ['oklab', 'rgb'] as const
export type Space = (typeof SPACES)[number]

/** A place: as many numbers as there are dimensions; of a colour `[L, a, b]` or `[r, g, b]`. */
export type Coordinates = readonly number[]

/** Weighted points: a column of `size` numbers for each dimension, and each point's weight, above 0. */
export interface Points {
  readonly size: number
  /** 1 or more. */
  readonly dims: number
  readonly columns: readonly Float64Array[]
  readonly weight: Float64Array
}

/** @param r,g,b  sRGB, 0..255, not necessarily whole */
export const coordinates = (space: Space, r: number, g: number, b: number): readonly [number, number, number] =>
  space === 'oklab' ? okLab(r, g, b) : [r, g, b]

/** One point per colour: the mean of its pixels, weighing as many as they are. */
export function toPoints({ count, r, g, b }: ColourSums, space: Space): Points {
  const points = allocate(count.length, 3)
  const [x, y, z] = points.columns as [Float64Array, Float64Array, Float64Array]
  for (let i = 0; i < count.length; i++) {
    const n = count[i]!
    const place = coordinates(space, r[i]! / n, g[i]! / n, b[i]! / n)
    x[i] = place[0]
    y[i] = place[1]
    z[i] = place[2]
    points.weight[i] = n
  }
  return points
}

/** Points with zeros for everything. */
export const allocate = (size: number, dims: number): Points => ({
  size,
  dims,
  columns: Array.from({ length: dims }, () => new Float64Array(size)),
  weight: new Float64Array(size),
})

/** Where a point is. */
export const placeOf = ({ columns }: Points, point: number): number[] => columns.map(column => column[point]!)

/** Between two places. Everything that compares distances uses this, so that equal is equal to the last bit. */
export function squaredDistance(place: Coordinates, other: Coordinates): number {
  if (place.length === 3) {
    // colours, the most of what is compared: the same sum without a loop
    const dx = place[0]! - other[0]!
    const dy = place[1]! - other[1]!
    const dz = place[2]! - other[2]!
    return dx * dx + dy * dy + dz * dz
  }
  let sum = 0
  for (let axis = 0; axis < place.length; axis++) {
    const d = place[axis]! - other[axis]!
    sum += d * d
  }
  return sum
}

/** The index of the centroid nearest to a place, the lowest of several equally near. */
export function nearest(centroids: readonly Coordinates[], place: Coordinates): number {
  let index = 0
  let shortest = Infinity
  for (let c = 0; c < centroids.length; c++) {
    const distance = squaredDistance(place, centroids[c]!)
    if (distance < shortest) {
      shortest = distance
      index = c
    }
  }
  return index
}
