/** Adds up the encoded histograms of many photos: what the palette of a whole data set is made from. */
import sumKernel from '../kernels/histogram-sum.wasm.js'
import { instantiate } from '../kernels/instantiate.js'
import { BINS, emptyHistogram, FIRST_CODE, type Histogram, readHistogramHead } from './histogram.js'

interface Walk {
  walk(at: number, end: number, size: number, adding: boolean): number
}

/** The kernel's memory: four 64-bit integers a bin, then the bytes to add. */
const BYTES_AT = 32 * BINS

/** A running total, exact while no number in it is beyond 2^53; 8 MB of memory however many are added. */
export class HistogramSum {
  private readonly kernel = instantiate<Walk>(sumKernel)

  /**
   * @param encoded  from `countAndEncode` or `encodeHistogram`
   * @throws {RangeError} when the bytes are not a whole histogram; nothing of them has been added then
   */
  add(encoded: Uint8Array): void {
    const { size, bodyAt } = readHistogramHead(encoded)
    const length = encoded.length - bodyAt
    // the kernel reads eight bytes at a time
    const memory = this.kernel.reserve(BYTES_AT + length + 8)
    new Uint8Array(memory, BYTES_AT, length).set(encoded.subarray(bodyAt))
    const { walk } = this.kernel.run
    if (!walk(BYTES_AT, BYTES_AT + length, size, false)) throw new RangeError('histogram: damaged or cut short')
    walk(BYTES_AT, BYTES_AT + length, size, true)
  }

  /** What has been added so far. */
  total(): Histogram {
    const words = new Uint32Array(this.kernel.reserve(BYTES_AT), 0, 8 * BINS)
    const number = (at: number): number => words[at]! + 2 ** 32 * words[at + 1]!
    const occupied: number[] = []
    for (let bin = 0; bin < BINS; bin++) if (words[8 * bin]! | words[8 * bin + 1]!) occupied.push(bin)
    const histogram = emptyHistogram(occupied.length)
    const { bins, count, r, g, b } = histogram
    occupied.forEach((bin, i) => {
      const n = number(8 * bin)
      bins[i] = bin
      count[i] = n
      r[i] = number(8 * bin + 2) + n * FIRST_CODE[bin >> 12]!
      g[i] = number(8 * bin + 4) + n * FIRST_CODE[(bin >> 6) & 63]!
      b[i] = number(8 * bin + 6) + n * FIRST_CODE[bin & 63]!
    })
    return histogram
  }
}
