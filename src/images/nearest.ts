/** Moving labels as photos are moved: only whole pixels are taken, no value is ever made that was not there. */
import type { Pixels } from '../sample.js'
import type { Placement, Size } from './geometry.js'

/**
 * Put a label map or a drawing where the photo lies, at any scale: each pixel of the result is the one that its centre
 * falls on.
 *
 * @param placement  where the whole of `pixels` lies in the result, in the result's pixels
 * @param bars       what is beside it, one value a channel
 */
export function placeNearest(pixels: Pixels, placement: Placement, size: Size, bars: readonly number[]): Pixels {
  const { data, channels } = pixels
  const columns = sources(size.width, placement.left, placement.width, pixels.width)
  const rows = sources(size.height, placement.top, placement.height, pixels.height)
  const out = new Uint8Array(channels * size.width * size.height)
  let to = 0
  for (const row of rows) {
    const start = channels * row * pixels.width
    for (const column of columns) {
      const from = start + channels * column
      const inside = row >= 0 && column >= 0
      for (let c = 0; c < channels; c += 1) out[to + c] = inside ? data[from + c]! : bars[c]!
      to += channels
    }
  }
  return { data: out, ...size, channels }
}

/** For each position of the result the position it is taken from, -1 outside. */
function sources(length: number, start: number, span: number, available: number): Int32Array {
  return Int32Array.from({ length }, (_, to) => {
    const share = (to + 0.5 - start) / span
    return share < 0 || share >= 1 ? -1 : Math.floor(share * available)
  })
}

/** Turn and mirror as EXIF orientation 1..8 asks for (TIFF 6.0, tag 274), so that stored pixels are upright. */
export function orient(pixels: Pixels, orientation: number): Pixels {
  if (orientation <= 1 || orientation > 8) return pixels
  const { data, width, height, channels } = pixels
  const turned = orientation >= 5
  const size = turned ? { width: height, height: width } : { width, height }
  const fromRight = [2, 3, 7, 8].includes(orientation)
  const fromBottom = [3, 4, 6, 7].includes(orientation)
  const out = new Uint8Array(data.length)
  for (let y = 0, to = 0; y < size.height; y += 1) {
    for (let x = 0; x < size.width; x += 1, to += channels) {
      const [column, row] = turned ? [y, x] : [x, y]
      const from = (fromBottom ? height - 1 - row : row) * width + (fromRight ? width - 1 - column : column)
      for (let c = 0; c < channels; c += 1) out[to + c] = data[channels * from + c]!
    }
  }
  return { data: out, ...size, channels }
}
