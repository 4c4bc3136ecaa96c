import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeCells, encodeCells } from '../../src/labels/cells.js'
import { COLOUR_ALONE, type Features, weightsOf } from '../../src/labels/features.js'
import { fitScenePalette } from '../../src/labels/fit.js'
import { createLabeller } from '../../src/labels/labeller.js'
import { measureScene, readMeasured } from '../../src/labels/measure.js'
import { labelIds, type Palette, parsePalette } from '../../src/labels/palette.js'
import { Scene } from '../../src/labels/scene.js'
import { SceneLabeller } from '../../src/labels/scene-labeller.js'
import { positionTrust, sharedByRows } from '../../src/labels/scene-points.js'
import { SMOOTHINGS } from '../../src/labels/smooth.js'
import { seededRandom } from './lloyd.js'
import { noisyPixels, randomPixels } from './pictures.js'
import {
  type Photo,
  plainColours,
  plainDistances,
  plainHalf,
  plainLightness,
  plainMeans,
  plainPlanes,
  plainTexture,
} from './plain-scene.js'

const photos = fc
  .record({
    width: fc.integer({ min: 1, max: 70 }),
    height: fc.integer({ min: 1, max: 40 }),
    seed: fc.integer({ min: 1, max: 1e6 }),
    spread: fc.constantFrom(0, 10, 60),
  })
  .map(
    ({ width, height, seed, spread }): Photo => ({
      rgb: spread ? noisyPixels(width * height, seed, spread) : randomPixels(width * height, seed),
      width,
      height,
    }),
  )
/** Cells of two pixels and more need larger photos. */
const LARGE: readonly Photo[] = [
  { width: 131, height: 97, rgb: noisyPixels(131 * 97, 3, 60) },
  { width: 320, height: 197, rgb: noisyPixels(320 * 197, 4, 60) },
  { width: 17, height: 1000, rgb: noisyPixels(17_000, 5, 60) },
]
/** These are looked at in half size; sides that are odd, and no whole number of cells. */
const HALVED: readonly Photo[] = [
  { width: 241, height: 227, rgb: noisyPixels(241 * 227, 6, 60) },
  { width: 256, height: 334, rgb: noisyPixels(256 * 334, 7, 20) },
]
const features: fc.Arbitrary<Features> = fc.record({
  chroma: fc.constantFrom(1, 8.5),
  position: fc.constantFrom(0, 0.7),
  texture: fc.constantFrom(0, 0.85),
  exposure: fc.constantFrom(0, 0.6, 1),
  detail: fc.constantFrom(1, 2),
})

/** Centroids anywhere, some clusters merged into the first or second. */
function randomPalette(clusters: number, features: Features, seed: number): Palette {
  const random = seededRandom(seed)
  const ranges = [1, 0.4, 0.4, 1, 1, 1]
  return parsePalette(
    JSON.stringify({
      version: 2,
      space: 'oklab',
      features,
      clusters: Array.from({ length: clusters }, (_, id) => ({
        id,
        centroid: weightsOf(features).map((_, axis) => (random() - (axis < 3 ? 0.5 : 0)) * ranges[axis]!),
        ...(id > 1 && random() < 0.3 && { into: id % 2 }),
      })),
    }),
    'palette',
  )
}

const scene = new Scene()
const load = ({ rgb, width, height }: Photo): Scene => {
  scene.load(rgb, width, height)
  return scene
}

function checkPlanesAndCells(photo: Photo): void {
  const { width, height } = photo
  const scene = load(photo)
  const exact = plainPlanes(photo.rgb)
  const planes = scene.colour().map(plane => plane.slice())
  // half a byte of rounding, and up to a fifth from cube roots that are right to 1e-4
  for (const [axis, plane] of planes.entries())
    expect(plane.findIndex((byte, i) => Math.abs(byte - exact[axis]![i]!) > 0.7)).toBe(-1)
  const cells = scene.cells({ texture: 1 })
  const seen = scene.step === 2 ? plainHalf(photo) : photo
  const cell = cells.cell / scene.step
  for (const [axis, bytes] of bytesOf(seen).entries())
    expect([...cells.colour[axis]!]).toEqual(plainMeans({ ...seen, bytes }, cell))
  const light = { bytes: plainLightness(photo.rgb), width, height }
  expect([...cells.texture![0]]).toEqual(plainTexture(light, cells.cell, 'across'))
  expect([...cells.texture![1]]).toEqual(plainTexture(light, cells.cell, 'down'))
}

