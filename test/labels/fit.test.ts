import { describe, expect, test } from 'vitest'
import { PrepError } from '../../src/errors.js'
import { fitClusters, fitPalette } from '../../src/labels/fit.js'
import { type ColourSums, countColours } from '../../src/labels/histogram.js'
import { mlKMeans } from '../../src/labels/ml-kmeans.js'
import { type Coordinates, type Points, toPoints } from '../../src/labels/points.js'
import { inertiaOf } from './lloyd.js'
import { noisyPixels } from './pictures.js'

const photo = countColours(noisyPixels(4000, 1))

/** Colours as often as given; all columns but the first three are `more`. */
function coloursWith(rows: ReadonlyArray<{ rgb: [number, number, number]; count: number; more: number[] }>): {
  points: Points
  colours: ColourSums
} {
  const channel = (c: number) => Float64Array.from(rows, ({ rgb, count }) => rgb[c]! * count)
  const colours = { count: Float64Array.from(rows, row => row.count), r: channel(0), g: channel(1), b: channel(2) }
  const { columns, weight } = toPoints(colours, 'oklab')
  const more = rows[0]!.more.map((_, axis) => Float64Array.from(rows, row => row.more[axis]!))
  return { points: { size: rows.length, dims: 3 + more.length, columns: [...columns, ...more], weight }, colours }
}

describe('fitClusters', () => {
  test('of colours alone finds the clusters of the palette, and the error they leave', () => {
    const points = toPoints(photo, 'oklab')
    const { centroids, inertia, counts, means } = fitClusters(points, photo, { clusters: 6 })
    const { clusters } = fitPalette(photo, { clusters: 6 })
    expect(centroids).toEqual(clusters.map(({ centroid }) => centroid))
    expect(means).toEqual(clusters.map(({ mean }) => mean))
    expect(counts.reduce((a, b) => a + b)).toBe(4000)
    expect(inertia).toBe(inertiaOf(points, centroids))
  })

  test('more clusters leave less', () => {
    const points = toPoints(photo, 'oklab')
    const inertias = [2, 4, 8, 16, 32].map(clusters => fitClusters(points, photo, { clusters }).inertia)
    expect(inertias.toSorted((a, b) => b - a)).toEqual(inertias)
  })

  // the same grey above and below, and white in between
  const scene = [
    { rgb: [90, 90, 90], count: 30, more: [0, 0.01, 0, 0, 0] },
    { rgb: [94, 94, 94], count: 10, more: [0, 0.02, 0, 0, 0] },
    { rgb: [250, 250, 250], count: 50, more: [0, 0.5, 0, 0, 0] },
    { rgb: [90, 90, 90], count: 20, more: [0, 0.99, 0, 0, 0] },
  ] satisfies Parameters<typeof coloursWith>[0]

  test.each([
    ['our k-means', undefined],
    ['ml-kmeans', mlKMeans],
  ])('tells like colours apart by what else is known of them, dark to bright: %s', (_, engine) => {
    const { points, colours } = coloursWith(scene)
    const fitted = fitClusters(points, colours, { clusters: 3, seed: 2 }, engine)
    const [low, high, white] = [fitted.counts.indexOf(40), fitted.counts.indexOf(20), fitted.counts.indexOf(50)]
    expect([low, high].toSorted()).toEqual([0, 1])
    expect(white).toBe(2)
    expect(fitted.centroids.every(centroid => centroid.length === 8)).toBe(true)
    expect(fitted.means[low]).toEqual([91, 91, 91])
    expect(fitted.means[high]).toEqual([90, 90, 90])
    expect(fitted.means[white]).toEqual([250, 250, 250])
    expect(fitted.centroids[high]![4]).toBe(0.99)
  })

  test('as many points, but too few that differ', () => {
    const { points, colours } = coloursWith([...scene, ...scene, scene[0]!])
    expect(fitClusters(points, colours, { clusters: 4 }).counts).toHaveLength(4)
    for (const clusters of [5, 9, 10]) {
      const fit = () => fitClusters(points, colours, { clusters })
      expect(fit).toThrow(PrepError)
      expect(fit).toThrow(expect.objectContaining({ code: 'TOO_FEW_COLOURS' }))
    }
  })

  test.each([
    ['oklab', [2, 0, 0], [255, 255, 255]],
    ['rgb', [300, 100.126, -4], [255, 100.13, 0]],
  ] as const)('%s: a centroid that no colour is nearest to looks like itself', (space, far, mean) => {
    const engine = (): Coordinates[] => [[0, 0, 0], [...far]]
    const { colours } = coloursWith([
      { rgb: [0, 0, 0], count: 1, more: [] },
      { rgb: [1, 1, 1], count: 1, more: [] },
    ])
    const fitted = fitClusters(toPoints(colours, space), colours, { clusters: 2, space }, engine)
    expect(fitted.counts).toEqual([2, 0])
    expect(fitted.means).toEqual([[0.5, 0.5, 0.5], [...mean]])
  })
})
