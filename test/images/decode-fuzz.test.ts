/** Whatever is done to a file's bytes: pixels or a coded error, never a crash or another error. */
import fc from 'fast-check'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { PrepError } from '../../src/errors.js'
import { decodeImage } from '../../src/images/decode.js'
import { FORMATS, type Format } from '../../src/images/format.js'

/** Raise it for a long run by hand: PREP_FUZZ=20000. */
const RUNS = Number(process.env.PREP_FUZZ ?? 60)
const SIZE = { width: 24, height: 16 }
/** A header may promise anything: what is promised within this limit is decoded. */
const MAX_PIXELS = 1 << 20
const CODES: ReadonlySet<string> = new Set([
  'EMPTY_FILE',
  'NOT_AN_IMAGE',
  'UNSUPPORTED_FORMAT',
  'DECODE_FAILED',
  'TOO_MANY_PIXELS',
  'TOO_SMALL',
  'ASPECT',
])

const files = new Map<string, Buffer>()
beforeAll(async () => {
  const noise = { type: 'gaussian', mean: 120, sigma: 60 } as const
  const image = () => sharp({ create: { width: 48, height: 32, channels: 3, background: '#000', noise } })
  for (const format of FORMATS) files.set(format, await image().toFormat(format).toBuffer())
  files.set('jpeg progressive', await image().jpeg({ progressive: true }).withMetadata({ orientation: 6 }).toBuffer())
  files.set('jpeg cmyk', await image().toColourspace('cmyk').jpeg().toBuffer())
  files.set('png interlaced palette', await image().png({ progressive: true, palette: true }).toBuffer())
  files.set('png 16-bit profile', await image().toColourspace('rgb16').withIccProfile('p3').png().toBuffer())
  files.set('webp lossless', await image().ensureAlpha(0.5).webp({ lossless: true }).toBuffer())
  files.set(
    'tiff tiles',
    await image().tiff({ tile: true, tileWidth: 16, tileHeight: 16, compression: 'lzw' }).toBuffer(),
  )
  files.set('tiff jpeg', await image().tiff({ compression: 'jpeg' }).toBuffer())
})

type Change =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly value: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'remove' | 'repeat'; readonly at: number; readonly length: number }
  | { readonly kind: 'splice'; readonly at: number; readonly from: number; readonly other: number }

/** Places are shares of the file; the start, where headers are, is met more often, its first bytes are not. */
const place = fc.noBias(fc.oneof(fc.nat(9999), fc.nat(1500))).map(share => share / 10_000)
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flip' as const), at: place, bit: fc.nat(7) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      at: place,
      value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff),
    }),
  },
  fc.record({ kind: fc.constant('cut' as const), at: place }),
  fc.record({
    kind: fc.constantFrom('remove' as const, 'repeat' as const),
    at: place,
    length: fc.integer({ min: 1, max: 64 }),
  }),
  fc.record({ kind: fc.constant('splice' as const), at: place, from: place, other: fc.nat() }),
)

function apply(bytes: Buffer, made: Change): Buffer {
  const at = Math.min(Math.floor(made.at * bytes.length), bytes.length - 1)
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)]
  switch (made.kind) {
    case 'flip':
    case 'set': {
      const copy = Buffer.from(bytes)
      if (copy.length) copy[at] = made.kind === 'flip' ? copy[at]! ^ (1 << made.bit) : made.value
      return copy
    }
    case 'cut':
      return Buffer.from(head)
    case 'remove':
      return Buffer.concat([head, tail.subarray(made.length)])
    case 'repeat':
      return Buffer.concat([head, tail.subarray(0, made.length), tail])
    case 'splice': {
      const other = [...files.values()][made.other % files.size]!
      return Buffer.concat([head, other.subarray(Math.floor(made.from * other.length))])
    }
  }
}

const counts = { pixels: 0, damaged: 0, refused: 0 }

async function expectPixelsOrCode(bytes: Uint8Array, keepDamaged: boolean): Promise<void> {
  const options = { size: SIZE, fit: 'cover', position: 'centre', background: [0, 0, 0], maxAspect: 1000 } as const
  try {
    const { pixels, notes } = await decodeImage(bytes, { ...options, maxPixels: MAX_PIXELS, keepDamaged })
    expect(pixels).toMatchObject({ ...SIZE, channels: 3 })
    expect(pixels.data.length).toBe(SIZE.width * SIZE.height * 3)
    if (!keepDamaged) expect(notes).not.toContain('damaged')
    counts[notes.includes('damaged') ? 'damaged' : 'pixels'] += 1
  } catch (error) {
    if (!(error instanceof PrepError)) throw error
    expect(CODES).toContain(error.code)
    counts.refused += 1
  }
}

const KINDS = [
  ...FORMATS,
  'jpeg progressive',
  'jpeg cmyk',
  'png interlaced palette',
  'png 16-bit profile',
  'webp lossless',
  'tiff tiles',
  'tiff jpeg',
] satisfies (Format | string)[]

describe('changed files', () => {
  test.each(KINDS)(
    '%s',
    async kind => {
      const sound = files.get(kind)!
      await decodeImage(sound, {
        size: SIZE,
        fit: 'cover',
        position: 'centre',
        background: [0, 0, 0],
        maxPixels: MAX_PIXELS,
      })
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean(), (changes, keepDamaged) =>
          expectPixelsOrCode(changes.reduce(apply, sound), keepDamaged),
        ),
        { numRuns: RUNS },
      )
    },
    60_000 + 20 * RUNS,
  )

  test(
    'bytes that only begin like an image',
    async () => {
      const starts = [
        'ffd8ff',
        '89504e470d0a1a0a',
        '474946383961',
        '49492a00',
        '4d4d002a',
        '49492b0008000000',
        '52494646ffffff7f57454250',
        '0000001c6674797061766966',
      ]
      const file = fc.tuple(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 300 }))
      await fc.assert(
        fc.asyncProperty(file, ([start, rest]) =>
          expectPixelsOrCode(Buffer.concat([Buffer.from(start, 'hex'), rest]), true),
        ),
        { numRuns: 2 * RUNS },
      )
      if (process.env.PREP_FUZZ) console.log(counts)
    },
    60_000 + 20 * RUNS,
  )
})
