import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coneSignals } from '../../src/labels/oklab.js'
import { numberRegions, regionStatistics, removeSmallRegions } from '../../src/labels/regions.js'
import { type SlicOptions, type Superpixels, slic } from '../../src/labels/slic.js'
import { noisyPixels, randomPixels } from './pictures.js'

/** OKLab in units of 1/16384, multiples of 4, with the kernel's tables. */
function labOf(r: number, g: number, b: number): [number, number, number] {
  const light = [coneSignals(r, 0, 0), coneSignals(0, g, 0), coneSignals(0, 0, b)]
  const [l, m, s] = [0, 1, 2].map(cone => {
    const signal = light.reduce((sum, part) => sum + Math.round(part[cone]! * 2 ** 20), 0)
    return Math.round(32767 * Math.cbrt(Math.floor(signal / 128) / 8192))
  }) as [number, number, number]
  const quarter = (sum: number) => 4 * Math.floor((sum + 16384) / 32768)
  return [
    quarter(862 * l + 3251 * m - 17 * s),
    quarter(8102 * l - 9948 * m + 1846 * s),
    quarter(106 * l + 3206 * m - 3312 * s),
  ]
}

/** The same pixel by pixel, centre by centre. */
function slicPlainly(rgb: Uint8Array, width: number, height: number, options: Required<SlicOptions>): Superpixels {
  const { size, compactness, iterations } = options
  const step = Math.sqrt(size)
  const edges = (length: number) => {
    const cells = Math.max(1, Math.round(length / step))
    return Array.from({ length: cells + 1 }, (_, i) => Math.floor((i * length) / cells))
  }
  const columns = edges(width)
  const rows = edges(height)
  const weight = Math.round((256 * 4096 * compactness) / 100 / step)
  const lab = Array.from({ length: width * height }, (_, p) => labOf(rgb[3 * p]!, rgb[3 * p + 1]!, rgb[3 * p + 2]!))
  const apart = (p: number, q: number) => lab[p]!.reduce((sum, value, c) => sum + (value - lab[q]![c]!) ** 2, 0)
  const change = (x: number, y: number): number => {
    const p = y * width + x
    return apart(p - 1, p + 1) + apart(p - width, p + width)
  }

  const nx = columns.length - 1
  const ny = rows.length - 1
  const centres = Array.from({ length: nx * ny }, (_, n) => {
    let x = (columns[n % nx]! + columns[(n % nx) + 1]!) >> 1
    let y = (rows[Math.floor(n / nx)]! + rows[Math.floor(n / nx) + 1]!) >> 1
    const near = [-1, 0, 1].flatMap(dy => [-1, 0, 1].map(dx => [x + dx, y + dy] as const))
    const inside = near.filter(([u, v]) => u >= 1 && u <= width - 2 && v >= 1 && v <= height - 2)
    const [calmest] = inside.sort((a, b) => change(...a) - change(...b))
    if (calmest) [x, y] = calmest
    return { lab: lab[y * width + x]!, x: 16 * x, y: 16 * y }
  })

  const owners = new Array<number>(width * height)
  for (let iteration = 0; iteration < iterations; iteration++) {
    for (let j = 0; j < ny; j++)
      for (let i = 0; i < nx; i++) {
        const near: number[] = []
        for (let v = Math.max(0, j - 1); v <= Math.min(ny - 1, j + 1); v++)
          for (let u = Math.max(0, i - 1); u <= Math.min(nx - 1, i + 1); u++) near.push(v * nx + u)
        const left = columns[i]!
        for (let y = rows[j]!; y < rows[j + 1]!; y++)
          for (let x = left; x < columns[i + 1]!; x++) {
            const p = y * width + x
            let least = Infinity
            for (const n of near) {
              const centre = centres[n]!
              const dx = 4 * (((x - left) * weight) >> 8) - 4 * (((centre.x - 16 * left) * weight) >> 12)
              const dy = 4 * (((16 * y - centre.y) * weight) >> 12)
              const colour = centre.lab.reduce((sum, value, c) => sum + (value - lab[p]![c]!) ** 2, 0)
              if (colour + dx * dx + dy * dy >= least) continue
              least = colour + dx * dx + dy * dy
              owners[p] = n
            }
          }
      }
    for (const [n, centre] of centres.entries()) {
      const own = owners.flatMap((owner, p) => (owner === n ? [p] : []))
      if (own.length === 0) continue
      const sum = (value: (p: number) => number) => own.reduce((total, p) => total + value(p), 0)
      const mean = (c: number) => 4 * Math.trunc((sum(p => lab[p]![c]!) + 2 * own.length) / (4 * own.length))
      centre.lab = [mean(0), mean(1), mean(2)]
      centre.x = Math.trunc((16 * sum(p => p % width)) / own.length)
      centre.y = Math.trunc((16 * sum(p => Math.floor(p / width))) / own.length)
    }
  }
  const codes = Uint8Array.from(owners, n => ((n % nx) % 15) + 15 * (Math.floor(n / nx) % 15))
  return numberRegions(removeSmallRegions(codes, rgb, width, height, size / 4), width, height)
}

