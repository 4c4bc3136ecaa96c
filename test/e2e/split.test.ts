import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/files.js'
import type { SplitRecord } from '../../src/stages/split-record.js'
import { prep, repoRoot, temporaryFolder } from '../helpers.js'

const cwd = temporaryFolder()
const scene = (n: number): string => join(repoRoot, `fixtures/photos/street-${String(n).padStart(2, '0')}.jpg`)

/** 12 scenes; of the first 4 also re-encoded, halved, brightened and cropped versions: 28 photos of 12 things. */
beforeAll(async () => {
  await mkdir(join(cwd, 'photos'))
  for (let n = 1; n <= 12; n++) await cp(scene(n), join(cwd, `photos/scene-${n}.jpg`))
  for (let n = 1; n <= 4; n++) {
    const { width, height } = await sharp(scene(n)).metadata()
    const [left, top] = [Math.round(width * 0.015), Math.round(height * 0.015)]
    const to = (what: string): string => join(cwd, `photos/${what}-${n}.jpg`)
    await sharp(scene(n)).jpeg({ quality: 50 }).toFile(to('encoded'))
    await sharp(scene(n))
      .resize(width >> 1)
      .toFile(to('half'))
    await sharp(scene(n)).linear(1.1, 0).toFile(to('bright'))
    await sharp(scene(n))
      .extract({ left, top, width: width - 2 * left, height: height - 2 * top })
      .toFile(to('cropped'))
  }
})

const glob = { stage: 'glob', patterns: ['photos/*.jpg'] }

async function run(name: string, steps: readonly object[], ...args: string[]) {
  await writeFile(join(cwd, `${name}.yaml`), JSON.stringify({ name, max_failures: 0, steps }))
  return prep(['run', `${name}.yaml`, ...args], { cwd })
}
const record = async (name: string): Promise<SplitRecord> =>
  JSON.parse(await readFile(join(cwd, `runs/${name}/split.json`), 'utf8')) as SplitRecord
const check = async (folder: string, ...args: string[]) => {
  const { code, stdout } = await prep(['split', '--check', folder, '--json', ...args], { cwd })
  const { leaks, pictures } = JSON.parse(stdout) as {
    pictures: Record<string, number>
    leaks: { held: { name: string; split: string }; twin: { name: string; split: string }; distance: number }[]
  }
  return { code, leaks, pictures }
}
const thing = (name: string): string => name.split('-')[1]!

