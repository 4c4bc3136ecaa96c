import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assignMinimum } from '../../src/labels/hungarian.js'

/** The least sum over all one-to-one assignments that use as many rows as can be. */
function cheapest(cost: readonly (readonly number[])[]): number {
  const columns = cost[0]?.length ?? 0
  const best = (row: number, taken: number, without: number): number => {
    if (row === cost.length) return 0
    let least = without > 0 ? best(row + 1, taken, without - 1) : Number.POSITIVE_INFINITY
    for (let column = 0; column < columns; column += 1)
      if (!(taken & (1 << column)))
        least = Math.min(least, cost[row]![column]! + best(row + 1, taken | (1 << column), without))
    return least
  }
  return best(0, 0, Math.max(0, cost.length - columns))
}

const matrix = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 })).chain(([rows, columns]) =>
  fc.array(fc.array(fc.integer({ min: -20, max: 100 }), { minLength: columns, maxLength: columns }), {
    minLength: rows,
    maxLength: rows,
  }),
)

test('costs as little as the best of all assignments, and uses each column once', () => {
  fc.assert(
    fc.property(matrix, cost => {
      const [rows, columns] = [cost.length, cost[0]!.length]
      const columnOf = [...assignMinimum(Float64Array.from(cost.flat()), rows, columns)]
      const used = columnOf.filter(column => column >= 0)
      expect(columnOf).toHaveLength(rows)
      expect(used).toHaveLength(Math.min(rows, columns))
      expect(new Set(used).size).toBe(used.length)
      const sum = columnOf.reduce((sum, column, row) => sum + (column < 0 ? 0 : cost[row]![column]!), 0)
      expect(sum).toBe(cheapest(cost))
    }),
  )
})

test('what greedy choice gets wrong: the cheapest pair is not always taken', () => {
  expect([...assignMinimum(Float64Array.of(1, 2, 2, 100), 2, 2)]).toEqual([1, 0])
})

test('rows that outnumber the columns stay without one', () => {
  expect([...assignMinimum(Float64Array.of(5, 1, 3), 3, 1)]).toEqual([-1, 0, -1])
  expect([...assignMinimum(new Float64Array(0), 2, 0)]).toEqual([-1, -1])
  expect([...assignMinimum(new Float64Array(0), 0, 2)]).toEqual([])
})

test('a large assignment keeps its optimum when prices are added to rows and columns', () => {
  const size = 200
  const cost = new Float64Array(size * size)
  // The identity costs nothing, all else something; prices then hide it.
  for (let row = 0; row < size; row += 1)
    for (let column = 0; column < size; column += 1)
      cost[row * size + column] =
        (row === column ? 0 : 1 + ((row * 7 + column * 13) % 50)) + ((row * 31) % 97) - ((column * 17) % 89)
  expect([...assignMinimum(cost, size, size)]).toEqual(Array.from({ length: size }, (_, i) => i))
})

test('refuses costs that are not numbers or do not fill the table', () => {
  expect(() => assignMinimum(Float64Array.of(1, Number.NaN), 1, 2)).toThrow(RangeError)
  expect(() => assignMinimum(Float64Array.of(1, 2, 3), 2, 2)).toThrow(RangeError)
})
