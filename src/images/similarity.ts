/** How alike two pictures are, in the figures that papers give. Both are of one size, in bytes 0..255. */
import type { Pixels } from '../sample.js'

/** What `psnr` gives for equal pictures, whose ratio is infinite, in dB. */
export const MAX_PSNR = 100

/** Peak signal-to-noise ratio over all channels in dB: 10 log10(255^2 / mean squared difference), at most 100. */
export function psnr(a: Pixels, b: Pixels): number {
  let sum = 0
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i]! - b.data[i]!) ** 2
  return Math.min(MAX_PSNR, 10 * Math.log10(255 ** 2 / (sum / a.data.length)))
}

/** Side of the window of SSIM, in pixels. */
export const SSIM_WINDOW = 11
const SIGMA = 1.5
const C1 = (0.01 * 255) ** 2
const C2 = (0.03 * 255) ** 2

/**
 * Mean structural similarity, -1..1: Gaussian windows of 11x11 with sigma 1.5 that lie wholly in the picture, each channel
 * by itself, then the mean of the channels.
 *
 * @returns undefined for a picture smaller than the window
 * @see Wang, Bovik, Sheikh, Simoncelli, Image Quality Assessment: From Error Visibility to Structural Similarity, 2004
 */
export function ssim(a: Pixels, b: Pixels): number | undefined {
  const { width, height, channels } = a
  if (Math.min(width, height) < SSIM_WINDOW) return undefined
  const size = width * height
  const [x, y, xx, yy, xy] = [0, 1, 2, 3, 4].map(() => new Float64Array(size)) as Planes
  let total = 0
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0, at = channel; i < size; i++, at += channels) {
      const [p, q] = [a.data[at]!, b.data[at]!]
      x[i] = p
      y[i] = q
      xx[i] = p * p
      yy[i] = q * q
      xy[i] = p * q
    }
    const [mx, my, mxx, myy, mxy] = [x, y, xx, yy, xy].map(plane => blur(plane, width, height)) as Planes
    let sum = 0
    for (let i = 0; i < mx.length; i++) {
      const [mu, nu] = [mx[i]!, my[i]!]
      const variances = mxx[i]! - mu * mu + (myy[i]! - nu * nu)
      const covariance = mxy[i]! - mu * nu
      sum += ((2 * mu * nu + C1) * (2 * covariance + C2)) / ((mu * mu + nu * nu + C1) * (variances + C2))
    }
    total += sum / mx.length
  }
  return total / channels
}

type Planes = [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array]

const KERNEL = (() => {
  const weights = Array.from({ length: SSIM_WINDOW }, (_, i) =>
    Math.exp(-((i - (SSIM_WINDOW - 1) / 2) ** 2) / (2 * SIGMA ** 2)),
  )
  const sum = weights.reduce((a, b) => a + b)
  return Float64Array.from(weights, weight => weight / sum)
})()

/** The Gaussian mean at every place where the window fits: (width - 10) x (height - 10) values. */
function blur(plane: Float64Array, width: number, height: number): Float64Array {
  const across = width - SSIM_WINDOW + 1
  const lines = new Float64Array(across * height)
  for (let row = 0; row < height; row++)
    for (let column = 0; column < across; column++) {
      let sum = 0
      for (let k = 0; k < SSIM_WINDOW; k++) sum += KERNEL[k]! * plane[row * width + column + k]!
      lines[row * across + column] = sum
    }
  const out = new Float64Array(across * (height - SSIM_WINDOW + 1))
  for (let i = 0; i < out.length; i++) {
    let sum = 0
    for (let k = 0; k < SSIM_WINDOW; k++) sum += KERNEL[k]! * lines[i + k * across]!
    out[i] = sum
  }
  return out
}
