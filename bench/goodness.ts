/**
 * How much meaning labels have: agreement with camvid's ground truth under the best matching of clusters to classes, and
 * what that costs in detail. Ours come out of the pipeline as users run it.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { readLabelIds } from '../src/images/label-ids.js'
import { compareEdges } from '../src/labels/edges.js'
import { countOverlap, scoreMatched, scoreOverlap } from '../src/labels/overlap.js'
import { findPython } from './python.js'
import { type BenchRow, row } from './row.js'
import { pixelsInSmallRegions } from './small-regions.js'
import { camvid, type Part, readTruth, SIZE, type Truth } from './truth.js'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '..')

/** Override with PREP_BENCH_CLUSTERS=8,16. */
const CLUSTERS = (process.env.PREP_BENCH_CLUSTERS ?? '8,12,20').split(',').map(Number)
/** Starts of the clustering: scores of one differ by a hundredth from those of another. */
const SEEDS = [1, 2, 3]
const SMALL_PX = 64

/** Options of the kmeans step. `plain` is colour alone, pixel by pixel: what the step's defaults add is turned off. */
const PLAIN = { features: 'colour', majority: 0, min_region: 0 }
const OURS: Readonly<Record<string, object>> = {
  'plain rgb': { ...PLAIN, space: 'rgb' },
  'plain oklab': { ...PLAIN, space: 'oklab' },
  'plain oklab, coherent': { features: 'colour' },
  default: {},
}
/** The defaults with one of them changed: what each gives and costs. */
const CHOICES: Readonly<Record<string, object>> = {
  default: {},
  'features: colour': { features: 'colour' },
  'position: 0': { position: 0 },
  'texture: 0': { texture: 0 },
  'exposure: 0': { exposure: 0 },
  'chroma: 1': { chroma: 1 },
  'detail: 1': { detail: 1 },
  'detail: 4': { detail: 4 },
  'smooth: sigma': { smooth: 'sigma' },
  'regions: slic': { regions: 'slic' },
  'majority: 0, min_region: 0': { majority: 0, min_region: 0 },
  'majority: 3': { majority: 3 },
  'min_region: 256': { min_region: 256 },
}
const CHOICE_CLUSTERS = 12
const PEERS = { cv2: 'cv2.kmeans per photo', sklearn: 'sklearn KMeans per photo' }

/** Label maps in the order of the photos. */
type LabelMaps = readonly Uint8Array[]

