/**
 * What a kmeans step fits its palette to: the exact colour counts of all photos, or the units of their scenes. Both are
 * integers, and taken in an order of their own, so that a palette does not depend on names, order or workers.
 */
import type { Cells } from '../labels/cells.js'
import type { Features } from '../labels/features.js'
import { type ClusterEngine, fitPalette, fitScenePalette } from '../labels/fit.js'
import type { Histogram } from '../labels/histogram.js'
import { HistogramSum } from '../labels/histogram-sum.js'
import { kmeans } from '../labels/kmeans.js'
import { type Measured, readMeasured } from '../labels/measure.js'
import type { Palette } from '../labels/palette.js'
import { type Points, toPoints } from '../labels/points.js'
import { positionTrust, scenePoints } from '../labels/scene-points.js'
import type { Units } from '../labels/units.js'
import type { StageContext } from '../pipeline/stage.js'
import type { KmeansOptions } from './kmeans-options.js'
import { featuresOf } from './scene-options.js'

export interface Material {
  /** Points as this palette tells them apart; without one as the options say. */
  points(palette?: Palette): Promise<Points>
  fit(clusters: number, seed: number): Promise<Palette>
}

/** The package is loaded only when asked for: it is slow to start. */
export const engineOf = async (name: KmeansOptions['engine']): Promise<ClusterEngine> =>
  name === 'ml-kmeans' ? (await import('../labels/ml-kmeans.js')).mlKMeans : kmeans

/** @param keys  of what the task `count` made of each photo */
export function colourMaterial(
  keys: readonly string[],
  { space, restarts, engine }: KmeansOptions,
  context: StageContext,
): Material {
  let sum: Promise<Histogram> | undefined
  const colours = (): Promise<Histogram> => {
    sum ??= sumColours(keys, context)
    return sum
  }
  return {
    points: async () => toPoints(await colours(), space),
    fit: async (clusters, seed) =>
      fitPalette(await colours(), { clusters, restarts, seed, space }, await engineOf(engine)),
  }
}

/** @param keys  of what the task `cells` made of each photo */
export function sceneMaterial(keys: readonly string[], options: KmeansOptions, context: StageContext): Material {
  let read: readonly Measured[] | undefined
  const photos = (): readonly Measured[] => {
    read ??= keys.map(key => readMeasured(context.bytes(key)))
    return read
  }
  const units = (): readonly Units[] => photos().map(photo => photo.units)
  const features = (): Features => {
    const { position, ...rest } = featuresOf(options)
    return { ...rest, position: position === 'auto' ? autoPosition(photos().map(({ cells }) => cells)) : position }
  }
  return {
    points: async palette => scenePoints(units(), palette?.features ?? features()).points,
    async fit(clusters, seed) {
      const found = features()
      const { position } = featuresOf(options)
      if (position === 'auto')
        context.note(
          found.position
            ? `position counts ${found.position} (position: auto): rows of the photos have much in common`
            : 'position does not count (position: auto): rows of the photos have nothing in common',
        )
      const { restarts, engine } = options
      return fitScenePalette(units(), found, { clusters, restarts, seed }, await engineOf(engine))
    },
  }
}

/** The weight of position where it tells something in every photo. */
const POSITION = 0.7

const autoPosition = (photos: readonly Cells[]): number => Math.round(100 * POSITION * positionTrust(photos)) / 100

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
