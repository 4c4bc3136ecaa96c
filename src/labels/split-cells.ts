/**
 * Points of any number of dimensions in a given number of cells: the cell with the largest scatter is split in two, at
 * its mean, across the dimension in which it scatters most, until there are enough.
 *
 * @see Wan, Wong and Prusinkiewicz, An algorithm for multidimensional data clustering, 1988
 */
import type { Points } from './points.js'

/** A run of rows. */
interface Cell {
  readonly from: number
  readonly to: number
  /** Weighted squared distances to the mean, summed. */
  readonly scatter: number
  /** Where to split: what has less than `at` in `axis` goes left. */
  readonly axis: number
  readonly at: number
}

/**
 * @param limit  1 or more
 * @returns the cell of each point, 0..found - 1; fewer than `limit` only where no cell has points that differ
 */
export function splitCells(points: Points, limit: number): { cells: Int32Array; found: number } {
  const rows = new Rows(points)
  // by scatter, the largest last
  const open = [rows.measure(0, points.size)]
  const done: Cell[] = []
  while (open.length > 0 && open.length + done.length < limit) {
    const cell = open.pop()!
    const middle = cell.scatter > 0 ? rows.split(cell) : cell.to
    if (middle === cell.from || middle === cell.to) done.push(cell)
    else for (const half of [rows.measure(cell.from, middle), rows.measure(middle, cell.to)]) insert(open, half)
  }
  const all = [...done, ...open].sort((p, q) => p.from - q.from)
  const cells = new Int32Array(points.size)
  all.forEach(({ from, to }, cell) => {
    for (let row = from; row < to; row++) cells[rows.point[row]!] = cell
  })
  return { cells, found: all.length }
}

function insert(sorted: Cell[], cell: Cell): void {
  let low = 0
  for (let high = sorted.length; low < high; ) {
    const middle = (low + high) >> 1
    if (sorted[middle]!.scatter < cell.scatter) low = middle + 1
    else high = middle
  }
  sorted.splice(low, 0, cell)
}

/** The points row by row, those of one cell side by side, in their order. */
class Rows {
  /** The point in each row. */
  readonly point: Int32Array
  /** Of each row the coordinates, then the weight. */
  private readonly values: Float64Array
  private readonly width: number
  private readonly asideValues: Float64Array
  private readonly asidePoint: Int32Array
  private readonly sums: Float64Array
  private readonly squares: Float64Array

  constructor({ size, dims, columns, weight }: Points) {
    this.width = dims + 1
    this.point = Int32Array.from({ length: size }, (_, i) => i)
    this.values = new Float64Array(size * this.width)
    for (const [column, numbers] of [...columns, weight].entries())
      for (let i = 0; i < size; i++) this.values[i * this.width + column] = numbers[i]!
    this.asideValues = new Float64Array(this.values.length)
    this.asidePoint = new Int32Array(size)
    this.sums = new Float64Array(dims)
    this.squares = new Float64Array(dims)
  }

  measure(from: number, to: number): Cell {
    const { values, width, sums, squares } = this
    const dims = width - 1
    sums.fill(0)
    squares.fill(0)
    let total = 0
    // relative to one of the points: tight cells far from the origin keep their digits
    const origin = from * width
    for (let row = from * width; row < to * width; row += width) {
      const w = values[row + dims]!
      total += w
      for (let axis = 0; axis < dims; axis++) {
        const d = values[row + axis]! - values[origin + axis]!
        sums[axis]! += w * d
        squares[axis]! += w * d * d
      }
    }
    let scatter = 0
    let axis = 0
    let widest = 0
    for (let a = 0; a < dims; a++) {
      const own = Math.max(0, squares[a]! - sums[a]! ** 2 / total)
      scatter += own
      if (own > widest) [axis, widest] = [a, own]
    }
    return { from, to, scatter, axis, at: values[origin + axis]! + sums[axis]! / total }
  }

  /** @returns the first row of the right half */
  split({ from, to, axis, at }: Cell): number {
    const { values, width, point, asideValues, asidePoint } = this
    let left = from
    let right = 0
    for (let row = from; row < to; row++) {
      const below = values[row * width + axis]! < at
      const target = below ? values : asideValues
      const place = below ? left : right
      for (let i = 0; i < width; i++) target[place * width + i] = values[row * width + i]!
      if (below) point[left++] = point[row]!
      else asidePoint[right++] = point[row]!
    }
    values.set(asideValues.subarray(0, right * width), left * width)
    point.set(asidePoint.subarray(0, right), left)
    return left
  }
}
