import { expect, test } from 'vitest'
import { psnr, ssim } from '../../src/images/similarity.js'
import type { Pixels } from '../../src/sample.js'

/** A picture of 23x19 by a rule for its bytes. */
const picture = (byteAt: (x: number, y: number, c: number) => number, width = 23, height = 19): Pixels => {
  const data = new Uint8Array(3 * width * height)
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / 3)
    data[i] = byteAt(pixel % width, Math.floor(pixel / width), i % 3)
  }
  return { data, width, height, channels: 3 }
}
const pattern = (x: number, y: number, c: number): number => (37 * x + 91 * y + 53 * c + 7 * x * y) % 256
const changed = (x: number, y: number, c: number): number =>
  Math.min(255, Math.floor(0.8 * pattern(x, y, c)) + ((13 * x + 5 * y * y + c) % 41))

// By scipy.ndimage.correlate1d with the 11 Gaussian weights, as skimage.metrics.structural_similarity computes it with
// gaussian_weights, sigma 1.5 and use_sample_covariance false, cut to where the window fits.
test('ssim and psnr of two patterns are those of scipy', () => {
  const [a, b] = [picture(pattern), picture(changed)]
  expect(ssim(a, b)).toBeCloseTo(0.9613157309722814, 10)
  expect(psnr(a, b)).toBeCloseTo(22.194521730275447, 10)
  expect(ssim(b, a)).toBeCloseTo(ssim(a, b)!, 12)
})

test('equal pictures are as alike as can be', () => {
  const a = picture(pattern)
  expect(ssim(a, a)).toBeCloseTo(1, 12)
  expect(psnr(a, a)).toBe(100)
})

test('flat grey against flat grey is what the formula says by hand', () => {
  const [a, b] = [picture(() => 100), picture(() => 150)]
  const c1 = (0.01 * 255) ** 2
  expect(ssim(a, b)).toBeCloseTo((2 * 100 * 150 + c1) / (100 ** 2 + 150 ** 2 + c1), 10)
  expect(psnr(a, b)).toBeCloseTo(10 * Math.log10(255 ** 2 / 50 ** 2), 10)
})

test('a picture smaller than the window has no ssim', () => {
  const a = picture(pattern, 10, 30)
  expect(ssim(a, a)).toBeUndefined()
})
