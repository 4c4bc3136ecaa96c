import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { numberRegions, regionStatistics, removeSmallRegions } from '../../src/labels/regions.js'
import { idsOf, labelMap, pictureOf } from './maps.js'

const UNLABELLED = 255

/** Flood filling, from the first pixel of each region on. */
function flood(ids: ArrayLike<number>, width: number): number[][] {
  const seen = new Set<number>()
  const regions: number[][] = []
  for (let first = 0; first < ids.length; first++) {
    if (seen.has(first)) continue
    const region = [first]
    seen.add(first)
    for (const pixel of region)
      for (const next of sides(pixel, width, ids.length)) {
        if (ids[next] !== ids[pixel] || seen.has(next)) continue
        seen.add(next)
        region.push(next)
      }
    regions.push(region.sort((a, b) => a - b))
  }
  return regions
}

function sides(pixel: number, width: number, pixels: number): number[] {
  const found: number[] = []
  if (pixel % width > 0) found.push(pixel - 1)
  if (pixel % width < width - 1) found.push(pixel + 1)
  if (pixel >= width) found.push(pixel - width)
  if (pixel + width < pixels) found.push(pixel + width)
  return found
}

/** The rule of `removeSmallRegions`, with all regions found anew after each merge. */
function removeSmallPlainly(from: Uint8Array, rgb: Uint8Array, width: number, minimum: number): Uint8Array {
  const ids = from.slice()
  // by first pixel: since when a region has had its size
  let since = new Map<number, { size: number; turn: number }>()
  for (let turn = 0; ; turn++) {
    const regions = flood(ids, width)
    since = new Map(
      regions.map((region, number) => {
        const before = since.get(region[0]!)
        const first = turn === 0 ? number - regions.length : turn
        return [region[0]!, before?.size === region.length ? before : { size: region.length, turn: first }]
      }),
    )
    const place = new Map(regions.flatMap(region => region.map(pixel => [pixel, region] as const)))
    const borders = (region: number[]): Map<number[], number> => {
      const lengths = new Map<number[], number>()
      for (const pixel of region)
        for (const next of sides(pixel, width, ids.length)) {
          const other = place.get(next)!
          if (other !== region && ids[next] !== UNLABELLED) lengths.set(other, (lengths.get(other) ?? 0) + 1)
        }
      return lengths
    }
    const small = regions
      .filter(region => region.length < minimum && ids[region[0]!] !== UNLABELLED && borders(region).size > 0)
      .sort((a, b) => a.length - b.length || since.get(a[0]!)!.turn - since.get(b[0]!)!.turn)[0]
    if (!small) return ids
    const own = meanColour(rgb, small)
    const distance = (region: number[]) =>
      meanColour(rgb, region).reduce((sum, value, channel) => sum + (value - own[channel]!) ** 2, 0)
    const [target] = [...borders(small)].sort(
      ([a, m], [b, n]) => distance(a) - distance(b) || n - m || a[0]! - b[0]!,
    )[0]!
    for (const pixel of small) ids[pixel] = ids[target[0]!]!
  }
}

const meanColour = (rgb: Uint8Array, region: number[]): number[] =>
  [0, 1, 2].map(channel =>
    Math.fround(region.reduce((sum, pixel) => sum + rgb[3 * pixel + channel]!, 0) / region.length),
  )

/** A grey photo: one code for each character of the picture. */
const grey = (picture: string, codes: Record<string, number>): Uint8Array =>
  Uint8Array.from([...picture.replace(/\s/g, '')].flatMap(c => [codes[c]!, codes[c]!, codes[c]!]))

