import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { readLabelIds } from '../../src/images/label-ids.js'
import { placeNearest } from '../../src/images/nearest.js'
import { countOverlap, scoreMatched, UNLABELLED } from '../../src/labels/overlap.js'
import { parsePalette } from '../../src/labels/palette.js'
import { repoRoot, temporaryFolder, writeBars } from '../helpers.js'
import { runSamples } from './run-samples.js'

const cwd = temporaryFolder()
const fixtures = join(repoRoot, 'fixtures')
const RED = '#c02020'
const GREEN = '#20a040'
const BLUE = '#2040c0'
const GREY = '#808080'
const TABLE = [
  { id: 4, name: 'flag', colour: '#ff0000' },
  { id: 9, name: 'sea', colour: '#0000ff' },
]

const readPalette = async (run: string) =>
  parsePalette(await readFile(join(cwd, 'runs', run, 'labels/palette.json'), 'utf8'), run)
const namesOf = async (run: string) =>
  (await readPalette(run)).clusters.map(({ name, into }) => name ?? (into === undefined ? '-' : `> ${into}`))
const readIds = async (path: string) => (await readLabelIds({ kind: 'file', path, sha256: '' })).labels

/** A label map of vertical bars of ids, or of colours, as wide and high as asked. */
async function writeExample(path: string, bars: readonly (number | string)[], width: number, height: number) {
  await mkdir(join(cwd, path, '..'), { recursive: true })
  const colours = typeof bars[0] === 'string'
  const channels = colours ? 3 : 1
  const data = Buffer.alloc(width * height * channels)
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const bar = bars[Math.floor(((pixel % width) * bars.length) / width)]!
    if (typeof bar === 'number') data[pixel] = bar
    else for (let c = 0; c < 3; c += 1) data[3 * pixel + c] = Number.parseInt(bar.slice(1 + 2 * c, 3 + 2 * c), 16)
  }
  const image = sharp(data, { raw: { width, height, channels } })
  await (colours ? image : image.toColourspace('b-w')).png().toFile(join(cwd, path))
}

const GLOB = { stage: 'glob', patterns: ['bars/*.png'] }
const kmeans = (names: object, more: object = {}) => ({ stage: 'kmeans', clusters: 4, names, ...more })

beforeAll(async () => {
  // By lightness: 0 blue, 1 red, 2 grey, 3 green.
  await writeBars(join(cwd, 'bars/a.png'), [RED, GREEN, BLUE, GREY])
  await writeBars(join(cwd, 'bars/b.png'), [GREY, BLUE, GREEN, RED])
  await writeExample('ids/a.png', [4, 9, 9, 255], 16, 16)
})

