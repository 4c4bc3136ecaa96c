import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fitPalette } from '../../src/labels/fit.js'
import { countColours, mergeHistograms } from '../../src/labels/histogram.js'
import { type OkLab, okLab } from '../../src/labels/oklab.js'
import { displayColours, distinctColours, formatPalette, paletteHash, parsePalette } from '../../src/labels/palette.js'
import type { Coordinates } from '../../src/labels/points.js'
import { errorCode } from '../helpers.js'
import { noisyPixels } from './pictures.js'

const photos = [1, 2, 3, 4].map(seed => countColours(noisyPixels(3000, seed)))
const palette = fitPalette(mergeHistograms(photos), { clusters: 7, seed: 3 })

describe('fitPalette', () => {
  test('does not depend on the order of the photos', () => {
    for (const order of [
      [3, 1, 0, 2],
      [2, 3, 1, 0],
    ]) {
      const merged = mergeHistograms(order.map(i => photos[i]!))
      expect(formatPalette(fitPalette(merged, { clusters: 7, seed: 3 }))).toBe(formatPalette(palette))
    }
  })

  test.each(['oklab', 'rgb'] as const)('%s: ids run from dark to bright', space => {
    const { clusters } = fitPalette(photos[0]!, { clusters: 9, space })
    const lightness = clusters.map(({ centroid }) =>
      space === 'oklab' ? centroid[0]! : okLab(...(centroid as OkLab))[0],
    )
    expect(lightness).toEqual(lightness.toSorted((a, b) => a - b))
    expect(clusters.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('shares add up and means are those of the pixels', () => {
    expect(palette.clusters.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 5)
    const { clusters } = fitPalette(countColours(Uint8Array.of(10, 0, 0, 12, 0, 0, 200, 9, 9, 250, 250, 250)), {
      clusters: 3,
    })
    expect(clusters.map(({ mean }) => mean)).toEqual([
      [11, 0, 0],
      [200, 9, 9],
      [250, 250, 250],
    ])
    expect(clusters.map(({ share }) => share)).toEqual([0.5, 0.25, 0.25])
    expect(clusters.map(({ display }) => display)).toEqual(['#0b0000', '#c80909', '#fafafa'])
  })

  test('equally light clusters are ordered by hue', () => {
    const colours = {
      count: Float64Array.of(1, 1, 1),
      r: Float64Array.of(0, 255, 100),
      g: Float64Array.of(0, 0, 100),
      b: Float64Array.of(255, 0, 0),
    }
    const same = () =>
      [
        [0.5, 0.1, 0.1],
        [0.5, 0.1, -0.1],
        [0.4, 0, 0],
      ] as const
    const { clusters } = fitPalette(colours, { clusters: 3 }, same)
    expect(clusters.map(({ centroid }) => centroid)).toEqual([
      [0.4, 0, 0],
      [0.5, 0.1, -0.1],
      [0.5, 0.1, 0.1],
    ])
  })

  test('more clusters than colours is refused', () => {
    const flat = countColours(new Uint8Array(300).fill(77))
    expect(errorCode(() => fitPalette(flat, { clusters: 2 }))).toBe('TOO_FEW_COLOURS')
    expect(errorCode(() => fitPalette(mergeHistograms([]), { clusters: 2 }))).toBe('TOO_FEW_COLOURS')
    expect(errorCode(() => fitPalette(mergeHistograms([flat, photos[0]!]), { clusters: 2 }))).toBeUndefined()
  })

  test('as many clusters as colours', () => {
    const rgb = Array.from({ length: 64 }, (_, i) => [4 * i, 0, 255 - 4 * i]).flat()
    const { clusters } = fitPalette(countColours(Uint8Array.from(rgb)), { clusters: 60 })
    expect(new Set(clusters.map(({ display }) => display)).size).toBe(60)
    expect(clusters.every(({ share }) => share > 0)).toBe(true)
  })
})

describe('palette file', () => {
  test('comes back as it was, in the same bytes', () => {
    const named = { ...palette, clusters: palette.clusters.map(c => (c.id === 2 ? { ...c, name: 'road' } : c)) }
    const text = formatPalette(named)
    expect(parsePalette(text, 'palette.json')).toEqual(named)
    expect(formatPalette(parsePalette(text, 'palette.json'))).toBe(text)
  })

  test('needs ids and centroids only', () => {
    const { clusters } = parsePalette(
      '{"version": 1, "space": "rgb", "clusters": [{"id": 0, "centroid": [0, 0, 0]}, {"id": 1, "centroid": [255, 128, 0.4]}]}',
      'own.json',
    )
    expect(clusters[1]).toEqual({
      id: 1,
      centroid: [255, 128, 0.4],
      display: '#ff8000',
      mean: [255, 128, 0.4],
      share: 0,
    })
  })

  const valid = JSON.parse(formatPalette(palette))
  const withInto = (version: number, into: Record<number, number>) =>
    JSON.stringify({
      ...valid,
      version,
      clusters: valid.clusters.map((c: { id: number }) => ({ ...c, ...(c.id in into && { into: into[c.id] }) })),
    })

  test('keeps merges, more than three coordinates and what it was fitted to', () => {
    const fit = { photos: 4, error: 0.00125, options: '01c57d493082' }
    const clusters = palette.clusters.map(c => ({
      ...c,
      centroid: [...c.centroid, c.id, 0.5] as unknown as Coordinates,
    }))
    const merged = { ...palette, fit, clusters: clusters.map(c => (c.id === 5 ? { ...c, into: 2 } : c)) }
    expect(parsePalette(formatPalette(merged), 'palette.json')).toEqual(merged)
  })

  test('version 1 is still read', () => {
    const { clusters } = palette
    expect(parsePalette(JSON.stringify({ version: 1, space: 'oklab', clusters }), 'palette.json')).toEqual(palette)
  })
  test.each([
    ['not JSON', '{'],
    ['null', 'null'],
    ['a newer version', JSON.stringify({ ...valid, version: 3 })],
    ['no version', JSON.stringify({ ...valid, version: undefined })],
    ['merges in a file of version 1', withInto(1, { 1: 0 })],
    ['a merge into itself', withInto(2, { 1: 1 })],
    ['a merge into nothing', withInto(2, { 1: 7 })],
    ['a chain of merges', withInto(2, { 1: 2, 2: 0 })],
    [
      'centroids of several lengths',
      JSON.stringify({
        ...valid,
        clusters: valid.clusters.map((c: object, i: number) => ({ ...c, centroid: [0, 1, i, ...(i ? [] : [1])] })),
      }),
    ],
    ['an unknown space', JSON.stringify({ ...valid, space: 'hsv' })],
    ['one cluster', JSON.stringify({ ...valid, clusters: valid.clusters.slice(0, 1) })],
    [
      'too many clusters',
      JSON.stringify({ ...valid, clusters: Array.from({ length: 256 }, (_, id) => ({ id, centroid: [id, 0, 0] })) }),
    ],
    ['ids out of order', JSON.stringify({ ...valid, clusters: valid.clusters.toReversed() })],
    [
      'a centroid of two numbers',
      JSON.stringify({ ...valid, clusters: valid.clusters.map((c: object) => ({ ...c, centroid: [0, 1] })) }),
    ],
    [
      'the same centroid twice',
      JSON.stringify({ ...valid, clusters: valid.clusters.map((c: object) => ({ ...c, centroid: [0, 1, 0] })) }),
    ],
    [
      'the same colour twice',
      JSON.stringify({ ...valid, clusters: valid.clusters.map((c: object) => ({ ...c, display: '#AABBCC' })) }),
    ],
    [
      'the same name twice',
      JSON.stringify({ ...valid, clusters: valid.clusters.map((c: object) => ({ ...c, name: 'road' })) }),
    ],
    [
      'a colour that is none',
      JSON.stringify({ ...valid, clusters: valid.clusters.map((c: object) => ({ ...c, display: 'red' })) }),
    ],
  ])('%s is PALETTE_INVALID', (_, text) => {
    expect(errorCode(() => parsePalette(text, 'palette.json'))).toBe('PALETTE_INVALID')
  })

  test('several mistakes are told at once', () => {
    const clusters = [
      { id: 1, centroid: [0, 0, 0] },
      { id: 1, centroid: [0, 0, 0] },
    ]
    expect(() => parsePalette(JSON.stringify({ version: 1, space: 'rgb', clusters }), 'p.json')).toThrow(
      /clusters\.0\.id[\s\S]*clusters\.1\.centroid/,
    )
  })

  test('never anything but a PrepError or a palette', () => {
    fc.assert(
      fc.property(fc.json(), text => {
        errorCode(() => parsePalette(text, 'x.json'))
      }),
    )
  })
})

describe('paletteHash', () => {
  test('changes with what changes labels, and with nothing else', () => {
    const changed = (edit: object) =>
      paletteHash({ ...palette, clusters: palette.clusters.map(c => (c.id === 1 ? { ...c, ...edit } : c)) })
    expect(changed({ name: 'sky', display: '#123456', share: 0.9 })).toBe(paletteHash(palette))
    expect(changed({ centroid: [0.1, 0.2, 0.3] })).not.toBe(paletteHash(palette))
    expect(changed({ into: 3 })).not.toBe(paletteHash(palette))
    expect(paletteHash({ ...palette, space: 'rgb' })).not.toBe(paletteHash(palette))
  })
})

describe('display colours', () => {
  test('as bytes', () => {
    const bytes = displayColours(palette)
    expect(bytes).toHaveLength(21)
    expect(`#${Buffer.from(bytes.subarray(3, 6)).toString('hex')}`).toBe(palette.clusters[1]!.display)
  })

  test('no two are the same, and the first keeps its own', () => {
    expect(distinctColours(['#ffffff', '#ffffff', '#000000', '#000000'])).toEqual([
      '#ffffff',
      '#fffeff',
      '#000000',
      '#000001',
    ])
    const colour = fc.constantFrom('#ffffff', '#fffeff', '#0000ff', '#000100', '#000000')
    fc.assert(
      fc.property(fc.array(colour), all => {
        expect(new Set(distinctColours(all)).size).toBe(all.length)
      }),
    )
  })
})