/** Planes of a photo as it is. */
const bytesOf = (photo: Photo): Uint8Array[] =>
  load(photo)
    .colour()
    .map(plane => plane.slice())

/** The largest number that is summed for a score. */
const mostOf = ({ detail, chroma }: Features): number => 2 + 0.2 * (detail * chroma) ** 2

function checkLabels(photo: Photo, features: Features, clusters: number, seed: number): void {
  const { width, height } = photo
  const palette = randomPalette(clusters, features, seed)
  const scene = load(photo)
  expect(scene.step).toBe(1)
  const cells = scene.cells(features)
  const labels = new SceneLabeller(palette, features).label(scene, cells)
  const ids = labelIds(palette)
  const distancesAt = plainDistances(bytesOf(photo), photo, cells, palette, features)
  const wrong = labels.findIndex((id, i) => {
    const distances = distancesAt(i % width, Math.floor(i / width))
    const found = Math.min(...distances.filter((_, c) => ids[c] === id))
    // float32
    return found - Math.min(...distances) > 1e-6 * mostOf(features)
  })
  expect(wrong, `a pixel of ${width}x${height}`).toBe(-1)
  expect(labels.length).toBe(width * height)
}

/** Of nine pixels of half size that agree the middle one's four have the cluster, of others the nearest of the nine's. */
function checkHalved(photo: Photo, features: Features, clusters: number, seed: number): { shared: number } {
  const { width, height } = photo
  const palette = randomPalette(clusters, features, seed)
  const scene = load(photo)
  expect(scene.step).toBe(2)
  const cells = scene.cells(features)
  const labels = new SceneLabeller(palette, features).label(scene, cells)
  const ids = labelIds(palette)
  const half = plainHalf(photo)
  const around = { ...cells, cell: cells.cell / 2 }
  const distancesAt = plainDistances(bytesOf(half), half, around, palette, features)
  const tie = 1e-6 * mostOf(features)
  // usually one; more where float32 does not tell them apart
  const nearest = Array.from({ length: half.width * half.height }, (_, i) => {
    const distances = distancesAt(i % half.width, Math.floor(i / half.width))
    const least = Math.min(...distances)
    return distances.flatMap((distance, c) => (distance - least <= tie ? [c] : []))
  })
  const exact = plainColours(photo.rgb)
  let shared = 0
  const wrong = labels.findIndex((id, i) => {
    const [x, y] = [(i % width) >> 1, Math.floor(i / width) >> 1]
    const nine = [-1, 0, 1].flatMap(v =>
      [-1, 0, 1].map(u => {
        const row = Math.max(0, Math.min(half.height - 1, y + v))
        return nearest[row * half.width + Math.max(0, Math.min(half.width - 1, x + u))]!
      }),
    )
    const candidates = nine.flat()
    if (candidates.every(c => c === candidates[0])) {
      shared += 1
      return id !== ids[candidates[0]!]
    }
    const distances = distancesAt(
      x,
      y,
      exact.map(plane => plane[i]!),
    )
    const found = Math.min(...candidates.filter(c => ids[c] === id).map(c => distances[c]!))
    const least = Math.min(...nine.flatMap(one => (one.length === 1 ? [distances[one[0]!]!] : [])))
    // cube roots are right to 1e-4
    return !(found - least <= 0.004 * mostOf(features))
  })
  expect(wrong, `a pixel of ${width}x${height}`).toBe(-1)
  expect(labels.length).toBe(width * height)
  return { shared: shared / labels.length }
}

