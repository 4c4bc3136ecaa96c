import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { decodeImage } from '../../src/images/decode.js'
import { FITS, POSITIONS, placeWithin, sameShape } from '../../src/images/geometry.js'
import { orient, placeNearest } from '../../src/images/nearest.js'
import { encodePng } from '../../src/images/png.js'
import type { Pixels } from '../../src/sample.js'

const COLOURS = [
  [0, 0, 0],
  [255, 255, 255],
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 0],
] as const
const BAR = 200

/** Blocks of flat colour, as a photo and as the label map that is drawn from its colours. */
const scene = fc
  .record({ columns: fc.integer({ min: 1, max: 5 }), rows: fc.integer({ min: 1, max: 5 }) })
  .chain(({ columns, rows }) =>
    fc.record({
      columns: fc.constant(columns),
      rows: fc.constant(rows),
      ids: fc.array(fc.integer({ min: 0, max: COLOURS.length - 1 }), {
        minLength: columns * rows,
        maxLength: columns * rows,
      }),
      width: fc.integer({ min: 10, max: 40 }).map(side => side * columns),
      height: fc.integer({ min: 10, max: 40 }).map(side => side * rows),
    }),
  )

type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never

function labelsOf({ columns, rows, ids, width, height }: Scene, scale = 1): Pixels {
  const size = { width: width * scale, height: height * scale }
  const data = Uint8Array.from({ length: size.width * size.height }, (_, i) => {
    const [x, y] = [i % size.width, Math.floor(i / size.width)]
    return ids[Math.floor((y * rows) / size.height) * columns + Math.floor((x * columns) / size.width)]!
  })
  return { data, ...size, channels: 1 }
}

const photoOf = ({ data, width, height }: Pixels): Pixels => ({
  data: Uint8Array.from([...data].flatMap(id => [...COLOURS[id]!])),
  width,
  height,
  channels: 3,
})

/** The id whose colour is nearest. */
function idOf(r: number, g: number, b: number): number {
  const distances = COLOURS.map(colour => (colour[0] - r) ** 2 + (colour[1] - g) ** 2 + (colour[2] - b) ** 2)
  return distances.indexOf(Math.min(...distances))
}

const options = fc.record({
  size: fc.record({ width: fc.integer({ min: 24, max: 120 }), height: fc.integer({ min: 24, max: 120 }) }),
  fit: fc.constantFrom(...FITS),
  position: fc.constantFrom(...POSITIONS),
})

