/** Weighted points of any number of dimensions for the tests of k-means. */
import type { Points } from '../../src/labels/points.js'
import { seededRandom } from './lloyd.js'

/** @param rows  the coordinates, then the weight */
export function pointsOf(...rows: ReadonlyArray<readonly number[]>): Points {
  const dims = rows[0]!.length - 1
  const column = (axis: number) => Float64Array.from(rows, row => row[axis]!)
  return {
    size: rows.length,
    dims,
    columns: Array.from({ length: dims }, (_, axis) => column(axis)),
    weight: column(dims),
  }
}

/** Normally distributed around places in the unit cube; weights 1..5. @param spread  the standard deviation */
export function gaussianBlobs(size: number, dims: number, blobs: number, spread: number, seed: number): Points {
  const random = seededRandom(seed)
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const centres = Array.from({ length: blobs }, () => Array.from({ length: dims }, random))
  const row = (): number[] => {
    const centre = centres[Math.floor(random() * blobs)]!
    return [...centre.map(value => value + spread * normal()), 1 + Math.floor(5 * random())]
  }
  return pointsOf(...Array.from({ length: size }, row))
}

/** Uniformly distributed in the unit cube, each of weight 1. */
export function randomPoints(size: number, dims: number, seed: number): Points {
  const random = seededRandom(seed)
  return pointsOf(...Array.from({ length: size }, () => [...Array.from({ length: dims }, random), 1]))
}

/** The same points in another order. */
export function shuffled({ size, dims, columns, weight }: Points, seed: number): Points {
  const random = seededRandom(seed)
  const order = Array.from({ length: size }, (_, i) => ({ i, key: random() })).sort((p, q) => p.key - q.key)
  const reorder = (values: Float64Array) => Float64Array.from(order, ({ i }) => values[i]!)
  return { size, dims, columns: columns.map(reorder), weight: reorder(weight) }
}