describe('the scene kernel does what its plain twin does', () => {
  test('planes, cells and texture', () => {
    fc.assert(fc.property(photos, checkPlanesAndCells), { numRuns: 60 })
    for (const photo of [...LARGE, ...HALVED]) checkPlanesAndCells(photo)
  })

  test('labels: the nearest cluster, where float32 tells two apart', () => {
    const clusters = fc.integer({ min: 2, max: 20 })
    fc.assert(fc.property(photos, features, clusters, fc.integer({ min: 1, max: 1e6 }), checkLabels), { numRuns: 100 })
    const all = { chroma: 8.5, position: 0.7, texture: 0.85, exposure: 0.6, detail: 2 }
    for (const [i, photo] of LARGE.entries()) checkLabels(photo, all, 12, i + 1)
  })

  test('labels of larger photos: by those of half size', () => {
    const all = { chroma: 8.5, position: 0.7, texture: 0.85, exposure: 0.6, detail: 2 }
    for (const [i, clusters] of [3, 70].entries())
      expect(checkHalved(HALVED[i]!, all, clusters, i + 1).shared).toBeLessThan(1)
    const stripes = striped([SKY, SKY, ROAD, SKY], 3, 301, 289)
    const { shared } = checkHalved(stripes, { ...all, texture: 0 }, 5, 4)
    expect(shared).toBeGreaterThan(0.05)
    expect(shared).toBeLessThan(1)
  })

  test('colour alone: as the exact assigner, but where bytes of OKLab are too coarse', () => {
    const photo = LARGE[0]!
    const palette = fitScenePalette([load(photo).cells(COLOUR_ALONE)], COLOUR_ALONE, { clusters: 6 })
    const plain = createLabeller(palette, { majority: 0, minRegion: 0 })(photo.rgb, photo.width, photo.height)
    const scene = load(photo)
    const labels = new SceneLabeller(palette, COLOUR_ALONE).label(scene, scene.cells(COLOUR_ALONE))
    expect(labels.filter((id, i) => id !== plain[i]).length / labels.length).toBeLessThan(0.02)
  })
})

/** Rows of one colour each, with noise. */
function striped(rows: ReadonlyArray<readonly [number, number, number]>, seed: number, width = 64, height = 48): Photo {
  const random = seededRandom(seed)
  const rgb = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const row = rows[Math.floor((Math.floor(i / 3 / width) * rows.length) / height)]!
    return Math.max(0, Math.min(255, Math.round(row[i % 3]! + 20 * (random() - 0.5))))
  })
  return { rgb, width, height }
}
const SKY = [150, 190, 240] as const
const ROAD = [90, 90, 95] as const
const cellsOf = (photo: Photo) => load(photo).cells({ texture: 1 })

describe('what the rows of photos share', () => {
  const streets = [1, 2, 3, 4, 5, 6].map(seed => cellsOf(striped([SKY, SKY, ROAD], seed)))
  const noise = Array.from({ length: 24 }, (_, i) =>
    cellsOf({ width: 64, height: 48, rgb: randomPixels(64 * 48, i + 1) }),
  )

  test('is most of their variance where the sky is up and the road down, and position counts in full', () => {
    expect(sharedByRows(streets)).toBeGreaterThan(0.8)
    expect(positionTrust(streets)).toBe(1)
  })

  test('is about nothing in noise, and in sky and road that change places', () => {
    expect(Math.abs(sharedByRows(noise))).toBeLessThan(0.02)
    expect(positionTrust(noise)).toBe(0)
    const eitherWay = Array.from({ length: 12 }, (_, i) =>
      cellsOf(striped(i % 2 ? [SKY, SKY, ROAD, ROAD] : [ROAD, ROAD, SKY, SKY], i + 1)),
    )
    expect(positionTrust(eitherWay)).toBe(0)
  })

  test('is nothing for one photo, or for flat ones', () => {
    expect(sharedByRows(streets.slice(0, 1))).toBe(0)
    const flat = cellsOf({ width: 8, height: 8, rgb: new Uint8Array(192).fill(90) })
    expect(positionTrust([flat, flat, flat])).toBe(0)
  })

  test('does not depend on the order of photos', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...streets, ...noise], { minLength: 30, maxLength: 30 }), order => {
        expect(sharedByRows(order)).toBeCloseTo(sharedByRows([...streets, ...noise]), 10)
        expect(positionTrust(order)).toBe(positionTrust([...streets, ...noise]))
      }),
      { numRuns: 20 },
    )
  })
})

