import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  countAndEncode,
  countColours,
  decodeHistogram,
  encodeHistogram,
  type Histogram,
  LEVEL_OF_CODE,
  mergeHistograms,
} from '../../src/labels/histogram.js'
import { HistogramSum } from '../../src/labels/histogram-sum.js'
import { noisyPixels, randomPixels } from './pictures.js'

/** The kernel's plain twin: bin -> [sum r, sum g, sum b, count]. */
function plainCount(rgb: Uint8Array): Map<number, number[]> {
  const bins = new Map<number, number[]>()
  for (let at = 0; at < rgb.length; at += 3) {
    const [r, g, b] = [rgb[at]!, rgb[at + 1]!, rgb[at + 2]!]
    const bin = (LEVEL_OF_CODE[r]! << 12) | (LEVEL_OF_CODE[g]! << 6) | LEVEL_OF_CODE[b]!
    const sums = bins.get(bin) ?? [0, 0, 0, 0]
    bins.set(bin, [sums[0]! + r, sums[1]! + g, sums[2]! + b, sums[3]! + 1])
  }
  return new Map([...bins].sort(([a], [b]) => a - b))
}

const asMap = ({ bins, r, g, b, count }: Histogram): Map<number, number[]> =>
  new Map(Array.from(bins, (bin, i) => [bin, [r[i]!, g[i]!, b[i]!, count[i]!]]))

const photo = fc.uint8Array({ maxLength: 600 }).map(bytes => bytes.subarray(0, bytes.length - (bytes.length % 3)))

describe('countColours', () => {
  test('agrees with a plain loop, bins ascending', () => {
    for (const rgb of [noisyPixels(5000, 1), randomPixels(5000, 2), Uint8Array.of(0, 0, 0, 255, 255, 255)]) {
      expect([...asMap(countColours(rgb))]).toEqual([...plainCount(rgb)])
    }
  })

  test('any pixels at all, one photo after another', () => {
    fc.assert(
      fc.property(photo, rgb => {
        expect([...asMap(countColours(rgb))]).toEqual([...plainCount(rgb)])
      }),
    )
  })

  test('no pixels give an empty histogram', () => {
    expect(countColours(new Uint8Array()).bins).toHaveLength(0)
    expect(mergeHistograms([]).bins).toHaveLength(0)
  })

  test('sums of more white pixels than fit 32 bits are exact', () => {
    const pixels = 2 ** 24 + 3
    const { bins, r, count } = countColours(new Uint8Array(3 * pixels).fill(255))
    expect([bins.length, count[0], r[0]]).toEqual([1, pixels, 255 * pixels])
  })

  test('levels rise with the code, one code wide where eyes are keenest', () => {
    for (let code = 1; code < 256; code++) expect(LEVEL_OF_CODE[code]).toBeGreaterThanOrEqual(LEVEL_OF_CODE[code - 1]!)
    expect(LEVEL_OF_CODE[1]).toBeGreaterThan(LEVEL_OF_CODE[0]!)
    expect([LEVEL_OF_CODE[0], LEVEL_OF_CODE[255]]).toEqual([0, 63])
  })
})

describe('mergeHistograms', () => {
  test('is the same in any order and grouping, and the same as counting everything at once', () => {
    fc.assert(
      fc.property(fc.array(photo, { minLength: 1, maxLength: 6 }), fc.nat(), (photos, cut) => {
        const parts = photos.map(countColours)
        const split = cut % (parts.length + 1)
        const whole = countColours(Uint8Array.from(photos.flatMap(rgb => [...rgb])))
        expect(mergeHistograms(parts)).toEqual(whole)
        expect(mergeHistograms(parts.toReversed())).toEqual(whole)
        expect(mergeHistograms([mergeHistograms(parts.slice(split)), mergeHistograms(parts.slice(0, split))])).toEqual(
          whole,
        )
      }),
    )
  })

  test('adds 100,000 photos of 512x512 white pixels exactly', () => {
    const one = countColours(new Uint8Array(3 * 512 * 512).fill(255))
    const all = mergeHistograms(Array.from({ length: 100_000 }, () => one))
    expect([all.count[0], all.b[0]]).toEqual([26_214_400_000, 26_214_400_000 * 255])
  })
})