describe('splitting', () => {
  const packed = (split: object): object[] => [
    glob,
    { stage: 'resize', size: 64 },
    { stage: 'kmeans', clusters: 4, maps: false },
    { stage: 'split', test: 0.3, val: 0.2, ...split },
    { stage: 'pack' },
  ]

  test('without groups leaks, and the check names the pairs; of a data set that was copied away as well', async () => {
    expect(await run('loose', packed({ group: 'none' }))).toMatchObject({ code: 0 })
    await cp(join(cwd, 'runs/loose/dataset'), join(cwd, 'elsewhere'), { recursive: true })
    for (const folder of ['runs/loose', 'elsewhere']) {
      const { code, leaks } = await check(folder)
      expect(code).toBe(2)
      expect(leaks.length).toBeGreaterThan(3)
      for (const { held, twin } of leaks) {
        expect(thing(held.name)).toBe(thing(twin.name))
        expect(held.split).not.toBe(twin.split)
      }
    }
    const table = await prep(['split', '--check', 'elsewhere'], { cwd })
    expect(table).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('scene-'),
      stderr: expect.stringContaining('SPLIT_LEAKS'),
    })
  })

  test('by near-duplicates, as it is by default, does not', async () => {
    expect(await run('tight', packed({}))).toMatchObject({ code: 0 })
    const { code, leaks, pictures } = await check('runs/tight')
    expect({ code, leaks }).toEqual({ code: 0, leaks: [] })
    expect(pictures.train! + pictures.val! + pictures.test!).toBe(28)
    const index = JSON.parse(await readFile(join(cwd, 'runs/tight/dataset/index.json'), 'utf8')) as { split: object }
    expect(index.split).toEqual({
      rule: 'hash',
      seed: 42,
      test: 0.3,
      val: 0.2,
      group: 'near-duplicates',
      threshold: 10,
    })
  })

  test('gives the same bytes for any number of workers and any names', async () => {
    const steps = [glob, { stage: 'split', test: 0.3, val: 3 }]
    await run('one', steps, '--jobs', '1')
    await run('four', steps, '--jobs', '4')
    const text = await readFile(join(cwd, 'runs/one/split.json'), 'utf8')
    expect(await readFile(join(cwd, 'runs/four/split.json'), 'utf8')).toBe(text)
    await cp(join(cwd, 'photos'), join(cwd, 'renamed'), { recursive: true })
    for (const [i, file] of (await readdir(join(cwd, 'renamed'))).sort().reverse().entries())
      await rename(join(cwd, 'renamed', file), join(cwd, 'renamed', `${100 + i}.jpg`))
    await run('renamed', [{ ...glob, patterns: ['renamed/*.jpg'] }, steps[1]!])
    expect(await readFile(join(cwd, 'runs/renamed/split.json'), 'utf8')).toBe(text)
  })

  test('keeps folders whole, alone and together with near-duplicates', async () => {
    for (const [folder, numbers] of Object.entries({ a: [1, 5, 6], b: [1, 7, 8], c: [2, 9, 10], d: [11, 12, 4] })) {
      await mkdir(join(cwd, 'drives', folder), { recursive: true })
      for (const [i, n] of numbers.entries())
        await sharp(scene(n))
          .jpeg({ quality: folder === 'b' ? 60 : 90 })
          .toFile(join(cwd, 'drives', folder, `${i}.jpg`))
    }
    const sides = async (name: string, group: unknown): Promise<string[]> => {
      const drives = { ...glob, patterns: ['drives/*/*.jpg'] }
      expect(await run(name, [drives, { stage: 'split', test: 0.5, group }])).toMatchObject({ code: 0 })
      const steps = join(cwd, `runs/${name}/.cache/steps/01-split.json`)
      const { result } = JSON.parse(await readFile(steps, 'utf8')) as {
        result: { samples: { name: string; split: string }[] }
      }
      return ['a', 'b', 'c', 'd'].map(folder => {
        const splits = new Set(result.samples.filter(({ name }) => name.startsWith(folder)).map(({ split }) => split))
        expect(splits.size).toBe(1)
        return [...splits][0]!
      })
    }
    await sides('folders', 'folder')
    for (const seed of ['both', 'both-again']) {
      const [a, b] = await sides(seed, ['folder', 'near-duplicates'])
      expect(a).toBe(b)
    }
  })

  test.each([
    [{ group: { column: 'person' } }, 'COLUMN_UNKNOWN'],
    [{ test: 40 }, 'SPLIT_IMPOSSIBLE'],
    [{ test: 0.6, val: 0.5 }, 'OPTION'],
    [{ test: 0 }, 'OPTION'],
    [{ group: 'faces' }, 'OPTION'],
    [{ threshold: 17 }, 'OPTION_OUT_OF_RANGE'],
  ])('refuses %j', async (options, code) => {
    const { code: exit, stderr } = await run('refused', [glob, { stage: 'split', ...options }])
    expect([exit, stderr]).toEqual([2, expect.stringContaining(code)])
  })

  test('is impossible when all photos look alike', async () => {
    const { code, stderr } = await run('alike', [{ ...glob, patterns: ['photos/*-1.jpg'] }, { stage: 'split' }])
    expect([code, stderr]).toEqual([2, expect.stringContaining('SPLIT_IMPOSSIBLE')])
  })
})

