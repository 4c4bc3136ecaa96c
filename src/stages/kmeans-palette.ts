/** Where the palette of a kmeans step comes from: a file, the colours of all photos, or the mean of each photo's own. */
import { setImmediate } from 'node:timers/promises'
import { PrepError } from '../errors.js'
import { locate, located, type Quantisation, quantise } from '../labels/drift.js'
import { chooseClusters, ELBOW_RANGE, type ElbowPoint, elbowCurve } from '../labels/elbow.js'
import { type ClusterEngine, fitPalette } from '../labels/fit.js'
import type { Histogram } from '../labels/histogram.js'
import { HistogramSum } from '../labels/histogram-sum.js'
import { kmeans } from '../labels/kmeans.js'
import { okLab } from '../labels/oklab.js'
import { formatPalette, type Palette, paletteHash, parsePalette } from '../labels/palette.js'
import { coarsen, toPoints } from '../labels/points.js'
import { fingerprint } from '../pipeline/fingerprint.js'
import { seedFor } from '../pipeline/random.js'
import type { StageContext, TaskCall } from '../pipeline/stage.js'
import { contentKey, type ImageRef, type Sample } from '../sample.js'
import { DEFAULT_CLUSTERS, type KmeansOptions } from './kmeans-options.js'
import { readPaletteFile } from './palette-file.js'
import { type FitJob, keepOrFit } from './palette-refit.js'

/** The package is loaded only when asked for: it is slow to start. */
export const engineOf = async (name: KmeansOptions['engine']): Promise<ClusterEngine> =>
  name === 'ml-kmeans' ? (await import('../labels/ml-kmeans.js')).mlKMeans : kmeans

/** What is clustered. @throws {PrepError} `STAGE_INPUT_MISSING` */
export function imageOf(sample: Sample, { of }: Pick<KmeansOptions, 'of'>): ImageRef {
  const image = sample[of]
  if (image) return image
  throw new PrepError('STAGE_INPUT_MISSING', `of: ${of}, but ${sample.name} has none`, {
    hint: 'run one pipeline for each kind of labels',
  })
}

/** The call that counts a photo's colours, as it is made by this step and ahead of it. */
export const countCall = (photo: ImageRef): Pick<TaskCall, 'keyed' | 'input'> => ({
  keyed: { photo: contentKey(photo) },
  input: { photo: { ...photo } },
})

/** The palette of a file, for `palette:`. @throws {PrepError} `PALETTE_MISMATCH`, and as `readPaletteFile` */
export async function readGivenPalette(path: string, { clusters }: KmeansOptions): Promise<Palette> {
  const palette = await readPaletteFile(path)
  if (clusters !== undefined && clusters !== 'auto' && clusters !== palette.clusters.length)
    throw new PrepError('PALETTE_MISMATCH', `clusters: ${clusters}, but ${path} has ${palette.clusters.length}`, {
      hint: 'remove clusters: to use the palette as it is',
    })
  return palette
}

/**
 * One palette for all photos: the last one as long as it fits, else from their colour counts. Without edits.
 *
 * @returns the palette, and the photos whose colours could be counted
 */
export async function fitForAll(
  samples: readonly Sample[],
  options: KmeansOptions,
  context: StageContext,
): Promise<{ palette: Palette; samples: readonly Sample[] }> {
  const calls = samples.map((sample): TaskCall => ({ sample, ...countCall(imageOf(sample, options)) }))
  const results = await context.map('count', calls, 'count colours')
  // Sorted, so that the same photos under other names give the same palette.
  const keys = results.flatMap(result => (result.status === 'done' ? [result.key] : [])).sort()
  return {
    palette: await keepOrFit(fitJob(keys, options, context), options, context),
    samples: samples.filter((_, index) => results[index]!.status === 'done'),
  }
}

/** What it takes to fit photos, of which the colours have been counted, and to see how a palette fits them. */
function fitJob(keys: readonly string[], options: KmeansOptions, context: StageContext): FitJob {
  const { space, restarts, engine, of } = options
  const seed = seedFor(context.seed, 'kmeans')
  const wanted = { clusters: options.clusters ?? DEFAULT_CLUSTERS, restarts, seed, engine, space }
  let sum: Promise<Histogram> | undefined
  const colours = (): Promise<Histogram> => {
    sum ??= sumColours(keys, context)
    return sum
  }
  return {
    photos: keys.length,
    options: fingerprint({ ...wanted, of }).slice(0, 12),
    async fit() {
      const clusters =
        wanted.clusters === 'auto' ? await findClusters(keys, colours, { ...options, seed }, context) : wanted.clusters
      const text = await context.remember({ keys, ...wanted, clusters }, async () =>
        formatPalette(fitPalette(await colours(), { clusters, restarts, seed, space }, await engineOf(engine))),
      )
      return parsePalette(text, 'palette')
    },
    async measure(palette) {
      const text = await context.remember({ measured: paletteHash(palette), keys }, async () =>
        JSON.stringify(
          quantise(
            locate(await colours(), palette.space),
            palette.clusters.map(({ centroid }) => centroid),
          ),
        ),
      )
      return JSON.parse(text) as Quantisation
    },
  }
}

