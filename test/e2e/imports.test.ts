import { readdirSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { encode } from 'fast-png'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { openDataset } from '../../src/formats/dataset/read.js'
import { decodeLabelIds } from '../../src/images/label-ids.js'
import { encodeIndexedPng } from '../../src/images/png.js'
import { parsePalette } from '../../src/labels/palette.js'
import { type Finished, prep, readTree, repoRoot, sharedData, temporaryFolder, writePhotos } from '../helpers.js'

const cwd = temporaryFolder()
const at = (path: string): string => join(cwd, path)

async function run(name: string, steps: readonly object[], ...args: string[]): Promise<Finished> {
  await writeFile(at(`${name}.yaml`), JSON.stringify({ name, max_failures: 2, steps }))
  return prep(['run', `${name}.yaml`, ...args], { cwd })
}
async function runs(name: string, steps: readonly object[], ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(name, steps, ...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}
/** The error code that a run ends with. */
async function fails(name: string, steps: readonly object[]): Promise<string> {
  const { code, stderr } = await run(name, steps)
  expect(code).toBeGreaterThanOrEqual(2)
  return /^(?:\S+:\d+:\d+ +)?([A-Z_]+)$/m.exec(stderr)?.[1] ?? stderr
}
const palette = async (name: string) =>
  parsePalette(await readFile(at(`runs/${name}/labels/palette.json`), 'utf8'), name).clusters
const labelOf = async (run: string, name: string) =>
  decodeLabelIds(await readFile(at(`runs/${run}/labels/${name}.png`))).labels
async function put(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(at(path)), { recursive: true })
  await writeFile(at(path), bytes)
}
/** Ids in two halves, left and right. */
const halves = (left: number, right: number, width = 128, height = 64): Uint16Array =>
  Uint16Array.from({ length: width * height }, (_, i) => (i % width < width / 2 ? left : right))
const png = (ids: Uint16Array, width = 128, height = 64): Uint8Array =>
  ids.every(id => id < 256)
    ? encode({ width, height, data: Uint8Array.from(ids), channels: 1, depth: 8 })
    : encode({ width, height, data: ids, channels: 1, depth: 16 })

const source = { stage: 'folders', photos: 'photos', labels: 'labels' }
const resize = { stage: 'resize', size: 32 }
const table = [
  { id: 7, name: 'road', colour: [128, 64, 128] },
  { id: 26, name: 'car', colour: '#00008e' },
]

beforeAll(async () => {
  // 128x64 each
  await writePhotos(at('photos'), 3)
  for (const n of [0, 1, 2]) await put(`labels/photo-00${n}.png`, png(halves(7, 26)))
})

describe('two folders', () => {
  test('ids become classes with names, colours and what they look like in the photos', async () => {
    await runs('ids', [source, resize, { stage: 'classes', table }, { stage: 'split', test: 1 }, { stage: 'pack' }])
    const [road, car] = await palette('ids')
    expect(road).toMatchObject({ name: 'road', display: '#804080', share: 0.5 })
    expect(car).toMatchObject({ name: 'car', display: '#00008e', share: 0.5 })
    const label = await labelOf('ids', 'photo-000')
    expect([...label.data.subarray(0, 32)]).toEqual([...new Array(16).fill(0), ...new Array(16).fill(1)])
    const { index } = await openDataset(at('runs/ids/dataset'))
    expect(index).toMatchObject({ rows: { train: 2, test: 1 }, size: { width: 32, height: 32 } })
  })

  test('the same bytes for any number of jobs, and nothing to do the second time', async () => {
    const steps = [source, resize, { stage: 'classes', table }, { stage: 'pack' }]
    await runs('jobs-1', steps, '--jobs', '1')
    await runs('jobs-4', steps, '--jobs', '4', '--set', 'name=jobs-1', '--set', 'output=runs/jobs-4')
    const [one, four] = [await readTree(at('runs/jobs-1/dataset')), await readTree(at('runs/jobs-4/dataset'))]
    expect([...four.keys()]).toEqual([...one.keys()])
    for (const [file, bytes] of one) expect(four.get(file)!.equals(bytes), file).toBe(true)
    expect(await runs('jobs-1', steps)).toContain('unchanged')
  })

  test('drawings, as PNG or JPEG, become the classes of their colours', async () => {
    const colours = [[128, 64, 128] as const, [0, 0, 142] as const]
    const drawn = sharp(encodeIndexedPng(Uint8Array.from(halves(0, 1)), 128, 64, colours))
    await put('drawn/photo-000.png', await drawn.clone().png().toBuffer())
    await put('drawn/photo-001.jpg', await drawn.clone().jpeg({ quality: 75 }).toBuffer())
    await put('drawn/photo-002.jpg', await drawn.clone().jpeg({ quality: 95 }).toBuffer())
    const from = { ...source, labels: 'drawn', labels_are: 'colours' }
    await runs('drawn', [from, resize, { stage: 'classes', table }])
    for (const name of ['photo-000', 'photo-001', 'photo-002'])
      expect([...(await labelOf('drawn', name)).data.subarray(0, 32)]).toEqual([
        ...new Array(16).fill(0),
        ...new Array(16).fill(1),
      ])
    const tree = [{ name: 'tree', colour: [0, 200, 0] }, table[0]]
    expect(await fails('drawn-missing', [from, resize, { stage: 'classes', table: tree }])).toBe('CLASS_UNKNOWN')
    expect(await fails('drawn-no-table', [from, resize, { stage: 'classes' }])).toBe('OPTION_MISSING')
  })

  test('what has no partner is listed before anything is read, or skipped and counted', async () => {
    await put('lonely/photo-000.png', png(halves(7, 26)))
    await put('lonely/other.png', Buffer.from('not even an image'))
    const from = { ...source, labels: 'lonely' }
    const { code, stderr } = await run('lonely', [from, resize, { stage: 'classes', table }])
    expect(code).toBe(2)
    for (const path of ['photos/photo-001.jpg', 'photos/photo-002.jpg', 'lonely/other.png'])
      expect(stderr).toContain(path)
    expect((await readFile(at('runs/lonely/unpaired.txt'), 'utf8')).trim().split('\n')).toHaveLength(4)
    const skipping = [{ ...from, unpaired: 'skip' }, resize, { stage: 'classes', table }]
    await runs('lonely-skip', skipping, '--set', 'max_failures=3')
    const { skipped } = JSON.parse(await readFile(at('runs/lonely-skip/report.json'), 'utf8'))
    expect(skipped).toMatchObject({ count: 3, byCode: { UNPAIRED: 3 } })
    expect(await fails('none', [{ ...from, label_suffix: '_x', photo_suffix: '_y' }, resize])).toBe('NO_MATCHES')
  })
})

describe('bad labels', () => {
  const classes = { stage: 'classes', table }
  test('ids of no class: with counts, until they get a class', async () => {
    const { code, stderr } = await run('unknown', [source, resize, { stage: 'classes', table: ['a', 'b'] }])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^CLASS_UNKNOWN$/m)
    expect(stderr).toContain('26 (1536 pixels)')
    const void_ = { stage: 'classes', table: [table[0]], unknown: 'void' }
    await runs('unknown-void', [source, resize, void_])
    expect((await palette('unknown-void')).map(({ name }) => name)).toEqual(['road', 'void'])
  })

  test('ids above 255 need a table or a map', async () => {
    await put('wide/photo-000.png', png(halves(300, 26_001)))
    const from = { ...source, photos: 'photos/photo-000.jpg', labels: 'wide' }
    expect(await fails('wide-unknown', [from, resize, classes])).toBe('CLASS_UNKNOWN')
    await runs('wide', [
      from,
      resize,
      { stage: 'classes', map: { 300: 'road', 26: 'car' }, divisor: 1000, edges: 'edge' },
    ])
    expect((await palette('wide')).map(({ name }) => name)).toEqual(['car', 'road', 'edge'])
    const row = [...(await labelOf('wide', 'photo-000')).data.subarray(0, 32)]
    expect(row).toEqual([...new Array(15).fill(1), 2, 2, ...new Array(15).fill(0)])
  })

  test('without table or map each id is a class, up to 255 of them', async () => {
    await runs('bare', [source, resize, { stage: 'classes' }])
    expect((await palette('bare')).map(({ name }) => name)).toEqual(['class 7', 'class 26'])
    await put('many/photo-000.png', png(Uint16Array.from({ length: 128 * 64 }, (_, i) => i)))
    const from = { ...source, photos: 'photos/photo-000.jpg', labels: 'many' }
    expect(await fails('many', [from, resize, { stage: 'classes' }])).toBe('CLASS_UNKNOWN')
  })

  test('another shape, colours, damage: that pair is left out with its reason; another scale is fine', async () => {
    await put('odd/photo-000.png', png(halves(7, 26, 64, 64), 64, 64))
    await put('odd/photo-001.png', png(halves(7, 26, 64, 32), 64, 32))
    await put('odd/photo-002.png', await sharp(at('photos/photo-002.jpg')).png().toBuffer())
    const stdout = await runs('odd', [{ ...source, labels: 'odd' }, resize, classes], '--json')
    expect(stdout).toContain('"SIZES_DIFFER"')
    expect(stdout).toContain('"LABELS_NOT_IDS"')
    const [first] = readdirSync(at('runs/odd/labels')).filter(file => file.startsWith('photo'))
    expect(first).toBe('photo-001.png')
  })

  test('labels of another size than the photo need a resize step', async () => {
    await put('small/photo-000.png', png(halves(7, 26, 64, 32), 64, 32))
    const from = { ...source, photos: 'photos/photo-000.jpg', labels: 'small' }
    const { code, stderr } = await run('no-resize', [from, classes])
    expect(code).toBe(3)
    expect(stderr).toContain('SIZES_DIFFER')
  })

  test('a step that needs labels says so before anything runs', async () => {
    const photos = { stage: 'glob', patterns: ['photos/*.jpg'] }
    expect(await fails('no-labels', [photos, classes])).toBe('STAGE_INPUT_MISSING')
    expect(await fails('no-drawing', [source, { stage: 'kmeans', of: 'drawing' }])).toBe('STAGE_INPUT_MISSING')
  })
})

