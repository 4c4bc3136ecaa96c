/** Two images of equal height in one, as paired data sets for pix2pix have it. */
import type { Pixels } from '../sample.js'

/** @returns 3 channels, as wide as both; heights that differ are a bug of the caller's and throw a RangeError */
export function sideBySide(left: Pixels, right: Pixels): Pixels {
  if (left.height !== right.height) throw new RangeError(`heights ${left.height} and ${right.height} differ`)
  const width = left.width + right.width
  const data = new Uint8Array(3 * width * left.height)
  for (let y = 0; y < left.height; y++) {
    data.set(left.data.subarray(3 * y * left.width, 3 * (y + 1) * left.width), 3 * y * width)
    data.set(right.data.subarray(3 * y * right.width, 3 * (y + 1) * right.width), 3 * (y * width + left.width))
  }
  return { data, width, height: left.height, channels: 3 }
}
