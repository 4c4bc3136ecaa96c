import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { openDataset } from '../../src/formats/dataset/read.js'
import { decodeLabelIds } from '../../src/images/label-ids.js'
import { prep, readTree, repoRoot, temporaryFolder, writeBars, writePhotos } from '../helpers.js'

const cwd = temporaryFolder()
const RED = '#c02020'
const GREEN = '#20a040'
const BLUE = '#2040c0'
const GREY = '#808080'

async function run(name: string, steps: readonly object[], ...args: string[]): Promise<string> {
  await writeFile(join(cwd, `${name}.yaml`), JSON.stringify({ name, steps }))
  const { code, stdout, stderr } = await prep(['run', `${name}.yaml`, ...args], { cwd })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}
const raw = async (path: string) => sharp(join(cwd, path)).removeAlpha().raw().toBuffer({ resolveWithObject: true })
const pixel = ({ data, info }: Awaited<ReturnType<typeof raw>>, x: number, y: number): string =>
  `#${[0, 1, 2].map(c => data[3 * (y * info.width + x) + c]!.toString(16).padStart(2, '0')).join('')}`

const bars = { stage: 'glob', patterns: ['bars/*.png'] }
/** The colours themselves, pixel by pixel: what comes out is known exactly. */
const byColour = { stage: 'kmeans', features: 'colour', majority: 0, min_region: 0 }

beforeAll(async () => {
  await writeBars(join(cwd, 'bars/a.png'), [RED, GREEN, BLUE, GREY])
  await writeBars(join(cwd, 'bars/b.png'), [GREY, BLUE, GREEN, RED])
  await writeBars(join(cwd, 'bars/c.png'), [RED, RED, GREEN, GREEN])
  await writePhotos(join(cwd, 'photos'), 10)
})

describe('label maps', () => {
  test('one palette for all: a colour has the same id in every photo, ids go from dark to light', async () => {
    await run('labels', [bars, { ...byColour, clusters: 4 }])
    const ids = async (name: string) => {
      const { labels, colours } = decodeLabelIds(await readFile(join(cwd, `runs/labels/labels/${name}.png`)))
      return { row: Array.from(labels.data.subarray(0, 16)), colours }
    }
    const [a, b, c] = [await ids('a'), await ids('b'), await ids('c')]
    // OKLab lightness: blue < red < grey < green for these four
    expect(a.row).toEqual([1, 1, 1, 1, 3, 3, 3, 3, 0, 0, 0, 0, 2, 2, 2, 2])
    expect(b.row).toEqual([...a.row].reverse())
    expect(new Set(c.row)).toEqual(new Set([1, 3]))
    expect(a.colours.map(([r]) => r)).toEqual([0x20, 0xc0, 0x80, 0x20])
  })

  test.each([
    ['--set steps.kmeans.engine=ml-kmeans'],
    ['--set steps.kmeans.space=rgb'],
    ['--set steps.kmeans.scope=image'],
  ])('the same four flat colours with %s', async text => {
    const name = `labels-${text.split('=')[1]}`
    await run(
      name,
      [
        { ...bars, ignore: ['**/c.png'] },
        { stage: 'kmeans', clusters: 4 },
      ],
      ...text.split(' '),
    )
    const { labels } = decodeLabelIds(await readFile(join(cwd, `runs/${name}/labels/a.png`)))
    const row = Array.from(labels.data.subarray(0, 16))
    expect(new Set(row).size).toBe(4)
    expect(row.every((id, x) => id === row[x - (x % 4)])).toBe(true)
  })

  test('a saved palette labels other photos alike, and its content counts, not its name', async () => {
    await cp(join(cwd, 'runs/labels/labels/palette.json'), join(cwd, 'saved.json'))
    const steps = [
      { stage: 'glob', patterns: ['bars/c.png'] },
      { stage: 'kmeans', palette: 'saved.json' },
    ]
    await run('reuse', steps)
    const label = async () => decodeLabelIds(await readFile(join(cwd, 'runs/reuse/labels/c.png'))).labels.data[0]
    expect(await label()).toBe(1)
    const palette = JSON.parse(await readFile(join(cwd, 'saved.json'), 'utf8')) as { clusters: { id: number }[] }
    for (const [id, cluster] of palette.clusters.reverse().entries()) cluster.id = id
    await writeFile(join(cwd, 'saved.json'), JSON.stringify(palette))
    expect(await run('reuse', steps)).toContain('saved.json changed')
    expect(await label()).toBe(2)
  })

  test('prep label does it in one line', async () => {
    const { code, stdout } = await prep(['label', 'photos/*.jpg', '--clusters', '5', '--out', 'mine/'], { cwd })
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('10 label maps') })
    const files = (await readdir(join(cwd, 'mine'))).filter(file => !file.startsWith('.'))
    expect(files).toEqual(
      expect.arrayContaining(['palette.json', 'contact-sheet.png', 'photo-000.png', 'photo-009.png']),
    )
    const { labels } = decodeLabelIds(await readFile(join(cwd, 'mine/photo-003.png')))
    expect([labels.width, labels.height]).toEqual([128, 64])
  })
})