/** @returns rows whose `ours` is the many-to-one mean IoU, `peer` that of cv2.kmeans; the other measures are notes */
export async function benchGoodness({ part }: { readonly part: Part }): Promise<BenchRow[]> {
  const truth = await readTruth(part)
  if (!truth) return [row('labels against ground truth', Number.NaN, Number.NaN, '', `no photos at ${camvid}`)]
  const folder = await mkdtemp(join(tmpdir(), 'prep-bench-'))
  try {
    const rows: BenchRow[] = []
    for (const clusters of CLUSTERS) rows.push(...(await compareAll(truth, clusters, folder, part)))
    return rows
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** @returns as `benchGoodness`, `peer` being the default */
export async function benchChoices({ part }: { readonly part: Part }): Promise<BenchRow[]> {
  const truth = await readTruth(part)
  if (!truth) return [row('labels against ground truth', Number.NaN, Number.NaN, '', `no photos at ${camvid}`)]
  const folder = await mkdtemp(join(tmpdir(), 'prep-bench-'))
  try {
    const rows: BenchRow[] = []
    for (const [name, options] of Object.entries(CHOICES)) {
      const measures = await measureOurs(truth, { ...options, clusters: CHOICE_CLUSTERS }, folder)
      const miou = mean(measures.map(({ miou }) => miou))
      rows.push(row(`${part} K=${CHOICE_CLUSTERS} ${name}`, miou, rows[0]?.ours ?? miou, 'mIoU', describe(measures)))
    }
    return rows
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function compareAll(truth: Truth, clusters: number, folder: string, part: Part): Promise<BenchRow[]> {
  const at = `${part} K=${clusters}`
  const rows: BenchRow[] = []
  let peer = Number.NaN
  for (const [tool, title] of Object.entries(PEERS)) {
    const maps = await labelByPeer(tool, truth, clusters, folder)
    if (!maps) {
      rows.push(row(`${at} ${title}`, Number.NaN, Number.NaN, 'mIoU', `python has no ${tool}: set PREP_PYTHON`))
      continue
    }
    const byLightness = measure(truth, maps, clusters)
    if (tool === 'cv2') peer = byLightness.miou
    rows.push(row(`${at} ${title}, ids by lightness`, byLightness.miou, peer, 'mIoU', describe([byLightness])))
    const bound = scoreEach(truth, maps, clusters)
    rows.push(
      row(
        `${at} ${title}, each photo matched by itself (bound)`,
        bound.miou,
        peer,
        'mIoU',
        `accuracy ${share(bound.pixelAccuracy)}`,
      ),
    )
  }
  for (const [name, options] of Object.entries(OURS)) {
    const measures = await measureOurs(truth, { ...options, clusters }, folder)
    rows.push(row(`${at} ours, ${name}`, mean(measures.map(({ miou }) => miou)), peer, 'mIoU', describe(measures)))
  }
  return rows
}

async function measureOurs(truth: Truth, options: { readonly clusters: number }, folder: string): Promise<Measures[]> {
  const measures: Measures[] = []
  for (const seed of SEEDS)
    measures.push(measure(truth, await labelByPipeline(truth, options, seed, folder), options.clusters))
  return measures
}

interface Measures {
  readonly miou: number
  readonly pixelAccuracy: number
  readonly hungarian: number
  readonly majority: number
  readonly majorityAccuracy: number
  readonly smallShare: number
  readonly edgesFollowed: number
  readonly boundaryOnEdge: number
}

/** One matching for all photos. */
function measure({ photos, classes }: Truth, maps: LabelMaps, clusters: number): Measures {
  const overlap = new Float64Array(clusters * classes.length)
  let small = 0
  const edges = { edges: 0, followed: 0, boundary: 0, onEdge: 0 }
  for (const [index, { rgb, truth }] of photos.entries()) {
    const ids = maps[index]!
    countOverlap(ids, truth, clusters, classes.length, overlap)
    small += pixelsInSmallRegions(ids, SIZE, SIZE, SMALL_PX)
    const found = compareEdges(rgb, ids, SIZE, SIZE)
    for (const key of ['edges', 'followed', 'boundary', 'onEdge'] as const) edges[key] += found[key]
  }
  const { miou, pixelAccuracy } = scoreOverlap(overlap, clusters, classes.length, 'many-to-one')
  const majority = scoreOverlap(overlap, clusters, classes.length, 'majority')
  return {
    miou,
    pixelAccuracy,
    hungarian: scoreOverlap(overlap, clusters, classes.length, 'hungarian').miou,
    majority: majority.miou,
    majorityAccuracy: majority.pixelAccuracy,
    smallShare: small / (photos.length * SIZE * SIZE),
    edgesFollowed: edges.followed / edges.edges,
    boundaryOnEdge: edges.onEdge / edges.boundary,
  }
}

/** Each photo's clusters matched to classes by its own truth: more than any labels without the truth could reach. */
function scoreEach(
  { photos, classes }: Truth,
  maps: LabelMaps,
  clusters: number,
): { miou: number; pixelAccuracy: number } {
  const kinds = classes.length
  const total = new Float64Array(kinds * kinds)
  for (const [index, { truth }] of photos.entries()) {
    const overlap = new Float64Array(clusters * kinds)
    countOverlap(maps[index]!, truth, clusters, kinds, overlap)
    const { classOf } = scoreOverlap(overlap, clusters, kinds, 'many-to-one')
    const named = maps[index]!.map(id => classOf[id]!)
    countOverlap(named, truth, kinds, kinds, total)
  }
  return scoreMatched(
    total,
    kinds,
    Int32Array.from(classes, (_, kind) => kind),
  )
}

/** The label maps that `prep run` leaves. Later runs in the same folder find the photos decoded. */
async function labelByPipeline({ photos }: Truth, options: object, seed: number, folder: string): Promise<LabelMaps> {
  const file = join(folder, 'goodness.yaml')
  const output = join(folder, 'run')
  const steps = [
    { stage: 'glob', patterns: photos.map(({ path }) => path) },
    { stage: 'resize', size: SIZE },
    { stage: 'kmeans', refit: 'always', ...options },
  ]
  await writeFile(file, JSON.stringify({ name: 'goodness', seed, output, steps }))
  await run(process.execPath, [join(root, 'bin/prep.cjs'), 'run', file], { maxBuffer: 1 << 28 })
  const maps: Uint8Array[] = []
  for (const { name } of photos) {
    const path = join(output, 'labels', `${name}.png`)
    maps.push((await readLabelIds({ kind: 'file', path, sha256: '' })).labels.data)
  }
  return maps
}

async function labelByPeer(
  tool: string,
  { photos }: Truth,
  clusters: number,
  folder: string,
): Promise<LabelMaps | undefined> {
  const python = findPython(tool, 'numpy')
  if (!python) return undefined
  const files = photos.map(({ name }) => join(folder, `${name}.rgb`))
  for (const [index, file] of files.entries()) await writeFile(file, photos[index]!.rgb)
  const script = join(root, 'bench/peers/label_images.py')
  const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' }
  await run(python, [script, tool, String(clusters), ...files], { env })
  return Promise.all(files.map(async file => new Uint8Array(await readFile(`${file}.${tool}`))))
}

function describe(measures: readonly Measures[]): string {
  const of = (key: keyof Measures): string => share(mean(measures.map(measure => measure[key])))
  const mious = measures.map(({ miou }) => miou)
  const spread = measures.length > 1 ? `, ${share(Math.min(...mious))} to ${share(Math.max(...mious))}` : ''
  return [
    `accuracy ${of('pixelAccuracy')}`,
    `hungarian ${of('hungarian')}`,
    `majority ${of('majority')} accuracy ${of('majorityAccuracy')}`,
    `in regions < ${SMALL_PX} px ${of('smallShare')}`,
    `edges followed ${of('edgesFollowed')}`,
    `boundary on edges ${of('boundaryOnEdge')}${spread}`,
  ].join(', ')
}

const share = (value: number): string => value.toFixed(3).replace(/^0/, '')
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
