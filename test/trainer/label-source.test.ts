import { describe, expect, test } from 'vitest'
import type { Colour } from '../../src/images/colour.js'
import { encodeIndexedPng, encodeJpeg, encodePng } from '../../src/images/png.js'
import { createLabelSource, INPUT_KINDS } from '../../src/trainer/label-source.js'
import { errorCodes } from '../helpers.js'

const COLOURS: readonly Colour[] = [
  [30, 40, 60],
  [90, 160, 80],
  [220, 210, 190],
]
const clusters = COLOURS.map((colour, id) => ({
  id,
  centroid: colour,
  display: `#${Buffer.from(colour).toString('hex')}`,
}))
const fit = { photos: 1, error: 1, options: 'tiny' }
const fitted = { version: 2, space: 'rgb', fit, clusters }
const given = { version: 2, space: 'rgb', clusters }
const net = { width: 16, height: 16 }
const ids = Uint8Array.from({ length: 256 }, (_, i) => (i % 16 < 5 ? 0 : i < 128 ? 1 : 2))
const size = { width: 16, height: 16 }
const drawn = (order: readonly Colour[]) => Uint8Array.from([...ids].flatMap(id => order[id]!))
const source = (input: Parameters<typeof createLabelSource>[3], palette: object = fitted) =>
  createLabelSource(palette, COLOURS, net, input)

describe('by content', () => {
  test('a palette PNG in display colours, numbered another way, is read by its colours', async () => {
    const order = [2, 0, 1]
    const own = ids.map(id => order.indexOf(id))
    const bytes = encodeIndexedPng(
      own,
      16,
      16,
      order.map(id => COLOURS[id]!),
    )
    expect(await source('auto')(bytes, 'x')).toEqual({ kind: 'colours', ids, size })
    expect(await source('ids')(bytes, 'x')).toEqual({ kind: 'ids', ids: own, size })
  })

  test('a palette PNG in colours of its own is ids', async () => {
    const bytes = encodeIndexedPng(ids, 16, 16, [
      [1, 1, 1],
      [2, 2, 2],
      [3, 3, 3],
    ])
    expect(await source('auto')(bytes, 'x')).toEqual({ kind: 'ids', ids, size })
  })

  test('a grey photo is not taken for ids of classes that there are not', async () => {
    const data = Uint8Array.from({ length: 256 }, (_, i) => i)
    const bytes = await encodePng({ data, ...size, channels: 1 })
    expect(await errorCodes(() => source('auto')(bytes, 'x'))).toEqual(['CLASS_UNKNOWN'])
    expect(await source('photos')(bytes, 'x')).toMatchObject({ kind: 'photos', size: net })
  })

  test('a photo in colour is labelled in the size of the net, as PNG or JPEG', async () => {
    const data = Uint8Array.from({ length: 3 * 32 * 32 }, (_, i) => COLOURS[i % 96 < 48 ? 0 : 2]![i % 3]! + (i % 7))
    const pixels = { data, width: 32, height: 32, channels: 3 } as const
    for (const bytes of [await encodePng(pixels), await encodeJpeg(pixels, 95)]) {
      const map = await source('auto')(bytes, 'x')
      expect(map).toMatchObject({ kind: 'photos', size: net })
      expect([map.ids.length, map.ids[0], map.ids[15]]).toEqual([256, 0, 2])
    }
  })

  test('a map in display colours with a few pixels off is no photo', async () => {
    const data = drawn(COLOURS)
    expect(await source('auto')(await encodePng({ data, ...size, channels: 3 }), 'x')).toMatchObject({
      kind: 'colours',
      ids,
    })
    data[0] = 31
    const bytes = await encodePng({ data, ...size, channels: 3 })
    expect(await errorCodes(() => source('auto')(bytes, 'x'))).toEqual(['CLASS_UNKNOWN'])
  })
})

test('photos for classes that were given, and pictures that are no ids, are refused', async () => {
  const bytes = await encodePng({
    data: drawn([...COLOURS].reverse().map(([r, g, b]) => [b, g, r])),
    ...size,
    channels: 3,
  })
  expect(await errorCodes(() => source('photos', given)(bytes, 'x'))).toEqual(['PALETTE_MISMATCH'])
  expect(await errorCodes(() => source('ids')(bytes, 'x'))).toEqual(['LABELS_NOT_IDS'])
  for (const kind of INPUT_KINDS)
    expect(await errorCodes(() => source(kind)(Buffer.from('text'), 'x'))).toEqual(['NOT_AN_IMAGE'])
})
