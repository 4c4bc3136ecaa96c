import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import { SIGNATURE_BYTES, signatureOf } from '../../src/duplicates/signature.js'
import { DEFAULT_THRESHOLD, SignatureSet } from '../../src/duplicates/signature-set.js'
import { decodeImage, MAX_PIXELS } from '../../src/images/decode.js'
import type { Pixels } from '../../src/sample.js'
import { repoRoot, sharedData } from '../helpers.js'

const photoFolder = join(repoRoot, 'fixtures/photos')
const photos = (await readdir(photoFolder)).sort().map(file => join(photoFolder, file))

async function sign(image: string | Uint8Array, side = 64): Promise<Uint8Array> {
  const { pixels } = await decodeImage(image, {
    ...{ size: { width: side, height: side }, fit: 'fill', position: 'centre', background: [0, 0, 0] },
    maxPixels: MAX_PIXELS,
  })
  return signatureOf(pixels)
}

function setOf(signatures: readonly Uint8Array[]): SignatureSet {
  const set = new SignatureSet(signatures.length)
  for (const [i, signature] of signatures.entries()) set.set(i, signature)
  return set
}
const alike = (a: Uint8Array, b: Uint8Array): boolean => setOf([a, b]).alike(0, 1, DEFAULT_THRESHOLD)

/** The part of a picture that is left when `share` of each side is cut off around it. */
async function crop(image: Sharp, share: number): Promise<Sharp> {
  const { width, height } = await image.metadata()
  const [left, top] = [Math.round((width * share) / 2), Math.round((height * share) / 2)]
  return image.extract({ left, top, width: width - 2 * left, height: height - 2 * top })
}

const CHANGES: Readonly<Record<string, (image: Sharp) => Sharp | Promise<Sharp>>> = {
  'JPEG of quality 50': image => image.jpeg({ quality: 50 }),
  'half the size': async image => image.resize((await image.metadata()).width >> 1),
  '10% darker': image => image.linear(0.9, 0),
  '10% brighter': image => image.linear(1.1, 0),
  'cropped by 2%': image => crop(image, 0.02),
  'cropped by 4%': image => crop(image, 0.04),
}

describe('near-duplicates are found', () => {
  test.each(Object.keys(CHANGES))('%s', async change => {
    for (const path of photos) {
      const changed = await (await CHANGES[change]!(sharp(path))).toBuffer()
      expect(alike(await sign(path), await sign(changed)), path).toBe(true)
    }
  })

  test('at any size that a photo is decoded at', async () => {
    for (const path of photos.slice(0, 8))
      for (const side of [32, 47, 100, 256]) expect(alike(await sign(path), await sign(path, side)), path).toBe(true)
  })
})

describe('different pictures stay apart', () => {
  test('all fixtures', async () => {
    const set = setOf(await Promise.all(photos.map(path => sign(path))))
    for (let a = 0; a < set.length; a++)
      for (let b = 0; b < a; b++) expect(set.alike(a, b, DEFAULT_THRESHOLD), `${photos[a]} ${photos[b]}`).toBe(false)
  })

  const camvid = sharedData('camvid/photos')
  test.skipIf(!camvid)('frames of drives through a town: only those from a standing car are alike', async () => {
    const files = (await readdir(camvid!)).sort()
    const set = setOf(await Promise.all(files.map(file => sign(join(camvid!, file)))))
    const found: string[] = []
    for (let b = 0; b < set.length; b++)
      for (let a = 0; a < b; a++) if (set.alike(a, b, DEFAULT_THRESHOLD)) found.push(`${files[a]} ${files[b]}`)
    expect(found).toEqual(['0016E5_04860.png 0016E5_05100.png', '0016E5_05340.png 0016E5_05580.png'])
  })

  test('flat pictures of different colours, although their hashes are the same', () => {
    const flat = (r: number, g: number, b: number): Uint8Array => signatureOf(filled(40, 30, [r, g, b]))
    const set = setOf([flat(200, 200, 200), flat(203, 202, 201), flat(120, 120, 120), flat(200, 210, 150)])
    expect([1, 2, 3].map(i => set.distance(0, i))).toEqual([0, 0, 0])
    expect([1, 2, 3].map(i => set.alike(0, i, 0))).toEqual([true, false, false])
  })
})

test('any picture, down to one pixel, has a signature; enlarging it by whole numbers changes nothing', () => {
  const small = fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
    .chain(([width, height]) =>
      fc
        .uint8Array({ minLength: 3 * width * height, maxLength: 3 * width * height })
        .map(data => ({ width, height, data })),
    )
  fc.assert(
    fc.property(small, fc.integer({ min: 1, max: 4 }), ({ width, height, data }, factor) => {
      const own = signatureOf({ width, height, data, channels: 3 })
      expect(own).toHaveLength(SIGNATURE_BYTES)
      const large = filled(width * factor, height * factor, [0, 0, 0])
      for (let y = 0; y < large.height; y++)
        for (let x = 0; x < large.width; x++)
          for (let c = 0; c < 3; c++)
            large.data[3 * (y * large.width + x) + c] =
              data[3 * (Math.floor(y / factor) * width + Math.floor(x / factor)) + c]!
      expect(setOf([own, signatureOf(large)]).distance(0, 1)).toBe(0)
    }),
  )
})

function filled(width: number, height: number, colour: readonly [number, number, number]): Pixels {
  const data = new Uint8Array(3 * width * height).map((_, i) => colour[i % 3]!)
  return { width, height, data, channels: 3 }
}
