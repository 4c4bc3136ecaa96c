/** Colours as weighted points of the space that is clustered: the form in which k-means works. */
import type { ColourSums } from './histogram.js'
import { okLab } from './oklab.js'

/** `oklab` groups what looks alike; `rgb` is what the usual tutorials do. */
export const SPACES = ['oklab', 'rgb'] as const
export type Space = (typeof SPACES)[number]

/** A place in a space: `[L, a, b]` or `[r, g, b]`. */
export type Coordinates = readonly [number, number, number]

/** Weighted points; each array has `size` entries. */
export interface Points {
  readonly size: number
  readonly x: Float64Array
  readonly y: Float64Array
  readonly z: Float64Array
  readonly weight: Float64Array
}

/** @param r,g,b  sRGB, 0..255, not necessarily whole */
export const coordinates = (space: Space, r: number, g: number, b: number): Coordinates =>
  space === 'oklab' ? okLab(r, g, b) : [r, g, b]

/** One point per colour: the mean of its pixels, weighing as many as they are. */
export function toPoints({ count, r, g, b }: ColourSums, space: Space): Points {
  const points = allocate(count.length)
  for (let i = 0; i < count.length; i++) {
    const n = count[i]!
    const place = coordinates(space, r[i]! / n, g[i]! / n, b[i]! / n)
    points.x[i] = place[0]
    points.y[i] = place[1]
    points.z[i] = place[2]
    points.weight[i] = n
  }
  return points
}

/**
 * Fewer points for a quick search: those in one cell of a grid become their mean. The cells are cubes of the clustered
 * space, as small as give at most `limit` points, though no smaller than 1/128 of the extent. Equal cells keep dark
 * colours as fine as they look, where bins of sRGB would blur them.
 */
export function coarsen(points: Points, limit: number): Points {
  if (points.size <= limit) return points
  const { x, y, z, weight } = points
  const [left, right] = range(x)
  const [bottom, top] = range(y)
  const [front, back] = range(z)
  const extent = Math.max(right - left, top - bottom, back - front)
  const cells = new Int32Array(points.size)
  grid ??= new Int32Array(1 << 21)
  if (issued > 2 ** 30) {
    grid.fill(0)
    issued = 0
  }
  const numbers = grid
  const quantise = (steps: number): number => {
    const scale = (steps - 1e-9) / extent
    const base = issued
    for (let i = 0; i < points.size; i++) {
      const cell = (((x[i]! - left) * scale) << 14) | (((y[i]! - bottom) * scale) << 7) | ((z[i]! - front) * scale)
      if (numbers[cell]! <= base) numbers[cell] = ++issued
      cells[i] = numbers[cell]! - base - 1
    }
    return issued - base
  }
  let fits = 1
  for (let fails = 129, steps = 64; fails - fits > 1; ) {
    const found = quantise(steps)
    if (found <= limit) fits = steps
    else fails = steps
    if (found <= limit && found > 0.8 * limit) break
    // colours fill about two dimensions
    const guess = Math.round(steps * Math.sqrt((0.9 * limit) / found))
    steps = Math.min(fails - 1, Math.max(fits + 1, guess))
  }
  const found = quantise(fits)
  // a few tight groups far apart: no grid of this kind tells their points apart
  if (found < limit / 4) return points
  const coarse = allocate(found)
  for (let i = 0; i < points.size; i++) {
    const cell = cells[i]!
    const w = weight[i]!
    coarse.x[cell]! += w * x[i]!
    coarse.y[cell]! += w * y[i]!
    coarse.z[cell]! += w * z[i]!
    coarse.weight[cell]! += w
  }
  for (let cell = 0; cell < coarse.size; cell++) {
    const w = coarse.weight[cell]!
    coarse.x[cell]! /= w
    coarse.y[cell]! /= w
    coarse.z[cell]! /= w
  }
  return coarse
}

/** The number of each of 128x128x128 cells; numbers of earlier passes, lower than this pass's first, count as none. */
let grid: Int32Array | undefined
let issued = 0

function allocate(size: number): Points {
  const array = () => new Float64Array(size)
  return { size, x: array(), y: array(), z: array(), weight: array() }
}

function range(values: Float64Array): [lowest: number, highest: number] {
  let lowest = Infinity
  let highest = -Infinity
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (value < lowest) lowest = value
    if (value > highest) highest = value
  }
  return [lowest, highest]
}

/** Between two places. Everything that compares distances uses this, so that equal is equal to the last bit. */
export function squaredDistance(x: number, y: number, z: number, cx: number, cy: number, cz: number): number {
  const dx = x - cx
  const dy = y - cy
  const dz = z - cz
  return dx * dx + dy * dy + dz * dz
}

/** The index of the centroid nearest to a place, the lowest of several equally near. */
export function nearest(centroids: readonly Coordinates[], x: number, y: number, z: number): number {
  let index = 0
  let shortest = Infinity
  for (let c = 0; c < centroids.length; c++) {
    const centroid = centroids[c]!
    const distance = squaredDistance(x, y, z, centroid[0], centroid[1], centroid[2])
    if (distance < shortest) {
      shortest = distance
      index = c
    }
  }
  return index
}
