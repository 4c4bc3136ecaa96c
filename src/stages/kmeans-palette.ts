/** Where the palette of a kmeans step comes from: a file, the colours of all photos, or the mean of each photo's own. */
import { PrepError } from '../errors.js'
import { type ClusterEngine, fitPalette } from '../labels/fit.js'
import type { Histogram } from '../labels/histogram.js'
import { HistogramSum } from '../labels/histogram-sum.js'
import { kmeans } from '../labels/kmeans.js'
import { okLab } from '../labels/oklab.js'
import { formatPalette, type Palette, parsePalette } from '../labels/palette.js'
import { seedFor } from '../pipeline/random.js'
import type { StageContext, TaskCall } from '../pipeline/stage.js'
import { contentKey, type ImageRef, type Sample } from '../sample.js'
import { DEFAULT_CLUSTERS, type KmeansOptions } from './kmeans-options.js'
import { readPaletteFile } from './palette-file.js'

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
  if (clusters !== undefined && clusters !== palette.clusters.length)
    throw new PrepError('PALETTE_MISMATCH', `clusters: ${clusters}, but ${path} has ${palette.clusters.length}`, {
      hint: 'remove clusters: to use the palette as it is',
    })
  return palette
}

/**
 * One palette for all photos, from their colour counts.
 *
 * @returns the palette, and the photos whose colours could be counted
 */
export async function fitForAll(
  samples: readonly Sample[],
  options: KmeansOptions,
  context: StageContext,
): Promise<{ palette: Palette; samples: readonly Sample[] }> {
  const { space, restarts, engine } = options
  const clusters = options.clusters ?? DEFAULT_CLUSTERS
  const seed = seedFor(context.seed, 'kmeans')
  const calls = samples.map((sample): TaskCall => ({ sample, ...countCall(imageOf(sample, options)) }))
  const results = await context.map('count', calls, 'count colours')
  // Sorted, so that the same photos under other names give the same palette.
  const keys = results.flatMap(result => (result.status === 'done' ? [result.key] : [])).sort()
  const text = await context.remember({ keys, clusters, restarts, seed, engine, space }, async () => {
    const colours = await sumColours(keys, context)
    return formatPalette(fitPalette(colours, { clusters, restarts, seed, space }, await engineOf(engine)))
  })
  return {
    palette: parsePalette(text, 'palette'),
    samples: samples.filter((_, index) => results[index]!.status === 'done'),
  }
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
