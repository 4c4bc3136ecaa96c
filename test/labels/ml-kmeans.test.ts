import { kmeans as peer } from 'ml-kmeans'
import { describe, expect, test } from 'vitest'
import { fitPalette } from '../../src/labels/fit.js'
import { countColours } from '../../src/labels/histogram.js'
import { mlKMeans, samplePoints } from '../../src/labels/ml-kmeans.js'
import { loadPoints } from '../../src/labels/point-set.js'
import { type Coordinates, type Points, toPoints } from '../../src/labels/points.js'
import { bestOf, inertiaOf, plusPlus, seededRandom } from './lloyd.js'
import { noisyPixels } from './pictures.js'

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

  test('flat photos get distinct clusters all the same', () => {
    const rgb = new Uint8Array(3 * 5000).fill(120)
    rgb.set([200, 0, 0, 0, 200, 0, 0, 0, 200])
    const { clusters } = fitPalette(countColours(rgb), { clusters: 4 }, mlKMeans)
    expect(clusters.filter(({ share }) => share > 0)).toHaveLength(4)
  })
})

test('our Lloyd and ml-kmeans end in the same place from the same start', () => {
  const rgb = noisyPixels(1500, 2)
  const size = rgb.length / 3
  const column = (channel: number) => Float64Array.from({ length: size }, (_, i) => rgb[3 * i + channel]!)
  const pixels: Points = { size, x: column(0), y: column(1), z: column(2), weight: new Float64Array(size).fill(1) }
  const start = plusPlus(pixels, 5, seededRandom(3))
  const rows = Array.from({ length: size }, (_, i) => [pixels.x[i]!, pixels.y[i]!, pixels.z[i]!])
  const theirs = peer(rows, 5, { initialization: start.map(c => [...c]), maxIterations: 500, tolerance: 0 })
  const ours = Float32Array.from(start.flat())
  loadPoints([pixels] as const, 5)[0].lloyd(ours, 500, 0)
  const centres = Array.from({ length: 5 }, (_, c): Coordinates => [ours[3 * c]!, ours[3 * c + 1]!, ours[3 * c + 2]!])
  const expected = inertiaOf(pixels, theirs.centroids as unknown as Coordinates[])
  expect(inertiaOf(pixels, centres) / expected).toBeCloseTo(1, 4)
})

describe('samplePoints', () => {
  const points = toPoints(histogram, 'rgb')

  test('has the rows asked for', () => {
    for (const rows of [100, 1000, 2 * points.size, 20_000]) expect(samplePoints(points, rows)).toHaveLength(rows)
  })

  test('follows the weights', () => {
    const weights = Float64Array.of(1, 6, 3)
    const few: Points = { size: 3, x: Float64Array.of(1, 2, 3), y: weights, z: weights, weight: weights }
    const copies = (x: number) => samplePoints(few, 103).filter(row => row[0] === x).length
    expect([copies(1), copies(2), copies(3)]).toEqual([11, 61, 31])
  })
})