describe('what is measured is kept as bytes', () => {
  const looking = fc.constantFrom({}, { superpixels: 'auto' as const }, { superpixels: 9, smooth: 'median3' as const })

  test('cells round trip', () => {
    fc.assert(
      fc.property(photos, fc.constantFrom(0, 1), (photo, texture) => {
        const cells = load(photo).cells({ texture })
        expect(decodeCells(encodeCells(cells))).toEqual(cells)
      }),
      { numRuns: 30 },
    )
  })

  test('so do superpixels; of all pixels, and all within the photo', () => {
    fc.assert(
      fc.property(photos, looking, (photo, looking) => {
        const { rgb, width, height } = photo
        const bytes = measureScene(rgb, width, height, looking)
        const { cells, units } = readMeasured(bytes)
        expect(Buffer.compare(measureScene(rgb, width, height, looking), bytes)).toBe(0)
        if (!('smooth' in looking)) expect(cells).toEqual(load(photo).cells({ texture: 1 }))
        if (!('superpixels' in looking)) return
        expect(units.weight.reduce((sum, pixels) => sum + pixels)).toBe(width * height)
        expect(units.y.every(y => y > 0 && y < 1)).toBe(true)
        expect(units.texture![0].length).toBe(units.y.length)
      }),
      { numRuns: 30 },
    )
  })

  test('torn bytes are refused', () => {
    const { rgb, width, height } = striped([SKY, ROAD], 1, 20, 10)
    for (const looking of [{}, { superpixels: 9 }]) {
      const bytes = measureScene(rgb, width, height, looking)
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), length => {
          expect(() => readMeasured(bytes.slice(0, length))).toThrow(RangeError)
        }),
      )
      expect(() => readMeasured(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(RangeError)
      expect(() => readMeasured(bytes.with(4, 9))).toThrow(RangeError)
    }
  })
})

const draw = (labels: Uint8Array, width: number): string[] =>
  Array.from({ length: labels.length / width }, (_, y) => labels.subarray(y * width, (y + 1) * width).join(''))

describe('grey above, grey below and white in between', () => {
  const GREY = [96, 96, 96] as const
  const WHITE = [240, 240, 240] as const
  const made = [1, 2].map(seed => striped([GREY, WHITE, GREY], seed, 12, 9))
  const features = { chroma: 8.5, position: 0.7, texture: 0, exposure: 0, detail: 2 }
  const palette = fitScenePalette(made.map(cellsOf), features, { clusters: 3 })
  const { rgb, width, height } = made[0]!
  const calm = { majority: 1, minRegion: 0 }

  test.each([
    ['pixels', {}],
    ['superpixels', { superpixels: 9 }],
    ...Object.keys(SMOOTHINGS).map(smooth => [smooth, { smooth: smooth as keyof typeof SMOOTHINGS }] as const),
  ] as const)('are three things where position counts: %s', (_, looking) => {
    const labels = draw(createLabeller(palette, { ...calm, ...looking })(rgb, width, height), width)
    const [top, middle, bottom] = [labels[0]![0]!, labels[4]![0]!, labels[8]![0]!]
    expect(new Set([top, middle, bottom]).size).toBe(3)
    expect(middle).toBe('2')
    expect(labels).toEqual([top, middle, bottom].flatMap(id => [id, id, id].map(one => one.repeat(12))))
  })

  test('are two by colour alone', () => {
    const palette = fitScenePalette(made.map(cellsOf), COLOUR_ALONE, { clusters: 2 })
    expect(palette.features).toBeUndefined()
    const labels = draw(createLabeller(palette, calm)(rgb, width, height), width)
    expect(labels).toEqual(['0', '1', '0'].flatMap(id => [id, id, id].map(one => one.repeat(12))))
  })
})

