import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseEvents, prep, readTree, sharedData, temporaryFolder, writePhotos } from '../helpers.js'

const cwd = temporaryFolder()

interface Entry {
  readonly name: string
  readonly verdict: 'pass' | 'warn' | 'reject'
  readonly reasons: readonly { code: string; found: number; limit: number; of?: string }[]
}
interface Report {
  readonly summary: { pass: number; warn: number; reject: number }
  readonly thresholds: Record<string, unknown>
  readonly images: readonly Entry[]
}

async function run(name: string, quality: object, ...args: string[]) {
  const steps = [
    { stage: 'glob', patterns: ['photos/*'] },
    { stage: 'resize', size: 64 },
    { stage: 'kmeans', clusters: 4, quality },
    { stage: 'split' },
  ]
  await writeFile(join(cwd, `${name}.yaml`), JSON.stringify({ name, steps }))
  return prep(['run', `${name}.yaml`, ...args], { cwd })
}
const report = async (name: string): Promise<Report> =>
  JSON.parse(await readFile(join(cwd, 'runs', name, 'labels/quality.json'), 'utf8')) as Report
const entry = ({ images }: Report, name: string): Entry => images.find(one => one.name === name)!
const codes = ({ reasons }: Entry): string[] => reasons.map(({ code }) => code)

interface StepEnd {
  readonly type: string
  readonly stage?: string
  readonly status?: string
  readonly label?: string
  readonly done?: number
  readonly total?: number
  readonly cached?: number
}
const events = (stdout: string): StepEnd[] => parseEvents(stdout)

beforeAll(async () => {
  const paths = await writePhotos(join(cwd, 'photos'), 12)
  const flat = sharp({ create: { width: 128, height: 64, channels: 3, background: '#777777' } })
  await flat.png().toFile(join(cwd, 'photos/flat.png'))
  await sharp(paths[3]!).jpeg({ quality: 70 }).toFile(join(cwd, 'photos/photo-003-again.jpg'))
  await sharp(paths[4]!).linear(0.03, 0).png().toFile(join(cwd, 'photos/night.png'))
})

test('photos are signed once, while they are resized: the gate and split find what they compare', async () => {
  const { code, stdout } = await run('signed', {}, '--json')
  expect(code).toBe(0)
  const ends = events(stdout).filter(({ label, done, total }) => label === 'compare photos' && done === total)
  expect(ends.map(({ total, cached }) => ({ total, cached }))).toEqual([
    { total: 15, cached: 15 },
    { total: 13, cached: 13 },
  ])
})

test('skip: what is useless is left out and counted by reason, the rest goes on', async () => {
  const { code, stdout } = await run('skip', {})
  expect(code).toBe(0)
  expect(stdout).toMatch(/quality: \d+ pass, \d+ warn \(.*1 near_duplicate.*\), 2 rejected \(2 flat\); see labels/)
  const found = await report('skip')
  expect(found.images.map(({ name }) => name)).toEqual(found.images.map(({ name }) => name).sort())
  expect(found.images).toHaveLength(15)
  expect(found.summary.reject).toBe(2)
  expect([entry(found, 'flat').verdict, entry(found, 'night').verdict]).toEqual(['reject', 'reject'])
  expect(codes(entry(found, 'flat'))).toContain('flat')
  expect(codes(entry(found, 'night'))).toContain('dark')
  expect(entry(found, 'photo-003-again').reasons.find(({ code }) => code === 'near_duplicate')).toMatchObject({
    of: 'photo-003',
  })
  const files = [...(await readTree(join(cwd, 'runs/skip/labels'))).keys()]
  expect(files).toEqual(expect.arrayContaining(['photo-000.png', 'quality.json', 'quality-sheet.png']))
  expect(files).not.toContain('flat.png')
  const failures = await prep(['failures', 'runs/skip', '--json'], { cwd })
  expect((JSON.parse(failures.stdout) as { class: string }[]).every(group => /^qc_/.test(group.class))).toBe(true)
  const ended = JSON.parse(await readFile(join(cwd, 'runs/skip/report.json'), 'utf8'))
  expect(ended).toMatchObject({ samples: 13, skipped: { count: 2 } })
  expect(ended.steps[2].notes.join()).toContain('2 rejected')
})

