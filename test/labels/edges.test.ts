import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { boundaries, compareEdges, EDGE_SHARE, strongEdges } from '../../src/labels/edges.js'

/** A picture of rows of digits; a digit is an id and a grey. */
const ids = (rows: readonly string[]) => Uint8Array.from(rows.join(''), Number)
const greys = (rows: readonly string[]) =>
  Uint8Array.from([...rows.join('')].flatMap(d => Array(3).fill(25 * Number(d))))
const repeat = (row: string, rows: number) => Array.from({ length: rows }, () => row)

/** Dark left of x = 20, bright right of it: 40 wide, so that the edge is the top tenth. */
const STEP = repeat(`${'1'.repeat(20)}${'9'.repeat(20)}`, 10)

test('edges are where colours change most', () => {
  const rows = strongEdges(greys(STEP), 40, 10)
  for (let y = 0; y < 10; y += 1)
    expect([...rows.subarray(40 * y, 40 * y + 40)].flatMap((edge, x) => (edge ? [x] : []))).toEqual([18, 19, 20, 21])
})

test('colours of equal lightness have an edge too', () => {
  const red = [217, 80, 80]
  const green = [60, 150, 60]
  const rgb = Uint8Array.from(Array.from({ length: 400 }, (_, i) => (i % 40 < 20 ? red : green)).flat())
  expect(strongEdges(rgb, 40, 10)[40 * 5 + 20]).toBe(1)
})

test('a photo of one colour has no edges', () => {
  expect(compareEdges(greys(repeat('3333', 3)), ids(repeat('0101', 3)), 4, 3)).toMatchObject({ edges: 0, followed: 0 })
})

test('boundaries are the pixels on both sides', () => {
  expect([...boundaries(ids(['0011', '0001', '0000']), 4, 3)]).toEqual([0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1])
})

describe('compared', () => {
  test('a boundary on the edge follows it, and all of it is confirmed', () => {
    const { edges, followed, boundary, onEdge } = compareEdges(greys(STEP), ids(STEP), 40, 10)
    expect([edges, followed, boundary, onEdge]).toEqual([40, 40, 20, 20])
  })

  test('a boundary elsewhere follows nothing', () => {
    const elsewhere = repeat(`${'0'.repeat(8)}${'1'.repeat(32)}`, 10)
    expect(compareEdges(greys(STEP), ids(elsewhere), 40, 10)).toMatchObject({ followed: 0, boundary: 20, onEdge: 0 })
  })

  test('a boundary counts within 1 px of an edge pixel, not farther', () => {
    // Edge columns 18..21: a boundary at 22|23 touches column 21, one at 23|24 does not.
    const at = (x: number) => ids(repeat(`${'0'.repeat(x)}${'1'.repeat(40 - x)}`, 10))
    expect(compareEdges(greys(STEP), at(23), 40, 10).followed).toBe(10)
    expect(compareEdges(greys(STEP), at(24), 40, 10).followed).toBe(0)
  })

  test('labels of one id follow nothing, speckle follows everything and is hardly confirmed', () => {
    const flat = repeat('0'.repeat(40), 10)
    const speckle = Array.from({ length: 10 }, (_, y) => (y % 2 ? '01' : '10').repeat(20))
    expect(compareEdges(greys(STEP), ids(flat), 40, 10)).toMatchObject({ followed: 0, boundary: 0, onEdge: 0 })
    expect(compareEdges(greys(STEP), ids(speckle), 40, 10)).toMatchObject({ followed: 40, boundary: 400, onEdge: 60 })
  })

  test('any picture: shares are shares, and edges are a tenth where all changes differ', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 3 * 150, maxLength: 3 * 150 }), rgb => {
        const labels = Uint8Array.from({ length: 150 }, (_, i) => rgb[3 * i]! >> 6)
        const { edges, followed, boundary, onEdge } = compareEdges(rgb, labels, 15, 10)
        expect(followed).toBeLessThanOrEqual(edges)
        expect(onEdge).toBeLessThanOrEqual(boundary)
        expect(boundary).toBeLessThanOrEqual(150)
        if (new Set(rgb).size > 60) expect(edges).toBeGreaterThanOrEqual(Math.floor(150 * EDGE_SHARE) - 1)
      }),
    )
  })

  test('refuses labels of another size', () => {
    expect(() => compareEdges(greys(['11']), ids(['111']), 2, 1)).toThrow(RangeError)
  })
})
