/**
 * The quality gate against what it is for: what it says of good photos, and how many of them it catches once they are
 * damaged. `ours` is the share that is warned of or rejected, `peer` the same of the undamaged photos; the note has the
 * share rejected and the reasons. Also the measures of the good photos, and what measuring costs beside decoding.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import sharp from 'sharp'
import { createAssigner } from '../src/labels/assign.js'
import { fitPalette } from '../src/labels/fit.js'
import { countColours, mergeHistograms } from '../src/labels/histogram.js'
import { type Judgement, judge, type Measures } from '../src/labels/verdict.js'
import { type GateFacts, gateFacts } from '../src/stages/quality-gate.js'
import { qualityOptions } from '../src/stages/quality-options.js'
import { DAMAGES, type Picture, toPicture } from './damage.js'
import { type BenchRow, row } from './row.js'

const repo = resolve(import.meta.dirname, '..')
const shared = join(process.env.PREP_SHARED ?? join(repo, '../shared'), 'data')
const { on_reject: _, ...LIMITS } = qualityOptions('clusters').parse({})
const CLUSTERS = Number(process.env.PREP_BENCH_CLUSTERS ?? 8)

interface GoodSet {
  readonly name: string
  readonly folder: string
  readonly size: number
  readonly limit?: number
  /** Two pictures side by side: the left one counts. */
  readonly halves?: boolean
  /** Drawings are no photos: only what is said of them undamaged is of interest. */
  readonly damaged: boolean
}

/** Override with PREP_BENCH_SETS=camvid,maps. */
const WANTED = process.env.PREP_BENCH_SETS?.split(',')

const SETS: readonly GoodSet[] = [
  { name: 'camvid', folder: join(shared, 'camvid/photos'), size: 512, damaged: true },
  { name: 'maps', folder: join(shared, 'maps'), size: 512, halves: true, damaged: true },
  { name: 'cityscapes', folder: join(shared, 'cityscapes'), size: 512, damaged: false },
  { name: 'digits', folder: join(shared, 'digits/images'), size: 28, limit: 300, damaged: false },
  { name: 'fixtures', folder: join(repo, 'fixtures/photos'), size: 512, damaged: false },
]

export async function benchQuality(): Promise<BenchRow[]> {
  const rows: BenchRow[] = []
  for (const set of SETS.filter(({ name }) => WANTED?.includes(name) ?? true)) {
    if (!existsSync(set.folder)) {
      rows.push(row(set.name, Number.NaN, Number.NaN, '', `no photos at ${set.folder}`))
      continue
    }
    const photos = await loadSet(set)
    const assign = createAssigner(
      fitPalette(mergeHistograms(photos.map(({ data }) => countColours(data))), { clusters: CLUSTERS }),
    )
    const measure = (picture: Picture): Measures => {
      const pixels = { ...picture, channels: 3 as const }
      const facts = gateFacts({ ids: assign(picture.data), pixels, classes: CLUSTERS, isPhoto: true })
      return facts.quality as unknown as GateFacts
    }
    const measures = photos.map(measure)
    const good = measures.map(one => judge(one, LIMITS))
    const flagged = share(good, 'warn') + share(good, 'reject')
    rows.push(row(`${set.name}: ${photos.length} as they are`, flagged, Number.NaN, 'flagged', tally(good)))
    rows.push(...distributions(set.name, measures))
    if (set.damaged)
      for (const [name, damage] of Object.entries(DAMAGES)) {
        const judged: Judgement[] = []
        for (const photo of photos) judged.push(judge(measure(await damage(photo)), LIMITS))
        const all = share(judged, 'warn') + share(judged, 'reject')
        rows.push(row(`${set.name}: ${name}`, all, flagged, 'flagged', tally(judged)))
      }
    if (set.name === 'camvid') rows.push(await cost(photos, assign))
  }
  return rows
}

async function loadSet({ folder, size, limit = 1000, halves = false }: GoodSet): Promise<Picture[]> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(file => /\.(jpe?g|png)$/i.test(file) && !/gtFine|_label|instanceIds/.test(file))
    .sort()
    .slice(0, limit)
  const pictures: Picture[] = []
  for (const file of files) {
    const image = sharp(join(folder, file))
    const { width = 0, height = 0 } = await image.metadata()
    const part = halves ? image.extract({ left: 0, top: 0, width: width >> 1, height }) : image
    // Two passes: extract would otherwise follow the resize.
    pictures.push(await toPicture(sharp(await part.png().toBuffer()).resize(size, size, { fit: 'cover' })))
  }
  return pictures
}

const share = (judged: readonly Judgement[], verdict: Judgement['verdict']): number =>
  judged.filter(one => one.verdict === verdict).length / judged.length

function tally(judged: readonly Judgement[]): string {
  const counts = new Map<string, number>()
  for (const { reasons } of judged) for (const { code } of reasons) counts.set(code, (counts.get(code) ?? 0) + 1)
  const words = [...counts].sort(([, a], [, b]) => b - a).map(([code, count]) => `${count} ${code}`)
  const rejected = judged.filter(({ verdict }) => verdict === 'reject').length
  return `${rejected} rejected${words.length ? `; ${words.join(', ')}` : ''}`
}

/** `ours` is the median. */
function distributions(set: string, measures: readonly Measures[]): BenchRow[] {
  const figures = measures.map(({ labels, photo }) => ({ ...labels, ...photo }))
  return Object.keys(figures[0]!).map(name => {
    const values = figures
      .flatMap(figure => figure[name as keyof typeof figure] ?? [])
      .map(Number)
      .sort((a, b) => a - b)
    const at = (part: number): number => values[Math.round(part * (values.length - 1))] ?? Number.NaN
    const spread = [0, 0.05, 0.5, 0.95, 1].map(part => at(part).toPrecision(3)).join('  ')
    return row(`${set}: ${name}`, at(0.5), Number.NaN, '', `least, 5%, half, 95%, most: ${spread}`)
  })
}

/** CPU time of all measures of a photo, against decoding and resizing a JPEG of 2 Mpx. */
async function cost(photos: readonly Picture[], assign: (rgb: Uint8Array) => Uint8Array): Promise<BenchRow> {
  const inputs = photos.map(picture => ({
    ids: assign(picture.data),
    pixels: { ...picture, channels: 3 as const },
    classes: CLUSTERS,
    isPhoto: true,
  }))
  for (let round = 0; round < 3; round++) inputs.map(gateFacts)
  const ours = cpuMs(() => Array.from({ length: 5 }, () => inputs.map(gateFacts))) / 5 / photos.length
  const { data, width, height } = photos[0]!
  const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(1632, 1224, { fit: 'fill' })
    .jpeg()
    .toBuffer()
  sharp.concurrency(1)
  const before = process.cpuUsage()
  for (let i = 0; i < 10; i++) await sharp(jpeg).resize(512, 512).raw().toBuffer()
  const { user, system } = process.cpuUsage(before)
  return row(
    'measure a photo and its labels, 512x512',
    ours,
    (user + system) / 1e4,
    'ms',
    'peer: decode and resize 2 Mpx',
  )
}

function cpuMs(run: () => unknown): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