describe('slic', () => {
  test('is what comparing each pixel with each near centre gives', () => {
    const side = fc.integer({ min: 1, max: 48 })
    const options = fc.record({
      size: fc.constantFrom(4, 9, 30, 64, 256, 5000),
      compactness: fc.constantFrom(1, 10, 40),
      iterations: fc.integer({ min: 1, max: 3 }),
    })
    fc.assert(
      fc.property(side, side, options, fc.nat(1_000_000), fc.boolean(), (width, height, how, seed, noise) => {
        const rgb = noise ? randomPixels(width * height, seed + 1) : noisyPixels(width * height, seed + 1)
        const found = slic(rgb, width, height, how)
        const expected = slicPlainly(rgb, width, height, how)
        expect(found.count).toBe(expected.count)
        expect(Buffer.compare(Buffer.from(found.segments.buffer), Buffer.from(expected.segments.buffer))).toBe(0)
      }),
      { numRuns: 80 },
    )
  })

  test('black beside white, as far apart as colours are, and cells of more than 65536 pixels', () => {
    const width = 530
    const height = 300
    const rgb = Uint8Array.from({ length: 3 * width * height }, (_, i) => (Math.floor(i / 3) % width < 200 ? 0 : 255))
    for (const size of [100_000, 40_000]) {
      const options = { size, compactness: 40, iterations: 2 }
      expect(slic(rgb, width, height, options)).toEqual(slicPlainly(rgb, width, height, options))
    }
  })

  test('a flat image gives a grid, and the edge between two colours is followed', () => {
    const flat = slic(new Uint8Array(3 * 64 * 64).fill(90), 64, 64, { size: 256 })
    expect(flat.count).toBe(16)
    const edge = (x: number, y: number) => x < 19 + (y >> 3)
    const rgb = Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => {
      const p = Math.floor(i / 3)
      return edge(p % 64, Math.floor(p / 64)) ? 60 : 180
    })
    const { segments, count } = slic(rgb, 64, 64, { size: 256 })
    const sides = Array.from({ length: count }, () => new Set<boolean>())
    segments.forEach((n, p) => {
      sides[n]!.add(edge(p % 64, Math.floor(p / 64)))
    })
    expect(sides.every(side => side.size === 1)).toBe(true)
  })

  test('superpixels are connected and none is smaller than a quarter of the size', () => {
    const rgb = noisyPixels(120 * 90, 4, 60)
    const { segments, count } = slic(rgb, 120, 90, { size: 100 })
    const sizes = new Array<number>(count).fill(0)
    for (const n of segments) sizes[n]!++
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(25)
    expect(count).toBeLessThan(255)
    expect(regionStatistics(Uint8Array.from(segments), 120, 90).regions).toBe(count)
  })
})