test('prep why tells the verdict, of what was left out too', async () => {
  const why = async (name: string) => (await prep(['why', name, '--run', 'runs/skip'], { cwd })).stdout
  expect(await why('flat')).toMatch(/left out, QC_/)
  expect(await why('photo-003-again')).toMatch(/quality: warn \(.*near_duplicate .*like photo-003/)
})

test('the sheet shows photo, labels and both in one', async () => {
  const { width = 0, height = 0 } = await sharp(join(cwd, 'runs/skip/labels/quality-sheet.png')).metadata()
  expect(width).toBeGreaterThan(3 * 200)
  expect(height).toBeGreaterThan(200)
})

test('keep: reported, and everything goes on', async () => {
  const { code, stdout } = await run('keep', { on_reject: 'keep' })
  expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('2 rejected but kept') })
  expect((await report('keep')).images).toEqual((await report('skip')).images)
  expect([...(await readTree(join(cwd, 'runs/keep/labels'))).keys()]).toContain('flat.png')
})

test('fail: stops with exit code 3 and names them; the reports are there to look at', async () => {
  const { code, stderr } = await run('fail', { on_reject: 'fail' })
  expect(code).toBe(3)
  expect(stderr).toContain('LABELS_REJECTED')
  expect(stderr).toMatch(/- flat: .*\n.*- night: /)
  const files = [...(await readTree(join(cwd, 'runs/fail/labels'))).keys()]
  expect(files).toEqual(expect.arrayContaining(['quality.json', 'quality-sheet.png']))
})

test('the same bytes for any number of jobs', async () => {
  const bytes = (name: string) => readFile(join(cwd, 'runs', name, 'labels/quality.json'))
  await run('one', {}, '--jobs', '1')
  await run('four', {}, '--jobs', '4')
  expect(await bytes('four')).toEqual(await bytes('one'))
  const sheet = (name: string) => readFile(join(cwd, 'runs', name, 'labels/quality-sheet.png'))
  expect(await sheet('four')).toEqual(await sheet('one'))
})

describe('run again', () => {
  const ended = (stdout: string, stage: string) =>
    events(stdout).find(event => event.type === 'step-end' && event.stage === stage)?.status

  test('nothing changed: nothing done', async () => {
    await run('again', {})
    const { stdout } = await run('again', {}, '--json')
    expect([ended(stdout, 'kmeans'), ended(stdout, 'split')]).toEqual(['unchanged', 'unchanged'])
  })

  test('a changed limit judges anew and labels nothing anew', async () => {
    const { stdout } = await run('again', { dark: false, one_cluster: false, flat: { reject: 0.001 } }, '--json')
    const labelled = events(stdout)
      .filter(({ label }) => label === 'label')
      .at(-1)
    expect(labelled).toMatchObject({ done: 15, cached: 15 })
    const found = await report('again')
    expect(entry(found, 'flat').verdict).toBe('reject')
    expect(entry(found, 'night').verdict).toBe('warn')
    expect([...(await readTree(join(cwd, 'runs/again/labels'))).keys()]).toContain('night.png')
    expect(found.thresholds).toMatchObject({ dark: false, flat: { reject: 0.001 } })
  })

  test('a report that is gone is made again', async () => {
    await run('skip', {})
    const before = await readFile(join(cwd, 'runs/skip/labels/quality.json'))
    await rm(join(cwd, 'runs/skip/labels/quality.json'))
    await run('skip', {})
    expect(await readFile(join(cwd, 'runs/skip/labels/quality.json'))).toEqual(before)
  })
})

test('a limit that cannot be is refused with its place', async () => {
  const { code, stderr } = await run('wrong', { dark: { warn: -1 }, shiny: 3, on_reject: 'explode' })
  expect(code).toBe(2)
  expect(stderr).toContain('UNKNOWN_OPTION')
})

test.skipIf(!sharedData('camvid'))('labels of one’s own: classes has the gate too', async () => {
  const shared = sharedData('camvid')!
  const steps = [
    { stage: 'folders', photos: join(shared, 'photos'), labels: join(shared, 'labels'), limit: 6 },
    { stage: 'classes', table: join(shared, 'classes.json'), quality: { unlabelled: { warn: 0.001 } } },
  ]
  await writeFile(join(cwd, 'classes.yaml'), JSON.stringify({ name: 'classes', steps }))
  expect(await prep(['run', 'classes.yaml'], { cwd })).toMatchObject({ code: 0 })
  const { summary, images } = await report('classes')
  expect(summary).toMatchObject({ warn: 6, reject: 0 })
  expect(images.every(image => codes(image).includes('unlabelled'))).toBe(true)
})
