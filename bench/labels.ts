/**
 * Labels against the tools that people use for them, on real photos at 512x512: time for one photo by its own palette
 * and by a data-set palette, and the clustering error. CPU time, one thread each.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { kmeans as mlKMeans } from 'ml-kmeans'
import sharp from 'sharp'
import { createAssigner } from '../src/labels/assign.js'
import { fitPalette, fitScenePalette } from '../src/labels/fit.js'
import { countColours, mergeHistograms } from '../src/labels/histogram.js'
import { countExactColours, labelImage } from '../src/labels/image.js'
import { createLabeller } from '../src/labels/labeller.js'
import { type Looking, measureScene, readMeasured } from '../src/labels/measure.js'
import type { Palette } from '../src/labels/palette.js'
import { type Coordinates, type Points, type Space, toPoints } from '../src/labels/points.js'
import { bestOf, inertiaOf } from '../test/labels/lloyd.js'
import { type BenchRow, row } from './row.js'

type PeerRuns = Record<string, Array<{ ms: number; centres: Array<[number, number, number]> }>>

const SIZE = 512
/** More take longer: the full-pixel runs are about 10 s a photo. */
const PHOTOS = Number(process.env.PREP_BENCH_PHOTOS ?? 6)
const SEEDS = [1, 2, 3]
const repo = resolve(import.meta.dirname, '..')
const photoFolder = join(process.env.PREP_SHARED ?? join(repo, '../shared'), 'data/camvid/photos')

export async function benchLabels(): Promise<BenchRow[]> {
  if (!existsSync(photoFolder)) return [absent('labels', `no photos at ${photoFolder}`)]
  const photos = await loadPhotos()
  const rows: BenchRow[] = []
  for (const clusters of [8, 16]) rows.push(...times(photos, clusters), ...errors(photos, clusters))
  rows.push(...(await largePhoto()))
  return rows
}

const LARGE = { width: 3840, height: 2160, clusters: 12, limitMs: 1000 }
/** What the kmeans step does by default, and what it can do besides. */
const WAYS: Readonly<Record<string, Looking>> = {
  default: {},
  'smooth: sigma': { smooth: 'sigma' },
  'regions: slic': { superpixels: 'auto' },
}

/** One 4K photo by a data-set palette of scenes, coherence included, against a second. */
async function largePhoto(): Promise<BenchRow[]> {
  const { width, height, clusters, limitMs } = LARGE
  const file = join(photoFolder, readdirSync(photoFolder).sort()[0]!)
  const pixels = await sharp(file).removeAlpha().resize(width, height, { fit: 'fill' }).raw().toBuffer()
  const rgb = new Uint8Array(pixels)
  const features = { chroma: 8.5, position: 0.7, texture: 0.85, exposure: 0.6, detail: 2 }
  const megabytes = (): number => process.memoryUsage().rss / 2 ** 20
  const before = megabytes()
  const { units } = readMeasured(measureScene(rgb, width, height, {}))
  const palette = fitScenePalette([units], features, { clusters })
  return Object.entries(WAYS).map(([name, looking]) => {
    const label = createLabeller(palette, { ...looking, majority: 1, minRegion: 'auto' })
    label(rgb, width, height)
    const ms = Math.min(...SEEDS.map(() => cpuMs(() => label(rgb, width, height))))
    const grown = `${(megabytes() - before).toFixed(0)} MB more than before the first of these`
    return row(`label ${width}x${height} K=${clusters}, ${name}, vs a second`, ms, limitMs, 'ms', grown)
  })
}

/** Photos spread evenly over the recording. */
async function loadPhotos(): Promise<Uint8Array[]> {
  const files = readdirSync(photoFolder).sort()
  const step = Math.max(1, files.length / PHOTOS)
  const chosen = Array.from({ length: Math.min(PHOTOS, files.length) }, (_, i) => files[Math.floor(i * step)]!)
  const load = async (file: string) =>
    new Uint8Array(
      await sharp(join(photoFolder, file)).removeAlpha().resize(SIZE, SIZE, { fit: 'fill' }).raw().toBuffer(),
    )
  return Promise.all(chosen.map(load))
}

