/**
 * What a photo contributes to a palette: how often each colour occurs, in 64x64x64 bins with the exact sum of the
 * colours in each. All numbers are integers, so histograms add up to the same total in any order and on any number of
 * workers, and the mean of a bin is exact.
 *
 * k-means on 32x32x32 bins misses the best of all pixels by up to 5%, on these by less than 1% (docs/labels.md).
 */
import histogramKernel from '../kernels/histogram.wasm.js'
import { instantiate } from '../kernels/instantiate.js'
import { okLab } from './oklab.js'

/** Colours that occur, one entry each: how many pixels have them, and the sum of those pixels' r, g and b. */
export interface ColourSums {
  readonly count: Float64Array
  readonly r: Float64Array
  readonly g: Float64Array
  readonly b: Float64Array
}

/** Sparse, bins ascending; exact up to 2^53, which 100,000 photos of 512x512 come nowhere near (7e12). */
export interface Histogram extends ColourSums {
  /** Level of r << 12 | level of g << 6 | level of b of each occupied bin. */
  readonly bins: Uint32Array
}

const LEVELS = 64
export const BINS = LEVELS ** 3

/**
 * The level of each 8-bit code: even steps of the mean of code and OKLab lightness, because a step of a dark code is a
 * longer way in OKLab, while RGB has them all alike. 1 code wide at black, 5 at white.
 */
export const LEVEL_OF_CODE = Uint8Array.from({ length: 256 }, (_, code) => {
  const [lightness] = okLab(code, code, code)
  return Math.min(LEVELS - 1, Math.floor((LEVELS / 2) * (lightness + code / 255)))
})

/** The lowest code of each level, up to which no code is of a lower one; levels that no code has are never used. */
export const FIRST_CODE = Uint8Array.from({ length: LEVELS }, (_, level) => LEVEL_OF_CODE.findIndex(l => l >= level))

/** Sums of 8-bit colours of this many pixels fit 32 bits. */
const PIXELS_A_PASS = 1 << 24

interface Passes {
  count(rgb: number, pixels: number, codes: number, wide: number, rows: number): void
  encode(wide: number, rows: number, out: number): number
}
let kernel: ReturnType<typeof instantiate<Passes>> | undefined

// the kernel's memory, in bytes; what `encode` writes takes the place of the pixels
const WIDE_AT = 8 * BINS
const ROWS_AT = WIDE_AT + 16 * BINS
const CODES_AT = ROWS_AT + LEVELS ** 2
const RGB_AT = CODES_AT + 3 * 256 * 4
/** At most: 3 for the step, 4 for the count and for each sum. */
const BYTES_A_BIN = 19

/**
 * The colours of a photo, as `encodeHistogram` writes them.
 *
 * @param rgb  interleaved sRGB pixels, length 3 * pixels; none gives an empty histogram
 */
export function countAndEncode(rgb: Uint8Array): Uint8Array {
  const pixels = rgb.length / 3
  if (pixels > PIXELS_A_PASS) return encodeHistogram(countColours(rgb))
  if (!kernel) {
    kernel = instantiate<Passes>(histogramKernel)
    const codes = new Uint32Array(kernel.reserve(RGB_AT), CODES_AT, 3 * 256)
    LEVEL_OF_CODE.forEach((level, code) => {
      const excess = code - FIRST_CODE[level]!
      codes[code] = (level << 24) | excess
      codes[256 + code] = (level << 18) | (excess << 3)
      codes[512 + code] = (level << 12) | (excess << 6)
    })
  }
  const memory = kernel.reserve(RGB_AT + Math.max(rgb.length, 16 + 8 + BYTES_A_BIN * Math.min(pixels, BINS)))
  const bytes = new Uint8Array(memory)
  bytes.set(rgb, RGB_AT)
  kernel.run.count(RGB_AT, pixels, CODES_AT, WIDE_AT, ROWS_AT)
  const end = kernel.run.encode(WIDE_AT, ROWS_AT, RGB_AT)
  const head = [...MAGIC, ...leb128(new DataView(memory).getUint32(RGB_AT, true))]
  const start = RGB_AT + 16 - head.length
  bytes.set(head, start)
  return bytes.slice(start, end)
}

function leb128(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...leb128(Math.floor(value / 128))]
}

/**
 * @param rgb  interleaved sRGB pixels, length 3 * pixels; none gives an empty histogram
 */
export function countColours(rgb: Uint8Array): Histogram {
  if (rgb.length <= 3 * PIXELS_A_PASS) return decodeHistogram(countAndEncode(rgb))
  return mergeHistograms([
    countColours(rgb.subarray(0, 3 * PIXELS_A_PASS)),
    countColours(rgb.subarray(3 * PIXELS_A_PASS)),
  ])
}

export const emptyHistogram = (size: number) => ({
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
  let size = 0
  for (let at = 3; at < sums.length; at += 4) if (sums[at] !== 0) size += 1
  const merged = emptyHistogram(size)
  for (let i = 0, at = 0; i < size; at += 4) {
    if (sums[at + 3] === 0) continue
    merged.bins[i] = at >> 2
    merged.r[i] = sums[at]!
    merged.g[i] = sums[at + 1]!
    merged.b[i] = sums[at + 2]!
    merged.count[i] = sums[at + 3]!
    i += 1
  }
  return merged
}

const MAGIC = [0x68, 0x36, 1] // 'h6', version 1; a change of LEVEL_OF_CODE is a new version

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
    write(r[i]! - n * FIRST_CODE[bin >> 12]!)
    write(g[i]! - n * FIRST_CODE[(bin >> 6) & 63]!)
    write(b[i]! - n * FIRST_CODE[bin & 63]!)
    previous = bin
  }
  return bytes.slice(0, at)
}

/** Reads LEB128 integers one after the other. */
class Reader {
  constructor(
    private readonly bytes: Uint8Array,
    public at = 0,
  ) {}

  next(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw new RangeError('histogram: cut short')
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
}

/**
 * How many bins an encoded histogram has, and where the first begins.
 * @throws {RangeError} when there is no histogram of this version
 */
export function readHistogramHead(bytes: Uint8Array): { size: number; bodyAt: number } {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) throw new RangeError('histogram: unknown format')
  const reader = new Reader(bytes, MAGIC.length)
  const size = reader.next()
  if (size > BINS) throw new RangeError('histogram: too many bins')
  return { size, bodyAt: reader.at }
}

/**
 * The histogram that `encodeHistogram` wrote.
 * @throws {RangeError} when the bytes are not a whole histogram
 */
export function decodeHistogram(bytes: Uint8Array): Histogram {
  const { size, bodyAt } = readHistogramHead(bytes)
  const reader = new Reader(bytes, bodyAt)
  const histogram = emptyHistogram(size)
  const { bins, count, r, g, b } = histogram
  let bin = -1
  for (let i = 0; i < size; i++) {
    bin += 1 + reader.next()
    const n = reader.next()
    if (bin >= BINS || n === 0) throw new RangeError('histogram: impossible bin')
    bins[i] = bin
    count[i] = n
    r[i] = reader.next() + n * FIRST_CODE[bin >> 12]!
    g[i] = reader.next() + n * FIRST_CODE[(bin >> 6) & 63]!
    b[i] = reader.next() + n * FIRST_CODE[bin & 63]!
  }
  if (reader.at !== bytes.length) throw new RangeError('histogram: bytes left over')
  return histogram
}
