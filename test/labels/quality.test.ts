import { describe, expect, test } from 'vitest'
import { measureLabels } from '../../src/labels/quality.js'

/** Ids drawn as digits, `.` for no label; greys by id, so that colours are far apart. */
function drawn(...rows: readonly string[]) {
  const ids = Uint8Array.from(rows.join(''), c => (c === '.' ? 255 : Number(c)))
  const rgb = Uint8Array.from({ length: 3 * ids.length }, (_, i) => 25 * (ids[Math.floor(i / 3)]! % 10))
  return { ids, rgb, width: rows[0]!.length, height: rows.length, classes: 10 }
}

test('four clusters of equal share are as varied as four', () => {
  const measures = measureLabels(drawn('0011', '0011', '2233', '2233'))
  expect(measures).toMatchObject({ live: 4, effective: 4, dominant: 0.25, regions: 4, unlabelled: 0 })
})

test('one cluster: nothing to tell apart', () => {
  expect(measureLabels(drawn('77', '77'))).toMatchObject({ live: 1, effective: 1, dominant: 1, closest: null })
})

test('half and a quarter and a quarter: exp(H) = 2^1.5', () => {
  expect(measureLabels(drawn('0012')).effective).toBeCloseTo(2 ** 1.5, 4)
})

test('pixels without a label count against the map, not among its clusters', () => {
  expect(measureLabels(drawn('01..'))).toMatchObject({ live: 2, effective: 2, dominant: 0.5, unlabelled: 0.5 })
  expect(measureLabels({ ...drawn('0133'), unlabelled: [3] })).toMatchObject({ live: 2, unlabelled: 0.5 })
  expect(measureLabels(drawn('....'))).toMatchObject({ live: 0, effective: 0, dominant: 0, unlabelled: 1 })
})

test('a cluster of fewer than 0.5% of the pixels is not live', () => {
  const row = '0'.repeat(299)
  expect(measureLabels(drawn(`${row}1`)).live).toBe(1)
  expect(measureLabels(drawn(`${row.slice(1)}11`)).live).toBe(2)
})

test('a region of 63 px is speckle, one of 64 is not', () => {
  expect(measureLabels(drawn('0'.repeat(64) + '1'.repeat(64)))).toMatchObject({ regions: 2, speckle: 0 })
  expect(measureLabels(drawn('0'.repeat(63) + '1'.repeat(65)))).toMatchObject({ regions: 2, speckle: 0.4922 })
})

describe('the smallest distance of two live clusters', () => {
  const halves = drawn('0011')
  test('black and white are 1 apart in OKLab', () => {
    const rgb = Uint8Array.of(0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255)
    expect(measureLabels({ ...halves, rgb }).closest).toBe(1)
  })
  test('one colour is no distance', () => {
    expect(measureLabels({ ...halves, rgb: new Uint8Array(12).fill(90) }).closest).toBe(0)
  })
  test('says nothing of clusters that differ by more than colour', () => {
    expect(measureLabels({ ...halves, beyondColour: true }).closest).toBe(null)
  })
})