function times(photos: readonly Uint8Array[], clusters: number): BenchRow[] {
  const at = `512x512 K=${clusters}`
  const own = meanMs(photos, rgb => labelImage(rgb, { clusters }))
  const assign = createAssigner(fitPalette(mergeHistograms(photos.map(countColours)), { clusters }))
  const firstSight = cpuMs(() => photos.map(assign)) / photos.length
  const known = meanMs(photos, assign)
  const peers = pythonPeers(photos, clusters)
  const rows = Object.entries(peers).map(([peer, runs]) =>
    row(`label image ${at} vs ${peer}`, own, mean(runs.map(({ ms }) => ms)), 'ms'),
  )
  if (rows.length === 0) rows.push(absent(`label image ${at}`, 'no python with cv2 or sklearn: set PREP_PYTHON'))
  rows.push(row(`label image ${at} vs ml-kmeans, all pixels`, own, mlKMeansMs(photos[0]!, clusters), 'ms', 'one photo'))
  const start = peers['cv2 one start']
  if (start) {
    const note = `colours known; first sight of a photo ${firstSight.toFixed(2)} ms`
    rows.push(row(`assign data-set palette ${at} vs cv2 one start`, known, mean(start.map(({ ms }) => ms)), 'ms', note))
  }
  const pixels = photos.map(rgb => toPoints(countExactColours(rgb), 'rgb'))
  for (const [peer, runs] of Object.entries(peers)) {
    const ratios = runs.map(({ centres }, i) => {
      const { palette } = labelImage(photos[i]!, { clusters, space: 'rgb' })
      return paletteError(palette, pixels[i]!) / inertiaOf(pixels[i]!, centres)
    })
    rows.push(row(`error ${at} rgb vs ${peer}`, mean(ratios), 1, 'ratio of inertias, mean'))
  }
  return rows
}

/** Our inertia over that of the best of 8 full-pixel runs: the worst over photos and seeds. */
function errors(photos: readonly Uint8Array[], clusters: number): BenchRow[] {
  return (['oklab', 'rgb'] as const).map((space: Space) => {
    const ratios = photos.flatMap((rgb, photo) => {
      const pixels = toPoints(countExactColours(rgb), space)
      const best = bestOf(8, pixels, clusters, photo)
      return SEEDS.map(seed => paletteError(labelImage(rgb, { clusters, space, seed }).palette, pixels) / best)
    })
    const note = `mean ${mean(ratios).toFixed(4)} over ${ratios.length} runs`
    return row(
      `error 512x512 K=${clusters} ${space} vs best of 8 full-pixel runs`,
      Math.max(...ratios),
      1,
      'ratio of inertias, worst',
      note,
    )
  })
}

const paletteError = ({ clusters }: Palette, pixels: Points): number =>
  inertiaOf(
    pixels,
    clusters.map(({ centroid }): Coordinates => centroid),
  )

function pythonPeers(photos: readonly Uint8Array[], clusters: number): PeerRuns {
  const folder = mkdtempSync(join(tmpdir(), 'prep-bench-'))
  try {
    const files = photos.map((_, i) => join(folder, `${i}.rgb`))
    files.forEach((file, i) => {
      writeFileSync(file, photos[i]!)
    })
    const script = fileURLToPath(new URL('peers/labels_peers.py', import.meta.url))
    const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' }
    let found: PeerRuns = {}
    for (const python of [process.env.PREP_PYTHON, 'python3', '/usr/bin/python3']) {
      if (!python) continue
      try {
        const text = execFileSync(python, [script, String(clusters), ...files], {
          env,
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        })
        const runs = JSON.parse(text) as PeerRuns
        if (Object.keys(runs).length > Object.keys(found).length) found = runs
      } catch {
        // this python lacks numpy, or is not there
      }
      if (Object.keys(found).length > 0) break
    }
    return found
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function mlKMeansMs(rgb: Uint8Array, clusters: number): number {
  const pixels = Array.from({ length: rgb.length / 3 }, (_, i) => [rgb[3 * i]!, rgb[3 * i + 1]!, rgb[3 * i + 2]!])
  return cpuMs(() => mlKMeans(pixels, clusters, { seed: 1 }))
}

/** CPU time of one call, after warming rounds over all photos. */
function meanMs(photos: readonly Uint8Array[], run: (rgb: Uint8Array) => unknown): number {
  for (let round = 0; round < 8; round++) photos.forEach(run)
  const rounds = 10
  return cpuMs(() => Array.from({ length: rounds }, () => photos.map(run))) / rounds / photos.length
}

function cpuMs(run: () => unknown): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

const absent = (name: string, note: string): BenchRow => ({
  name,
  ours: Number.NaN,
  peer: Number.NaN,
  ratio: Number.NaN,
  unit: '',
  note,
})
