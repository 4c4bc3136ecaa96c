/** From the colours of one photo or of a whole data set to a palette: clustering, then names and order of the clusters. */
import { PrepError } from '../errors.js'
import type { ColourSums } from './histogram.js'
import { kmeans } from './kmeans.js'
import { okLab } from './oklab.js'
import { distinctColours, hex, type Palette } from './palette.js'
import { type Coordinates, nearest, type Points, type Space, toPoints } from './points.js'

export interface FitOptions {
  /** Number of labels, 2..255. */
  readonly clusters: number
  readonly space?: Space
  /** Independent starts of the clustering at most; it stops when some agree. */
  readonly restarts?: number
  readonly seed?: number
}

export const FIT_DEFAULTS = { space: 'oklab', restarts: 12, seed: 0 } as const

/** Finds `clusters` centres of weighted points; options are complete. */
export type ClusterEngine = (points: Points, options: Required<FitOptions>) => readonly Coordinates[]

/**
 * Cluster colours into a palette.
 *
 * The same colours, options and seed give the same palette, to the last bit. Ids run from dark to bright, then by hue,
 * so that similar data have similar ids.
 *
 * @param colours  a histogram, or the merged histogram of many photos
 * @param engine  default: our k-means
 * @throws {PrepError} `TOO_FEW_COLOURS` when there are fewer colours than clusters
 */
export function fitPalette(colours: ColourSums, options: FitOptions, engine: ClusterEngine = kmeans): Palette {
  const complete = { ...FIT_DEFAULTS, ...options }
  const { clusters, space } = complete
  const found = colours.count.length
  if (found < clusters) {
    throw new PrepError(
      'TOO_FEW_COLOURS',
      `expected at least ${clusters} colours for ${clusters} clusters, found ${found}`,
      {
        hint: found < 2 ? 'use photos with more than one colour' : `set clusters to ${found} or fewer`,
      },
    )
  }
  const points = toPoints(colours, space)
  const centroids = orderCentroids(roundCentroids(engine(points, complete), space), space)
  return describe(colours, points, centroids, space)
}

/** Six decimals of OKLab, four of RGB: far below what is visible, and what the palette file then holds exactly. */
function roundCentroids(centroids: readonly Coordinates[], space: Space): Coordinates[] {
  const unit = space === 'oklab' ? 1e6 : 1e4
  return centroids.map(([x, y, z]) => [
    Math.round(x * unit) / unit,
    Math.round(y * unit) / unit,
    Math.round(z * unit) / unit,
  ])
}

/** By lightness, then hue angle. */
function orderCentroids(centroids: readonly Coordinates[], space: Space): Coordinates[] {
  const lab = ([x, y, z]: Coordinates) => (space === 'oklab' ? ([x, y, z] as const) : okLab(x, y, z))
  return centroids
    .map(centroid => ({ centroid, lab: lab(centroid) }))
    .sort(
      ({ lab: p, centroid: c }, { lab: q, centroid: d }) =>
        p[0] - q[0] || Math.atan2(p[2], p[1]) - Math.atan2(q[2], q[1]) || c[1] - d[1] || c[2] - d[2],
    )
    .map(({ centroid }) => centroid)
}

/** The palette of these centroids, with what the colours nearest to each look like and how many they are. */
function describe(colours: ColourSums, points: Points, centroids: readonly Coordinates[], space: Space): Palette {
  const sums = centroids.map(() => [0, 0, 0, 0] as [r: number, g: number, b: number, count: number])
  let pixels = 0
  for (let i = 0; i < points.size; i++) {
    const sum = sums[nearest(centroids, points.x[i]!, points.y[i]!, points.z[i]!)]!
    sum[0] += colours.r[i]!
    sum[1] += colours.g[i]!
    sum[2] += colours.b[i]!
    sum[3] += colours.count[i]!
    pixels += colours.count[i]!
  }
  const means = sums.map(
    ([r, g, b, n]) => [r / n, g / n, b / n].map(v => Math.round(v * 100) / 100) as [number, number, number],
  )
  const displays = distinctColours(means.map(hex))
  return {
    version: 2,
    space,
    clusters: centroids.map((centroid, id) => ({
      id,
      centroid,
      display: displays[id]!,
      mean: means[id]!,
      share: Math.round((sums[id]![3] / pixels) * 1e6) / 1e6,
    })),
  }
}
