import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decode as decodePng } from 'fast-png'
import { beforeAll, expect, test } from 'vitest'
import type { Palette } from '../../src/labels/palette.js'
import { parseEvents, prep, readTree, temporaryFolder, writePhotos } from '../helpers.js'

const cwd = temporaryFolder()
const labels = join(cwd, 'runs/p/labels')

interface Event {
  readonly type: string
  readonly stage?: string
  readonly reason?: string
  readonly label?: string
  readonly message?: string
  readonly done?: number
  readonly cached?: number
}

async function run(...args: string[]): Promise<Event[]> {
  const { code, stdout, stderr } = await prep(['run', 'p.yaml', '--json', ...args], { cwd })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return parseEvents<Event>(stdout)
}
const edit = async (...args: string[]) => expect((await prep(['palette', ...args], { cwd })).code).toBe(0)
const refused = async (...args: string[]) => {
  const { code, stderr } = await prep(['palette', ...args], { cwd })
  return [code, stderr.split('\n')[0]]
}
const reasonOf = (events: readonly Event[]) =>
  events.find(({ type, stage }) => type === 'step-start' && stage === 'kmeans')?.reason
const labelled = (events: readonly Event[]) => events.filter(({ label }) => label === 'label').at(-1)
const notes = (events: readonly Event[]) => events.flatMap(({ type, message }) => (type === 'note' ? [message] : []))
const readPalette = async (folder = labels) =>
  JSON.parse(await readFile(join(folder, 'palette.json'), 'utf8')) as Palette
/** Of a map of up to 16 classes: two pixels a byte. */
const idsOf = async (photo: string) => {
  const { data, depth } = decodePng(await readFile(join(labels, `${photo}.png`)))
  expect(depth).toBe(4)
  return new Set([...data].flatMap(byte => [byte >> 4, byte & 15]))
}

beforeAll(async () => {
  await writePhotos(join(cwd, 'photos'), 10)
  const steps = [
    { stage: 'glob', patterns: ['photos/*.jpg'] },
    { stage: 'resize', size: 32 },
    // not made coherent: a merge would change which pixels are few among their neighbours
    { stage: 'kmeans', clusters: 5, refit: 'drift', majority: 0, min_region: 0 },
    { stage: 'split' },
    { stage: 'pack' },
  ]
  await writeFile(join(cwd, 'p.yaml'), JSON.stringify({ name: 'p', steps }))
  await run()
})

