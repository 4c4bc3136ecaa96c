/**
 * What makes labels coherent, at 512x512: smoothing, majority, regions, superpixels, each beside what OpenCV has of the
 * kind. CPU time of one image, one thread each, on camvid photos or else on the fixtures.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import sharp from 'sharp'
import { createAssigner } from '../src/labels/assign.js'
import { fitPalette } from '../src/labels/fit.js'
import { countColours, mergeHistograms } from '../src/labels/histogram.js'
import { majority } from '../src/labels/majority.js'
import { regionStatistics, removeSmallRegions } from '../src/labels/regions.js'
import { slic } from '../src/labels/slic.js'
import { smooth } from '../src/labels/smooth.js'
import { findPython } from './python.js'
import { type BenchRow, row } from './row.js'

const SIZE = 512
const SMALL_PX = 64
const PHOTOS = Number(process.env.PREP_BENCH_PHOTOS ?? 6)
const ROUNDS = 10
const repo = resolve(import.meta.dirname, '..')
const camvid = join(process.env.PREP_SHARED ?? join(repo, '../shared'), 'data/camvid/photos')

export async function benchCoherence(): Promise<BenchRow[]> {
  const photos = await loadPhotos()
  const [few, many] = [8, 20].map(clusters => labelsOf(photos, clusters)) as [Uint8Array[], Uint8Array[]]
  const peers = pythonPeers(photos, many)
  const timed = (name: string, run: (i: number) => unknown, peer?: string, note?: string): BenchRow => {
    const label = `${name}${peer ? ` vs cv2 ${peer}` : ''}`
    const missing = peer && peers[peer] === undefined ? 'no python with cv2: set PREP_PYTHON' : undefined
    const notes = [note, missing].filter(text => text !== undefined).join('; ')
    return row(label, meanMs(photos.length, run), (peer && peers[peer]) || Number.NaN, 'ms', notes || undefined)
  }
  const rows = [
    timed('median 3x3', i => smooth(photos[i]!, SIZE, SIZE, { method: 'median', radius: 1 }), 'medianBlur 3'),
    timed('median 5x5', i => smooth(photos[i]!, SIZE, SIZE, { method: 'median', radius: 2 }), 'medianBlur 5'),
    timed('sigma 5x5', i => smooth(photos[i]!, SIZE, SIZE, { method: 'sigma', radius: 2 }), 'bilateralFilter 5'),
    timed('majority 5x5 K=8', i => majority(few[i]!, SIZE, SIZE, 8, 2)),
    timed('majority 5x5 K=20', i => majority(many[i]!, SIZE, SIZE, 20, 2)),
    timed('region statistics K=20', i => regionStatistics(many[i]!, SIZE, SIZE), 'connectedComponentsWithStats'),
  ]
  for (const [name, maps] of [
    ['K=8', few],
    ['K=20', many],
    ['K=20, done before', many.map((ids, i) => removeSmallRegions(ids, photos[i]!, SIZE, SIZE, SMALL_PX))],
  ] as const) {
    const remove = (i: number) => removeSmallRegions(maps[i]!, photos[i]!, SIZE, SIZE, SMALL_PX)
    rows.push(timed(`remove regions under ${SMALL_PX} px ${name}`, remove, undefined, speckle(maps)))
  }
  rows.push(timed('superpixels of 256 px', i => slic(photos[i]!, SIZE, SIZE), 'ximgproc SLIC'))
  return rows
}

/** How speckled maps are: what the time of removing depends on. */
function speckle(maps: readonly Uint8Array[]): string {
  const statistics = maps.map(ids => regionStatistics(ids, SIZE, SIZE))
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length
  const share = mean(statistics.map(({ smallShare }) => smallShare(SMALL_PX)))
  return `${mean(statistics.map(({ regions }) => regions)).toFixed(0)} regions, ${(100 * share).toFixed(1)}% of pixels in small ones`
}

async function loadPhotos(): Promise<Uint8Array[]> {
  const folder = existsSync(camvid) ? camvid : join(repo, 'fixtures/photos')
  const files = readdirSync(folder).filter(file => /\.(png|jpe?g)$/i.test(file))
  const step = Math.max(1, files.length / PHOTOS)
  const chosen = files.sort().filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step))
  return Promise.all(
    chosen.map(async file => {
      const resized = sharp(join(folder, file)).removeAlpha().toColourspace('srgb').resize(SIZE, SIZE, { fit: 'fill' })
      return new Uint8Array(await resized.raw().toBuffer())
    }),
  )
}

function labelsOf(photos: readonly Uint8Array[], clusters: number): Uint8Array[] {
  return photos.map(createAssigner(fitPalette(mergeHistograms(photos.map(countColours)), { clusters })))
}

function pythonPeers(photos: readonly Uint8Array[], labels: readonly Uint8Array[]): Record<string, number> {
  const python = findPython('cv2', 'numpy')
  if (!python) return {}
  const folder = mkdtempSync(join(tmpdir(), 'prep-bench-'))
  try {
    const files = photos.map((photo, i) => {
      const file = join(folder, `${i}.raw`)
      writeFileSync(file, Buffer.concat([photo, labels[i]!]))
      return file
    })
    const script = join(import.meta.dirname, 'peers/coherence_peers.py')
    return JSON.parse(execFileSync(python, [script, ...files], { encoding: 'utf8' })) as Record<string, number>
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** CPU time of one call, after warming rounds over all images. */
function meanMs(images: number, run: (i: number) => unknown): number {
  const round = () => {
    for (let i = 0; i < images; i++) run(i)
  }
  for (let i = 0; i < 5; i++) round()
  const before = process.cpuUsage()
  for (let i = 0; i < ROUNDS; i++) round()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / ROUNDS / images
}