describe('one geometry for a pair', () => {
  test('wherever a label is surrounded by its like, the resized photo has that label’s colour', async () => {
    await fc.assert(
      fc.asyncProperty(scene, options, fc.constantFrom(1, 2, 3), async (drawn, { size, fit, position }, scale) => {
        const background = [0, 0, 0] as const
        const source = await encodePng(photoOf(labelsOf(drawn)))
        const { pixels, placement } = await decodeImage(source, { size, fit, position, background, maxPixels: 1e6 })
        const labels = placeNearest(labelsOf(drawn, scale), placement, size, [BAR])
        let compared = 0
        for (let y = 1; y + 1 < size.height; y += 1)
          for (let x = 1; x + 1 < size.width; x += 1) {
            const id = labels.data[y * size.width + x]!
            const alike = [-1, 0, 1].every(dy =>
              [-1, 0, 1].every(dx => labels.data[(y + dy) * size.width + x + dx] === id),
            )
            if (!alike) continue
            compared += 1
            const [r, g, b] = pixels.data.subarray(3 * (y * size.width + x))
            expect(idOf(r!, g!, b!), `${x}, ${y}`).toBe(id === BAR ? 0 : id)
          }
        if (drawn.columns * drawn.rows === 1) expect(compared).toBeGreaterThan(0)
      }),
      { numRuns: 60 },
    )
  })

  test.each([100, 107, 140, 150, 200, 300, 80, 63])('no scale shifts one against the other: 100 to %i', async side => {
    const [from, size] = [
      { width: 100, height: 100 },
      { width: side, height: side },
    ]
    const ids = Uint8Array.from({ length: 100 * 100 }, (_, i) => (i % 100) + Math.floor(i / 100))
    const labels: Pixels = { data: ids, ...from, channels: 1 }
    const photo: Pixels = { data: Uint8Array.from([...ids].flatMap(id => [id, id, id])), ...from, channels: 3 }
    const { pixels, placement } = await decodeImage(await encodePng(photo), {
      size,
      fit: 'cover',
      position: 'centre',
      background: [0, 0, 0],
      maxPixels: 1e6,
    })
    const placed = placeNearest(labels, placement, size, [BAR])
    let [sum, count] = [0, 0]
    for (let y = 10; y < side - 10; y += 1)
      for (let x = 10; x < side - 10; x += 1, count += 1)
        sum += pixels.data[3 * (y * side + x)]! - placed.data[y * side + x]!
    expect(Math.abs(sum / count)).toBeLessThan(0.25)
  })

  test('nearest on photo and labels gives the same picture, and no new id', () => {
    fc.assert(
      fc.property(scene, options, (drawn, { size, fit, position }) => {
        const labels = labelsOf(drawn)
        const placement = placeWithin(labels, size, { fit, position })
        const placed = placeNearest(labels, placement, size, [0])
        const photo = placeNearest(photoOf(labels), placement, size, COLOURS[0])
        expect(photoOf(placed).data).toEqual(photo.data)
        const [before, after] = [new Set(labels.data), new Set(placeNearest(labels, placement, size, [BAR]).data)]
        if (fit !== 'contain') expect(after.has(BAR)).toBe(false)
        for (const id of after) expect(id === BAR || before.has(id)).toBe(true)
      }),
    )
  })

  test('at its own size nothing changes, and contain centres with the spare pixel last', () => {
    const labels: Pixels = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), width: 3, height: 2, channels: 1 }
    const same = placeWithin(labels, labels, { fit: 'cover', position: 'centre' })
    expect(placeNearest(labels, same, { width: 3, height: 2 }, [9])).toEqual(labels)
    const size = { width: 3, height: 5 }
    const within = placeWithin(labels, size, { fit: 'contain', position: 'centre' })
    expect([...placeNearest(labels, within, size, [9]).data]).toEqual([9, 9, 9, 1, 2, 3, 4, 5, 6, 9, 9, 9, 9, 9, 9])
  })
})

test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %i turns labels as it turns photos', async orientation => {
  const stored: Pixels = {
    data: Uint8Array.from({ length: 3 * 6 * 4 }, (_, i) => i * 3),
    width: 6,
    height: 4,
    channels: 3,
  }
  const file = await sharp(await encodePng(stored))
    .withMetadata({ orientation })
    .png()
    .toBuffer()
  const { data, info } = await sharp(file).autoOrient().raw().toBuffer({ resolveWithObject: true })
  const turned = orient(stored, orientation)
  expect({ width: turned.width, height: turned.height }).toEqual({ width: info.width, height: info.height })
  expect(Buffer.compare(turned.data, data)).toBe(0)
})

test.each(
  [2, 3, 6, 8].flatMap(orientation => (['cover', 'contain', 'fill'] as const).map(fit => [orientation, fit] as const)),
)('EXIF orientation %i, enlarged (%s): as the same photo stored upright', async (orientation, fit) => {
  const stored: Pixels = {
    data: Uint8Array.from({ length: 3 * 9 * 6 }, (_, i) => (i * 53) % 256),
    width: 9,
    height: 6,
    channels: 3,
  }
  const turned = await sharp(await encodePng(stored))
    .withMetadata({ orientation })
    .png()
    .toBuffer()
  const options = { size: { width: 20, height: 24 }, fit, position: 'centre', background: [9, 8, 7] } as const
  const [found, expected] = await Promise.all(
    [turned, await encodePng(orient(stored, orientation))].map(photo =>
      decodeImage(photo, { ...options, maxPixels: 1e6 }),
    ),
  )
  expect(found!.placement).toEqual(expected!.placement)
  expect(Buffer.compare(found!.pixels.data, expected!.pixels.data)).toBe(0)
})

test.each([
  [1000, 667, 500, 333, true],
  [640, 480, 320, 240, true],
  [640, 480, 480, 640, false],
  [640, 480, 640, 470, false],
  [2048, 1024, 256, 128, true],
])('%ix%i and %ix%i are of one shape: %s', (width, height, w, h, same) => {
  expect(sameShape({ width, height }, { width: w, height: h })).toBe(same)
  expect(sameShape({ width: w, height: h }, { width, height })).toBe(same)
})
