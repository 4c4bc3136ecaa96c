/** Fewer points for a quick search: neighbours become their mean, and weigh as much as they did together. */
import { allocate, type Points } from './points.js'
import { splitCells } from './split-cells.js'

/**
 * At most `limit` points in place of more. Which points are merged does not depend on their order.
 *
 * Colours fill a part of their space evenly enough for a grid, which is quickest. In more dimensions any grid has either
 * too few cells or nearly one for each point, so cells are split where most is to be gained.
 */
export function coarsen(points: Points, limit: number): Points {
  if (points.size <= limit) return points
  const grid = points.dims === 3 ? onGrid(points, limit) : undefined
  if (grid) return grid
  const { cells, found } = splitCells(points, limit)
  return means(points, cells, found)
}

/** The mean of each cell's points. */
function means({ size, dims, columns, weight }: Points, cells: Int32Array, found: number): Points {
  const coarse = allocate(found, dims)
  for (let i = 0; i < size; i++) coarse.weight[cells[i]!]! += weight[i]!
  for (let axis = 0; axis < dims; axis++) {
    const column = columns[axis]!
    const sums = coarse.columns[axis]!
    for (let i = 0; i < size; i++) sums[cells[i]!]! += weight[i]! * column[i]!
    for (let cell = 0; cell < found; cell++) sums[cell]! /= coarse.weight[cell]!
  }
  return coarse
}

/**
 * Those in one cell of a grid become their mean. The cells are cubes of the clustered space, as small as give at most
 * `limit` points, though no smaller than 1/128 of the extent. Equal cells keep dark colours as fine as they look, where
 * bins of sRGB would blur them.
 *
 * @returns undefined for a few tight groups far apart: no grid of this kind tells their points apart
 */
function onGrid(points: Points, limit: number): Points | undefined {
  const [x, y, z] = points.columns as [Float64Array, Float64Array, Float64Array]
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
  return found < limit / 4 ? undefined : means(points, cells, found)
}

/** The number of each of 128x128x128 cells; numbers of earlier passes, lower than this pass's first, count as none. */
let grid: Int32Array | undefined
let issued = 0

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
