import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, expect, test } from 'vitest'
import { encodeIndexedPng, encodePng } from '../../src/images/png.js'
import { prep, readTree, temporaryFolder, writePhotos } from '../helpers.js'
import { runTiny, writeTiny } from '../trainer/tiny.js'

const cwd = temporaryFolder()
const COLOURS = [
  [30, 40, 60],
  [90, 160, 80],
  [220, 210, 190],
] as const
const ids = (width: number, height: number) =>
  Uint8Array.from({ length: width * height }, (_, i) => (i % width < 5 ? 0 : i < (width * height) / 2 ? 1 : 2))
const drawn = (width: number, height: number) => Uint8Array.from([...ids(width, height)].flatMap(id => COLOURS[id]!))
let run: string
const generate = (...args: string[]) => prep(['generate', run, ...args], { cwd })
const pixels = async (file: string) => (await sharp(join(cwd, file)).raw().toBuffer()).toString('hex')

beforeAll(async () => {
  const options = { engine: 'onnx-cpu', epochs: 1, width: 8, downs: 3, keep_last: 2 } as const
  run = (await runTiny({ dataset: await writeTiny({ fitted: true }), options })).output
  await mkdir(join(cwd, 'in'))
  await writeFile(join(cwd, 'in/ids.png'), encodeIndexedPng(ids(16, 16), 16, 16, COLOURS))
  const size = { width: 16, height: 16 }
  await writeFile(join(cwd, 'in/grey.png'), await encodePng({ data: ids(16, 16), ...size, channels: 1 }))
  await writeFile(join(cwd, 'in/colours.png'), await encodePng({ data: drawn(16, 16), ...size, channels: 3 }))
  await writeFile(join(cwd, 'in/wide.png'), encodeIndexedPng(ids(27, 13), 27, 13, COLOURS))
})

test('ids, grey ids and display colours of one map give one photo, other sizes keep theirs, photos get that of the net', async () => {
  const [photo] = await writePhotos(join(cwd, 'photos'), 1)
  const { code, stdout, stderr } = await generate('in/*.png', photo!, '--out', 'mixed', '--sheet', '--json')
  expect(code, stderr).toBe(0)
  for (const { output } of stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))) {
    const { width, height } = await sharp(join(cwd, output)).metadata()
    expect([width, height], output).toEqual(output.endsWith('wide.png') ? [27, 13] : [16, 16])
  }
  const files = await readTree(join(cwd, 'mixed'))
  const named = [...files.keys()].map(name => name.split('/').at(-1))
  expect(named.sort()).toEqual(
    ['colours.png', 'generated.json', 'grey.png', 'ids.png', 'photo-000.png', 'sheet.png', 'wide.png'].sort(),
  )
}, 120_000)

test('the same inputs give the same bytes; a second run makes only what is missing or changed', async () => {
  expect((await generate('in/*.png', '--out', 'a')).code).toBe(0)
  const before = await readTree(join(cwd, 'a'))
  expect(await pixels('a/ids.png')).toBe(await pixels('a/colours.png'))
  expect(await pixels('a/ids.png')).toBe(await pixels('a/grey.png'))
  expect(await sharp(join(cwd, 'a/wide.png')).metadata()).toMatchObject({ width: 27, height: 13 })
  await rm(join(cwd, 'a/grey.png'))
  const again = await generate('in/*.png', '--out', 'a')
  expect(again.stdout).toMatch(/^1 photos made, 3 kept/)
  expect(await readTree(join(cwd, 'a'))).toEqual(before)
  expect((await generate('in/*.png', '--out', 'b')).code).toBe(0)
  expect(await readTree(join(cwd, 'b'))).toEqual(before)
}, 120_000)

test('--resize gives the size of the net', async () => {
  expect((await generate('in/wide.png', '--out', 'resized', '--resize')).code).toBe(0)
  expect(await sharp(join(cwd, 'resized/wide.png')).metadata()).toMatchObject({ width: 16, height: 16 })
})