/** Points among which the number of clusters is sought: the knee does not need more. */
const ELBOW_POINTS = 4096
const ELBOW_RESTARTS = 3

/** `clusters: auto`: the number, told with its figures. */
async function findClusters(
  keys: readonly string[],
  colours: () => Promise<Histogram>,
  { space, seed, engine }: Pick<KmeansOptions, 'space' | 'engine'> & { readonly seed: number },
  context: StageContext,
): Promise<number> {
  const text = await context.remember({ elbow: 1, keys, space, seed, engine }, async () => {
    const points = coarsen(toPoints(await colours(), space), ELBOW_POINTS)
    const cluster = await engineOf(engine)
    const curve = await elbowCurve(points.size, async clusters => {
      await setImmediate() // lets Ctrl-C in
      if (context.signal.aborted) throw new PrepError('INTERRUPTED', 'stopped before the number of classes was found')
      context.progress('find the number of classes', clusters, ELBOW_RANGE.most)
      return quantise(located(points), cluster(points, { clusters, restarts: ELBOW_RESTARTS, seed, space }))
    })
    return JSON.stringify(curve)
  })
  const curve = JSON.parse(text) as ElbowPoint[]
  const clusters = chooseClusters(curve)
  const [first, knee, last] = [curve[0], curve.find(point => point.clusters === clusters), curve.at(-1)]
  if (first && knee && last)
    context.note(
      `clusters: auto takes ${clusters}: error ${first.error.toPrecision(3)} with ${first.clusters}, ${knee.error.toPrecision(3)} with ${clusters}, ${last.error.toPrecision(3)} with ${last.clusters}`,
    )
  return clusters
}

/** Fewer photos than this are not worth a process of their own. */
const PHOTOS_A_SUM = 64

/** All worker processes add up a share each; sums are exact, so it does not matter who adds what. */
async function sumColours(keys: readonly string[], context: StageContext): Promise<Histogram> {
  const share = Math.max(PHOTOS_A_SUM, Math.ceil(keys.length / context.jobs))
  const shares = Array.from({ length: Math.ceil(keys.length / share) }, (_, i) =>
    keys.slice(i * share, (i + 1) * share),
  )
  const calls = shares.map(keys => ({ keyed: { keys }, input: { keys } }))
  const sums = await context.map('sum', calls, 'add up colours')
  return sumHistograms(
    sums.flatMap(sum => (sum.status === 'done' ? [sum.key] : [])),
    context.bytes,
  )
}

/** @param read  gives a histogram as `countAndEncode` makes it; one at a time is held */
export function sumHistograms(keys: readonly string[], read: (key: string) => Uint8Array): Histogram {
  const sum = new HistogramSum()
  for (const key of keys) sum.add(read(key))
  return sum.total()
}

/**
 * What the ids of separately labelled photos look like on average.
 *
 * @param photos  for each photo and id: mean r, g, b and share
 */
export function meanPalette(
  photos: readonly (readonly (readonly number[])[])[],
  clusters: number,
  space: KmeansOptions['space'],
): Palette {
  const rows = Array.from({ length: clusters }, (_, id) => {
    const sum = [0, 0, 0, 0]
    for (const photo of photos) {
      const [r = 0, g = 0, b = 0, share = 0] = photo[id] ?? []
      for (const [i, value] of [r, g, b].entries()) sum[i]! += value * share
      sum[3]! += share
    }
    const total = sum[3] || 1
    const mean = [sum[0]! / total, sum[1]! / total, sum[2]! / total] as const
    return {
      id,
      mean,
      centroid: space === 'oklab' ? okLab(...mean) : mean,
      share: Math.min(1, sum[3]! / photos.length),
    }
  })
  return parsePalette(JSON.stringify({ version: 2, space, clusters: rows }), 'the mean palette')
}
