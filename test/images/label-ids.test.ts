import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { encode } from 'fast-png'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { decodeLabelIds } from '../../src/images/label-ids.js'
import { idAt } from '../../src/labels/recode.js'
import { sharedData } from '../helpers.js'

const ids = (count: number, max: number) =>
  fc.array(fc.integer({ min: 0, max }), { minLength: count, maxLength: count })
const code = (bytes: Uint8Array): string | undefined => {
  try {
    decodeLabelIds(bytes)
    return undefined
  } catch (error) {
    return (error as { code?: string }).code
  }
}

describe('label ids', () => {
  test('8-bit grey values come as they are', () => {
    fc.assert(
      fc.property(ids(12, 255), values => {
        const png = encode({ width: 4, height: 3, data: Uint8Array.from(values), channels: 1, depth: 8 })
        expect([...decodeLabelIds(png).labels.data]).toEqual(values)
      }),
    )
  })

  test('16-bit ids: one byte each when all fit, else three', () => {
    fc.assert(
      fc.property(ids(12, 65_535), values => {
        const png = encode({ width: 4, height: 3, data: Uint16Array.from(values), channels: 1, depth: 16 })
        const { data, channels } = decodeLabelIds(png).labels
        expect(channels).toBe(values.some(id => id > 255) ? 3 : 1)
        expect(values.map((_, i) => (channels === 1 ? data[i] : idAt(data, 3 * i)))).toEqual(values)
      }),
    )
  })

  test.each([2, 4, 16, 200])('palette indices are kept, with a palette of %i', async colours => {
    const shades = Uint8Array.from({ length: 3 * 20 * 10 }, (_, i) => ((Math.floor(i / 3) * 7) % colours) * 1 + (i % 3))
    const image = sharp(shades, { raw: { width: 20, height: 10, channels: 3 } })
    const png = await image.png({ palette: true, colours, dither: 0 }).toBuffer()
    const { labels, colours: palette } = decodeLabelIds(png)
    const shown = await sharp(png).removeAlpha().raw().toBuffer()
    expect(labels).toMatchObject({ width: 20, height: 10, channels: 1 })
    expect(palette.length).toBeGreaterThan(1)
    expect(Uint8Array.from([...labels.data].flatMap(id => [...palette[id]!]))).toEqual(Uint8Array.from(shown))
  })

  test('grey that a program saved as RGB, or with full alpha, is ids', async () => {
    const grey = sharp(
      Uint8Array.from({ length: 64 }, (_, i) => i % 19),
      { raw: { width: 8, height: 8, channels: 1 } },
    )
    for (const png of [
      await grey.clone().toColourspace('srgb').png().toBuffer(),
      await grey.clone().toColourspace('srgb').ensureAlpha().png().toBuffer(),
    ]) {
      expect((await sharp(png).metadata()).channels).toBeGreaterThan(2)
      expect([...decodeLabelIds(png).labels.data]).toEqual(Array.from({ length: 64 }, (_, i) => i % 19))
    }
  })

  test('interlaced files are read', async () => {
    const data = Uint8Array.from({ length: 13 * 9 }, (_, i) => (i * 31) % 256)
    const image = sharp(data, { raw: { width: 13, height: 9, channels: 1 } }).toColourspace('b-w')
    expect(decodeLabelIds(await image.png({ progressive: true }).toBuffer()).labels.data).toEqual(data)
  })

  test('what cannot be ids is refused', async () => {
    const red = sharp({ create: { width: 16, height: 16, channels: 3, background: 'red' } })
    const half = sharp({ create: { width: 8, height: 8, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0.5 } } })
    expect(code(await red.clone().png().toBuffer())).toBe('LABELS_NOT_IDS')
    expect(code(await half.png().toBuffer())).toBe('LABELS_NOT_IDS')
    expect(code(await red.clone().jpeg().toBuffer())).toBe('LABELS_NOT_IDS')
    expect(code(await red.clone().webp({ lossless: true }).toBuffer())).toBe('LABELS_NOT_IDS')
    expect(code(new Uint8Array(0))).toBe('EMPTY_FILE')
    expect(code(Buffer.from('label'))).toBe('NOT_AN_IMAGE')
  })

  test('a header that promises too much is refused before memory is taken', () => {
    const png = Buffer.from(encode({ width: 4, height: 4, data: new Uint8Array(16), channels: 1, depth: 8 }))
    png.writeUInt32BE(100_000, 16)
    png.writeUInt32BE(100_000, 20)
    expect(code(png)).toBe('TOO_MANY_PIXELS')
  })

  const real = ['labelIds', 'instanceIds'].map(kind => sharedData(`cityscapes/aachen_000000_000019_gtFine_${kind}.png`))
  test.skipIf(!real[0])('Cityscapes: the same ids as libvips reads (skipped without ../shared)', async () => {
    for (const path of real) {
      const { data, channels } = decodeLabelIds(readFileSync(path!)).labels
      const bytes = await sharp(path!).toColourspace('grey16').raw({ depth: 'ushort' }).toBuffer()
      const wanted = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
      // libvips scales 8 bits to 16 by 257
      const scale = channels === 1 ? 257 : 1
      let differ = 0
      for (const [i, id] of wanted.entries())
        if ((channels === 1 ? data[i]! * scale : idAt(data, 3 * i)) !== id) differ += 1
      expect(differ).toBe(0)
    }
  })
})
