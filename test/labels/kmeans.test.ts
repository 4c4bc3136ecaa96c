import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countColours } from '../../src/labels/histogram.js'
import { clusterPoints, kmeans, lloydFrom } from '../../src/labels/kmeans.js'
import { loadPoints } from '../../src/labels/point-set.js'
import { type Coordinates, type Points, placeOf, squaredDistance, toPoints } from '../../src/labels/points.js'
import { bestOf, inertiaOf, lloyd, plusPlus, seededRandom } from './lloyd.js'
import { noisyPixels } from './pictures.js'
import { gaussianBlobs, pointsOf, randomPoints } from './point-clouds.js'

const f32 = (place: Coordinates): Coordinates => place.map(Math.fround)
const photo = (space: 'oklab' | 'rgb', seed = 1) => toPoints(countColours(noisyPixels(4001, seed)), space)

/** For any points: their dimensions decide which of the kernel's loops run. */
const CLOUDS: ReadonlyArray<[name: string, points: Points]> = [
  ['1 dimension', gaussianBlobs(1003, 1, 4, 0.1, 1)],
  ['2 dimensions', gaussianBlobs(1003, 2, 4, 0.1, 2)],
  ['colours', photo('rgb')],
  ['4 dimensions', gaussianBlobs(1003, 4, 4, 0.1, 3)],
  ['7 dimensions', gaussianBlobs(1003, 7, 4, 0.1, 4)],
  ['8 dimensions', gaussianBlobs(1003, 8, 4, 0.1, 5)],
  ['12 dimensions', gaussianBlobs(1003, 12, 4, 0.1, 6)],
]

describe.each(CLOUDS)('the kernel passes agree with plain loops: %s', (_, points) => {
  const k = 5
  const centres = plusPlus(points, k, seededRandom(9)).map(f32)
  const distances = (i: number): number[] => centres.map(centre => squaredDistance(f32(placeOf(points, i)), centre))
  const inertiaWith = (extra: Coordinates | undefined, without: number): number => {
    let sum = 0
    for (let i = 0; i < points.size; i++) {
      const d = distances(i).filter((_, c) => c !== without)
      if (extra) d.push(squaredDistance(placeOf(points, i), extra))
      sum += points.weight[i]! * Math.min(...d)
    }
    return sum
  }

  test('assign', () => {
    const [set] = loadPoints([points] as const, k)
    expect(set.assign(set.pack(centres)) / inertiaWith(undefined, -1)).toBeCloseTo(1, 6)
  })

  test('bestSwap: the best centre to give up, and what that costs', () => {
    const [set] = loadPoints([points] as const, k)
    set.assign(set.pack(centres))
    for (const point of [0, 17, points.size - 1]) {
      const costs = Array.from({ length: k }, (_, c) => inertiaWith(placeOf(points, point), c))
      const { centre, inertia } = set.bestSwap([point], k)
      expect(inertia / Math.min(...costs)).toBeCloseTo(1, 5)
      expect(costs[centre]! / Math.min(...costs)).toBeCloseTo(1, 5)
    }
  })

  test('seed: centres are points, as far apart as k-means++ finds them', () => {
    const [set] = loadPoints([points] as const, k)
    const seeds = set.unpack(set.seed(k, 4, seededRandom(2)))
    const places = new Set(Array.from({ length: points.size }, (_, i) => String(f32(placeOf(points, i)))))
    expect(seeds.every(seed => places.has(String(seed)))).toBe(true)
    expect(new Set(seeds.map(String)).size).toBe(k)
    // greedy k-means++ is not far from where it leads
    expect(inertiaOf(points, seeds) / bestOf(4, points, k, 1)).toBeLessThan(2.5)
  })

  test('lloydFrom ends where the oracle does from the same start', () => {
    const start = plusPlus(points, k, seededRandom(4))
    const found = lloydFrom(points, start)
    const expected = lloyd(points, start)
    const extent = Math.max(...centres.flat())
    for (const [c, centre] of expected.centres.entries())
      for (const [axis, value] of centre.entries())
        expect(Math.abs(found.centres[c]![axis]! - value) / extent).toBeLessThan(2e-3)
    expect(found.inertia / expected.inertia).toBeCloseTo(1, 4)
    expect(found.inertia / inertiaOf(points, found.centres)).toBeCloseTo(1, 5)
  })
})

describe('passes over few points', () => {
  test('draw follows the shares of the inertia', () => {
    const few = pointsOf([0, 0, 0, 1], [1, 0, 0, 1], [0, 2, 0, 3])
    const [set] = loadPoints([few] as const, 1)
    set.assign(Float32Array.of(0, 0, 0))
    // costs 0, 1 and 12
    expect([0, 0.07, 0.08, 0.5, 0.999].map(share => set.draw(share))).toEqual([1, 1, 2, 2, 2])
  })

  test.each([1, 3, 5])('a centre without points goes to the point that costs most: %i dimensions', dims => {
    const at = (x: number) => [x, ...new Array<number>(dims - 1).fill(0)]
    const few = pointsOf([...at(0), 1], [...at(1), 1], [...at(9), 1])
    const { centres, inertia } = lloydFrom(few, [at(0), at(1000)], { iterations: 20, tolerance: 0 })
    expect(centres).toEqual([at(0.5), at(9)])
    expect(inertia).toBe(0.5)
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

  test('finds the blobs, in any number of dimensions', () => {
    for (const dims of [1, 2, 5, 9, 12]) {
      const rows = [0, 1, 2].flatMap(blob => [-0.01, 0.01].map(off => [...new Array<number>(dims).fill(blob + off), 2]))
      const { centres, inertia } = clusterPoints(pointsOf(...rows), { clusters: 3, restarts: 3, seed: 1 })
      expect(centres.map(centre => centre.map(v => Math.round(v))).sort((a, b) => a[0]! - b[0]!)).toEqual(
        [0, 1, 2].map(blob => new Array<number>(dims).fill(blob)),
      )
      expect(inertia).toBeCloseTo(6 * 2 * dims * 0.01 ** 2, 6)
    }
  })

  const dims = fc.integer({ min: 1, max: 12 })
  const clusters = fc.integer({ min: 2, max: 10 })
  const seed = fc.nat()

  test('Gaussian blobs and random points: no worse than the best of 8 textbook runs, to 1%', () => {
    const cloud = fc
      .record({
        dims,
        seed,
        blobs: fc.integer({ min: 0, max: 12 }),
        spread: fc.double({ min: 0.01, max: 0.3, noNaN: true }),
      })
      .map(({ dims, seed, blobs, spread }) =>
        blobs > 0 ? gaussianBlobs(2500, dims, blobs, spread, seed) : randomPoints(2500, dims, seed),
      )
    fc.assert(
      fc.property(cloud, clusters, seed, (points, clusters, seed) => {
        const { centres } = clusterPoints(points, { clusters, restarts: 12, seed })
        expect(inertiaOf(points, centres) / bestOf(8, points, clusters, seed)).toBeLessThan(1.01)
      }),
      { numRuns: 20, seed: 1 },
    )
  })

  test('the same points, options and seed give the same bits', () => {
    fc.assert(
      fc.property(dims, clusters, seed, (dims, clusters, seed) => {
        const points = gaussianBlobs(1500, dims, 6, 0.2, seed)
        const run = () => clusterPoints(points, { clusters, restarts: 3, seed })
        const first = run()
        // what other points leave in the kernel's memory makes no difference
        clusterPoints(randomPoints(700, 13 - dims, seed), { clusters: 4, restarts: 1, seed })
        expect(run()).toEqual(first)
      }),
      { numRuns: 20 },
    )
  })
})