describe('encodeHistogram', () => {
  test('comes back the same, and is the same bytes each time', () => {
    fc.assert(
      fc.property(photo, rgb => {
        const histogram = countColours(rgb)
        const bytes = encodeHistogram(histogram)
        expect(decodeHistogram(bytes)).toEqual(histogram)
        expect(encodeHistogram(decodeHistogram(bytes))).toEqual(bytes)
      }),
    )
  })

  test('holds totals of very many photos', () => {
    const one = countColours(noisyPixels(3000, 3))
    const many = mergeHistograms(Array.from({ length: 20_000 }, () => one))
    expect(decodeHistogram(encodeHistogram(many))).toEqual(many)
  })

  test('is about six bytes a bin', () => {
    const histogram = countColours(noisyPixels(100_000, 4))
    expect(encodeHistogram(histogram).length).toBeLessThan(8 * histogram.bins.length)
  })

  test('refuses bytes that are not a whole histogram', () => {
    const bytes = encodeHistogram(countColours(noisyPixels(500, 5)))
    expect(() => decodeHistogram(bytes.subarray(0, -1))).toThrow(RangeError)
    expect(() => decodeHistogram(Uint8Array.of(...bytes, 0))).toThrow(RangeError)
    expect(() => decodeHistogram(bytes.subarray(1))).toThrow(RangeError)
    expect(() => decodeHistogram(new Uint8Array())).toThrow(RangeError)
  })
})

describe('countAndEncode', () => {
  /** `encodeHistogram` of a plain count. */
  const plainEncode = (rgb: Uint8Array): Uint8Array => {
    const rows = [...plainCount(rgb)]
    const column = (i: number) => Float64Array.from(rows, ([, sums]) => sums[i]!)
    const bins = Uint32Array.from(rows, ([bin]) => bin)
    return encodeHistogram({ bins, r: column(0), g: column(1), b: column(2), count: column(3) })
  }

  test('gives the bytes of a plain count, one photo after another', () => {
    fc.assert(
      fc.property(photo, rgb => {
        expect(countAndEncode(rgb)).toEqual(plainEncode(rgb))
      }),
    )
    for (const rgb of [noisyPixels(20_000, 6, 60), randomPixels(20_000, 7), new Uint8Array()])
      expect(Buffer.compare(countAndEncode(rgb), plainEncode(rgb))).toBe(0)
  })

  test('bins of many pixels, about as many as the kernel packs', () => {
    for (const pixels of [127, 128, 8191, 8192, 8193, 16_384, 40_000]) {
      const rgb = Uint8Array.from({ length: 3 * pixels }, (_, i) => 250 + (i % 5))
      expect(Buffer.compare(countAndEncode(rgb), plainEncode(rgb)), `${pixels}`).toBe(0)
    }
  })
})

describe('HistogramSum', () => {
  const sumOf = (photos: readonly Uint8Array[]): Histogram => {
    const sum = new HistogramSum()
    for (const encoded of photos) sum.add(encoded)
    return sum.total()
  }

  test('is what mergeHistograms gives, in any order', () => {
    fc.assert(
      fc.property(fc.array(photo, { maxLength: 5 }), photos => {
        const merged = mergeHistograms(photos.map(countColours))
        expect(sumOf(photos.map(countAndEncode))).toEqual(merged)
        expect(sumOf(photos.map(countAndEncode).reverse())).toEqual(merged)
      }),
      { numRuns: 30 },
    )
  })

  test('is exact up to 2^53', () => {
    const most = 2 ** 53 - 1
    const one = (bin: number, count: number) => {
      const column = Float64Array.of(count)
      return { bins: Uint32Array.of(bin), count: column, r: column, g: column, b: column }
    }
    expect(sumOf([encodeHistogram(one(0, most - 1000)), encodeHistogram(one(0, 1000))])).toEqual(one(0, most))
  })

  test('refuses what is not a whole histogram, and adds nothing of it', () => {
    const good = countAndEncode(noisyPixels(3000, 5))
    const sum = new HistogramSum()
    sum.add(good)
    const before = sum.total()
    const bad = [good.subarray(0, -1), Uint8Array.of(...good, 0), good.subarray(1), new Uint8Array()]
    for (let cut = 0; cut < good.length; cut += 97) bad.push(good.subarray(0, cut))
    for (const bytes of bad) expect(() => sum.add(bytes)).toThrow(RangeError)
    expect(sum.total()).toEqual(before)
  })

  test('takes and refuses the same bytes as decodeHistogram', () => {
    const good = countAndEncode(noisyPixels(40, 5))
    const accepts = (read: () => unknown): boolean => {
      try {
        read()
        return true
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
        return false
      }
    }
    const sum = new HistogramSum()
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const bytes = good.slice()
        bytes[at] = byte
        expect(accepts(() => sum.add(bytes))).toBe(accepts(() => decodeHistogram(bytes)))
      }),
      { numRuns: 500 },
    )
  })
})