describe('new photos', () => {
  /** Views of one scene, each a little further to the right: neighbours look alike, the first and the last do not. */
  const view = (left: number): Promise<unknown> =>
    sharp(scene(5))
      .extract({ left, top: 0, width: 800, height: 512 })
      .png()
      .toFile(join(cwd, `growing/view-${left}.png`))
  const steps = [
    { ...glob, patterns: ['growing/*'] },
    { stage: 'split', test: 0.5 },
  ]

  test('move no old one, unless they join two groups: then it goes to training and is named', async () => {
    await mkdir(join(cwd, 'growing'))
    for (let n = 9; n <= 14; n++) await cp(scene(n), join(cwd, `growing/scene-${n}.jpg`))
    await view(0)
    await view(40)
    // A seed that puts the first view and the last on different sides.
    let seed = 0
    let before: SplitRecord
    let sides: (string | undefined)[]
    do {
      seed += 1
      await rm(join(cwd, 'runs/growing'), { recursive: true, force: true })
      expect(await run('growing', steps, '--set', `seed=${seed}`)).toMatchObject({ code: 0, stderr: '' })
      before = await record('growing')
      const views = await Promise.all([0, 40].map(left => readFile(join(cwd, `growing/view-${left}.png`))))
      sides = views.map(bytes => before.photos[sha256Hex(bytes)])
    } while (sides[0] === sides[1])

    for (let n = 15; n <= 22; n++) await cp(scene(n), join(cwd, `growing/scene-${n}.jpg`))
    expect(await run('growing', steps, '--set', `seed=${seed}`)).toMatchObject({ code: 0, stderr: '' })
    const grown = await record('growing')
    expect(grown.photos).toMatchObject(before.photos)
    expect([Object.keys(grown.photos).length, grown.moved]).toEqual([16, []])

    await view(20)
    const { code, stderr } = await run('growing', steps, '--set', `seed=${seed}`)
    const moved = sides[0] === 'test' ? 'view-0' : 'view-40'
    expect([code, stderr]).toEqual([0, expect.stringContaining(`${moved} test -> train`)])
    const merged = await record('growing')
    expect(merged.moved).toMatchObject([{ name: moved, from: 'test', to: 'train' }])
    const others = (photos: SplitRecord['photos']): object => ({ ...photos, [merged.moved[0]!.sha256]: 'moved' })
    expect(others(merged.photos)).toMatchObject(others(grown.photos))
    expect(await check('runs/growing')).toMatchObject({ code: 0, leaks: [] })

    // Made once more the split is the same, and nothing moves again.
    const again = await run('growing', steps, '--set', `seed=${seed}`, '--from', 'split')
    expect(again).toMatchObject({ code: 0, stderr: '' })
    expect(await record('growing')).toEqual(merged)
  })
})

describe('splits that samples bring along', () => {
  test('are kept as they are; what has none follows its group, and leaks are named', async () => {
    await writeFile(
      join(cwd, 'official.mjs'),
      `import { defineStage } from '${repoRoot}/dist/index.js'
import { z } from '${repoRoot}/node_modules/zod/index.js'
const splits = { 'scene-1': 'train', 'half-1': 'test', 'scene-2': 'test', 'scene-7': 'train' }
export default defineStage({
  name: 'official', version: 1, summary: 'A split from elsewhere', options: z.strictObject({}), needs: ['photo'], gives: [],
  run: async ({ samples, artefacts }) => ({
    artefacts,
    samples: samples.map(sample => (splits[sample.name] ? { ...sample, split: splits[sample.name] } : sample)),
  }),
})`,
    )
    const { code, stderr } = await run('official', [glob, { stage: './official.mjs' }, { stage: 'split' }])
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('half-1 (test) ~ ') })
    expect(stderr).not.toContain('scene-2 (')
    const { leaks } = await check('runs/official')
    expect(new Set(leaks.map(({ held }) => held.name))).toEqual(new Set(['half-1']))
    const steps = join(cwd, 'runs/official/.cache/steps/02-split.json')
    const { result } = JSON.parse(await readFile(steps, 'utf8')) as {
      result: { samples: { name: string; split: string }[] }
    }
    const split = new Map(result.samples.map(({ name, split }) => [name, split]))
    expect(['scene-1', 'half-1', 'scene-2', 'half-2', 'cropped-2', 'encoded-1'].map(name => split.get(name))).toEqual([
      ...['train', 'test', 'test', 'test', 'test', 'train'],
    ])
  })
})

