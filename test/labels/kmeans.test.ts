import { describe, expect, test } from 'vitest'
import { countColours } from '../../src/labels/histogram.js'
import { kmeans } from '../../src/labels/kmeans.js'
import { loadPoints } from '../../src/labels/point-set.js'
import { type Coordinates, coarsen, type Points, squaredDistance, toPoints } from '../../src/labels/points.js'
import { bestOf, inertiaOf, lloyd, plusPlus, seededRandom } from './lloyd.js'
import { noisyPixels } from './pictures.js'

const f32 = Math.fround
const place = ({ x, y, z }: Points, i: number): Coordinates => [x[i]!, y[i]!, z[i]!]

function pointsOf(...rows: Array<readonly [...Coordinates, number]>): Points {
  const column = (axis: number) => Float64Array.from(rows, row => row[axis]!)
  return { size: rows.length, x: column(0), y: column(1), z: column(2), weight: column(3) }
}

const photo = (space: 'oklab' | 'rgb', seed = 1) => toPoints(countColours(noisyPixels(4001, seed)), space)

describe('the kernel passes agree with plain loops', () => {
  const points = photo('rgb')
  const k = 5
  const centres = Float32Array.from(plusPlus(points, k, seededRandom(9)).flat())
  const centre = (c: number): Coordinates => [centres[3 * c]!, centres[3 * c + 1]!, centres[3 * c + 2]!]
  const distances = (i: number): number[] => {
    const [x, y, z] = place(points, i).map(f32) as [number, number, number]
    return Array.from({ length: k }, (_, c) => squaredDistance(x, y, z, ...centre(c)))
  }
  const inertiaWith = (extra: Coordinates | undefined, without: number): number => {
    let sum = 0
    for (let i = 0; i < points.size; i++) {
      const d = distances(i).filter((_, c) => c !== without)
      if (extra) d.push(squaredDistance(...place(points, i), ...extra))
      sum += points.weight[i]! * Math.min(...d)
    }
    return sum
  }

  test('assign', () => {
    const [set] = loadPoints([points] as const, k)
    expect(set.assign(centres) / inertiaWith(undefined, -1)).toBeCloseTo(1, 6)
  })

  test('bestSwap: the best centre to give up, and what that costs', () => {
    const [set] = loadPoints([points] as const, k)
    set.assign(centres)
    for (const point of [0, 17, points.size - 1]) {
      const costs = Array.from({ length: k }, (_, c) => inertiaWith(place(points, point), c))
      const { centre, inertia } = set.bestSwap([point], k)
      expect(inertia / Math.min(...costs)).toBeCloseTo(1, 5)
      expect(costs[centre]! / Math.min(...costs)).toBeCloseTo(1, 5)
    }
  })

  test('lloyd ends where the oracle does from the same start', () => {
    const start = plusPlus(points, k, seededRandom(4))
    const [set] = loadPoints([points] as const, k)
    const found = Float32Array.from(start.flat())
    set.lloyd(found, 300, 1e-6)
    const expected = lloyd(points, start)
    for (const [i, value] of expected.centres.flat().entries()) expect(found[i]).toBeCloseTo(value, 0)
    const centres = Array.from(
      { length: k },
      (_, c): Coordinates => [found[3 * c]!, found[3 * c + 1]!, found[3 * c + 2]!],
    )
    expect(inertiaOf(points, centres) / expected.inertia).toBeCloseTo(1, 4)
  })

  test('draw follows the shares of the inertia', () => {
    const few = pointsOf([0, 0, 0, 1], [1, 0, 0, 1], [0, 2, 0, 3])
    const [set] = loadPoints([few] as const, 1)
    set.assign(Float32Array.of(0, 0, 0))
    // costs 0, 1 and 12
    expect([0, 0.07, 0.08, 0.5, 0.999].map(share => set.draw(share))).toEqual([1, 1, 2, 2, 2])
  })

  test('a centre without points goes to the point that costs most', () => {
    const few = pointsOf([0, 0, 0, 1], [1, 0, 0, 1], [9, 0, 0, 1])
    const [set] = loadPoints([few] as const, 2)
    const centres = Float32Array.of(0, 0, 0, 1000, 0, 0)
    set.lloyd(centres, 20, 0)
    expect([centres[0], centres[3]]).toEqual([0.5, 9])
  })
})

describe('kmeans', () => {
  test('separates what is separate', () => {
    const points = pointsOf([0, 0, 0, 5], [1, 0, 0, 5], [100, 0, 0, 1], [102, 0, 0, 3], [0, 50, 0, 1])
    const centres = kmeans(points, { clusters: 3, restarts: 2, seed: 1 })
    expect(centres.map(c => c.map(v => Math.round(v * 10) / 10)).sort((a, b) => a[0]! - b[0]!)).toEqual(
      [
        [0, 50, 0],
        [0.5, 0, 0],
        [101.5, 0, 0],
      ].sort((a, b) => a[0]! - b[0]!),
    )
  })

  test('as many clusters as points gives the points', () => {
    const points = pointsOf([1, 2, 3, 1], [4, 5, 6, 1000], [7, 8, 9, 2], [7, 8, 10, 2])
    const centres = kmeans(points, { clusters: 4, restarts: 1, seed: 3 })
    expect(inertiaOf(points, centres)).toBe(0)
  })

  test.each(['oklab', 'rgb'] as const)('%s: no worse than the best of 8 textbook runs, to 1%%', space => {
    for (const seed of [1, 2, 3]) {
      const points = photo(space, seed)
      const centres = kmeans(points, { clusters: 8, restarts: 8, seed })
      expect(inertiaOf(points, centres) / bestOf(8, points, 8, seed)).toBeLessThan(1.01)
    }
  })

  test('is the same again for the same seed', () => {
    const points = photo('oklab')
    const run = (seed: number) => kmeans(points, { clusters: 6, restarts: 2, seed })
    expect(run(5)).toEqual(run(5))
  })
})

describe('coarsen', () => {
  test('keeps weight and mean, in at most so many points', () => {
    const points = photo('oklab')
    const coarse = coarsen(points, 200)
    const mean = ({ size, x, weight }: Points) =>
      Array.from({ length: size }, (_, i) => x[i]! * weight[i]!).reduce((a, b) => a + b)
    expect(coarse.size).toBeLessThanOrEqual(200)
    expect(coarse.size).toBeGreaterThan(50)
    expect(coarse.weight.reduce((a, b) => a + b)).toBe(4001)
    expect(mean(coarse)).toBeCloseTo(mean(points), 6)
    expect(coarsen(points, 200)).toEqual(coarse)
  })

  test('leaves points alone that its grid cannot tell apart', () => {
    const tight = pointsOf(
      ...Array.from({ length: 60 }, (_, i) => [i < 30 ? i / 1e4 : 1e4 - i / 1e4, 0, 0, 1] as const),
    )
    expect(coarsen(tight, 50)).toBe(tight)
    expect(new Set(kmeans(tight, { clusters: 5, restarts: 1, seed: 1 }).map(String)).size).toBe(5)
  })

  test('leaves few points alone', () => {
    const points = photo('rgb')
    expect(coarsen(points, points.size)).toBe(points)
  })
})
