import { kmeans as peer } from 'ml-kmeans'
import { describe, expect, test } from 'vitest'
import { fitPalette } from '../../src/labels/fit.js'
import { countColours } from '../../src/labels/histogram.js'
import { lloydFrom } from '../../src/labels/kmeans.js'
import { mlKMeans, samplePoints } from '../../src/labels/ml-kmeans.js'
import { type Points, placeOf, toPoints } from '../../src/labels/points.js'
import { bestOf, inertiaOf, plusPlus, seededRandom } from './lloyd.js'
import { noisyPixels } from './pictures.js'
import { gaussianBlobs, pointsOf } from './point-clouds.js'

const histogram = countColours(noisyPixels(6000, 1))

describe('engine ml-kmeans', () => {
  test('makes a palette, the same one for the same seed', () => {
    const make = () => fitPalette(histogram, { clusters: 6, seed: 4 }, mlKMeans)
    const palette = make()
    expect(make()).toEqual(palette)
    expect(palette.clusters.every(({ share }) => share > 0)).toBe(true)
    // one start: not the best, but no nonsense
    const points = toPoints(histogram, 'oklab')
    const inertia = inertiaOf(
      points,
      palette.clusters.map(({ centroid }) => centroid),
    )
    expect(inertia / bestOf(8, points, 6, 1)).toBeLessThan(1.5)
  })

  test('clusters points of any number of dimensions', () => {
    const points = gaussianBlobs(1500, 7, 4, 0.05, 1)
    const centres = mlKMeans(points, { clusters: 4, space: 'oklab', restarts: 1, seed: 2 })
    expect(centres.map(centre => centre.length)).toEqual([7, 7, 7, 7])
    expect(inertiaOf(points, centres) / bestOf(8, points, 4, 1)).toBeLessThan(1.5)
  })

  test('flat photos get distinct clusters all the same', () => {
    const rgb = new Uint8Array(3 * 5000).fill(120)
    rgb.set([200, 0, 0, 0, 200, 0, 0, 0, 200])
    const { clusters } = fitPalette(countColours(rgb), { clusters: 4 }, mlKMeans)
    expect(clusters.filter(({ share }) => share > 0)).toHaveLength(4)
  })
})

test.each([
  ['colours of a photo', toPoints(histogram, 'oklab')],
  ['three dimensions', gaussianBlobs(1500, 3, 5, 0.2, 2)],
  ['seven dimensions', gaussianBlobs(1500, 7, 5, 0.3, 3)],
])('our Lloyd and ml-kmeans end in the same place from the same start: %s', (_, weighted) => {
  // it knows no weights
  const points: Points = { ...weighted, weight: new Float64Array(weighted.size).fill(1) }
  const rows = Array.from({ length: points.size }, (_, i) => placeOf(points, i))
  const start = plusPlus(points, 5, seededRandom(3))
  const theirs = peer(rows, 5, { initialization: start.map(c => [...c]), maxIterations: 500, tolerance: 0 })
  const ours = lloydFrom(points, start, { iterations: 500, tolerance: 0 })
  for (const [c, centre] of theirs.centroids.entries())
    for (const [axis, value] of centre.entries()) expect(Math.abs(ours.centres[c]![axis]! - value)).toBeLessThan(1e-4)
  expect(ours.inertia / inertiaOf(points, theirs.centroids)).toBeCloseTo(1, 4)
  // and they had somewhere to go
  expect(inertiaOf(points, start) / ours.inertia).toBeGreaterThan(1.05)
})

describe('samplePoints', () => {
  const points = toPoints(histogram, 'rgb')

  test('has the rows asked for', () => {
    for (const rows of [100, 1000, 2 * points.size, 20_000]) expect(samplePoints(points, rows)).toHaveLength(rows)
  })

  test('follows the weights', () => {
    const few = pointsOf([1, 0, 0, 1], [2, 0, 0, 6], [3, 0, 0, 3])
    const copies = (x: number) => samplePoints(few, 103).filter(row => row[0] === x).length
    expect([copies(1), copies(2), copies(3)]).toEqual([11, 61, 31])
  })
})
