import { execFileSync } from 'node:child_process'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Finished, prep, temporaryFolder, writeBars, writePhotos } from '../helpers.js'

const cwd = temporaryFolder()
const steps = (pattern: string, ...more: object[]): object[] => [
  { stage: 'glob', patterns: [pattern] },
  { stage: 'resize', size: 32 },
  { stage: 'kmeans', clusters: 4 },
  ...more,
]
let serial = 0

/** Write a pipeline and run it; the output is new unless named. */
async function run(
  pipeline: { steps: readonly object[]; [name: string]: unknown },
  ...args: string[]
): Promise<Finished> {
  const name = `case-${++serial}`
  await writeFile(join(cwd, `${name}.yaml`), JSON.stringify({ name, ...pipeline }))
  return prep(['run', `${name}.yaml`, '--jobs', '2', ...args], { cwd })
}

/** The exit code and the error's code, which is how every message begins. */
const outcome = ({ code, stderr }: Finished): string =>
  `${code} ${/^(?:\S+:\d+:\d+ {2})?([A-Z_]+)$/m.exec(stderr)?.[1] ?? stderr}`
const noTrace = ({ stdout, stderr }: Finished): void => expect(stdout + stderr).not.toMatch(/^\s+at .*\(.*:\d+:\d+\)/m)

beforeAll(async () => {
  await writePhotos(join(cwd, 'photos'), 6)
  await writePhotos(join(cwd, 'one'), 1)
  await writeBars(join(cwd, 'flat/a.png'), ['#336699'])
  await writeBars(join(cwd, 'flat/b.png'), ['#336699'])
  await writeBars(join(cwd, 'few/a.png'), ['#ff0000', '#00ff00'])
  await writeBars(join(cwd, 'few/b.png'), ['#ff0000', '#0000ff'])
  await mkdir(join(cwd, 'nothing'))
})

describe('inputs that cannot work end in a coded error and exit code 2', () => {
  test.each([
    ['an empty folder', { steps: steps('nothing/*.jpg') }, '2 NO_MATCHES'],
    ['a folder that is not there', { steps: steps('nowhere/**/*.jpg') }, '2 NO_MATCHES'],
    ['one photo to split', { steps: steps('one/*.jpg', { stage: 'split' }) }, '2 SPLIT_IMPOSSIBLE'],
    [
      'more test photos than photos',
      { steps: steps('photos/*.jpg', { stage: 'split', test: 50 }) },
      '2 SPLIT_IMPOSSIBLE',
    ],
    ['one colour for the whole data set', { steps: steps('flat/*.png') }, '2 TOO_FEW_COLOURS'],
    [
      'more clusters than colours',
      {
        steps: [
          { stage: 'glob', patterns: ['few/*.png'] },
          { stage: 'kmeans', clusters: 12 },
        ],
      },
      '2 TOO_FEW_COLOURS',
    ],
    [
      'photos of different sizes to pack',
      { steps: [{ stage: 'glob', patterns: ['{photos,few}/*.{jpg,png}'] }, { stage: 'kmeans' }, { stage: 'pack' }] },
      '2 SIZES_DIFFER',
    ],
    ['a palette that is not there', { steps: steps('photos/*.jpg').map(withPalette('nope.json')) }, '2 FILE_MISSING'],
    [
      'a class table that is not there, before any photo is looked for',
      {
        steps: [
          { stage: 'folders', photos: 'nowhere', labels: 'nowhere' },
          { stage: 'classes', table: 'nope.json' },
        ],
      },
      '2 FILE_MISSING',
    ],
    ['an output that is a file', { output: 'case-1.yaml', steps: steps('photos/*.jpg') }, '2 OUTPUT_FOREIGN'],
    ['an output with files that are not ours', { output: 'theirs', steps: steps('photos/*.jpg') }, '2 OUTPUT_FOREIGN'],
  ])('%s', async (_what, pipeline, expected) => {
    await mkdir(join(cwd, 'theirs/dataset'), { recursive: true })
    const finished = await run(pipeline)
    expect(outcome(finished)).toBe(expected)
    expect(finished.stderr).toContain('hint:')
    noTrace(finished)
  })

  test('a palette that is no palette', async () => {
    await writeFile(join(cwd, 'bad-palette.json'), '{"version": 1, "space": "oklab", "clusters": []}')
    const finished = await run({ steps: steps('photos/*.jpg').map(withPalette('bad-palette.json')) })
    expect(outcome(finished)).toBe('2 PALETTE_INVALID')
  })

  test('the output of another pipeline', async () => {
    expect(await run({ output: 'taken', steps: steps('photos/*.jpg') })).toMatchObject({ code: 0 })
    const before = await readFile(join(cwd, 'taken/labels/palette.json'))
    expect(outcome(await run({ output: 'taken', steps: steps('one/*.jpg') }))).toBe('2 OUTPUT_FOREIGN')
    expect(await readFile(join(cwd, 'taken/labels/palette.json'))).toEqual(before)
  })

  test('a read-only output', async () => {
    const finished = await run({ output: '/proc/prep-test', steps: steps('photos/*.jpg') })
    expect(outcome(finished)).toBe('2 OUTPUT_READ_ONLY')
    noTrace(finished)
  })

  test('a missing pipeline file, and several mistakes in one', async () => {
    expect(outcome(await prep(['run', 'nope.yaml'], { cwd }))).toBe('2 FILE_MISSING')
    const many = {
      seed: -1,
      steps: [{ stage: 'glob' }, { stage: 'resise' }, { stage: 'kmeans', clusters: 1, k: 3 }, { stage: 'train' }],
    }
    const { code, stderr } = await run(many)
    expect(code).toBe(2)
    const codes = ['OPTION_OUT_OF_RANGE', 'OPTION_MISSING', 'UNKNOWN_STAGE', 'UNKNOWN_OPTION', 'STAGE_INPUT_MISSING']
    for (const expected of codes) expect(stderr).toContain(expected)
  })
})