test('bad inputs are counted by code, the rest is done; files of others stay', async () => {
  await mkdir(join(cwd, 'bad'))
  const size = { width: 16, height: 16 }
  await writeFile(join(cwd, 'bad/good.png'), encodeIndexedPng(ids(16, 16), 16, 16, COLOURS))
  const off = drawn(16, 16)
  off[0] = 31
  await writeFile(join(cwd, 'bad/off.png'), await encodePng({ data: off, ...size, channels: 3 }))
  await writeFile(join(cwd, 'bad/high.png'), await encodePng({ data: ids(16, 16).fill(9, 0, 3), ...size, channels: 1 }))
  await writeFile(join(cwd, 'bad/text.png'), 'no image')
  await mkdir(join(cwd, 'c'))
  await writeFile(join(cwd, 'c/high.png'), 'mine')
  const { code, stderr } = await generate('bad/*.png', '--out', 'c')
  expect(code).toBe(3)
  expect(stderr).toMatch(/3 of 4 inputs failed/)
  expect(stderr).toMatch(/#1f283c; nearest is #1e283c/)
  expect(stderr).toMatch(/1 CLASS_UNKNOWN/)
  expect(stderr).toMatch(/1 NOT_AN_IMAGE/)
  expect(stderr).toMatch(/1 OUTPUT_FOREIGN/)
  expect(await readFile(join(cwd, 'c/high.png'), 'utf8')).toBe('mine')
  expect([...(await readTree(join(cwd, 'c'))).keys()]).toContain('good.png')
})

test('after a kill what was made is known, and what was being written is made again', async () => {
  expect((await generate('in/*.png', '--out', 'whole')).code).toBe(0)
  const whole = await readTree(join(cwd, 'whole'))
  const record = JSON.parse(String(whole.get('generated.json')))
  await rm(join(cwd, 'whole/generated.json'))
  await rm(join(cwd, 'whole/wide.png'))
  const lines = [
    ['grey.png', ''],
    ['grey.png', record['grey.png']],
    ['colours.png', record['colours.png']],
    ['ids.png', ''],
  ]
  await writeFile(join(cwd, 'whole/.generated.jsonl'), `${lines.map(line => JSON.stringify(line)).join('\n')}\n["wid`)
  const again = await generate('in/*.png', '--out', 'whole')
  expect(again.stdout).toMatch(/^2 photos made, 2 kept/)
  expect(await readTree(join(cwd, 'whole'))).toEqual(whole)
})

test('--noise paints with dropout: its seed decides; --force replaces what is not ours', async () => {
  const dataset = await writeTiny({ height: 64, width: 64 })
  const deep = (await runTiny({ dataset, options: { engine: 'onnx-cpu', epochs: 1, downs: 6 } })).output
  const generate = (...args: string[]) => prep(['generate', deep, ...args], { cwd })
  for (const [out, seed] of [
    ['n7', '7'],
    ['n7again', '7'],
    ['n8', '8'],
  ] as const)
    expect((await generate('in/ids.png', '--out', out, '--noise', seed)).code).toBe(0)
  expect(await readFile(join(cwd, 'n7again/ids.png'))).toEqual(await readFile(join(cwd, 'n7/ids.png')))
  expect(await pixels('n8/ids.png')).not.toBe(await pixels('n7/ids.png'))
  await writeFile(join(cwd, 'n8/wide.png'), 'mine')
  expect((await generate('in/wide.png', '--out', 'n8')).code).toBe(3)
  expect((await generate('in/wide.png', '--out', 'n8', '--force')).code).toBe(0)
  expect(await sharp(join(cwd, 'n8/wide.png')).metadata()).toMatchObject({ width: 27, height: 13 })
})

test('a sheet.png of others stops all before anything is painted; our own is made anew', async () => {
  await mkdir(join(cwd, 'foreign'))
  await writeFile(join(cwd, 'foreign/sheet.png'), 'mine')
  const refused = await generate('in/ids.png', '--out', 'foreign', '--sheet')
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/^OUTPUT_FOREIGN$/m)])
  expect([...(await readTree(join(cwd, 'foreign'))).keys()]).toEqual(['sheet.png'])
  expect((await generate('in/ids.png', '--out', 'foreign', '--sheet', '--force')).code).toBe(0)
  expect((await generate('in/*.png', '--out', 'foreign', '--sheet')).code).toBe(0)
  expect((await sharp(join(cwd, 'foreign/sheet.png')).metadata()).format).toBe('png')
})

test('what would be written over an input, or twice, is refused, --force or not', async () => {
  await mkdir(join(cwd, 'own'))
  for (const name of ['a.png', 'x.png', 'x.gif', 'x.png.png'])
    await copyFile(join(cwd, 'in/ids.png'), join(cwd, 'own', name))
  const before = await readTree(join(cwd, 'own'))
  for (const args of [
    ['own/a.png', '--out', 'own', '--force'],
    ['own/x*', '--out', 'twice'],
  ]) {
    const { code, stderr } = await generate(...args)
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^USAGE$/m)])
  }
  expect((await generate('own/x*', '--out', 'twice')).stderr).toMatch(/own\/x\.png and own\/x\.png\.png/)
  expect(await readTree(join(cwd, 'own'))).toEqual(before)
})

test('a file named with the characters of patterns is taken; a folder above the inputs leaves out what it was given', async () => {
  const above = join(cwd, 'above')
  await mkdir(join(above, 'maps'), { recursive: true })
  for (const name of ['a[1].png', 'b.png']) await copyFile(join(cwd, 'in/ids.png'), join(above, 'maps', name))
  const inside = (...args: string[]) => prep(['generate', run, ...args], { cwd: above })
  const named = await inside('maps/a[1].png', './maps/a[1].png', '--out', 'one')
  expect([named.code, named.stdout]).toEqual([0, expect.stringMatching(/^1 photos made/)])
  expect((await inside('maps/*.png', '--out', '.')).stdout).toMatch(/^2 photos made/)
  expect((await inside('*.png', '--out', '.')).stderr).toMatch(/^NO_MATCHES$/m)
  expect((await inside('maps/*.png', '*.png', '--out', '.')).stdout).toMatch(/^0 photos made, 2 kept/)
})
