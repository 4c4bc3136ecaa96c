import { expect, test } from 'vitest'
import { driftOf, quantise } from '../../src/labels/drift.js'
import { chooseClusters, elbowCurve } from '../../src/labels/elbow.js'
import { fitPalette } from '../../src/labels/fit.js'
import { countColours, mergeHistograms } from '../../src/labels/histogram.js'
import { kmeans } from '../../src/labels/kmeans.js'
import { toPoints } from '../../src/labels/points.js'
import { noisyPixels } from './pictures.js'

const photos = [1, 2, 3].map(seed => countColours(noisyPixels(3000, seed)))

test('error and shares of centroids, by hand', () => {
  const colours = countColours(Uint8Array.of(0, 0, 0, 0, 0, 4, 100, 0, 0, 100, 0, 8))
  expect(
    quantise(toPoints(colours, 'rgb'), [
      [0, 0, 0],
      [100, 0, 2],
    ]),
  ).toEqual({ error: (0 + 16 + 4 + 36) / 4, shares: [0.5, 0.5] })
})

test('the photos a palette was fitted to have no drift, others have', () => {
  const all = mergeHistograms(photos)
  const fitted = fitPalette(all, { clusters: 5 })
  const centroids = fitted.clusters.map(({ centroid }) => centroid)
  const { error } = quantise(toPoints(all, 'oklab'), centroids)
  const palette = { ...fitted, fit: { photos: 3, error, options: '' } }
  expect(driftOf(palette, quantise(toPoints(all, 'oklab'), centroids))).toEqual({ error: 0, shares: 0 })
  const white = countColours(new Uint8Array(30_000).fill(255))
  const drift = driftOf(palette, quantise(toPoints(mergeHistograms([...photos, white]), 'oklab'), centroids))!
  expect(drift.shares).toBeGreaterThan(0.3)
  expect(driftOf(fitted, { error: 1, shares: [] })).toBeUndefined()
})

test('the knee of a curve', async () => {
  expect(
    chooseClusters([2, 3, 4, 5, 6, 7].map((clusters, i) => ({ clusters, error: [100, 60, 10, 8, 6, 4][i]! }))),
  ).toBe(4)
  expect(chooseClusters([{ clusters: 2, error: 0 }])).toBe(2)
  expect(chooseClusters([2, 3].map(clusters => ({ clusters, error: 1 })))).toBe(2)
  expect(await elbowCurve(3, async clusters => ({ error: 36 / clusters ** 2, shares: [] }))).toEqual([
    { clusters: 2, error: 3 },
    { clusters: 3, error: 2 },
  ])
})

test.each([3, 5, 9])('%i groups of colours are found to be so many', async groups => {
  const rgb = Uint8Array.from(
    Array.from({ length: 4000 }, (_, i) => {
      const group = i % groups
      const noise = (i * 7919) % 13
      return [40 + ((group * 97) % 180) + noise, 30 + ((group * 61) % 190) + noise, 20 + ((group * 151) % 200)]
    }).flat(),
  )
  const points = toPoints(countColours(rgb), 'oklab')
  const located = toPoints(countColours(rgb), 'oklab')
  const curve = await elbowCurve(points.size, async clusters =>
    quantise(located, kmeans(points, { clusters, restarts: 3, seed: 1 })),
  )
  expect(chooseClusters(curve)).toBe(groups)
})