describe('contain', () => {
  test('bars have the label 255, which a class for the unknown takes in', async () => {
    const contain = { ...resize, fit: 'contain' }
    expect(await fails('bars-unknown', [source, contain, { stage: 'classes', table }])).toBe('CLASS_UNKNOWN')
    await runs('bars', [source, contain, { stage: 'classes', table, unknown: 'void' }])
    const { data } = await labelOf('bars', 'photo-000')
    expect([data[0], data[16 * 32], data[16 * 32 + 31], data.at(-1)]).toEqual([2, 0, 1, 2])
  })

  test('after the classes are numbered, bars need one of them', async () => {
    const steps = (bar_label: number) => [
      source,
      { stage: 'classes', table },
      { ...resize, fit: 'contain', bar_label },
      { stage: 'pack' },
    ]
    expect(await fails('bars-late', steps(255))).toBe('OPTION_OUT_OF_RANGE')
    await runs('bars-late', steps(0))
  })
})

describe('EXIF orientation', () => {
  // Four corners differ, so that no turn or mirror is its own.
  const ids = Uint8Array.from({ length: 64 * 32 }, (_, i) => 1 + (i % 64 < 32 ? 0 : 1) + (i < 32 * 32 ? 0 : 2))
  const colours = [1, 2, 3, 4, 5].map(n => [n * 50, 255 - n * 40, n * 20] as const)
  const steps = (labels: string, more: object = {}) => [
    { stage: 'folders', photos: 'turned', labels },
    { ...resize, ...more },
    { stage: 'classes', table: ['none', 'a', 'b', 'c', 'd'] },
    { stage: 'export', layout: 'folders', format: 'png' },
  ]

  test('labels beside the stored pixels turn with the photo, upright ones stay', async () => {
    const drawn = sharp(encodeIndexedPng(ids, 64, 32, colours))
    const photo = await drawn.clone().withMetadata({ orientation: 6 }).png({ palette: false }).toBuffer()
    await put('turned/a.png', photo)
    await put('as-stored/a.png', encodeIndexedPng(ids, 64, 32, colours))
    const { data } = await sharp(photo).autoOrient().raw().toBuffer({ resolveWithObject: true })
    const upright = Uint8Array.from({ length: data.length / 3 }, (_, i) =>
      colours.findIndex(([r]) => Math.abs(r - data[3 * i]!) < 9),
    )
    await put('as-seen/a.png', encodeIndexedPng(upright, 32, 64, colours))
    await runs('as-stored', steps('as-stored'))
    await runs('as-seen', steps('as-seen'))
    const [stored, seen] = [await labelOf('as-stored', 'a'), await labelOf('as-seen', 'a')]
    expect(stored.data).toEqual(seen.data)
    expect([stored.data[0], stored.data[31], stored.data[31 * 32], stored.data[32 * 32 - 1]]).toEqual([3, 1, 4, 2])
    expect(await run('as-told', steps('as-seen', { label_orientation: 'stored' }))).toMatchObject({ code: 3 })
  })
})

