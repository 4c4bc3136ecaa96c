/** Small photos for the tests of labels, as flat RGB. */
import { seededRandom } from './lloyd.js'

/** Pixels around a few colours, with noise of `spread` codes: a photo's histogram without a photo. */
export function noisyPixels(pixels: number, seed: number, spread = 24): Uint8Array {
  const random = seededRandom(seed)
  const anchors = Array.from({ length: 6 }, () => [random() * 255, random() * 255, random() * 255])
  const rgb = new Uint8Array(3 * pixels)
  for (let i = 0; i < pixels; i++) {
    const anchor = anchors[Math.floor(random() ** 2 * anchors.length)]!
    for (let c = 0; c < 3; c++) {
      const noise = (random() + random() + random() - 1.5) * spread
      rgb[3 * i + c] = Math.max(0, Math.min(255, Math.round(anchor[c]! + noise)))
    }
  }
  return rgb
}

/** Uniformly random colours. */
export function randomPixels(pixels: number, seed: number): Uint8Array {
  const random = seededRandom(seed)
  return Uint8Array.from({ length: 3 * pixels }, () => Math.floor(random() * 256))
}
