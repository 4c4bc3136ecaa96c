/**
 * What a photo contributes to a palette: how often each colour occurs, in bins of 4x4x4 sRGB colours with the exact sum
 * of the colours in each. All numbers are integers, so histograms add up to the same total in any order and on any
 * number of workers, and the mean of a bin is exact.
 *
 * Six bits a channel are what k-means within 1% of all pixels needs (docs/labels.md has the measurements).
 */
import histogramKernel from '../kernels/histogram.wasm.js'
import { instantiate } from '../kernels/instantiate.js'

/** Colours that occur, one entry each: how many pixels have them, and the sum of those pixels' r, g and b. */
export interface ColourSums {
  readonly count: Float64Array
  readonly r: Float64Array
  readonly g: Float64Array
  readonly b: Float64Array
}

/** Sparse, bins ascending; exact up to 2^53, which 100,000 photos of 512x512 come nowhere near (7e12). */
export interface Histogram extends ColourSums {
  /** `r >> 2 << 12 | g >> 2 << 6 | b >> 2` of each occupied bin. */
  readonly bins: Uint32Array
}

const BINS = 1 << 18
/** Sums of 8-bit colours of this many pixels fit 32 bits. */
const PIXELS_A_PASS = 1 << 24

type Count = (rgb: number, pixels: number, bins: number) => void
let kernel: ReturnType<typeof instantiate<{ count: Count }>> | undefined

/**
 * @param rgb  interleaved sRGB pixels, length 3 * pixels; none gives an empty histogram
 */
export function countColours(rgb: Uint8Array): Histogram {
  const pixels = rgb.length / 3
  if (pixels > PIXELS_A_PASS) {
    return mergeHistograms([
      countColours(rgb.subarray(0, 3 * PIXELS_A_PASS)),
      countColours(rgb.subarray(3 * PIXELS_A_PASS)),
    ])
  }
  kernel ??= instantiate(histogramKernel)
  const memory = kernel.reserve(16 * BINS + rgb.length + 1)
  new Uint8Array(memory, 16 * BINS, rgb.length).set(rgb)
  kernel.run.count(16 * BINS, pixels, 0)
  return takeOccupied(new Uint32Array(memory, 0, 4 * BINS))
}

/** The occupied bins of a dense `[sum r, sum g, sum b, count]` table, which is zeroed for the next user. */
function takeOccupied(sums: Uint32Array | Float64Array): Histogram {
  let size = 0
  for (let at = 3; at < sums.length; at += 4) if (sums[at] !== 0) size += 1
  const histogram = emptyHistogram(size)
  const { bins, count, r, g, b } = histogram
  for (let i = 0, at = 0; i < size; at += 4) {
    if (sums[at + 3] === 0) continue
    bins[i] = at >> 2
    r[i] = sums[at]!
    g[i] = sums[at + 1]!
    b[i] = sums[at + 2]!
    count[i] = sums[at + 3]!
    sums.fill(0, at, at + 4)
    i += 1
  }
  return histogram
}

const emptyHistogram = (size: number) => ({
  bins: new Uint32Array(size),
  count: new Float64Array(size),
  r: new Float64Array(size),
  g: new Float64Array(size),
  b: new Float64Array(size),
})

/** The sum of histograms, the same for any order and any grouping. Takes them one at a time: pass a generator. */
export function mergeHistograms(histograms: Iterable<Histogram>): Histogram {
  const sums = new Float64Array(4 * BINS)
  for (const { bins, count, r, g, b } of histograms) {
    for (let i = 0; i < bins.length; i++) {
      const at = 4 * bins[i]!
      sums[at]! += r[i]!
      sums[at + 1]! += g[i]!
      sums[at + 2]! += b[i]!
      sums[at + 3]! += count[i]!
    }
  }
  return takeOccupied(sums)
}

/** How many pixels were counted. */
export const pixelCount = ({ count }: ColourSums): number => count.reduce((sum, n) => sum + n, 0)

const MAGIC = [0x68, 0x36, 1] // 'h6', version 1

/**
 * A histogram as bytes, the same bytes for the same histogram. After a magic: the number of bins, then for each bin
 * the step from the bin before, the count, and how far the sums exceed the bin's darkest colour, as LEB128 integers.
 */
export function encodeHistogram({ bins, count, r, g, b }: Histogram): Uint8Array {
  let bytes = new Uint8Array(64 + 12 * bins.length)
  let at = 0
  const write = (value: number): void => {
    let rest = value
    while (rest >= 128) {
      bytes[at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    bytes[at++] = rest
  }
  for (const byte of MAGIC) write(byte)
  write(bins.length)
  let previous = -1
  for (let i = 0; i < bins.length; i++) {
    if (at + 40 > bytes.length) {
      const longer = new Uint8Array(2 * bytes.length)
      longer.set(bytes)
      bytes = longer
    }
    const bin = bins[i]!
    const n = count[i]!
    write(bin - previous - 1)
    write(n)
    write(r[i]! - n * 4 * (bin >> 12))
    write(g[i]! - n * 4 * ((bin >> 6) & 63))
    write(b[i]! - n * 4 * (bin & 63))
    previous = bin
  }
  return bytes.slice(0, at)
}

/**
 * The histogram that `encodeHistogram` wrote.
 * @throws {RangeError} when the bytes are not a whole histogram
 */
export function decodeHistogram(bytes: Uint8Array): Histogram {
  let at = 0
  const read = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('histogram: cut short')
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
  for (const byte of MAGIC) if (read() !== byte) throw new RangeError('histogram: unknown format')
  const size = read()
  if (size > BINS) throw new RangeError('histogram: too many bins')
  const histogram = emptyHistogram(size)
  const { bins, count, r, g, b } = histogram
  let bin = -1
  for (let i = 0; i < size; i++) {
    bin += 1 + read()
    const n = read()
    if (bin >= BINS || n === 0) throw new RangeError('histogram: impossible bin')
    bins[i] = bin
    count[i] = n
    r[i] = read() + n * 4 * (bin >> 12)
    g[i] = read() + n * 4 * ((bin >> 6) & 63)
    b[i] = read() + n * 4 * (bin & 63)
  }
  if (at !== bytes.length) throw new RangeError('histogram: bytes left over')
  return histogram
}
