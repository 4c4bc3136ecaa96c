import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type SmoothOptions, smooth } from '../../src/labels/smooth.js'
import { noisyPixels, randomPixels } from './pictures.js'

/** Every window by itself. */
function smoothPlainly(rgb: Uint8Array, width: number, height: number, options: SmoothOptions): Uint8Array {
  const { method, radius, threshold = 20 } = options
  const out = new Uint8Array(rgb.length)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = 3 * (y * width + x)
      const own = rgb.subarray(at, at + 3)
      const window: Uint8Array[] = []
      for (let dy = -radius; dy <= radius; dy++)
        for (let dx = -radius; dx <= radius; dx++) {
          const u = Math.max(0, Math.min(width - 1, x + dx))
          const v = Math.max(0, Math.min(height - 1, y + dy))
          window.push(rgb.subarray(3 * (v * width + u), 3 * (v * width + u) + 3))
        }
      const alike = window.filter(pixel => pixel.every((code, c) => Math.abs(code - own[c]!) <= threshold))
      for (let c = 0; c < 3; c++) {
        const sorted = window.map(pixel => pixel[c]!).sort((a, b) => a - b)
        const sum = alike.reduce((total, pixel) => total + pixel[c]!, 0)
        out[at + c] =
          method === 'median'
            ? sorted[(sorted.length - 1) / 2]!
            : Math.floor((2 * sum + alike.length) / (2 * alike.length))
      }
    }
  return out
}

const METHODS: readonly SmoothOptions[] = [
  { method: 'median', radius: 1 },
  { method: 'median', radius: 2 },
  { method: 'sigma', radius: 1 },
  { method: 'sigma', radius: 2 },
  { method: 'sigma', radius: 1, threshold: 1 },
  { method: 'sigma', radius: 2, threshold: 25 },
]

describe.each(METHODS)('smooth %o', options => {
  test('is what sorting or averaging each window gives', () => {
    const side = fc.integer({ min: 1, max: 40 })
    fc.assert(
      fc.property(side, side, fc.nat(1_000_000), fc.constantFrom(0, 8, 40, 300), (width, height, seed, spread) => {
        const rgb = spread ? noisyPixels(width * height, seed + 1, spread) : randomPixels(width * height, seed + 1)
        const expected = smoothPlainly(rgb, width, height, options)
        expect(Buffer.compare(smooth(rgb, width, height, options), expected)).toBe(0)
      }),
      { numRuns: 80 },
    )
  })

  test('keeps flat colours and straight edges', () => {
    const width = 21
    const rgb = Uint8Array.from(
      { length: 3 * width * 9 },
      (_, i) => (Math.floor(i / 3) % width < 10 ? 40 : 200) + (i % 3),
    )
    expect(smooth(rgb, width, 9, options)).toEqual(rgb)
  })

  test('rows longer than a vector, and tall images', () => {
    for (const [width, height] of [
      [517, 5],
      [3, 400],
      [64, 33],
    ] as const) {
      const rgb = noisyPixels(width * height, 5, 30)
      expect(Buffer.compare(smooth(rgb, width, height, options), smoothPlainly(rgb, width, height, options))).toBe(0)
    }
  })
})

describe('smooth', () => {
  test('the median takes out specks, sigma leaves them and evens out the rest', () => {
    const speck = new Uint8Array(75).fill(100)
    speck.fill(250, 36, 39)
    const noisy = speck.map((code, i) => code + (i % 2) * 4)
    expect(smooth(speck, 5, 5, { method: 'median', radius: 1 })).toEqual(new Uint8Array(75).fill(100))
    const evened = smooth(noisy, 5, 5, { method: 'sigma', radius: 2 })
    expect([...evened.subarray(36, 39)]).toEqual([...noisy.subarray(36, 39)])
    expect(evened.subarray(0, 36).every(code => code > 100 && code < 104)).toBe(true)
  })

  test('the 5x5 median is exact for every order of zeros and ones in sorted columns', () => {
    // networks of exchanges that sort all zeros and ones sort everything; how the columns are sorted is checked above
    const counts = Array.from({ length: 6 ** 5 }, (_, n) => [0, 1, 2, 3, 4].map(j => Math.floor(n / 6 ** j) % 6))
    const width = 5 * counts.length
    const rgb = new Uint8Array(15 * width)
    for (const [n, ones] of counts.entries())
      for (let j = 0; j < 5; j++)
        for (let i = 0; i < ones[j]!; i++) rgb.fill(255, 3 * (i * width + 5 * n + j), 3 * (i * width + 5 * n + j) + 3)
    const out = smooth(rgb, width, 5, { method: 'median', radius: 2 })
    const wrong = counts.filter((ones, n) => {
      const median = out[3 * (2 * width + 5 * n + 2)]!
      return median !== (ones.reduce((a, b) => a + b) >= 13 ? 255 : 0)
    })
    expect(wrong).toEqual([])
  })
})