function withPalette(palette: string): (step: object) => object {
  return step => ('clusters' in step ? { stage: 'kmeans', palette } : step)
}

describe('photos that cannot be used are skipped with a reason', () => {
  const folder = join(cwd, 'mixed')
  beforeAll(async () => {
    const [first] = await writePhotos(folder, 6)
    const jpeg = await readFile(first!)
    await writeFile(join(folder, 'cut.jpg'), jpeg.subarray(0, jpeg.length / 2))
    await writeFile(join(folder, 'text.jpg'), 'hello')
    await writeFile(join(folder, 'zero.jpg'), '')
    await mkdir(join(folder, 'folder.jpg'))
    await symlink('nowhere', join(folder, 'broken.jpg'))
    await symlink('loop.jpg', join(folder, 'loop.jpg'))
    execFileSync('mkfifo', [join(folder, 'pipe.jpg')])
    await writeFile(join(folder, '-dash\nnew line.jpg'), jpeg)
  })

  test('a name with control characters and the same bytes under two names: each is told by its own name, on one line', async () => {
    const twins = join(cwd, 'twins')
    const [first] = await writePhotos(twins, 2)
    const cut = (await readFile(first!)).subarray(0, 500)
    await writeFile(join(twins, 'a.jpg'), cut)
    await writeFile(join(twins, 'b\u001b]0;title\u0007\n.jpg'), cut)
    const steps = [
      { stage: 'glob', patterns: ['twins/*.jpg'] },
      { stage: 'resize', size: 16 },
    ]
    const name = 'twins'
    await writeFile(join(cwd, 'twins.yaml'), JSON.stringify({ name, max_failures: 2, steps }))
    const { code, stdout } = await prep(['run', 'twins.yaml'], { cwd })
    expect(code).toBe(0)
    const skipped = stdout.split('\n').filter(line => line.includes('DECODE_FAILED'))
    expect(skipped.map(line => line.match(/[ab][^/]*\.jpg/g))).toEqual([['a.jpg'], ['b\\u001b]0;title\\u0007\\n.jpg']])
  })

  const EXPECTED = {
    'broken.jpg': 'FILE_MISSING',
    'cut.jpg': 'DECODE_FAILED',
    'folder.jpg': 'NOT_A_FILE',
    'loop.jpg': 'FILE_MISSING',
    'pipe.jpg': 'NOT_A_FILE',
    'text.jpg': 'NOT_AN_IMAGE',
    'zero.jpg': 'EMPTY_FILE',
  }

  test('each is counted and listed, the others go on', async () => {
    const finished = await run({
      output: 'mixed-out',
      steps: steps('mixed/*.jpg', { stage: 'split' }, { stage: 'pack' }),
    })
    expect(finished.code).toBe(0)
    const report = JSON.parse(await readFile(join(cwd, 'mixed-out/report.json'), 'utf8')) as {
      samples: number
      skipped: { photos: { source: string; code: string }[] }
    }
    expect(report.samples).toBe(7)
    const found = Object.fromEntries(
      report.skipped.photos.map(({ source, code }) => [source.replace('mixed/', ''), code]),
    )
    expect(found).toEqual(EXPECTED)
    const lines = (await readFile(join(cwd, 'mixed-out/dataset/samples.jsonl'), 'utf8')).trim().split('\n')
    const skipped = lines
      .map(line => JSON.parse(line) as { status: string })
      .filter(({ status }) => status === 'skipped')
    expect(skipped).toHaveLength(Object.keys(EXPECTED).length)
  })

  test('more of them than max_failures: exit code 3, with counts and examples', async () => {
    const finished = await run({ max_failures: 5, steps: steps('mixed/*.jpg') })
    expect(outcome(finished)).toBe('3 TOO_MANY_FAILURES')
    expect(finished.stderr).toContain('NOT_A_FILE')
  })

  test('a flat photo is skipped where each photo has classes of its own', async () => {
    const kmeans = { stage: 'kmeans', clusters: 4, scope: 'image' }
    const finished = await run(
      { steps: [{ stage: 'glob', patterns: ['{photos,flat}/*'] }, { stage: 'resize', size: 32 }, kmeans] },
      '--json',
    )
    expect(finished.code).toBe(0)
    const codes = finished.stdout
      .split('\n')
      .filter(line => line.includes('"skip"'))
      .map(line => (JSON.parse(line) as { failure: { code: string } }).failure.code)
    expect(codes).toEqual(['TOO_FEW_COLOURS', 'TOO_FEW_COLOURS'])
  })
})

test('a second run of the same output waits for nobody: it is told who is at work', async () => {
  const pipeline = { name: 'busy', output: 'busy', steps: steps('photos/*.jpg') }
  await writeFile(join(cwd, 'busy.yaml'), JSON.stringify(pipeline))
  await mkdir(join(cwd, 'busy/.cache'), { recursive: true })
  const { hostname } = await import('node:os')
  await writeFile(join(cwd, 'busy/.cache/lock'), JSON.stringify({ host: hostname(), pid: process.pid }))
  expect(outcome(await prep(['run', 'busy.yaml'], { cwd }))).toBe('2 OUTPUT_BUSY')
  await writeFile(join(cwd, 'busy/.cache/lock'), JSON.stringify({ host: hostname(), pid: 2 ** 22 + 1 }))
  expect(await prep(['run', 'busy.yaml'], { cwd })).toMatchObject({ code: 0 })
})
