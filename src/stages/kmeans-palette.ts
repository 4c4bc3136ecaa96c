/** Where the palette of a kmeans step comes from: a file, the colours of all photos, or the mean of each photo's own. */
import { setImmediate } from 'node:timers/promises'
import { PrepError } from '../errors.js'
import { coarsen } from '../labels/coarsen.js'
import { type Quantisation, quantise } from '../labels/drift.js'
import { chooseClusters, ELBOW_RANGE, type ElbowPoint, elbowCurve } from '../labels/elbow.js'
import { checkPalette } from '../labels/labeller.js'
import type { Looking } from '../labels/measure.js'
import { okLab } from '../labels/oklab.js'
import { formatPalette, type Palette, paletteHash, parsePalette, weightedCentroids } from '../labels/palette.js'
import { fingerprint, type Json } from '../pipeline/fingerprint.js'
import { seedFor } from '../pipeline/random.js'
import type { StageContext, TaskCall } from '../pipeline/stage.js'
import { contentKey, type ImageRef, type Sample } from '../sample.js'
import { colourMaterial, engineOf, type Material, sceneMaterial } from './kmeans-material.js'
import { DEFAULT_CLUSTERS, type KmeansOptions } from './kmeans-options.js'
import { readPaletteFile } from './palette-file.js'
import { type FitJob, keepOrFit } from './palette-refit.js'
import { featuresOf, lookingOf, usesScenes } from './scene-options.js'

/** What is clustered. @throws {PrepError} `STAGE_INPUT_MISSING` */
export function imageOf(sample: Sample, { of }: Pick<KmeansOptions, 'of'>): ImageRef {
  const image = sample[of]
  if (image) return image
  throw new PrepError('STAGE_INPUT_MISSING', `of: ${of}, but ${sample.name} has none`, {
    hint: 'run one pipeline for each kind of labels',
  })
}

/** The call that measures a photo for the fit, as it is made by this step and ahead of it. */
export const measureCall = (photo: ImageRef, looking: Looking): Pick<TaskCall, 'keyed' | 'input'> => ({
  keyed: { photo: contentKey(photo), ...looking },
  input: { photo: { ...photo }, ...looking },
})

/** The palette of a file, for `palette:`. @throws {PrepError} `PALETTE_MISMATCH`, and as `readPaletteFile` */
export async function readGivenPalette(path: string, options: KmeansOptions): Promise<Palette> {
  const palette = await readPaletteFile(path)
  checkPalette(palette, lookingOf(options))
  const { clusters } = options
  if (clusters !== undefined && clusters !== 'auto' && clusters !== palette.clusters.length)
    throw new PrepError('PALETTE_MISMATCH', `clusters: ${clusters}, but ${path} has ${palette.clusters.length}`, {
      hint: 'remove clusters: to use the palette as it is',
    })
  return palette
}

/** Photos that scenes are fitted to, at most. */
const FIT_PHOTOS = 256

/**
 * The photos that the palette is fitted to: all, or where scenes are many those whose content hashes lowest, which is a
 * fair draw that no name and no order changes, and few photos that are added.
 */
export function fitAmong(samples: readonly Sample[], options: KmeansOptions): readonly Sample[] {
  if (!usesScenes(options) || samples.length <= FIT_PHOTOS) return samples
  return [...samples].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)).slice(0, FIT_PHOTOS)
}

/** The task that measures a photo for the fit. */
export const measureTask = (options: KmeansOptions): 'cells' | 'count' => (usesScenes(options) ? 'cells' : 'count')

/**
 * One palette for all photos: the last one as long as it fits, else a new one. Without edits.
 *
 * @returns the palette, and the photos that could be read
 */
export async function fitForAll(
  samples: readonly Sample[],
  options: KmeansOptions,
  context: StageContext,
): Promise<{ palette: Palette; samples: readonly Sample[] }> {
  const among = fitAmong(samples, options)
  const looking = lookingOf(options)
  const calls = among.map((sample): TaskCall => ({ sample, ...measureCall(imageOf(sample, options), looking) }))
  const results = await context.map(measureTask(options), calls, 'measure photos')
  const unread = new Set(among.filter((_, index) => results[index]!.status !== 'done'))
  // Sorted, so that the same photos under other names give the same palette.
  const keys = results.flatMap(result => (result.status === 'done' ? [result.key] : [])).sort()
  return {
    palette: await keepOrFit(fitJob(keys, options, context), options, context),
    samples: samples.filter(sample => !unread.has(sample)),
  }
}

/** What it takes to fit photos that have been measured, and to see how a palette fits them. */
function fitJob(keys: readonly string[], options: KmeansOptions, context: StageContext): FitJob {
  const { space, restarts, engine, of } = options
  const seed = seedFor(context.seed, 'kmeans')
  const features = usesScenes(options) ? { features: featuresOf(options) } : {}
  const clusters = options.clusters ?? DEFAULT_CLUSTERS
  const wanted = { clusters, restarts, seed, engine, space, ...features, ...lookingOf(options) }
  const material = usesScenes(options) ? sceneMaterial(keys, options, context) : colourMaterial(keys, options, context)
  return {
    photos: keys.length,
    options: fingerprint({ ...wanted, of }).slice(0, 12),
    async fit() {
      const clusters =
        wanted.clusters === 'auto' ? await findClusters(keys, material, { wanted, engine }, context) : wanted.clusters
      const text = await context.remember({ keys, ...wanted, clusters }, async () =>
        formatPalette(await material.fit(clusters, seed)),
      )
      return parsePalette(text, 'palette')
    },
    async measure(palette) {
      const text = await context.remember({ measured: paletteHash(palette), keys }, async () =>
        JSON.stringify(quantise(await material.points(palette), weightedCentroids(palette))),
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
  material: Material,
  { wanted, engine }: { readonly wanted: { readonly [name: string]: Json }; readonly engine: KmeansOptions['engine'] },
  context: StageContext,
): Promise<number> {
  const text = await context.remember({ elbow: 2, keys, ...wanted }, async () => {
    const points = coarsen(await material.points(), ELBOW_POINTS)
    const cluster = await engineOf(engine)
    const how = { restarts: ELBOW_RESTARTS, seed: Number(wanted.seed), space: 'oklab' as const }
    const curve = await elbowCurve(points.size, async clusters => {
      await setImmediate() // lets Ctrl-C in
      if (context.signal.aborted) throw new PrepError('INTERRUPTED', 'stopped before the number of classes was found')
      context.progress('find the number of classes', clusters, ELBOW_RANGE.most)
      return quantise(points, cluster(points, { clusters, ...how }))
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