describe('pairs in one image', () => {
  const fixtures = { stage: 'pairs', patterns: [join(repoRoot, 'fixtures/pairs/*.jpg')] }
  const classesFile = join(repoRoot, 'fixtures/classes.json')

  test('the drawn half of a JPEG becomes the classes of a table: nearly all as they were drawn', async () => {
    const size = { width: 512, height: 256 }
    const by = (unknown: string) => [
      fixtures,
      { stage: 'resize', size },
      { stage: 'classes', table: classesFile, unknown },
      { stage: 'split', test: 2 },
      { stage: 'pack' },
    ]
    expect(await fails('pairs-strict', by('fail'))).toBe('CLASS_UNKNOWN')
    await runs('pairs', by('nearest'))
    const found = (await labelOf('pairs', 'street-01')).data
    const { drawScene } = await import('../../fixtures/make.js')
    const { labels } = await drawScene(0, size)
    const same = found.filter((id, i) => id === labels.data[i]).length
    expect(same / found.length).toBeGreaterThan(0.96)
  })

  test('B|A is A|B mirrored; kmeans of the drawing finds the classes when no table is known', async () => {
    const pair = await readFile(join(repoRoot, 'fixtures/pairs/street-01.jpg'))
    const half = (left: number) => sharp(pair).extract({ left, top: 0, width: 512, height: 256 }).png().toBuffer()
    const [photo, drawing] = [await half(0), await half(512)]
    const join2 = (left: Buffer, right: Buffer) =>
      sharp({ create: { width: 1024, height: 256, channels: 3, background: 'black' } })
        .composite([
          { input: left, left: 0, top: 0 },
          { input: right, left: 512, top: 0 },
        ])
        .png()
        .toBuffer()
    await put('ab/1.png', await join2(photo, drawing))
    await put('ba/1.png', await join2(drawing, photo))
    const steps = (folder: string, layout: string) => [
      { stage: 'pairs', patterns: [`${folder}/*.png`], layout },
      { stage: 'resize', size: 64 },
      { stage: 'kmeans', of: 'drawing', clusters: 6 },
      { stage: 'export', layout: 'folders', format: 'png' },
    ]
    await runs('ab', steps('ab', 'photo-label'))
    await runs('ba', steps('ba', 'label-photo'))
    const [ab, ba] = [await readTree(at('runs/ab/export')), await readTree(at('runs/ba/export'))]
    expect([...ba]).toEqual([...ab])
    const { label, photo: shown } = {
      label: await sharp(ab.get('train/label/1.png')!).stats(),
      photo: await sharp(ab.get('train/photo/1.png')!).stats(),
    }
    expect(label.entropy).toBeLessThan(shown.entropy)
    expect(await palette('ab')).toHaveLength(6)
  })
})

