/** Many files: small images through the whole preparation, and a listing of very many paths; against fixed bounds. */
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { type BenchRow, row } from './row.js'
import { watchProcesses } from './watch.js'

const root = resolve(fileURLToPath(new URL('..', import.meta.url)))

/** Small images to prepare; PREP_BENCH_IMAGES=100000 is the size that the bounds are meant for. */
const IMAGES = Number(process.env.PREP_BENCH_IMAGES ?? 20_000)
/** Paths to list and plan. */
const PATHS = Number(process.env.PREP_BENCH_PATHS ?? 1_000_000)
const IN_A_FOLDER = 1000
/** Pictures that differ; the files differ all, by a comment. */
const PICTURES = 500

export async function benchScale(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'prep-scale-'))
  try {
    return [...(await benchImages(folder)), ...(await benchPaths(folder))]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function benchImages(folder: string): Promise<BenchRow[]> {
  const bytes = await makeImages(join(folder, 'images'))
  const file = writePipeline(folder, 'images', 64)
  const marks: { readonly at: number; readonly done: number }[] = []
  const run = await runPrep(['run', file, '--json'], line => {
    const event = JSON.parse(line) as { type: string; label?: string; done?: number }
    if (event.type === 'progress' && event.label === 'resize') marks.push({ at: performance.now(), done: event.done! })
  })
  const rate = (from: number, to: number): number => {
    const inside = marks.filter(({ done }) => done >= from * IMAGES && done <= to * IMAGES)
    const [first, last] = [inside[0]!, inside.at(-1)!]
    return ((last.done - first.done) / (last.at - first.at)) * 1000
  }
  const name = `${IMAGES} images of 96x72, glob to pack`
  return [
    bound(`${name}: peak memory, all processes`, run.peakMB, 1200, 'MB'),
    bound(`${name}: most open files of a process`, run.openFiles, 1024, 'files'),
    row(`${name}: rate of the last fifth of decoding against the first`, rate(0.8, 1), rate(0, 0.2), 'img/s'),
    row(
      `${name}: rate`,
      IMAGES / run.seconds,
      Number.NaN,
      'img/s',
      `${(bytes / 1e6 / run.seconds).toFixed(2)} MB/s of files`,
    ),
  ]
}

async function benchPaths(folder: string): Promise<BenchRow[]> {
  for (let i = 0; i < PATHS; i++) {
    const below = join(folder, 'paths', String(Math.floor(i / IN_A_FOLDER)))
    if (i % IN_A_FOLDER === 0) mkdirSync(below, { recursive: true })
    closeSync(openSync(join(below, `${i}.jpg`), 'w'))
  }
  const run = await runPrep(['plan', writePipeline(folder, 'paths', 64)], () => {})
  const name = `${PATHS} paths listed and planned`
  return [bound(name, run.seconds, 10, 's'), bound(`${name}: peak memory`, run.peakMB, 1000, 'MB')]
}

const bound = (name: string, ours: number, most: number, unit: string): BenchRow =>
  row(name, ours, most, `${unit} (peer: the bound)`)

/** @returns bytes of all files */
async function makeImages(folder: string): Promise<number> {
  let state = 1
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
  const pictures: Buffer[] = []
  for (let i = 0; i < PICTURES; i++) {
    const coarse = Uint8Array.from({ length: 8 * 6 * 3 }, () => random() * 256)
    const image = sharp(coarse, { raw: { width: 8, height: 6, channels: 3 } }).resize(96, 72)
    pictures.push(await image.jpeg({ quality: 80 }).toBuffer())
  }
  let bytes = 0
  for (let i = 0; i < IMAGES; i++) {
    const below = join(folder, String(Math.floor(i / IN_A_FOLDER)))
    if (i % IN_A_FOLDER === 0) mkdirSync(below, { recursive: true })
    const picture = pictures[i % PICTURES]!
    const comment = Buffer.from([0xff, 0xfe, 0, 10, ...Buffer.from(String(i).padStart(8, '0'))])
    const file = Buffer.concat([picture.subarray(0, 2), comment, picture.subarray(2)])
    writeFileSync(join(below, `${i}.jpg`), file)
    bytes += file.length
  }
  return bytes
}

function writePipeline(folder: string, name: string, size: number): string {
  const steps = [
    { stage: 'glob', patterns: [join(folder, name, '**/*.jpg')] },
    { stage: 'resize', size },
    { stage: 'kmeans', clusters: 8 },
    { stage: 'split' },
    { stage: 'pack' },
  ]
  const file = join(folder, `${name}.yaml`)
  writeFileSync(file, JSON.stringify({ name, output: join(folder, `${name}-run`), steps }))
  return file
}

/** The command line as a user has it, watched. */
async function runPrep(
  args: readonly string[],
  onLine: (line: string) => void,
): Promise<{ seconds: number; peakMB: number; openFiles: number }> {
  const start = performance.now()
  const child = spawn(process.execPath, [join(root, 'bin/prep.cjs'), ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const most = watchProcesses(child.pid!)
  for await (const line of createInterface({ input: child.stdout })) onLine(line)
  most.stop()
  return { seconds: (performance.now() - start) / 1000, peakMB: most.memoryMB, openFiles: most.openFiles }
}