test('names and colours reach the palette and the maps, and label nothing again', async () => {
  const before = await readPalette()
  await edit('name', 'runs/p', '3=road', '1=sky')
  await edit('colour', 'runs/p', 'road=#804080')
  expect((await prep(['palette', 'show', 'runs/p'], { cwd })).stdout).toMatch(/road.*#804080[\s\S]*edited since/)
  expect((await prep(['plan', 'p.yaml'], { cwd })).stdout).toContain('palette-edits.json changed')
  const events = await run()
  expect(reasonOf(events)).toBe('labels/palette-edits.json changed')
  expect(labelled(events)).toMatchObject({ done: 10, cached: 10 })
  expect((await readPalette()).clusters).toEqual(
    before.clusters.map(cluster => ({
      ...cluster,
      ...(cluster.id === 1 && { name: 'sky' }),
      ...(cluster.id === 3 && { name: 'road', display: '#804080' }),
    })),
  )
  const { palette } = decodePng(await readFile(join(labels, 'photo-000.png')))
  expect(palette?.[3]).toEqual([128, 64, 128])
  expect(reasonOf(await run())).toBe('unchanged')
})

test('a merge labels again with the id that stays, and can be taken back', async () => {
  const photos = Array.from({ length: 10 }, (_, n) => `photo-00${n}`)
  const all = await Promise.all(photos.map(idsOf))
  const photo = photos[all.findIndex(ids => ids.has(2))]!
  const before = await readFile(join(labels, `${photo}.png`))
  const ids = await idsOf(photo)
  expect(ids).toContain(2)
  await edit('merge', 'runs/p', '2', '0', '--into', 'road')
  expect(labelled(await run())).toMatchObject({ done: 10, cached: 0 })
  expect(await idsOf(photo)).toEqual(new Set([...ids, 3].filter(id => id !== 2 && id !== 0)))
  expect((await readPalette()).clusters.map(({ into }) => into)).toEqual([3, undefined, 3, undefined, undefined])
  await edit('unmerge', 'runs/p', '2', '0')
  expect(labelled(await run())).toMatchObject({ cached: 10 })
  expect(await readFile(join(labels, `${photo}.png`))).toEqual(before)
})

test('what does not fit is refused, and nothing is written', async () => {
  const before = await readFile(join(labels, 'palette-edits.json'))
  const bad = [2, 'PALETTE_EDIT_INVALID']
  expect(await refused('name', 'runs/p', '9=tree')).toEqual(bad)
  expect(await refused('name', 'runs/p', '2=Road')).toEqual(bad)
  expect(await refused('merge', 'runs/p', '3', '--into', 'road')).toEqual(bad)
  expect(await refused('name', 'runs/p', 'tree')).toEqual([2, 'USAGE'])
  expect(await refused('name', 'photos', '3=tree')).toEqual([2, 'FILE_MISSING'])
  expect(await refused('show', 'p.yaml')).toEqual([2, 'PALETTE_INVALID'])
  expect(await readFile(join(labels, 'palette-edits.json'))).toEqual(before)
})

test('photos that are added keep the palette while it fits, and are told why', async () => {
  const before = await readFile(join(labels, 'palette.json'))
  await writePhotos(join(cwd, 'photos'), 11)
  const events = await run('--set', 'steps.kmeans.drift_limit=1')
  expect(await readFile(join(labels, 'palette.json'))).toEqual(before)
  expect(labelled(events)).toMatchObject({ done: 11, cached: 10 })
  expect(notes(events).join('\n')).toMatch(/palette kept: error \S+%, shares moved/)
  await run('--set', 'steps.kmeans.refit=never')
  expect(await readFile(join(labels, 'palette.json'))).toEqual(before)
})

test('a new fit keeps ids and names; with refit: always it depends on photos and edits alone', async () => {
  const before = await readPalette()
  const events = await run('--set', 'steps.kmeans.drift_limit=0')
  expect(notes(events).join('\n')).toContain('palette fitted again')
  const { clusters, fit } = await readPalette()
  expect(fit?.photos).toBe(11)
  expect(clusters.map(({ name }) => name)).toEqual(before.clusters.map(({ name }) => name))
  expect(clusters[3]!.display).toBe('#804080')

  await run('--set', 'steps.kmeans.refit=always')
  const again = await readTree(labels)
  await cp(labels, join(cwd, 'runs/other/labels'), { recursive: true })
  await rm(join(cwd, 'runs/p'), { recursive: true })
  await run('--set', 'steps.kmeans.refit=always', '--until', 'glob')
  await cp(join(cwd, 'runs/other/labels/palette-edits.json'), join(labels, 'palette-edits.json'))
  await run('--set', 'steps.kmeans.refit=always', '--jobs', '1')
  expect(await readTree(labels)).toEqual(again)
})

test('names in the pipeline, and clusters: auto', async () => {
  const set = ['--set', 'output=runs/auto', '--set', 'steps.kmeans.names.1=tree']
  await run(...set)
  expect((await readPalette(join(cwd, 'runs/auto/labels'))).clusters[1]?.name).toBe('tree')
  expect(notes(await run(...set, '--set', 'steps.kmeans.clusters=auto')).join('\n')).toMatch(/auto takes \d+/)
  const wrong = await prep(['validate', 'p.yaml'], { cwd })
  expect(wrong.code).toBe(0)
  const beyond = await prep(['run', 'p.yaml', '--set', 'steps.kmeans.names.5=tree'], { cwd })
  expect([beyond.code, beyond.stderr.includes('OPTION_OUT_OF_RANGE')]).toEqual([2, true])
})

test('a palette.json changed by hand is kept before it is written again', async () => {
  const path = join(labels, 'palette.json')
  const changed = (await readFile(path, 'utf8')).replace('"road"', '"street"')
  await writeFile(path, changed)
  const { code, stderr } = await prep(['run', 'p.yaml'], { cwd })
  expect(code).toBe(0)
  expect(stderr).toContain('palette-by-hand.json')
  expect(await readFile(join(labels, 'palette-by-hand.json'), 'utf8')).toBe(changed)
})