describe('Cityscapes', () => {
  test('folders of splits: each sample keeps its own, train ids are 0..18 and the rest unlabelled', async () => {
    const photo = await readFile(at('photos/photo-000.jpg'))
    for (const [split, city, ids] of [
      ['train', 'aachen', halves(7, 26)],
      ['val', 'lindau', halves(23, 4)],
      ['test', 'berlin', halves(0, 0)],
    ] as const) {
      await put(`cs/leftImg8bit/${split}/${city}/${city}_000000_000019_leftImg8bit.jpg`, photo)
      const stem = `cs/gtFine/${split}/${city}/${city}_000000_000019_gtFine`
      await put(`${stem}_labelIds.png`, png(ids))
      await put(`${stem}_instanceIds.png`, png(ids.map(id => (id === 26 ? 26_003 : id))))
      await put(`${stem}_color.png`, png(ids))
    }
    const steps = (more: object = {}) => [
      { stage: 'cityscapes', folder: 'cs', ...more },
      resize,
      { stage: 'classes' },
      { stage: 'pack' },
    ]
    await runs('cs', steps())
    const classes = await palette('cs')
    expect(classes.map(({ name }) => name)).toEqual([
      ...'road sidewalk building wall fence pole'.split(' '),
      'traffic light',
      'traffic sign',
      ...'vegetation terrain sky person rider car truck bus train motorcycle bicycle unlabelled'.split(' '),
    ])
    const { index } = await openDataset(at('runs/cs/dataset'))
    expect(index.rows).toMatchObject({ train: 1, val: 1, test: 0 })
    const train = (await labelOf('cs', 'train/aachen/aachen_000000_000019')).data
    expect([train[0], train[31]]).toEqual([0, 13])
    const val = (await labelOf('cs', 'val/lindau/lindau_000000_000019')).data
    expect([val[0], val[31]]).toEqual([10, 19])
    await runs('cs-edges', steps({ edges: true, ids: 'all', splits: ['train'] }))
    expect((await palette('cs-edges')).at(-1)).toMatchObject({ name: 'boundary', share: 2 / 32 })
  })

  const real = sharedData('cityscapes')
  test.skipIf(!real)('the real files, photos and labels in one folder (skipped without ../shared)', async () => {
    const cityscapes = { stage: 'cityscapes', folder: real, edges: true }
    await runs('cs-real', [cityscapes, { stage: 'resize', size: { width: 256, height: 128 } }, { stage: 'classes' }])
    const classes = await palette('cs-real')
    const share = (name: string) => classes.find(cluster => cluster.name === name)!.share
    expect(share('road')).toBeGreaterThan(0.2)
    expect(share('sky')).toBeGreaterThan(0.02)
    expect(share('boundary')).toBeGreaterThan(0.02)
  })
})

describe('pipelines', () => {
  const names = readdirSync(join(repoRoot, 'pipelines')).filter(file => file.endsWith('.yaml'))
  test.each(names)('prep plan pipelines/%s', async name => {
    const { code, stdout } = await prep(['plan', '--json', `pipelines/${name}`])
    expect(code).toBe(0)
    expect(JSON.parse(stdout).photos.count).toBeGreaterThan(0)
  })

  const data = (['maps', 'camvid'] as const).map(name => ({ name, folder: sharedData(name) }))
  test.each(data.filter(({ folder }) => folder))(
    'the pipeline $name prepares the real data',
    async ({ name, folder }) => {
      const output = at(`real-${name}`)
      const args = ['run', `pipelines/${name}.yaml`, '--until', 'pack', '--set', `output=${output}`]
      const { code } = await prep(args, { env: { MAPS: folder!, CAMVID: folder! } })
      expect(code).toBe(0)
      const { index } = await openDataset(join(output, 'dataset'))
      expect(index.rows.train + index.rows.test).toBeGreaterThan(40)
      expect(index.size).toEqual({ width: 256, height: 256 })
      expect(parsePalette(await readFile(join(output, 'labels/palette.json'), 'utf8'), name).clusters).toHaveLength(12)
    },
  )
})
