import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ClassCoding, codeClasses, UNKNOWN } from '../../src/labels/class-coding.js'
import { createColourRecoder, createIdRecoder, markEdges } from '../../src/labels/recode.js'

const coding = (entries: readonly { id: number; name: string }[], more: Partial<ClassCoding> = {}): ClassCoding => ({
  ...codeClasses({ entries }, { unknown: 'fail' }, 'test'),
  ...more,
})
const wide = (ids: readonly number[]) => Uint8Array.from(ids.flatMap(id => [id & 255, (id >> 8) & 255, id >> 16]))

const ROAD_AND_CAR = [
  { id: 7, name: 'road' },
  { id: 26, name: 'car' },
]

describe('ids', () => {
  test('become new ids; the others are counted', () => {
    const { ids, unknown } = createIdRecoder(coding(ROAD_AND_CAR), 1)(Uint8Array.of(7, 26, 9, 7, 9, 0))
    expect([...ids]).toEqual([0, 1, UNKNOWN, 0, UNKNOWN, UNKNOWN])
    expect([...unknown]).toEqual([
      [9, 2],
      [0, 1],
    ])
  })

  test('of three channels, also beyond 16 bits', () => {
    const table = coding([...ROAD_AND_CAR, { id: 70_000, name: 'far' }])
    const { ids, unknown } = createIdRecoder(table, 3)(wide([7, 70_000, 300, 70_001]))
    expect([...ids]).toEqual([0, 2, UNKNOWN, UNKNOWN])
    expect([...unknown.keys()]).toEqual([300, 70_001])
  })

  test('of instances count as their class', () => {
    const { ids } = createIdRecoder(coding(ROAD_AND_CAR, { divisor: 1000 }), 3)(wide([7, 26_000, 26_013, 26]))
    expect([...ids]).toEqual([0, 1, 1, 1])
  })
})

describe('colours', () => {
  const colour = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255))

  test('become the nearest class within the distance: as by trying all', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(colour, { minLength: 2, maxLength: 20, selector: String }),
        fc.array(colour, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 0, max: 200 }),
        (table, pixels, distance) => {
          const entries = table.map((c, id) => ({ id, name: `c${id}`, colour: c }))
          const { ids, unknown } = createColourRecoder(coding(entries), distance)(Uint8Array.from(pixels.flat()))
          let far = 0
          for (const [i, [r, g, b]] of pixels.entries()) {
            const squares = table.map(([x, y, z]) => (x - r) ** 2 + (y - g) ** 2 + (z - b) ** 2)
            const least = Math.min(...squares)
            if (least > distance ** 2) far += 1
            expect(ids[i]).toBe(least > distance ** 2 ? UNKNOWN : squares.indexOf(least))
          }
          expect([...unknown.values()].reduce((sum, n) => sum + n, 0)).toBe(far)
        },
      ),
    )
  })

  test('with unknown: nearest are counted all the same', () => {
    const entries = [
      { id: 0, name: 'black', colour: [0, 0, 0] as const },
      { id: 1, name: 'white', colour: [255, 255, 255] as const },
    ]
    const recode = createColourRecoder(coding(entries, { unknown: 'nearest' }), 10)
    const { ids, unknown } = recode(Uint8Array.of(0, 0, 9, 200, 200, 200))
    expect([...ids]).toEqual([0, 1])
    expect([...unknown]).toEqual([[0xc8c8c8, 1]])
  })
})

test('edges are both pixels where two ids meet, across and down', () => {
  const old = Uint8Array.of(1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 3, 3)
  const ids = new Uint8Array(12)
  markEdges(ids, old, { width: 4, height: 3, channels: 1 }, 9)
  expect([...ids]).toEqual([0, 9, 9, 0, 9, 9, 9, 9, 9, 9, 9, 9])
})
