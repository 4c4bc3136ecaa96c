import { appendFile, readdir, readFile, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { parseEvents, prep, temporaryFolder, writePhotos } from '../helpers.js'

const cwd = temporaryFolder()
const steps = [
  { stage: 'glob', patterns: ['photos/*.jpg'] },
  { stage: 'resize', size: 32 },
  { stage: 'kmeans', clusters: 4 },
  { stage: 'split' },
  { stage: 'pack' },
]

type Event = {
  type: string
  stage?: string
  status?: string
  reason?: string
  label?: string
  done?: number
  total?: number
  cached?: number
}

async function run(...args: string[]): Promise<Event[]> {
  const { code, stdout, stderr } = await prep(['run', 'p.yaml', '--json', ...args], { cwd })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return parseEvents<Event>(stdout)
}

const statuses = (events: readonly Event[]): Record<string, string> =>
  Object.fromEntries(events.flatMap(({ type, stage, status }) => (type === 'step-end' ? [[stage!, status!]] : [])))
const reasons = (events: readonly Event[]): Record<string, string> =>
  Object.fromEntries(events.flatMap(({ type, stage, reason }) => (type === 'step-start' ? [[stage!, reason!]] : [])))
const UNCHANGED = { glob: 'unchanged', resize: 'unchanged', kmeans: 'unchanged', split: 'unchanged', pack: 'unchanged' }

let first: Event[]
beforeAll(async () => {
  await writePhotos(join(cwd, 'photos'), 10)
  await writeFile(join(cwd, 'p.yaml'), JSON.stringify({ name: 'p', steps }))
  first = await run()
})

test('photos are measured while the photo is resized, and maps drawn while it is labelled', () => {
  const last = (label: string) => first.filter(event => event.label === label).at(-1)
  expect(last('measure photos')).toMatchObject({ done: 10, total: 10, cached: 10 })
  expect(last('label')).toMatchObject({ done: 10, cached: 0 })
  expect(last('write labels')).toMatchObject({ done: 2, total: 2 }) // contact sheet, quality sheet
})

test('nothing changed: nothing done, no file touched, and it says so', async () => {
  const before = await stat(join(cwd, 'runs/p/dataset/index.json'))
  const events = await run()
  expect(statuses(events)).toEqual(UNCHANGED)
  expect(events.at(-1)).toMatchObject({ type: 'run-end', status: 'unchanged' })
  expect((await stat(join(cwd, 'runs/p/dataset/index.json'))).mtimeMs).toBe(before.mtimeMs)
})

test('a changed option redoes what depends on it, and why says so', async () => {
  const events = await run('--set', 'steps.kmeans.clusters=5')
  expect(statuses(events)).toEqual({ ...UNCHANGED, kmeans: 'done', split: 'done', pack: 'done' })
  expect(reasons(events).kmeans).toBe('option clusters: 4 -> 5')
  const { stdout } = await prep(['why'], { cwd })
  expect(stdout).toContain('option clusters: 4 -> 5')
  const sample = await prep(['why', 'photo-003'], { cwd })
  expect(sample).toMatchObject({ code: 0 })
  expect(sample.stdout).toMatch(/data set: (train|test) row \d+/)
  await run()
})

test('one photo added: one photo decoded', async () => {
  await writePhotos(join(cwd, 'photos'), 11)
  const events = await run()
  const resize = events.filter(({ type, label }) => type === 'progress' && label === 'resize').at(-1)
  expect(resize).toMatchObject({ done: 11, total: 11, cached: 10 })
  expect(reasons(events).resize).toBe('photos: 1 added')
})

test('results that are gone are made again', async () => {
  await rm(join(cwd, 'runs/p/dataset/train/shard-00000.safetensors'))
  await unlink(join(cwd, 'runs/p/labels/photo-002.png'))
  const events = await run()
  expect(statuses(events)).toMatchObject({ resize: 'unchanged', kmeans: 'done', pack: 'done' })
  expect(await prep(['verify', 'runs/p'], { cwd })).toMatchObject({ code: 0 })
})

test('a flipped bit is found by verify, and --from pack mends it', async () => {
  const shard = join(cwd, 'runs/p/dataset/train/shard-00000.safetensors')
  const bytes = await readFile(shard)
  bytes[bytes.length - 100]! ^= 4
  await writeFile(shard, bytes)
  const found = await prep(['verify', 'runs/p'], { cwd })
  expect(found.code).toBe(2)
  expect(found.stdout).toContain('shard-00000')
  await run('--from', 'pack')
  expect(await prep(['verify', 'runs/p'], { cwd })).toMatchObject({ code: 0 })
})

test('a damaged intermediate result is made again without a word of the user', async () => {
  const record = JSON.parse(await readFile(join(cwd, 'runs/p/.cache/steps/01-resize.json'), 'utf8')) as {
    result: { samples: { photo: { key: string } }[] }
  }
  const { key } = record.result.samples[0]!.photo
  await writeFile(join(cwd, 'runs/p/.cache/entries', key.slice(0, 2), key), 'torn')
  const events = await run('--set', 'steps.kmeans.clusters=6')
  expect(events.some(({ type }) => type === 'warning')).toBe(true)
  expect(events.at(-1)).toMatchObject({ type: 'run-end', status: 'done' })
})

test('the cache may be deleted at any time', async () => {
  await rm(join(cwd, 'runs/p/.cache'), { recursive: true })
  const before = await readFile(join(cwd, 'runs/p/dataset/index.json'))
  await run('--set', 'steps.kmeans.clusters=6')
  expect(await readFile(join(cwd, 'runs/p/dataset/index.json'))).toEqual(before)
})

test('--until stops early, --from makes anew', async () => {
  expect(Object.keys(statuses(await run('--until', 'kmeans')))).toEqual(['glob', 'resize', 'kmeans'])
  expect(reasons(await run('--from', 'split')).split).toBe('asked by --from')
})

test('the log has a line per event and the report the counts', async () => {
  await appendFile(join(cwd, 'photos/broken.jpg'), 'this is text')
  await run()
  const report = JSON.parse(await readFile(join(cwd, 'runs/p/report.json'), 'utf8'))
  expect(report).toMatchObject({ samples: 11, skipped: { count: 1, byCode: { NOT_AN_IMAGE: 1 } } })
  const log = (await readFile(join(cwd, 'runs/p/run.jsonl'), 'utf8')).trim().split('\n')
  expect(log.map(line => JSON.parse(line) as Event).some(({ type }) => type === 'skip')).toBe(true)
})

test('the report tells how the last run ended, whatever an earlier one gave', async () => {
  const report = async () => JSON.parse(await readFile(join(cwd, 'runs/p/report.json'), 'utf8'))
  const flags = ['run', 'p.yaml', '--set', 'max_failures=0']
  expect(await prep(flags, { cwd })).toMatchObject({ code: 3 })
  const failed = { status: 'failed', error: { code: 'TOO_MANY_FAILURES' }, skipped: { count: 1 } }
  expect(await report()).toMatchObject(failed)
  await run()
  expect(await report()).toMatchObject({ status: 'done', samples: 11, skipped: { count: 1 } })
})

test('a photo that goes bad is skipped once, and its map goes with it', async () => {
  const args = ['label', 'mine/*.jpg', '--clusters', '4', '--out', 'mapped']
  await writePhotos(join(cwd, 'mine'), 20)
  const path = join(cwd, 'mine', (await readdir(join(cwd, 'mine')))[0]!)
  const map = join(cwd, 'mapped', `${basename(path, '.jpg')}.png`)
  expect((await prep(args, { cwd })).code).toBe(0)
  expect((await stat(map)).isFile()).toBe(true)
  await truncate(path, (await stat(path)).size >> 1)
  const { stdout } = await prep([...args, '--json'], { cwd })
  expect(
    JSON.parse(
      stdout
        .trim()
        .split('\n')
        .findLast(line => line.includes('run-end'))!,
    ),
  ).toMatchObject({ skipped: 1 })
  await expect(stat(map)).rejects.toThrow('ENOENT')
})
