import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import sharp from 'sharp'
import { afterAll, describe, expect, test } from 'vitest'
import { type ErrorCode, PrepError } from '../../src/errors.js'
import { CODEC_VERSION, type DecodeOptions, decodeImage, MAX_PIXELS } from '../../src/images/decode.js'

const shared = process.env.PREP_SHARED ?? resolve(import.meta.dirname, '../../../shared')
const torture = join(shared, 'data/torture')
const folder = mkdtempSync(join(tmpdir(), 'prep-decode-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const OPTIONS: DecodeOptions = { fit: 'cover', position: 'centre', background: [255, 255, 255], maxPixels: MAX_PIXELS }
const decode = (input: string | Uint8Array, options: Partial<DecodeOptions> = {}) =>
  decodeImage(input, { ...OPTIONS, ...options })

const codeOf = (promise: Promise<unknown>): Promise<ErrorCode | 'decoded'> =>
  promise.then(
    () => 'decoded' as const,
    (error: unknown) => {
      if (error instanceof PrepError) return error.code
      throw error
    },
  )

/** A picture of 3 x 2 blocks of 16 px: what is where can be asked by block. */
const BLOCKS = ['#ff0000', '#00ff00', '#0000ff', '#ffff00', '#ffffff', '#000000']
const blocks = (): Promise<Buffer> => {
  const rects = BLOCKS.map(
    (fill, i) => `<rect x="${(i % 3) * 16}" y="${Math.floor(i / 3) * 16}" width="16" height="16" fill="${fill}"/>`,
  )
  return sharp(Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="48" height="32">${rects.join('')}</svg>`))
    .removeAlpha()
    .png()
    .toBuffer()
}

const pixelAt = ({ data, width }: { data: Uint8Array; width: number }, x: number, y: number): number[] => [
  ...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
]

const near = (found: readonly number[], wanted: readonly number[], tolerance: number) =>
  expect(
    Math.max(...found.map((value, i) => Math.abs(value - wanted[i]!))),
    `${found} for ${wanted}`,
  ).toBeLessThanOrEqual(tolerance)

describe('pixels', () => {
  test('a lossless photo comes out as it is', async () => {
    const png = await blocks()
    const { pixels, notes, source } = await decode(png)
    expect(source).toEqual({ width: 48, height: 32, format: 'png' })
    expect(notes).toEqual([])
    expect(pixels).toMatchObject({ width: 48, height: 32, channels: 3 })
    expect(Buffer.compare(pixels.data, await sharp(png).raw().toBuffer())).toBe(0)
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %i is applied', async orientation => {
    const jpeg = await sharp(await blocks())
      .withMetadata({ orientation })
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toBuffer()
    const { pixels, notes, source } = await decode(jpeg)
    const turned = orientation > 4
    expect([pixels.width, pixels.height]).toEqual(turned ? [32, 48] : [48, 32])
    expect([source.width, source.height]).toEqual([pixels.width, pixels.height])
    expect(notes.includes('exif-orientation')).toBe(orientation > 1)
    // EXIF 2.3, table of orientations: where the stored first pixel (red) is shown.
    const right = [2, 3, 6, 7].includes(orientation)
    const bottom = [3, 4, 7, 8].includes(orientation)
    near(pixelAt(pixels, right ? pixels.width - 8 : 8, bottom ? pixels.height - 8 : 8), [255, 0, 0], 8)
  })

  test('cover crops, contain pads with the background, fill stretches', async () => {
    const png = await blocks()
    const size = { width: 32, height: 32 }
    const background = [12, 200, 99] as const
    const cover = (await decode(png, { size })).pixels
    near(pixelAt(cover, 16, 8), [0, 255, 0], 2)
    near(pixelAt(cover, 3, 8), [255, 0, 0], 2)
    const left = (await decode(png, { size, position: 'left' })).pixels
    near(pixelAt(left, 12, 8), [255, 0, 0], 2)
    const contain = (await decode(png, { size, fit: 'contain', background })).pixels
    expect(pixelAt(contain, 16, 1)).toEqual(background)
    expect(pixelAt(contain, 16, 30)).toEqual(background)
    near(pixelAt(contain, 16, 10), [0, 255, 0], 2)
    const fill = (await decode(png, { size, fit: 'fill', background })).pixels
    near(pixelAt(fill, 5, 8), [255, 0, 0], 2)
    near(pixelAt(fill, 26, 24), [0, 0, 0], 2)
    for (const made of [cover, left, contain, fill]) expect([made.width, made.height]).toEqual([32, 32])
  })

  test.each(['entropy', 'attention'] as const)('position %s is understood by every fit', async position => {
    for (const fit of ['cover', 'contain', 'fill'] as const)
      expect((await decode(await blocks(), { size: { width: 20, height: 30 }, fit, position })).pixels.height).toBe(30)
  })

  test('contain pads a grey and a transparent picture with the same background', async () => {
    const background = [200, 40, 90] as const
    const grey = await sharp({ create: { width: 40, height: 20, channels: 3, background: '#808080' } })
      .toColourspace('b-w')
      .png()
      .toBuffer()
    const clear = await sharp({ create: { width: 40, height: 20, channels: 4, background: '#0000ff00' } })
      .png()
      .toBuffer()
    const size = { width: 40, height: 40 }
    const shownGrey = await decode(grey, { size, fit: 'contain', background })
    expect(shownGrey.notes).toEqual(['grey'])
    expect(pixelAt(shownGrey.pixels, 5, 5)).toEqual(background)
    near(pixelAt(shownGrey.pixels, 20, 20), [128, 128, 128], 1)
    const shownClear = await decode(clear, { size, fit: 'contain', background })
    expect(shownClear.notes).toEqual(['alpha'])
    for (const y of [2, 20, 38]) expect(pixelAt(shownClear.pixels, 20, y)).toEqual(background)
  })

  test('half transparent pixels are mixed with the background', async () => {
    const png = await sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.5 } },
    })
      .png()
      .toBuffer()
    near(pixelAt((await decode(png, { background: [0, 0, 255] })).pixels, 4, 4), [128, 0, 127], 2)
  })

  test('16-bit becomes 8-bit', async () => {
    const data = Uint16Array.from({ length: 16 * 16 * 3 }, (_, i) => [0x1234, 0x8080, 0xfe00][i % 3]!)
    const png = await sharp(data, { raw: { width: 16, height: 16, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer()
    const { pixels, notes } = await decode(png)
    expect(notes).toEqual(['16-bit'])
    near(pixelAt(pixels, 3, 3), [0x12, 0x80, 0xfe], 1)
  })

  test('CMYK becomes sRGB', async () => {
    const cmyk = await sharp({ create: { width: 16, height: 16, channels: 3, background: '#20a040' } })
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer()
    const { pixels, notes } = await decode(cmyk)
    expect(notes).toContain('cmyk')
    const [red, green, blue] = pixelAt(pixels, 8, 8)
    expect(green! - red!).toBeGreaterThan(60)
    expect(green! - blue!).toBeGreaterThan(40)
  })

  test('a wide gamut profile becomes sRGB', async () => {
    const colour = { r: 200, g: 90, b: 60 }
    const p3 = await sharp({ create: { width: 16, height: 16, channels: 3, background: colour } })
      .withIccProfile('p3')
      .png()
      .toBuffer()
    const { pixels, notes } = await decode(p3)
    expect(notes).toEqual(['icc'])
    near(pixelAt(pixels, 8, 8), [200, 90, 60], 4)
  })

  test.each(['srgb', 'p3'])('16-bit with the profile %s becomes 8-bit sRGB, the background stays', async profile => {
    // What reads 200, 90, 60 in Display P3 is 216, 81, 49 in sRGB; the file holds either, by its profile.
    const data = Uint16Array.from({ length: 16 * 16 * 3 }, (_, i) => [200, 90, 60][i % 3]! * 257)
    const png = await sharp(data, { raw: { width: 16, height: 16, channels: 3 } })
      .toColourspace('rgb16')
      .withIccProfile(profile)
      .png()
      .toBuffer()
    const background = [10, 200, 30] as const
    const { pixels, notes } = await decode(png, { size: { width: 16, height: 32 }, fit: 'contain', background })
    expect(notes).toEqual(['16-bit', 'icc'])
    near(pixelAt(pixels, 8, 16), [216, 81, 49], 2)
    expect(pixelAt(pixels, 8, 2)).toEqual(background)
  })

  test('grey with transparency is flattened onto a coloured background', async () => {
    const data = Uint8Array.from({ length: 2 * 16 * 16 }, (_, i) => (i % 2 === 0 ? 90 : i % 64 < 32 ? 0 : 255))
    const png = await sharp(data, { raw: { width: 16, height: 16, channels: 2 } })
      .toColourspace('b-w')
      .png()
      .toBuffer()
    const { pixels, notes } = await decode(png, { background: [10, 200, 30] })
    expect(notes).toEqual(['grey', 'alpha'])
    expect(pixelAt(pixels, 4, 0)).toEqual([10, 200, 30])
    expect(pixelAt(pixels, 4, 1)).toEqual([90, 90, 90])
  })

  test('a palette and the first frame of an animation', async () => {
    const palette = await sharp(await blocks())
      .png({ palette: true, colours: 8 })
      .toBuffer()
    const shown = await decode(palette)
    expect(shown.notes).toEqual(['palette'])
    near(pixelAt(shown.pixels, 40, 8), [0, 0, 255], 2)
    const frame = (background: string) =>
      sharp({ create: { width: 20, height: 20, channels: 3, background } })
        .png()
        .toBuffer()
    const gif = await sharp(await Promise.all([frame('#ff0000'), frame('#0000ff')]), { join: { animated: true } })
      .gif()
      .toBuffer()
    const first = await decode(gif)
    expect(first.notes).toContain('animated')
    expect(first.source.height).toBe(20)
    near(pixelAt(first.pixels, 10, 10), [255, 0, 0], 2)
  })

  test('the same pixels as plain sharp gives, whatever way in', async () => {
    const jpeg = await sharp(await blocks())
      .resize(900, 700)
      .jpeg()
      .toBuffer()
    const path = join(folder, 'plain.jpg')
    writeFileSync(path, jpeg)
    const size = { width: 64, height: 64 }
    const plain = await sharp(path).resize(64, 64).raw().toBuffer()
    for (const input of [path, jpeg]) expect(Buffer.compare((await decode(input, { size })).pixels.data, plain)).toBe(0)
  })
})

describe('refusals', () => {
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }

  test('what is no file, and what holds no image', async () => {
    mkdirSync(join(folder, 'folder.jpg'))
    symlinkSync(join(folder, 'nowhere.jpg'), join(folder, 'broken.jpg'))
    expect(await codeOf(decode(join(folder, 'folder.jpg')))).toBe('NOT_A_FILE')
    expect(await codeOf(decode(join(folder, 'broken.jpg')))).toBe('FILE_MISSING')
    expect(await codeOf(decode(join(folder, 'missing.jpg')))).toBe('FILE_MISSING')
    expect(await codeOf(decode(join(folder, `${'long'.repeat(100)}.jpg`)))).toBe('FILE_UNREADABLE')
    expect(await codeOf(decode(file('empty.jpg', '')))).toBe('EMPTY_FILE')
    expect(await codeOf(decode(new Uint8Array(0)))).toBe('EMPTY_FILE')
    expect(await codeOf(decode(file('text.jpg', 'Not a photo at all.\n')))).toBe('NOT_AN_IMAGE')
    expect(await codeOf(decode(file('page.jpg', '<!doctype html><title>404</title>')))).toBe('NOT_AN_IMAGE')
    expect(await codeOf(decode(file('zeros.jpg', new Uint8Array(4096))))).toBe('NOT_AN_IMAGE')
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n'
    expect(await codeOf(decode(file('pointer.jpg', pointer)))).toBe('NOT_AN_IMAGE')
  })

  test.skipIf(process.platform === 'win32')('a pipe is refused without being opened', async () => {
    const pipe = join(folder, 'pipe.jpg')
    execFileSync('mkfifo', [pipe])
    expect(await codeOf(decode(pipe))).toBe('NOT_A_FILE')
    expect(await codeOf(decode('/dev/zero'))).toBe('NOT_A_FILE')
  })

  test('formats that are not decoded are named', async () => {
    const heic = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypheic\0\0\0\0mif1heic')])
    const kinds: readonly (readonly [string | Uint8Array, string])[] = [
      [heic, 'HEIC'],
      ['BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0', 'BMP'],
      ['<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', 'SVG'],
      ['<svg width="9" height="9"/>', 'SVG'],
      ['8BPS\0\x01', 'PSD'],
      ['%PDF-1.7', 'PDF'],
      ['\xff\x0a\x10\x10', 'JPEG XL'],
      ['II*\0\x10\0\0\0CR\x02\0', 'CR2'],
      ['FUJIFILMCCD-RAW 0201', 'RAF'],
      ['\0\0\0\x18ftypcrx \0\0\0\x01crx isom', 'CR3'],
      ['P6\n9 9\n255\n', 'PPM'],
      ['qoif\0\0\0\x09', 'QOI'],
      ['gimp xcf v011\0', 'XCF'],
    ]
    for (const [content, name] of kinds) {
      const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content
      const error: unknown = await decode(bytes).catch(e => e)
      expect(error).toBeInstanceOf(PrepError)
      expect((error as PrepError).code).toBe('UNSUPPORTED_FORMAT')
      expect((error as PrepError).message).toContain(name)
      expect((error as PrepError).hint).toMatch(/convert|draw|develop/)
    }
  })

  test('a JPEG cut anywhere is refused', async () => {
    const jpeg = await sharp(await blocks())
      .resize(300, 200)
      .jpeg()
      .toBuffer()
    for (const share of [0.1, 0.5, 0.9, 0.999])
      expect(await codeOf(decode(jpeg.subarray(0, Math.floor(jpeg.length * share))))).toBe('DECODE_FAILED')
  })

  test('a PNG with a flipped bit is refused', async () => {
    const png = await blocks()
    png[png.length - 30]! ^= 4
    expect(await codeOf(decode(png))).toBe('DECODE_FAILED')
  })

  test('a photo that is too long and thin', async () => {
    const png = await blocks()
    expect(await codeOf(decode(png, { maxAspect: 1.49 }))).toBe('ASPECT')
    expect(await codeOf(decode(png, { maxAspect: 1.5 }))).toBe('decoded')
    const upright = await sharp(png).rotate(90).png().toBuffer()
    expect(await codeOf(decode(upright, { maxAspect: 1.49 }))).toBe('ASPECT')
    // Of a pair side by side the half is what counts.
    expect(await codeOf(decode(png, { maxAspect: 1.4, half: 'left' }))).toBe('decoded')
  })

  test('camera raw files are not taken for the thumbnail that a TIFF decoder sees', async () => {
    const tiff = await sharp(await blocks())
      .tiff()
      .toBuffer()
    expect(await codeOf(decode(tiff))).toBe('decoded')
    const dng = withTag(tiff, 50706, 1, 0x00000401)
    const nef = withTag(withTag(tiff, 330, 4, 8), 254, 4, 1)
    const cfa = withTag(tiff, 262, 3, 32803)
    for (const file of [dng, nef, cfa]) expect(await codeOf(decode(file))).toBe('UNSUPPORTED_FORMAT')
    // A pyramid has reduced images too, but not first.
    expect(await codeOf(decode(withTag(tiff, 330, 4, 8)))).not.toBe('UNSUPPORTED_FORMAT')
  })

  test('too many and too few pixels', async () => {
    const png = await blocks()
    expect(await codeOf(decode(png, { maxPixels: 48 * 32 - 1 }))).toBe('TOO_MANY_PIXELS')
    expect(await codeOf(decode(png, { maxPixels: 48 * 32 }))).toBe('decoded')
    expect(await codeOf(decode(png, { minSize: 33 }))).toBe('TOO_SMALL')
    expect(await codeOf(decode(png, { minSize: 32 }))).toBe('decoded')
  })
})

/** A little-endian TIFF whose first directory has this entry, of one value, in the place of another that it can spare. */
function withTag(tiff: Buffer, tag: number, type: number, value: number): Buffer {
  const copy = Buffer.from(tiff)
  const start = copy.readUInt32LE(4)
  const entries = Array.from({ length: copy.readUInt16LE(start) }, (_, i) => start + 2 + 12 * i)
  // Resolution, page number and the like.
  const spare = [tag, 282, 283, 296, 297, 274, 284].map(t => entries.find(at => copy.readUInt16LE(at) === t))
  const at = spare.find(found => found !== undefined)!
  copy.writeUInt16LE(tag, at)
  copy.writeUInt16LE(type, at + 2)
  copy.writeUInt32LE(1, at + 4)
  copy.writeUInt32LE(value, at + 8)
  return copy
}

describe('keepDamaged', () => {
  const noise = (): Promise<Buffer> =>
    sharp({
      create: {
        width: 300,
        height: 200,
        channels: 3,
        noise: { type: 'gaussian', mean: 128, sigma: 50 },
        background: '#000',
      },
    })
      .png()
      .toBuffer()
  const kept = { keepDamaged: true, size: { width: 30, height: 20 } }

  test.each(['jpeg', 'png', 'webp', 'gif', 'tiff'] as const)('half a %s: what there is of it, noted', async format => {
    const whole = await sharp(await noise())
      .toFormat(format)
      .toBuffer()
    const half = whole.subarray(0, Math.floor(whole.length / 2))
    expect(await codeOf(decode(half))).toBe('DECODE_FAILED')
    const found = await decode(half, kept).catch((error: PrepError) => error.code)
    // Of a TIFF the directory lies at the end, and a WebP is decoded as a whole or not at all.
    if (format === 'tiff' || format === 'webp') return expect(found).toBe('DECODE_FAILED')
    if (typeof found === 'string') throw new Error(found)
    expect(found.notes).toContain('damaged')
    const sound = await decode(whole, kept)
    expect(sound.notes).not.toContain('damaged')
    near(pixelAt(found.pixels, 15, 3), pixelAt(sound.pixels, 15, 3), 12)
  })

  test('a flipped bit that only makes a decoder warn', async () => {
    const jpeg = await sharp(await noise())
      .jpeg()
      .toBuffer()
    // A restart marker where none belongs.
    const hurt = Buffer.concat([
      jpeg.subarray(0, jpeg.length - 2000),
      Buffer.from([0xff, 0xd3]),
      jpeg.subarray(jpeg.length - 2000),
    ])
    expect(await codeOf(decode(hurt))).toBe('DECODE_FAILED')
    expect((await decode(hurt, kept)).notes).toContain('damaged')
  })

  test('nothing to be seen is not a photo, whatever surrounds it', async () => {
    const jpeg = await sharp(await noise())
      .jpeg()
      .toBuffer()
    const header = jpeg.subarray(0, jpeg.indexOf(Buffer.from([0xff, 0xda])) + 14)
    const bars = { ...kept, size: { width: 40, height: 40 }, fit: 'contain', background: [200, 10, 10] } as const
    expect(await codeOf(decode(header, bars))).toBe('DECODE_FAILED')
  })

  test('other reasons stand', async () => {
    expect(await codeOf(decode(await noise(), { ...kept, minSize: 201 }))).toBe('TOO_SMALL')
    expect(await codeOf(decode(Buffer.from('GIF89a'), kept))).toBe('DECODE_FAILED')
    expect(await codeOf(decode(Buffer.from('hello'), kept))).toBe('NOT_AN_IMAGE')
  })
})

describe('memory for what cannot be decoded row by row', () => {
  const asked = async (bytes: Promise<Buffer>): Promise<number> => {
    let total = 0
    await decode(await bytes, { size: { width: 16, height: 16 }, reserve: async more => void (total += more) })
    return total
  }
  const large = () => sharp({ create: { width: 6000, height: 4000, channels: 3, background: '#369' } })

  test.each([
    ['a baseline JPEG', () => large().jpeg(), 0],
    ['a progressive JPEG', () => large().jpeg({ progressive: true }), 3 * 24e6],
    ['a PNG', () => large().png({ compressionLevel: 1 }), 0],
    ['an interlaced PNG', () => large().png({ compressionLevel: 1, progressive: true }), 3 * 24e6],
  ])('%s', async (_what, make, bytes) => {
    expect(await asked(make().toBuffer())).toBe(bytes)
  })
})

test('a name with a misleading extension is noted', async () => {
  const path = join(folder, 'jpeg.png')
  writeFileSync(
    path,
    await sharp(await blocks())
      .jpeg()
      .toBuffer(),
  )
  const { notes, source } = await decode(path)
  expect(notes).toEqual(['wrong-extension'])
  expect(source.format).toBe('jpeg')
})

test('the codec version names both libraries', () => {
  expect(CODEC_VERSION).toBe(`sharp-${sharp.versions.sharp} libvips-${sharp.versions.vips}`)
})

interface Entry {
  readonly file: string
  readonly expect: 'accept' | 'convert' | 'skip' | 'damaged'
  readonly reason: string
  readonly special?: boolean
}

const manifest = join(torture, 'manifest.json')
const entries = existsSync(manifest) ? (JSON.parse(readFileSync(manifest, 'utf8')) as Entry[]) : []
// Decoding does not know about duplicates, and root may read what others may not.
const elsewhere = (entry: Entry) => /duplicate|permission/.test(entry.reason) && entry.expect === 'skip'
const stored = entries.filter(entry => !entry.special && !elsewhere(entry) && existsSync(join(torture, entry.file)))

if (stored.length === 0) test.skip(`hostile files: there is no ${torture}`, () => {})

describe.skipIf(stored.length === 0)('hostile files', () => {
  test.each(stored.map(entry => [entry.file, entry] as const))('%s', async (file, entry) => {
    const size = { width: 64, height: 64 }
    const result = await decode(join(torture, file), { size, minSize: 64 }).catch((error: unknown) => {
      if (error instanceof PrepError) return error
      throw error
    })
    const accepted = !(result instanceof PrepError)
    expect(accepted, accepted ? 'decoded' : `${result.code} ${result.message}`).toBe(
      entry.expect === 'accept' || entry.expect === 'convert',
    )
    if (!accepted || entry.expect !== 'convert') return
    const words: readonly (readonly [RegExp, string])[] = [
      [/EXIF/, 'exif-orientation'],
      [/CMYK/, 'cmyk'],
      [/16-bit/, '16-bit'],
      [/grey to RGB/, 'grey'],
      [/alpha/, 'alpha'],
      [/palette/, 'palette'],
      [/first frame/, 'animated'],
      [/ICC/, 'icc'],
      [/^Lab/, 'lab'],
      [/multi-image/, 'multi-page'],
    ]
    expect(result.notes).toEqual(words.filter(([reason]) => reason.test(entry.reason)).map(([, note]) => note))
  })
})
