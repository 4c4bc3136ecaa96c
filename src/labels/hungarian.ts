/**
 * The cheapest one-to-one assignment: which cluster is which class, which new centroid is which old one.
 *
 * @see Kuhn, The Hungarian method for the assignment problem, 1955; Jonker and Volgenant, A shortest augmenting path
 *   algorithm for dense and sparse linear assignment problems, 1987
 */

/**
 * Give every row a column of its own, so that the sum of their costs is as small as it can be. Where rows outnumber
 * columns every column has a row, and the rows that cost most stay without.
 *
 * Of assignments that cost the same the same one is taken every time. Time grows with rows * columns * the smaller.
 *
 * @param cost     rows * columns, row by row; finite, may be negative
 * @returns the column of each row; -1 for none
 */
export function assignMinimum(cost: Float64Array, rows: number, columns: number): Int32Array {
  if (cost.length !== rows * columns)
    throw new RangeError(`expected ${rows} * ${columns} costs, found ${cost.length} values`)
  if (!cost.every(Number.isFinite)) throw new RangeError('expected finite costs')
  if (rows <= columns) return columnOfRow(cost, rows, columns)
  const rowOf = columnOfRow(transpose(cost, rows, columns), columns, rows)
  const columnOf = new Int32Array(rows).fill(-1)
  for (const [column, row] of rowOf.entries()) columnOf[row] = column
  return columnOf
}

/** For rows <= columns: one row after another comes in by the shortest augmenting path in reduced costs. */
function columnOfRow(cost: Float64Array, rows: number, columns: number): Int32Array {
  // Prices that keep every reduced cost, cost - rowPrice - columnPrice, at 0 or above and those assigned at 0.
  const rowPrice = new Float64Array(rows)
  const columnPrice = new Float64Array(columns)
  const rowOf = new Int32Array(columns).fill(-1)
  const distance = new Float64Array(columns)
  const before = new Int32Array(columns)
  const reached = new Uint8Array(columns)
  for (let start = 0; start < rows; start += 1) {
    distance.fill(Number.POSITIVE_INFINITY)
    reached.fill(0)
    let row = start
    let column = -1
    do {
      let nearest = -1
      for (let next = 0; next < columns; next += 1) {
        if (reached[next]) continue
        const reduced = cost[row * columns + next]! - rowPrice[row]! - columnPrice[next]!
        if (reduced < distance[next]!) {
          distance[next] = reduced
          before[next] = column
        }
        if (nearest < 0 || distance[next]! < distance[nearest]!) nearest = next
      }
      const step = distance[nearest]!
      rowPrice[start]! += step
      for (let next = 0; next < columns; next += 1) {
        if (reached[next]) {
          rowPrice[rowOf[next]!]! += step
          columnPrice[next]! -= step
        } else distance[next]! -= step
      }
      reached[nearest] = 1
      column = nearest
      row = rowOf[column]!
    } while (row >= 0)
    for (; column >= 0; column = before[column]!) rowOf[column] = before[column]! < 0 ? start : rowOf[before[column]!]!
  }
  const columnOf = new Int32Array(rows)
  for (const [column, row] of rowOf.entries()) if (row >= 0) columnOf[row] = column
  return columnOf
}

function transpose(cost: Float64Array, rows: number, columns: number): Float64Array {
  const turned = new Float64Array(cost.length)
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) turned[column * rows + row] = cost[row * columns + column]!
  return turned
}
