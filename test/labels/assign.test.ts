import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAssigner, LabelTable } from '../../src/labels/assign.js'
import { fitPalette } from '../../src/labels/fit.js'
import { countColours } from '../../src/labels/histogram.js'
import type { Palette } from '../../src/labels/palette.js'
import { type Coordinates, coordinates, nearest, type Space } from '../../src/labels/points.js'
import { noisyPixels, randomPixels } from './pictures.js'

/** Every pixel against every centroid. */
function bruteForce({ space, clusters }: Palette, rgb: Uint8Array): Uint8Array {
  const centroids = clusters.map(({ centroid }) => centroid)
  return Uint8Array.from({ length: rgb.length / 3 }, (_, i) =>
    nearest(centroids, ...coordinates(space, rgb[3 * i]!, rgb[3 * i + 1]!, rgb[3 * i + 2]!)),
  )
}

const paletteOf = (space: Space, centroids: readonly Coordinates[]): Palette => ({
  version: 2,
  space,
  clusters: centroids.map((centroid, id) => ({ id, centroid, display: '#000000', mean: [0, 0, 0], share: 0 })),
})

/** All colours of a sub-cube, so that every one of its blocks is met whole. */
function cube(from: number, to: number): Uint8Array {
  const rgb: number[] = []
  for (let r = from; r < to; r++) for (let g = from; g < to; g++) for (let b = from; b < to; b++) rgb.push(r, g, b)
  return Uint8Array.from(rgb)
}

describe('createAssigner gives each pixel the nearest centroid, exactly', () => {
  describe.each(['oklab', 'rgb'] as const)('%s', space => {
    test.each([2, 8, 16, 64, 255])('%i clusters', clusters => {
      const palette = fitPalette(countColours(randomPixels(20_000, clusters)), { clusters, space, restarts: 1 })
      const assign = createAssigner(palette)
      for (const rgb of [randomPixels(30_000, 7), noisyPixels(30_000, 8), cube(0, 24), cube(100, 125)]) {
        const expected = bruteForce(palette, rgb)
        expect(Buffer.compare(assign(rgb), expected)).toBe(0)
        expect(Buffer.compare(assign(rgb), expected)).toBe(0)
      }
    })

    test('any palette', () => {
      const coordinate =
        space === 'oklab' ? fc.double({ min: -1, max: 2, noNaN: true }) : fc.integer({ min: -9, max: 300 })
      const centroid = fc.tuple(coordinate, coordinate, coordinate)
      const rgb = randomPixels(1500, 11)
      fc.assert(
        fc.property(fc.array(centroid, { minLength: 2, maxLength: 20 }), centroids => {
          const palette = paletteOf(space, centroids)
          expect(Buffer.compare(createAssigner(palette)(rgb), bruteForce(palette, rgb))).toBe(0)
        }),
        { numRuns: 60 },
      )
    })
  })

  test('ties go to the lowest id', () => {
    const palette = paletteOf('rgb', [
      [0, 0, 0],
      [100, 0, 0],
      [100, 0, 0],
      [0, 100, 0],
    ])
    expect([...createAssigner(palette)(Uint8Array.of(50, 0, 0, 51, 0, 0, 50, 50, 0, 0, 50, 0, 99, 99, 9))]).toEqual([
      0, 1, 0, 0, 1,
    ])
  })

  test('no pixels, one pixel, and counts about the size of a chunk', () => {
    const palette = paletteOf('oklab', [
      [0.2, 0, 0],
      [0.8, 0, 0],
    ])
    const assign = createAssigner(palette)
    for (const pixels of [0, 1, 8191, 8192, 8193, 20_000]) {
      const rgb = noisyPixels(pixels, 2, 200)
      expect(Buffer.compare(assign(rgb), bruteForce(palette, rgb))).toBe(0)
    }
  })
})

test('LabelTable forgets a palette when it loads another', () => {
  const table = new LabelTable()
  const rgb = noisyPixels(5000, 3, 300)
  for (const clusters of [3, 40, 5]) {
    const palette = fitPalette(countColours(rgb), { clusters, restarts: 1 })
    table.load(palette)
    expect(Buffer.compare(table.assign(rgb), bruteForce(palette, rgb))).toBe(0)
  }
})