describe('export', () => {
  const steps = (options: object): object[] => [
    bars,
    { ...byColour, clusters: 4 },
    { stage: 'split', test: 1 },
    { stage: 'export', format: 'png', ...options },
  ]

  test('side by side, in the order asked for, pixel for pixel', async () => {
    await run('pairs', steps({}))
    const tree = [...(await readTree(join(cwd, 'runs/pairs/export'))).keys()]
    expect(tree).toHaveLength(3)
    expect(tree.filter(file => file.startsWith('test/'))).toHaveLength(1)
    const pair = await raw(`runs/pairs/export/${tree.find(file => file.endsWith('a.png'))}`)
    expect([pair.info.width, pair.info.height]).toEqual([32, 16])
    expect([pixel(pair, 16, 0), pixel(pair, 20, 8), pixel(pair, 31, 15)]).toEqual([RED, GREEN, GREY])
    expect(pixel(pair, 0, 0)).toBe(RED)
  })

  test('beside and in folders; files that are gone or half-written disappear', async () => {
    await run('beside', steps({ layout: 'beside' }))
    expect(
      [...(await readTree(join(cwd, 'runs/beside/export'))).keys()].map(file => file.split('/')[1]).sort(),
    ).toEqual(['a.png', 'a_label.png', 'b.png', 'b_label.png', 'c.png', 'c_label.png'])
    await writeFile(join(cwd, 'runs/beside/export/train/a.png.4711-1-1.tmp'), 'half written by a killed run')
    await run('beside', steps({ layout: 'folders' }))
    const files = [...(await readTree(join(cwd, 'runs/beside/export'))).keys()]
    expect(files).toHaveLength(6)
    expect(files.every(file => /^(train|test)\/(photo|label)\/[abc]\.png$/.test(file))).toBe(true)
  })
})

describe('pack', () => {
  const steps = (pattern: string, options: object): object[] => [
    { stage: 'glob', patterns: [pattern] },
    { stage: 'resize', size: 32 },
    { stage: 'kmeans', palette: 'fixed.json' },
    { stage: 'pack', rows_per_shard: 4, ...options },
  ]

  test('append adds shards as a new generation and leaves the others untouched', async () => {
    await prep(['label', 'photos/*.jpg', '--clusters', '4', '--out', 'four'], { cwd })
    await cp(join(cwd, 'four/palette.json'), join(cwd, 'fixed.json'))
    await run('grow', steps('photos/photo-00[0-5].jpg', { append: true }))
    const before = await readTree(join(cwd, 'runs/grow/dataset'))
    await run('grow', steps('photos/photo-00*.jpg', { append: true }))
    const after = await readTree(join(cwd, 'runs/grow/dataset'))
    for (const [name, bytes] of before) if (name.endsWith('.safetensors')) expect(after.get(name)).toEqual(bytes)
    const dataset = await openDataset(join(cwd, 'runs/grow/dataset'))
    expect(dataset.index).toMatchObject({ generation: 2, rows: { train: 10, test: 0 } })
    await dataset.close()
    expect(await prep(['verify', 'runs/grow'], { cwd })).toMatchObject({ code: 0 })
  })

  test('photos as JPEG: smaller, labels exact', async () => {
    await run('raw', steps('photos/*.jpg', {}))
    await run('jpeg', steps('photos/*.jpg', { photo: 'jpeg' }))
    const [raw, jpeg] = [
      await openDataset(join(cwd, 'runs/raw/dataset')),
      await openDataset(join(cwd, 'runs/jpeg/dataset')),
    ]
    for (let row = 0; row < 10; row++)
      expect((await jpeg.read('train', row)).label).toEqual((await raw.read('train', row)).label)
    expect(jpeg.index.photo).toBe('jpeg')
    await Promise.all([raw.close(), jpeg.close()])
    const sheet = await prep(['inspect', 'runs/jpeg', '--sheet', 'sheet.png'], { cwd })
    expect(sheet).toMatchObject({ code: 0, stdout: expect.stringContaining('10 train, 0 test') })
    expect((await sharp(join(cwd, 'sheet.png')).metadata()).width).toBeGreaterThan(300)
  })
})

test('a stage of the user’s own: the one in docs/architecture.md, edited and run again', async () => {
  const docs = await readFile(join(repoRoot, 'docs/architecture.md'), 'utf8')
  const code = /```js\n(.*?)```/s.exec(docs)![1]!
  const at = (source: string) =>
    source
      .replace("'prep-toolkit'", `'${repoRoot}/dist/index.js'`)
      .replace("'zod'", `'${repoRoot}/node_modules/zod/index.js'`)
  await writeFile(join(cwd, 'grey.mjs'), at(code))
  const steps = [
    bars,
    { stage: './grey.mjs' },
    { stage: 'kmeans', clusters: 3 },
    { stage: 'export', format: 'png', layout: 'folders' },
  ]
  await run('grey', steps)
  const photo = await raw('runs/grey/export/train/photo/a.png')
  const [r, g, b] = [pixel(photo, 0, 0).slice(1, 3), pixel(photo, 0, 0).slice(3, 5), pixel(photo, 0, 0).slice(5)]
  expect([g, b]).toEqual([r, r])
  await writeFile(join(cwd, 'grey.mjs'), at(code.replace('/ 3', '/ 4')))
  expect(await run('grey', steps)).toContain('own file changed')
  await writeFile(join(cwd, 'bad.mjs'), 'export default 3')
  await writeFile(
    join(cwd, 'bad.yaml'),
    JSON.stringify({ steps: [bars, { stage: './bad.mjs' }, { stage: './none.mjs' }] }),
  )
  const { code: exit, stderr } = await prep(['validate', 'bad.yaml'], { cwd })
  expect([exit, stderr.match(/STAGE_MODULE/g)?.length]).toEqual([2, 2])
})
