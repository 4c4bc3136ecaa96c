/** Labels by scenes through the command line: options that change what is seen, and photos that give little to see. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Palette } from '../../src/labels/palette.js'
import { type Finished, prep, readTree, temporaryFolder, writeBars } from '../helpers.js'
import { noisyPixels } from '../labels/pictures.js'

const cwd = temporaryFolder()
const SIDE = 48

/** Sky above road, each photo with a car of its own. */
async function writeStreet(folder: string, name: string, seed: number): Promise<void> {
  await mkdir(folder, { recursive: true })
  const rgb = noisyPixels(SIDE * SIDE, seed, 30).map((code, i) => {
    const y = Math.floor(i / 3 / SIDE)
    const x = Math.floor(i / 3) % SIDE
    const car = y > 28 && y < 38 && x > 2 * seed && x < 2 * seed + 14
    const [sky, road, paint] = [[150, 190, 240][i % 3]!, 95, [200, 40, 40][i % 3]!]
    return Math.round(0.8 * (car ? paint : y < 22 ? sky : road) + 0.2 * code)
  })
  await sharp(rgb, { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .png()
    .toFile(join(folder, `${name}.png`))
}

async function writeNoise(path: string, width: number, height: number, channels: 1 | 3 | 4 = 3): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true })
  const pixels = noisyPixels(width * height * channels, width + height, 60).subarray(0, width * height * channels)
  await sharp(pixels, { raw: { width, height, channels } }).png().toFile(path)
}

interface Run extends Finished {
  readonly output: string
}

async function run(name: string, patterns: string, kmeans: object, ...args: string[]): Promise<Run> {
  const steps = [
    { stage: 'glob', patterns: [patterns] },
    { stage: 'kmeans', clusters: 4, quality: { on_reject: 'keep' }, ...kmeans },
  ]
  await writeFile(join(cwd, `${name}.yaml`), JSON.stringify({ name, max_failures: 100, steps }))
  return { ...(await prep(['run', `${name}.yaml`, ...args], { cwd })), output: join(cwd, 'runs', name) }
}

const paletteOf = async ({ output }: Run): Promise<Palette> =>
  JSON.parse(await readFile(join(output, 'labels/palette.json'), 'utf8'))
const firstLine = ({ stderr, stdout }: Finished): string =>
  `${stdout}${stderr}`.split('\n').find(line => /^\S*\s*[A-Z][A-Z_]+$/.test(line)) ?? ''

beforeAll(async () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    await writeStreet(join(cwd, 'streets'), `s${seed}`, seed)
    await mkdir(join(cwd, 'renamed'), { recursive: true })
    await copyFile(join(cwd, 'streets', `s${seed}.png`), join(cwd, 'renamed', `${9 - seed}.png`))
  }
})

describe('what is seen of photos', () => {
  test('does not depend on their names or order', async () => {
    const [one, other] = [
      await run('named', 'streets/*.png', {}),
      await run('renamed', 'renamed/*.png', {}, '--jobs', '1'),
    ]
    expect([one.code, other.code]).toEqual([0, 0])
    expect(await paletteOf(other)).toEqual(await paletteOf(one))
    expect((await paletteOf(one)).features).toMatchObject({ position: 0.7 })
  })

  test.each([
    ['sigma', { smooth: 'sigma', features: 'colour' }],
    ['each', { smooth: 'median3', scope: 'image', regions: 'slic' }],
    ['slic', { regions: 'slic', region_size: 25 }],
    ['slic-colour', { regions: 'slic', features: 'colour' }],
    ['ml-kmeans', { engine: 'ml-kmeans' }],
  ])('%s: all photos labelled, the same bytes for any number of workers', async (name, options) => {
    const finished = await run(name, 'streets/*.png', options, '--jobs', '1')
    expect(finished.code, finished.stderr).toBe(0)
    const { features, clusters } = await paletteOf(finished)
    expect(clusters).toHaveLength(4)
    expect(features === undefined).toBe('scope' in options || 'features' in options)
    const labels = await readTree(join(finished.output, 'labels'))
    expect([...labels.keys()].filter(file => /^s\d\.png$/.test(file))).toHaveLength(5)
    await run(name, 'streets/*.png', options, '--jobs', '3', '--fresh')
    expect(await readTree(join(finished.output, 'labels'))).toEqual(labels)
  })

  test('is measured again when it changes, and found when it is as before', async () => {
    const measured = async (options: object): Promise<unknown> => {
      const { stdout } = await run('again', 'streets/*.png', options, '--json')
      const events = stdout.trim().split('\n')
      return events
        .map(line => JSON.parse(line))
        .filter(({ label }) => label === 'measure photos')
        .at(-1)?.cached
    }
    expect(await measured({})).toBe(0)
    expect(await measured({ smooth: 'median5' })).toBe(0)
    expect(await measured({ regions: 'slic' })).toBe(0)
    expect(await measured({ regions: 'slic', majority: 2, texture: 0 })).toBe(5)
    expect(await measured({ clusters: 3 })).toBe(5)
  })
})

