import { describe, expect, test } from 'vitest'
import { DAMAGES } from '../../bench/damage.js'
import { measurePhoto } from '../../src/labels/photo-quality.js'
import { judge, type Measures, REASON_CODES, type ReasonCode, reasonText, strain } from '../../src/labels/verdict.js'
import { qualityOptions } from '../../src/stages/quality-options.js'

const { on_reject: _, ...LIMITS } = qualityOptions('clusters').parse({})
const SIDE = 128

/** Blocks and stripes of many greys with crisp edges. */
const scene = (): Uint8Array =>
  Uint8Array.from({ length: 3 * SIDE ** 2 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)]
    return 20 + ((Math.floor(x / 12) * 67 + Math.floor(y / 12) * 41 + (x % 7) * 2) % 220)
  })

const GOOD: Measures = {
  labels: { live: 8, effective: 6, dominant: 0.3, regions: 900, speckle: 0.1, closest: 0.07, unlabelled: 0 },
  photo: measurePhoto(scene(), SIDE, SIDE),
}
const labels = (change: Partial<Measures['labels']>): Measures => ({ ...GOOD, labels: { ...GOOD.labels, ...change } })

async function damaged(name: string): Promise<Measures> {
  const { data } = await DAMAGES[name]!({ data: scene(), width: SIDE, height: SIDE })
  return { ...GOOD, photo: measurePhoto(data, SIDE, SIDE) }
}

describe('measurePhoto', () => {
  test('one colour: no contrast, nothing to see, no edges that could be blurred', () => {
    expect(measurePhoto(new Uint8Array(3 * 64 * 64).fill(51), 64, 64)).toEqual({
      ...{ sharpness: null, noise: 0, lightness: 0.2, highlight: 0.2, contrast: 0, entropy: 0 },
      ...{ clippedDark: 0, clippedBright: 0 },
    })
  })

  test('half black, half white: contrast 0.5, one bit, half clipped at each end', () => {
    const rgb = Uint8Array.from({ length: 3 * 32 * 32 }, (_, i) => (i % 96 < 48 ? 0 : 255))
    expect(measurePhoto(rgb, 32, 32)).toMatchObject({
      ...{ lightness: 0.5, highlight: 1, contrast: 0.5, entropy: 1, clippedDark: 0.5, clippedBright: 0.5 },
    })
  })

  test('a crisp edge keeps all but what a blur over 9 px leaves beside it; a ramp keeps nothing', () => {
    const line = (value: (x: number) => number) =>
      measurePhoto(
        Uint8Array.from({ length: 3 * 40 * 40 }, (_, i) => value(Math.floor(i / 3) % 40)),
        40,
        40,
      ).sharpness
    // the step of 255 is 255 at its place, and 255 / 9 with the blur
    expect(line(x => (x < 20 ? 0 : 255))).toBeCloseTo(8 / 9, 3)
    expect(line(x => 6 * x)).toBe(0)
  })

  test('too small to tell', () => {
    expect(measurePhoto(Uint8Array.of(255, 255, 255), 1, 1)).toMatchObject({ sharpness: null, lightness: 1, noise: 0 })
  })

  test('noise is found to about a fifth', async () => {
    const grey = new Uint8Array(3 * 256 * 256).fill(128)
    const { data } = await DAMAGES['noise of 25 codes']!({ data: grey, width: 256, height: 256 })
    const { noise } = measurePhoto(data, 256, 256)
    // each channel has its own: of lightness it is sqrt(.3^2 + .586^2 + .113^2) = 0.67 of that
    expect(noise / (0.67 * 25)).toBeGreaterThan(0.8)
    expect(noise / (0.67 * 25)).toBeLessThan(1.2)
  })
})

describe('judge', () => {
  test('a good photo passes without a reason', () => {
    expect(judge(GOOD, LIMITS)).toEqual({ verdict: 'pass', reasons: [] })
  })

  test.each<[ReasonCode, 'warn' | 'reject', string, Measures | Promise<Measures>]>([
    ['one_cluster', 'warn', 'labels of one cluster', labels({ effective: 1.01 })],
    ['dominant', 'warn', 'labels of one large cluster', labels({ dominant: 0.95 })],
    ['speckle', 'warn', 'torn labels', labels({ speckle: 0.9 })],
    ['alike_clusters', 'warn', 'two clusters of one colour', labels({ closest: 0.01 })],
    ['unlabelled', 'reject', 'no labels', labels({ unlabelled: 1 })],
    ['blurred', 'warn', 'a blurred photo', damaged('Gaussian blur 3 px')],
    ['blurred', 'warn', 'a shaken photo', damaged('motion blur 15 px')],
    ['dark', 'warn', 'a dark photo', damaged('darkened to 15%')],
    ['dark', 'reject', 'a black photo', damaged('darkened to 5%')],
    ['bright', 'warn', 'an over-exposed photo', damaged('exposed 3 times')],
    ['flat', 'warn', 'fog', damaged('fog, 10% left')],
    ['flat', 'reject', 'one colour', damaged('one colour')],
    ['low_information', 'warn', 'one colour', damaged('one colour')],
    ['noisy', 'warn', 'noise', damaged('noise of 25 codes')],
    ['near_duplicate', 'warn', 'a photo like another', { ...GOOD, twin: { name: 'other', bits: 4 } }],
  ])('%s: %s for %s', async (code, verdict, _what, measures) => {
    const found = judge(await measures, LIMITS)
    const reason = found.reasons.find(one => one.code === code)
    expect(reason?.limit).toBe((LIMITS[code] as Record<string, number>)[verdict])
    expect(found.verdict === 'reject' || found.verdict === verdict).toBe(true)
  })

  test('reasons to reject come first, each code once', () => {
    const codes = (measures: Measures) => judge(measures, LIMITS).reasons.map(({ code }) => code)
    expect(codes({ ...labels({ unlabelled: 1, dominant: 1 }), photo: undefined })).toEqual(['unlabelled', 'dominant'])
    const black = { ...GOOD.photo!, highlight: 0 }
    expect(codes({ ...labels({ dominant: 0.95 }), photo: black })).toEqual(['dark', 'dominant'])
  })

  test('a limit counts itself, false never does, and a rule may be off', () => {
    const at = (dominant: (typeof LIMITS)['dominant']) =>
      judge(labels({ dominant: 0.8 }), { ...LIMITS, dominant }).verdict
    expect(at({ warn: 0.8, reject: 0.9 })).toBe('warn')
    expect(at({ warn: 0.5, reject: 0.8 })).toBe('reject')
    expect(at({ warn: false, reject: 0.81 })).toBe('pass')
    expect(at(false)).toBe('pass')
  })

  test('every reason has words, and the worst are strained most', () => {
    for (const code of REASON_CODES)
      expect(reasonText({ code, found: 1, limit: 2 })).toMatch(new RegExp(`^${code}: .+`))
    expect(strain(labels({ dominant: 0.99 }), LIMITS)).toBeGreaterThan(strain(GOOD, LIMITS))
    expect(strain(GOOD, LIMITS)).toBeLessThan(1)
  })
})
