/** Whole preparation, glob to pack at 512x512 and K=8, against the decoder alone and against the usual OpenCV script. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pLimit from 'p-limit'
import sharp from 'sharp'
import { findPython } from './python.js'
import type { BenchRow } from './row.js'
import { watchProcesses } from './watch.js'

const run = promisify(execFile)
const root = resolve(fileURLToPath(new URL('..', import.meta.url)))

/** Photos for the rates; override with PREP_BENCH_PHOTOS. */
const PHOTOS = Number(process.env.PREP_BENCH_PHOTOS ?? 1200)
/** Photos for memory and the unchanged rerun. */
const MANY = Number(process.env.PREP_BENCH_MANY ?? 5000)
const SLOW_PHOTOS = 6

export async function benchPrep(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'prep-bench-'))
  try {
    await makePhotos(join(folder, 'photos'), PHOTOS, [1600, 1200, 95])
    const photos = (await readdir(join(folder, 'photos'))).sort().map(name => join(folder, 'photos', name))
    const jobs = availableParallelism()
    // Interleaved and repeated, so that the machine's moods meet both. Each round has a folder of its own (about 2 MB a
    // photo): ext4 makes files slowly where many were removed just before.
    const [decodes, preps]: [number[], number[]] = [[], []]
    for (let round = 0; round < 3; round++) {
      decodes.push(await decodeAlone(photos, jobs))
      await settleDisk()
      preps.push((await prepare(folder, `run-${round}`, PHOTOS, jobs, { watched: false })).seconds)
      await settleDisk()
    }
    const [decode, ours] = [median(decodes), median(preps)]
    const rows: BenchRow[] = [
      rate(
        `glob to pack, ${PHOTOS} camera-quality JPEGs of 1.9 Mpx, against sharp decode+resize alone`,
        PHOTOS / ours,
        PHOTOS / decode,
      ),
    ]
    const python = findPython('cv2')
    if (python) {
      const few = photos.slice(0, SLOW_PHOTOS)
      const { stdout } = await run(python, [join(root, 'bench/peers/prep_opencv.py'), join(folder, 'cv'), '8', ...few])
      rows.push(
        rate('the same against the OpenCV script (kmeans best of 10)', PHOTOS / ours, few.length / Number(stdout)),
      )
    } else
      rows.push({
        name: 'the OpenCV script',
        ours: PHOTOS / ours,
        peer: Number.NaN,
        ratio: Number.NaN,
        unit: 'img/s',
        note: 'python3-opencv is not installed',
      })
    return [...rows, ...(await benchMany(folder, photos, jobs))]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Peak memory of a large preparation, and the time of a rerun with nothing changed. */
async function benchMany(folder: string, photos: readonly string[], jobs: number): Promise<BenchRow[]> {
  const patterns: string[] = []
  await rm(join(folder, 'many'), { recursive: true, force: true })
  await makePhotos(join(folder, 'many'), MANY, [640, 480, 90])
  patterns.push(join(folder, 'many/*.jpg'))
  const first = await prepare(folder, 'many-run', MANY, jobs, { patterns })
  const again = await prepare(folder, 'many-run', MANY, jobs, { patterns, watched: false })
  return [
    {
      name: `${MANY} photos prepared: peak memory, all processes`,
      ours: first.peakMB,
      peer: 1000,
      ratio: first.peakMB / 1000,
      unit: 'MB (peer: the bound)',
    },
    {
      name: `${MANY} photos unchanged: rerun`,
      ours: again.seconds,
      peer: 3,
      ratio: again.seconds / 3,
      unit: 's (peer: the bound)',
    },
    {
      name: 'rate at that size',
      ours: MANY / first.seconds,
      peer: Number.NaN,
      ratio: Number.NaN,
      unit: 'img/s',
      note: `of ${photos.length ? '640x480' : ''} JPEGs`,
    },
  ]
}

const rate = (name: string, ours: number, peer: number): BenchRow => ({
  name,
  ours,
  peer,
  ratio: ours / peer,
  unit: 'img/s',
})

async function makePhotos(
  out: string,
  count: number,
  [width, height, quality]: readonly [number, number, number],
): Promise<void> {
  const args = [
    'fixtures/make.ts',
    '--count',
    count,
    '--width',
    width,
    '--height',
    height,
    '--quality',
    quality,
    '--out',
    out,
  ].map(String)
  await run(process.execPath, ['--import', 'tsx', ...args], { cwd: root, maxBuffer: 1 << 26 })
}

/** Have what was written go to the disk, so that it is not paid for by what is timed next. */
const settleDisk = (): Promise<unknown> => run('sync').catch(() => undefined)

async function decodeAlone(photos: readonly string[], jobs: number): Promise<number> {
  sharp.concurrency(1)
  sharp.cache(false)
  const limit = pLimit(jobs)
  const start = performance.now()
  await Promise.all(photos.map(path => limit(() => sharp(path).resize(512, 512).raw().toBuffer())))
  return (performance.now() - start) / 1000
}

/** A run of the command line as a user has it, start-up and all. */
async function prepare(
  folder: string,
  name: string,
  count: number,
  jobs: number,
  { patterns = [join(folder, 'photos/*.jpg')], watched = true } = {},
): Promise<{ seconds: number; peakMB: number }> {
  const file = join(folder, `${name}.yaml`)
  const steps = [
    { stage: 'glob', patterns },
    { stage: 'resize', size: 512 },
    { stage: 'kmeans', clusters: 8 },
    { stage: 'split' },
    { stage: 'pack' },
  ]
  await writeFile(file, JSON.stringify({ name, output: join(folder, name), steps }))
  const start = performance.now()
  const words = [join(root, 'bin/prep.cjs'), 'run', file, '--json', '--jobs', String(jobs)]
  const running = run(process.execPath, words, { maxBuffer: 1 << 28 })
  const most = watched ? watchProcesses(running.child.pid!) : undefined
  const { stdout } = await running.finally(() => most?.stop())
  const seconds = (performance.now() - start) / 1000
  const last = stdout.trim().split('\n').at(-1)!
  const end = JSON.parse(last) as { samples: number; status: string }
  if (end.samples !== count) throw new Error(`expected ${count} samples, the run ended with ${last}`)
  return { seconds, peakMB: most?.memoryMB ?? 0 }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!