describe('photos that give little to see', () => {
  test.each([
    ['one colour', ['#5a781e'], { clusters: 2 }],
    ['two colours, more classes than superpixels', ['#5a781e', '#c8141e'], { clusters: 8, regions: 'slic' }],
  ])('%s: TOO_FEW_COLOURS', async (name, colours, options) => {
    const file = name.replaceAll(/\W+/g, '-')
    await writeBars(join(cwd, file, 'bars.png'), colours)
    const finished = await run(file, `${file}/*.png`, options)
    expect([finished.code, firstLine(finished)]).toEqual([2, 'TOO_FEW_COLOURS'])
  })

  test('two colours, two classes', async () => {
    await writeBars(join(cwd, 'halves/bars.png'), ['#5a781e', '#c8141e'])
    const finished = await run('halves', 'halves/*.png', { clusters: 2 })
    expect(finished.code, finished.stderr).toBe(0)
    expect((await paletteOf(finished)).clusters.map(({ share }) => share)).toEqual([0.5, 0.5])
  })

  test.each([
    ['default', {}],
    ['superpixels', { regions: 'slic', smooth: 'sigma' }],
  ])('of 1x1, 3x2, 8x8 and 17x1000 px, grey, with alpha: %s', async (name, options) => {
    await writeNoise(join(cwd, 'odd/dot.png'), 1, 1)
    await writeNoise(join(cwd, 'odd/speck.png'), 3, 2)
    await writeNoise(join(cwd, 'odd/icon.png'), 8, 8)
    await writeNoise(join(cwd, 'odd/tower.png'), 17, 1000)
    await writeNoise(join(cwd, 'odd/grey.png'), 40, 30, 1)
    await writeNoise(join(cwd, 'odd/alpha.png'), 40, 30, 4)
    const finished = await run(`odd-${name}`, 'odd/*.png', options)
    expect(finished.code, finished.stderr).toBe(0)
    const { images } = JSON.parse(await readFile(join(finished.output, 'labels/quality.json'), 'utf8'))
    expect(images).toHaveLength(6)
  })
})

describe('palettes that are given', () => {
  const clusters = (dims: number, count = 3) =>
    Array.from({ length: count }, (_, id) => ({ id, centroid: Array.from({ length: dims }, () => (id + 1) / 8) }))
  const features = { chroma: 8.5, position: 0.7, texture: 0.85, exposure: 0.6, detail: 2 }
  const given = async (name: string, palette: object, options: object = {}): Promise<Run> => {
    await writeFile(join(cwd, `${name}.json`), JSON.stringify(palette))
    return run(name, 'streets/*.png', { clusters: undefined, palette: `${name}.json`, ...options })
  }

  test.each([
    ['v1', { version: 1, space: 'oklab', clusters: clusters(3) }, {}],
    ['v2-scene', { version: 2, space: 'oklab', features, clusters: clusters(6) }, { features: 'colour' }],
    [
      'v2-slic',
      { version: 2, space: 'oklab', features, clusters: clusters(6) },
      { regions: 'slic', smooth: 'median3' },
    ],
  ])('%s labels by what the palette says', async (name, palette, options) => {
    const finished = await given(name, palette, options)
    expect(finished.code, finished.stderr).toBe(0)
    expect((await paletteOf(finished)).features).toEqual('features' in palette ? features : undefined)
  })

  test.each([
    [
      'another number of clusters',
      'PALETTE_MISMATCH',
      { version: 1, space: 'oklab', clusters: clusters(3) },
      { clusters: 5 },
    ],
    [
      'superpixels by RGB',
      'PALETTE_MISMATCH',
      { version: 1, space: 'rgb', clusters: clusters(3) },
      { regions: 'slic' },
    ],
    ['a future version', 'PALETTE_INVALID', { version: 3, space: 'oklab', clusters: clusters(3) }, {}],
  ])('%s: %s', async (name, code, palette, options) => {
    const finished = await given(name.replaceAll(' ', '-'), palette, options)
    expect([finished.code, firstLine(finished)]).toEqual([2, code])
  })

  test.each([
    ['regions of a size, of pixels', { region_size: 64 }],
    ['superpixels in RGB', { regions: 'slic', space: 'rgb' }],
    ['tiny superpixels', { regions: 'slic', region_size: 3 }],
  ])('options that do not go together: %s', async (name, options) => {
    const finished = await run(name.replaceAll(/\W+/g, '-'), 'streets/*.png', options)
    expect(finished.code).toBe(2)
    expect(`${finished.stdout}${finished.stderr}`).toContain('OPTION_OUT_OF_RANGE')
  })
})

test('prep label takes what is seen of photos as flags', async () => {
  const flags = '--regions slic --region-size 36 --smooth sigma --features colour --min-region 0'.split(' ')
  const { code, stderr } = await prep(['label', 'streets/*.png', '-k', '3', '--out', 'mine', ...flags], { cwd })
  expect(code, stderr).toBe(0)
  const palette: Palette = JSON.parse(await readFile(join(cwd, 'mine/palette.json'), 'utf8'))
  expect([palette.features, palette.clusters.length]).toEqual([undefined, 3])
  const refused = await prep(['label', 'streets/*.png', '--region-size', '36'], { cwd })
  expect([refused.code, firstLine(refused)]).toEqual([2, 'OPTION_OUT_OF_RANGE'])
  expect((await prep(['label', 'streets/*.png', '--min-region', '-3'], { cwd })).code).toBe(2)
})