describe('dedupe', () => {
  interface List {
    groups: { kept: { name: string }; dropped: { name: string; distance?: number; copy?: boolean }[] }[]
  }
  const list = async (name: string): Promise<List> =>
    JSON.parse(await readFile(join(cwd, `runs/${name}/duplicates.json`), 'utf8')) as List

  test('keeps the largest of each group, lists the rest, and stops no run for it', async () => {
    await cp(scene(12), join(cwd, 'photos/twin-12.jpg'))
    const { code, stdout } = await run('unique', [glob, { stage: 'dedupe' }, { stage: 'split', group: 'none' }])
    await rm(join(cwd, 'photos/twin-12.jpg'))
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining('1 copy and 16 near-duplicates left out, 12 photos kept'),
    })
    const { groups } = await list('unique')
    expect(groups.map(({ dropped }) => dropped.length).sort()).toEqual([1, 4, 4, 4, 4])
    for (const { kept, dropped } of groups)
      for (const { name, distance, copy } of dropped) {
        expect(thing(name)).toBe(thing(kept.name))
        expect(copy === true || distance! <= 10).toBe(true)
        expect(name).toMatch(thing(name) === '12' ? /^twin/ : /^(encoded|half|bright|cropped)|scene/)
      }
    const report = JSON.parse(await readFile(join(cwd, 'runs/unique/report.json'), 'utf8')) as {
      skipped: { byCode: Record<string, number> }
    }
    expect(report.skipped.byCode).toEqual({ DUPLICATE: 17 })
    expect(await check('runs/unique')).toMatchObject({ code: 0, leaks: [] })
    const why = await prep(['why', 'half-3', '--run', 'runs/unique'], { cwd })
    expect(why.stdout).toContain('DUPLICATE')
  })

  test('a larger version that comes later goes where the photo that it replaces was', async () => {
    await mkdir(join(cwd, 'replaced'))
    for (let n = 1; n <= 8; n++)
      await sharp(scene(n))
        .resize(200)
        .toFile(join(cwd, `replaced/small-${n}.jpg`))
    const steps = [{ ...glob, patterns: ['replaced/*'] }, { stage: 'dedupe' }, { stage: 'split', test: 0.5 }]
    expect(await run('replaced', steps)).toMatchObject({ code: 0, stderr: '' })
    const before = await record('replaced')
    for (let n = 1; n <= 8; n++) await cp(scene(n), join(cwd, `replaced/large-${n}.jpg`))
    expect(await run('replaced', steps)).toMatchObject({ code: 0 })
    const { photos, moved } = await record('replaced')
    expect([photos, moved]).toMatchObject([before.photos, []])
    for (let n = 1; n <= 8; n++) {
      const [small, large] = await Promise.all(
        ['small', 'large'].map(async size => sha256Hex(await readFile(join(cwd, `replaced/${size}-${n}.jpg`)))),
      )
      expect(photos[large!]).toBe(photos[small!])
    }
  })

  test('near: false leaves out copies alone; keep: first keeps the first', async () => {
    await cp(scene(12), join(cwd, 'photos/a-copy-12.jpg'))
    await run('copies', [glob, { stage: 'dedupe', near: false }])
    await run('first', [glob, { stage: 'dedupe', keep: 'first' }])
    await rm(join(cwd, 'photos/a-copy-12.jpg'))
    expect((await list('copies')).groups).toMatchObject([
      { kept: { name: 'a-copy-12' }, dropped: [{ name: 'scene-12', copy: true }] },
    ])
    expect((await list('first')).groups.map(({ kept }) => kept.name)).toContain('bright-1')
  })
})