describe('regions', () => {
  test('hang together by sides, not corners, and are numbered by their first pixels', () => {
    const { ids, width, height } = idsOf(`
      aab
      bba
      aaa`)
    const { segments, count } = numberRegions(ids, width, height)
    expect([...segments]).toEqual([0, 0, 1, 2, 2, 3, 3, 3, 3])
    expect(count).toBe(4)
    const { regions, smallShare } = regionStatistics(ids, width, height)
    expect(regions).toBe(4)
    expect([1, 2, 3, 4, 5].map(smallShare)).toEqual([0, 1 / 9, 5 / 9, 5 / 9, 1])
  })

  test('a map without labels has none', () => {
    const { regions, smallShare } = regionStatistics(new Uint8Array(12).fill(UNLABELLED), 4, 3)
    expect([regions, smallShare(64)]).toEqual([0, 0])
  })

  test('unlabelled pixels count for nothing in the statistics', () => {
    const { ids, width, height } = idsOf('a..bb..')
    const { regions, smallShare } = regionStatistics(ids, width, height)
    expect([regions, smallShare(2)]).toEqual([2, 1 / 3])
  })

  test('are those of flood filling', () => {
    fc.assert(
      fc.property(labelMap({ maxSide: 200 }), ({ ids, width, height }) => {
        const expected = new Uint32Array(ids.length)
        const regions = flood(ids, width)
        for (const [number, region] of regions.entries()) for (const pixel of region) expected[pixel] = number
        const { segments, count } = numberRegions(ids, width, height)
        expect(count).toBe(regions.length)
        expect(Buffer.compare(Buffer.from(segments.buffer), Buffer.from(expected.buffer))).toBe(0)
        const labelled = regions.filter(region => ids[region[0]!] !== UNLABELLED)
        const small = labelled.filter(region => region.length < 8).flat().length
        const statistics = regionStatistics(ids, width, height)
        expect(statistics.regions).toBe(labelled.length)
        expect(statistics.smallShare(8)).toBe(labelled.length ? small / labelled.flat().length : 0)
      }),
      { numRuns: 150 },
    )
  })

  test('spirals and combs, whose runs meet late, are one', () => {
    const size = 4096
    const comb = Uint8Array.from({ length: size * 9 }, (_, p) => (p >= 8 * size || p % 2 === 0 ? 1 : 0))
    expect(regionStatistics(comb, size, 9).regions).toBe(1 + size / 2)
    expect(regionStatistics(comb.reverse(), size, 9).regions).toBe(1 + size / 2)
  })
})

describe('removeSmallRegions', () => {
  test('merges speckle into the neighbour of closest colour', () => {
    const picture = `
      aaaabbbb
      aaxabbbb
      aaaabbyb`
    const { ids, width, height } = idsOf(picture)
    const rgb = grey(picture, { a: 10, x: 200, b: 100, y: 0 })
    expect(pictureOf(removeSmallRegions(ids, rgb, width, height, 3), width)).toBe('aaaabbbb\naaaabbbb\naaaabbbb')
    const between = 'aaxbb'
    for (const [code, expected] of [
      [20, 'aaabb'],
      [80, 'aabbb'],
    ] as const) {
      const merged = removeSmallRegions(idsOf(between).ids, grey(between, { a: 0, x: code, b: 100 }), 5, 1, 2)
      expect(pictureOf(merged, 5)).toBe(expected)
    }
  })

  test('of equally close ones the longest border wins, then the first', () => {
    const longer = idsOf(`
      aabbb
      aaxbb
      bbbbb`)
    const flat = new Uint8Array(3 * longer.ids.length)
    expect(pictureOf(removeSmallRegions(longer.ids, flat, 5, 3, 2), 5)).toBe('aabbb\naabbb\nbbbbb')
    expect(pictureOf(removeSmallRegions(idsOf('bbxaa').ids, flat.subarray(0, 15), 5, 1, 2), 5)).toBe('bbbaa')
  })

  test('what becomes one by a merge grows together', () => {
    const picture = 'aaxaa'
    const { ids } = idsOf(picture)
    const merged = removeSmallRegions(ids, grey(picture, { a: 0, x: 9 }), 5, 1, 5)
    expect(regionStatistics(merged, 5, 1).regions).toBe(1)
  })

  test('what has no labelled neighbour stays, and unlabelled pixels stay', () => {
    const alone = idsOf('aa\naa')
    expect(pictureOf(removeSmallRegions(alone.ids, new Uint8Array(12), 2, 2, 64), 2)).toBe('aa\naa')
    const island = idsOf('a..bbx..')
    expect(pictureOf(removeSmallRegions(island.ids, new Uint8Array(24), 8, 1, 3), 8)).toBe('a..bbb..')
  })

  test('follows its rule, and gives a map of which nothing more is to be removed', () => {
    const colours = fc.constantFrom(2, 256)
    fc.assert(
      fc.property(
        labelMap({ maxSide: 14 }),
        fc.nat(),
        colours,
        fc.integer({ min: 0, max: 40 }),
        (map, seed, n, min) => {
          const { ids, width, height } = map
          const rgb = Uint8Array.from(
            { length: 3 * ids.length },
            (_, i) => (Math.imul(i + seed, 2654435761) >>> 24) % n,
          )
          const merged = removeSmallRegions(ids, rgb, width, height, min)
          expect(pictureOf(merged, width)).toBe(pictureOf(removeSmallPlainly(ids, rgb, width, min), width))
          expect(Buffer.compare(removeSmallRegions(merged, rgb, width, height, min), merged)).toBe(0)
        },
      ),
      { numRuns: 400 },
    )
  })
})
