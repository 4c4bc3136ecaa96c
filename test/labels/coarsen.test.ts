import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coarsen } from '../../src/labels/coarsen.js'
import { countColours } from '../../src/labels/histogram.js'
import { kmeans } from '../../src/labels/kmeans.js'
import { type Points, toPoints } from '../../src/labels/points.js'
import { inertiaOf } from './lloyd.js'
import { noisyPixels } from './pictures.js'
import { gaussianBlobs, pointsOf, randomPoints, shuffled } from './point-clouds.js'

const photo = (space: 'oklab' | 'rgb') => toPoints(countColours(noisyPixels(4001, 1)), space)
const total = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0)
const moments = ({ columns, weight }: Points): number[] =>
  columns.map(column => total(column.map((value, i) => value * weight[i]!)))

/** Coordinates and weight, to nine decimals, in an order of their own. */
const rowsOf = ({ size, columns, weight }: Points): string[] =>
  Array.from({ length: size }, (_, i) =>
    [...columns, weight].map(column => (Math.round(column[i]! * 1e9) / 1e9 + 0).toFixed(9)).join(' '),
  ).sort()

describe('coarsen', () => {
  test.each([
    ['colours', photo('oklab')],
    ['two dimensions', gaussianBlobs(4001, 2, 5, 0.1, 1)],
    ['seven dimensions', gaussianBlobs(4001, 7, 5, 0.1, 1)],
    ['twelve dimensions, uniform', randomPoints(4001, 12, 1)],
  ])('keeps weight and mean, in at most so many points: %s', (_, points) => {
    const coarse = coarsen(points, 200)
    expect(coarse.size).toBeLessThanOrEqual(200)
    expect(coarse.size).toBeGreaterThan(50)
    expect(total(coarse.weight)).toBe(total(points.weight))
    for (const [axis, moment] of moments(points).entries()) expect(moments(coarse)[axis]).toBeCloseTo(moment, 6)
    expect(coarsen(points, 200)).toEqual(coarse)
  })

  test('merges the same points whatever their order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(), (dims, seed) => {
        const points = gaussianBlobs(900, dims, 7, 0.2, seed)
        expect(rowsOf(coarsen(shuffled(points, seed), 150))).toEqual(rowsOf(coarsen(points, 150)))
      }),
      { numRuns: 30, seed: 1 },
    )
  })

  test('merges near points: the more points are left, the less is lost', () => {
    const points = gaussianBlobs(3000, 6, 8, 0.1, 2)
    const losses = [8, 40, 200, 1000].map(limit => {
      const { size, columns } = coarsen(points, limit)
      return inertiaOf(
        points,
        Array.from({ length: size }, (_, i) => columns.map(column => column[i]!)),
      )
    })
    expect(losses.toSorted((a, b) => b - a)).toEqual(losses)
    // eight blobs of standard deviation 0.1 in six dimensions
    expect(losses[0]! / total(points.weight)).toBeLessThan(2 * 6 * 0.1 ** 2)
  })

  test('tells points apart that lie in a few tight groups far from each other', () => {
    const tight = pointsOf(...Array.from({ length: 60 }, (_, i) => [i < 30 ? i / 1e4 : 1e4 - i / 1e4, 0, 0, 1]))
    const coarse = coarsen(tight, 50)
    expect(coarse.size).toBe(50)
    expect(new Set(coarse.columns[0]).size).toBe(50)
    expect(new Set(kmeans(tight, { clusters: 5, restarts: 1, seed: 1 }).map(String)).size).toBe(5)
  })

  test.each([3, 4])('points of which few differ become those few: %i dimensions', dims => {
    const rows = Array.from({ length: 90 }, (_, i) => [...new Array<number>(dims).fill(i % 3), 1])
    expect(rowsOf(coarsen(pointsOf(...rows), 50))).toEqual(
      rowsOf(pointsOf(...[0, 1, 2].map(value => [...new Array<number>(dims).fill(value), 30]))),
    )
  })

  test('leaves few points alone', () => {
    const points = photo('rgb')
    expect(coarsen(points, points.size)).toBe(points)
  })
})
