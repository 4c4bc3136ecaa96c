import { expect, test } from 'vitest'
import { createAssigner } from '../../src/labels/assign.js'
import { countExactColours, labelImage } from '../../src/labels/image.js'
import { noisyPixels } from './pictures.js'

/** A picture as rows of letters. */
const colours: Record<string, number[]> = { r: [250, 0, 0], g: [0, 250, 0], k: [0, 0, 0], w: [255, 255, 255] }
const draw = (...rows: string[]) => Uint8Array.from([...rows.join('')].flatMap(letter => colours[letter]!))

test('labels run from dark to bright', () => {
  const { labels } = labelImage(draw('kkrr', 'wggr'), { clusters: 4 })
  expect([...labels]).toEqual([0, 0, 1, 1, 3, 2, 2, 1])
})

test('labels are those of the palette that comes with them', () => {
  const rgb = noisyPixels(9000, 5)
  const { labels, palette } = labelImage(rgb, { clusters: 5, seed: 2 })
  expect(Buffer.compare(labels, createAssigner(palette)(rgb))).toBe(0)
  expect(labelImage(rgb, { clusters: 5, seed: 2 })).toEqual({ labels, palette })
})

test('a photo with less contrast than a bin is still told apart', () => {
  const fog = Uint8Array.from({ length: 300 }, (_, i) => 200 + (i % 2))
  expect(new Set(labelImage(fog, { clusters: 2 }).labels).size).toBe(2)
})

test('more clusters than colours is refused', () => {
  const code = (rgb: Uint8Array, clusters: number) => {
    try {
      labelImage(rgb, { clusters })
    } catch (error) {
      return (error as { code?: string }).code
    }
    return undefined
  }
  expect(code(draw('rrrr'), 2)).toBe('TOO_FEW_COLOURS')
  expect(code(draw('rgkw'), 5)).toBe('TOO_FEW_COLOURS')
  expect(code(new Uint8Array(), 2)).toBe('TOO_FEW_COLOURS')
  expect(code(draw('rgkw'), 4)).toBeUndefined()
})

test('countExactColours', () => {
  expect(countExactColours(draw('rkr'))).toEqual({
    count: Float64Array.of(1, 2),
    r: Float64Array.of(0, 500),
    g: Float64Array.of(0, 0),
    b: Float64Array.of(0, 0),
  })
})
