import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { type Colour, colourise, hexColour } from '../../src/images/colour.js'
import { decodeLabelIds } from '../../src/images/label-ids.js'
import { encodeIndexedPng, encodeJpeg, encodePng } from '../../src/images/png.js'
import type { Pixels } from '../../src/sample.js'

const palette = (count: number): Colour[] =>
  Array.from({ length: count }, (_, id) => [(id * 37) % 256, (id * 101 + 7) % 256, (id * 59 + 13) % 256])

/** Label maps with ids below K, for every K, odd widths and views that are not aligned to words included. */
const labelMap = fc
  .record({
    count: fc.integer({ min: 1, max: 256 }),
    width: fc.integer({ min: 1, max: 41 }),
    height: fc.integer({ min: 1, max: 9 }),
  })
  .chain(({ count, width, height }) =>
    fc.record({
      count: fc.constant(count),
      width: fc.constant(width),
      height: fc.constant(height),
      offset: fc.integer({ min: 0, max: 3 }),
      ids: fc.uint8Array({ min: 0, max: count - 1, minLength: width * height, maxLength: width * height }),
    }),
  )

describe('indexed PNG', () => {
  test('ids and colours come back, and sharp sees the colours', async () => {
    await fc.assert(
      fc.asyncProperty(labelMap, async ({ count, width, height, offset, ids }) => {
        const view = new Uint8Array(ids.length + offset).subarray(offset)
        view.set(ids)
        const colours = palette(count)
        const png = encodeIndexedPng(view, width, height, colours)
        const read = decodeLabelIds(png)
        expect(read.labels).toEqual({ data: ids, width, height, channels: 1 })
        expect(read.colours).toEqual(colours)
        const shown = await sharp(png).raw().toBuffer()
        const labels: Pixels = { data: ids, width, height, channels: 1 }
        expect(Buffer.compare(shown, colourise(labels, colours).data)).toBe(0)
      }),
      { numRuns: 150 },
    )
  })

  test.each([
    [2, 1],
    [3, 2],
    [5, 4],
    [8, 4],
    [16, 4],
    [17, 8],
    [256, 8],
  ])('%i colours take %i bits a pixel', (count, bits) => {
    expect(encodeIndexedPng(new Uint8Array(64), 8, 8, palette(count))[24]).toBe(bits)
  })

  test('an id without a colour is a bug, wherever it stands and whatever its value', () => {
    for (const count of [2, 4, 5, 8, 13, 16, 100])
      for (const at of [0, 17, 63])
        for (const id of [count, 127, 128, 255]) {
          const ids = new Uint8Array(64)
          ids[at] = id
          expect(() => encodeIndexedPng(ids, 8, 8, palette(count)), `${count} ${at} ${id}`).toThrow(RangeError)
        }
    expect(() => encodeIndexedPng(new Uint8Array(63), 8, 8, palette(4))).toThrow(RangeError)
  })

  test('every filter and depth of other writers is read', async () => {
    const ids = Uint8Array.from({ length: 48 * 32 }, (_, i) => (i * i + (i >> 5)) % 200)
    const grey = sharp(ids, { raw: { width: 48, height: 32, channels: 1 } }).toColourspace('b-w')
    for (const adaptiveFiltering of [false, true]) {
      const png = await grey.clone().png({ adaptiveFiltering }).toBuffer()
      expect(decodeLabelIds(png).labels.data).toEqual(ids)
    }
  })

  test('damage and other kinds of PNG are refused', async () => {
    const png = encodeIndexedPng(new Uint8Array(64).fill(3), 8, 8, palette(5))
    const flipped = Uint8Array.from(png, (byte, i) => (i === png.length - 20 ? byte ^ 1 : byte))
    const colour = await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    expect(() => decodeLabelIds(flipped)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
    for (let cut = 8; cut < png.length; cut += 1)
      expect(() => decodeLabelIds(png.subarray(0, cut))).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
    expect(() => decodeLabelIds(colour)).toThrow(expect.objectContaining({ code: 'LABELS_NOT_IDS' }))
    expect(() => decodeLabelIds(Buffer.from('no PNG'))).toThrow(expect.objectContaining({ code: 'NOT_AN_IMAGE' }))
  })

  const shared = process.env.PREP_SHARED ?? resolve(import.meta.dirname, '../../../shared')
  const camvid = join(shared, 'data/camvid/labels')
  test.skipIf(!existsSync(camvid))(`label maps of others (skipped when there is no ${camvid})`, async () => {
    for (const file of readdirSync(camvid).slice(0, 4)) {
      const png = readFileSync(join(camvid, file))
      const wanted = await sharp(png).toColourspace('b-w').raw().toBuffer()
      expect(Buffer.compare(decodeLabelIds(png).labels.data, wanted)).toBe(0)
    }
  })
})

describe('photos', () => {
  const photo: Pixels = {
    data: Uint8Array.from({ length: 3 * 64 * 48 }, (_, i) => ((i % 64) * 3 + (i % 3) * 20) & 255),
    width: 64,
    height: 48,
    channels: 3,
  }

  test('PNG is lossless for colour and for ids', async () => {
    expect(
      Buffer.compare(
        await sharp(await encodePng(photo))
          .raw()
          .toBuffer(),
        photo.data,
      ),
    ).toBe(0)
    const ids: Pixels = { data: photo.data.subarray(0, 64 * 48), width: 64, height: 48, channels: 1 }
    expect(decodeLabelIds(await encodePng(ids)).labels.data).toEqual(Uint8Array.from(ids.data))
  })

  test('the same pixels give the same bytes', async () => {
    expect(await encodePng(photo)).toEqual(await encodePng(photo))
    expect(await encodeJpeg(photo, 85)).toEqual(await encodeJpeg(photo, 85))
  })

  test('JPEG quality is a matter of size', async () => {
    const [low, high] = [await encodeJpeg(photo, 40), await encodeJpeg(photo, 95)]
    expect(low.length).toBeLessThan(high.length)
    expect((await sharp(high).metadata()).chromaSubsampling).toBe('4:4:4')
    expect((await sharp(low).metadata()).chromaSubsampling).toBe('4:2:0')
  })
})

describe('colours', () => {
  test('ids take their colours', () => {
    const labels: Pixels = { data: Uint8Array.of(0, 1, 1, 0), width: 2, height: 2, channels: 1 }
    const shown = colourise(labels, [
      [1, 2, 3],
      [250, 251, 252],
    ])
    expect([...shown.data]).toEqual([1, 2, 3, 250, 251, 252, 250, 251, 252, 1, 2, 3])
    expect(() => colourise(labels, [[1, 2, 3]])).toThrow(RangeError)
  })

  test('hex', () => expect(hexColour([0, 171, 255])).toBe('#00abff'))
})