describe('photos that hardly are any', () => {
  const looking = fc.constantFrom(
    {},
    { smooth: 'sigma' as const },
    { smooth: 'median5' as const, superpixels: 'auto' as const },
    { superpixels: 4 },
    { superpixels: 65_536 },
  )
  const sides: ReadonlyArray<readonly [number, number]> = [
    [1, 1],
    [1, 2],
    [3, 2],
    [2, 3],
    [1, 70_000],
    [70_000, 1],
    [8, 8],
    [17, 1000],
  ]

  test.each(sides)('%i x %i px get labels of the palette', (width, height) => {
    fc.assert(
      fc.property(looking, features, fc.constantFrom(0, 1, 3), (looking, features, majority) => {
        const palette = randomPalette(5, features, 7)
        const rgb = noisyPixels(width * height, 2, 60)
        const labels = createLabeller(palette, { ...looking, majority, minRegion: 'auto' })(rgb, width, height)
        expect(labels.length).toBe(width * height)
        const ids = new Set(labelIds(palette))
        expect(labels.every(id => ids.has(id))).toBe(true)
        const { units } = readMeasured(measureScene(rgb, width, height, looking))
        expect(units.weight.reduce((sum, weight) => sum + weight)).toBeGreaterThan(0)
      }),
      { numRuns: width * height > 10_000 ? 4 : 20 },
    )
  })

  test('fewer units that differ than clusters are told', () => {
    const flat = cellsOf({ width: 40, height: 30, rgb: new Uint8Array(3600).fill(90) })
    const two = cellsOf(striped([SKY, ROAD], 1, 1, 2))
    const all = { chroma: 8.5, position: 0.7, texture: 0.85, exposure: 0.6, detail: 2 }
    const fitting = (photos: Array<typeof flat>, clusters: number) => () => fitScenePalette(photos, all, { clusters })
    const tooFew = expect.objectContaining({ code: 'TOO_FEW_COLOURS' })
    expect(fitting([two], 3)).toThrow(tooFew)
    expect(fitting([two], 2)().clusters.map(({ share }) => share)).toEqual([0.5, 0.5])
    // by height a flat photo has parts, without it none
    expect(fitting([flat], 31)).toThrow(tooFew)
    expect(() => fitScenePalette([flat], { ...all, position: 0 }, { clusters: 2 })).toThrow(tooFew)
    const one = readMeasured(measureScene(noisyPixels(64, 1), 8, 8, { superpixels: 65_536 })).units
    expect(() => fitScenePalette([one], all, { clusters: 2 })).toThrow(tooFew)
  })

  const clusters = (dims: number) =>
    [1, 2, 3].map((value, id) => ({ id, centroid: new Array<number>(dims).fill(value / 8) }))
  const told = { chroma: 8.5, position: 0.7, texture: 0.85, exposure: 0.6, detail: 2 }
  test.each([
    ['features without their coordinates', { version: 2, space: 'oklab', features: told, clusters: clusters(3) }],
    ['features in version 1', { version: 1, space: 'oklab', features: told, clusters: clusters(6) }],
    ['features of RGB', { version: 2, space: 'rgb', features: told, clusters: clusters(6) }],
    ['negative texture', { version: 2, space: 'oklab', features: { ...told, texture: -1 }, clusters: clusters(6) }],
    ['no chroma', { version: 2, space: 'oklab', features: { ...told, chroma: 0 }, clusters: clusters(6) }],
    ['exposure above 1', { version: 2, space: 'oklab', features: { ...told, exposure: 2 }, clusters: clusters(6) }],
    ['a future version', { version: 3, space: 'oklab', clusters: clusters(3) }],
  ])('a palette with %s is none', (_, palette) => {
    expect(() => parsePalette(JSON.stringify(palette), 'p')).toThrow(
      expect.objectContaining({ code: 'PALETTE_INVALID' }),
    )
  })

  test('superpixels need a palette of OKLab', () => {
    const rgb = parsePalette(
      '{"version":1,"space":"rgb","clusters":[{"id":0,"centroid":[0,0,0]},{"id":1,"centroid":[9,9,9]}]}',
      'p',
    )
    expect(() => createLabeller(rgb, { superpixels: 9, majority: 0, minRegion: 0 })).toThrow(
      expect.objectContaining({ code: 'PALETTE_MISMATCH' }),
    )
  })
})