describe('real scenes, named from four of them', () => {
  const CLUSTERS = 12
  const classes: { id: number; name: string }[] = []

  /** IoU and accuracy over all 32 scenes, of which 28 were no examples. */
  async function score(run: string, names: readonly string[]) {
    const kinds = classes.length
    const classOf = Int32Array.from(names, name => classes.find(entry => entry.name === name)?.id ?? -1)
    const matrix = new Float64Array(CLUSTERS * kinds)
    for (let n = 1; n <= 32; n += 1) {
      const file = `street-${String(n).padStart(2, '0')}.png`
      // 1024x512 as cover puts it into 128x128
      const placement = { left: -64, top: 0, width: 256, height: 128 }
      const truth = placeNearest(
        await readIds(join(fixtures, 'labels', file)),
        placement,
        { width: 128, height: 128 },
        [UNLABELLED],
      )
      const { data } = await readIds(join(cwd, 'runs', run, 'labels', file))
      countOverlap(data, truth.data, CLUSTERS, kinds, matrix)
    }
    return scoreMatched(matrix, kinds, classOf)
  }

  beforeAll(async () => {
    classes.push(...JSON.parse(await readFile(join(fixtures, 'classes.json'), 'utf8')))
    for (const n of [1, 9, 17, 25]) {
      const file = `street-${String(n).padStart(2, '0')}.png`
      await cp(join(fixtures, 'labels', file), join(cwd, 'scenes', file))
    }
    const steps = [
      { stage: 'glob', patterns: [`${fixtures}/photos/*.jpg`] },
      { stage: 'resize', size: 128 },
      { stage: 'kmeans', clusters: CLUSTERS, names: { from: 'scenes', table: join(fixtures, 'classes.json') } },
    ]
    const { code, stderr } = await runSamples(cwd, 'scenes', steps)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  test('sky, road, building and tree have clusters, and those of one class are one', async () => {
    const names = await namesOf('scenes')
    expect(names).toEqual(expect.arrayContaining(['sky', 'road', 'building', 'tree']))
    expect(names.some(name => name.startsWith('>'))).toBe(true)
    expect(new Set(names.filter(name => /^\w/.test(name))).size).toBe(names.filter(name => /^\w/.test(name)).length)
  })

  test('no pixel has the id of a merged cluster', async () => {
    const { clusters } = await readPalette('scenes')
    const merged = new Set(clusters.flatMap(({ id, into }) => (into === undefined ? [] : [id])))
    for (const file of ['street-01', 'street-14', 'street-32']) {
      const { data } = await readIds(join(cwd, `runs/scenes/labels/${file}.png`))
      expect([...new Set(data)].filter(id => merged.has(id))).toEqual([])
    }
  })

  test('names hold in the scenes that were no examples, and names dealt out otherwise do not', async () => {
    const FLOOR = { miou: 0.25, pixelAccuracy: 0.6 }
    const names = await namesOf('scenes')
    const { miou, pixelAccuracy } = await score('scenes', names)
    expect(miou).toBeGreaterThan(FLOOR.miou)
    expect(pixelAccuracy).toBeGreaterThan(FLOOR.pixelAccuracy)
    const used = names.flatMap((name, id) => (/^\w/.test(name) ? [id] : []))
    for (let turn = 1; turn < used.length; turn += 1) {
      const dealt = [...names]
      for (const [i, id] of used.entries()) dealt[id] = names[used[(i + turn) % used.length]!]!
      const other = await score('scenes', dealt)
      expect(other.miou).toBeLessThan(FLOOR.miou)
      expect(other.pixelAccuracy).toBeLessThan(FLOOR.pixelAccuracy)
    }
  })
})

describe('any convention of examples', () => {
  test('ids with a table; unlabelled pixels name nothing', async () => {
    const { stdout } = await runSamples(cwd, 'ids', [GLOB, kmeans({ from: 'ids', table: TABLE })])
    // Blue and green are sea: the lower id of the two, for they are equally large.
    expect(await namesOf('ids')).toEqual(['sea', 'flag', '-', '> 0'])
    expect(stdout).toContain('sea: 0 (100%), 3 (100%)')
    const { data } = await readIds(join(cwd, 'runs/ids/labels/b.png'))
    expect([...data.subarray(0, 16)]).toEqual([2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
  })

  test('merge: false keeps the clusters apart', async () => {
    await runSamples(cwd, 'apart', [GLOB, kmeans({ from: 'ids', table: TABLE, merge: false })])
    expect(await namesOf('apart')).toEqual(['sea', 'flag', '-', 'sea 2'])
  })

  test('ids without a table are classes by number', async () => {
    await runSamples(cwd, 'numbers', [GLOB, kmeans({ from: 'ids' })])
    expect(await namesOf('numbers')).toEqual(['class 9', 'class 4', '-', '> 0'])
  })

  test('colours with a table, at another scale', async () => {
    await writeExample('colours/a.png', ['#fa0404', '#0404fa', '#0000ff', '#0000ff'], 64, 64)
    await runSamples(cwd, 'colours', [GLOB, kmeans({ from: 'colours', table: TABLE })])
    expect(await namesOf('colours')).toEqual(['sea', 'flag', '> 0', '> 0'])
  })

  test('classes to ignore, by name or by id', async () => {
    for (const [run, ignore] of [
      ['by-name', ['SEA']],
      ['by-id', [9, 255]],
    ] as const) {
      await runSamples(cwd, run, [GLOB, kmeans({ from: 'ids', table: TABLE, ignore })])
      expect(await namesOf(run)).toEqual(['-', 'flag', '-', '-'])
    }
  })

  test('names with folders and suffixes', async () => {
    await writeExample('deep/x/a_ids.png', [4, 9, 9, 9], 16, 16)
    await runSamples(cwd, 'suffix', [GLOB, kmeans({ from: 'deep', table: TABLE, label_suffix: '_ids' })])
    expect(await namesOf('suffix')).toEqual(['sea', 'flag', '> 0', '> 0'])
  })
})

describe('examples lie as their photos do', () => {
  // 32x16 of eight bars: cover keeps the middle four, contain has bars above and below.
  const BARS = [RED, RED, GREEN, GREEN, BLUE, BLUE, GREY, GREY]
  beforeAll(async () => {
    await mkdir(join(cwd, 'wide'), { recursive: true })
    const square = await writeBars(join(cwd, 'square.png'), BARS, 32)
    await sharp(square).extract({ left: 0, top: 0, width: 32, height: 16 }).toFile(join(cwd, 'wide/w.png'))
    await writeExample('wide-ids/w.png', [9, 9, 4, 4, 9, 9, 4, 4], 32, 16)
  })
  const wide = { stage: 'glob', patterns: ['wide/*.png'] }

  test('cropped by cover', async () => {
    const resize = { stage: 'resize', size: 16 }
    await runSamples(cwd, 'cover', [wide, resize, kmeans({ from: 'wide-ids', table: TABLE }, { clusters: 2 })])
    // Green and blue are left: blue is darker.
    expect(await namesOf('cover')).toEqual(['sea', 'flag'])
  })

  test('bars of contain are in no class', async () => {
    const resize = { stage: 'resize', size: 32, fit: 'contain' }
    const { stdout } = await runSamples(cwd, 'contain', [
      wide,
      resize,
      kmeans({ from: 'wide-ids', table: TABLE, merge: false }, { clusters: 5 }),
    ])
    // The black bars are cluster 0.
    expect(await namesOf('contain')).toEqual(['-', 'sea', 'sea 2', 'flag', 'flag 2'])
    expect(stdout).toContain('0 (not in the examples)')
  })
})

describe('reruns', () => {
  test('an example that has changed names again; nothing else does', async () => {
    await writeExample('changing/a.png', [4, 9, 9, 9], 16, 16)
    const steps = [GLOB, kmeans({ from: 'changing', table: TABLE })]
    await runSamples(cwd, 'changing', steps)
    expect(await namesOf('changing')).toEqual(['sea', 'flag', '> 0', '> 0'])
    const { stdout } = await runSamples(cwd, 'changing', steps)
    expect(stdout).toContain('nothing has changed')
    await writeExample('changing/a.png', [9, 9, 9, 4], 16, 16)
    await runSamples(cwd, 'changing', steps)
    expect(await namesOf('changing')).toEqual(['sea', '> 0', 'flag', '> 0'])
  })

  test('the same bytes for any number of workers', async () => {
    const bytes = async (run: string) =>
      Promise.all(['palette.json', 'a.png', 'b.png'].map(file => readFile(join(cwd, 'runs', run, 'labels', file))))
    const steps = [GLOB, kmeans({ from: 'ids', table: TABLE })]
    await runSamples(cwd, 'one', steps, '--jobs', '1')
    await runSamples(cwd, 'three', steps, '--jobs', '3')
    expect(await bytes('three')).toEqual(await bytes('one'))
  })
})

describe('what cannot be', () => {
  beforeAll(async () => {
    await writeExample('strangers/z.png', [4, 9], 16, 16)
    await writeExample('other-shape/a.png', [4, 9], 32, 16)
    await writeExample('mixed/a.png', [4, 9], 16, 16)
    await writeExample('mixed/b.png', ['#ff0000', '#0000ff'], 16, 16)
    await writeExample('only-colours/a.png', ['#ff0000', '#0000ff'], 16, 16)
    await writeExample('unknown/a.png', [1, 2], 16, 16)
    await mkdir(join(cwd, 'damaged'), { recursive: true })
    await writeFile(join(cwd, 'damaged/a.png'), (await readFile(join(cwd, 'ids/a.png'))).subarray(0, 60))
  })

  test.each([
    ['a folder that is not there', { from: 'nowhere' }, {}, 'FILE_MISSING'],
    ['no example called as a photo', { from: 'strangers' }, {}, 'NO_MATCHES'],
    ['an example of another shape', { from: 'other-shape' }, {}, 'SIZES_DIFFER'],
    ['ids and colours together', { from: 'mixed', table: TABLE }, {}, 'LABELS_NOT_IDS'],
    ['colours without a table', { from: 'only-colours' }, {}, 'OPTION_MISSING'],
    ['no pixel of a class', { from: 'unknown', table: TABLE }, {}, 'CLASS_UNKNOWN'],
    ['a damaged example', { from: 'damaged' }, {}, 'DECODE_FAILED'],
    ['a table that is none', { from: 'ids', table: 'what-cannot-be.yaml' }, {}, 'CLASS_TABLE_INVALID'],
    ['clusters of each photo’s own', { from: 'ids' }, { scope: 'image' }, 'OPTION_OUT_OF_RANGE'],
    ['the run’s own label maps', { from: 'runs/what-cannot-be/labels' }, {}, 'INPUT_CYCLE'],
  ])('%s', async (_what, names, more, code) => {
    const finished = await runSamples(cwd, 'what-cannot-be', [GLOB, kmeans(names, more)])
    expect(finished.code).toBe(2)
    expect(finished.stderr).toContain(code)
  })
})
