/** From the colours of one photo or of a whole data set to a palette: clustering, then order and looks of the clusters. */
import { PrepError } from '../errors.js'
import { type Features, isColourAlone, weightsOf } from './features.js'
import type { ColourSums } from './histogram.js'
import { kmeans } from './kmeans.js'
import { type OkLab, okLab, okLabToRgb, type Rgb } from './oklab.js'
import { distinctColours, hex, type Palette } from './palette.js'
import { type Coordinates, nearest, type Points, placeOf, type Space, squaredDistance, toPoints } from './points.js'
import { scenePoints } from './scene-points.js'
import type { Units } from './units.js'

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
  const { space } = complete
  return describe(fitClusters(toPoints(colours, space), colours, complete, engine), { version: 2, space })
}

/**
 * Cluster the units of photos into a palette that tells labels apart by these features, as `fitPalette` does by colour.
 *
 * @param photos  in an order that depends on their content alone
 * @throws {PrepError} `TOO_FEW_COLOURS` when fewer units than clusters differ
 */
export function fitScenePalette(
  photos: readonly Units[],
  features: Features,
  options: Omit<FitOptions, 'space'>,
  engine: ClusterEngine = kmeans,
): Palette {
  const { points, colours } = scenePoints(photos, features)
  const weights = weightsOf(features)
  const clusters = fitClusters(points, colours, options, engine)
  const centroids = clusters.centroids.map(centroid =>
    centroid.map((value, axis) => Math.round((value / weights[axis]!) * 1e6) / 1e6),
  )
  return describe(
    { ...clusters, centroids },
    { version: 2, space: 'oklab', ...(!isColourAlone(features) && { features }) },
  )
}

function describe(
  { centroids, means, counts }: Pick<FittedClusters, 'centroids' | 'means' | 'counts'>,
  head: Omit<Palette, 'clusters'>,
): Palette {
  const all = counts.reduce((sum, count) => sum + count, 0)
  const displays = distinctColours(means.map(hex))
  return {
    ...head,
    clusters: centroids.map((centroid, id) => ({
      id,
      centroid,
      display: displays[id]!,
      mean: means[id]!,
      share: Math.round((counts[id]! / all) * 1e6) / 1e6,
    })),
  }
}

/** What was found, each by id: from dark to bright. */
export interface FittedClusters {
  /** Rounded as a palette file holds them. */
  readonly centroids: readonly Coordinates[]
  /** The weighted squared distances of the points to their nearest centroid, summed. */
  readonly inertia: number
  /** Pixels of the points nearest to each. */
  readonly counts: readonly number[]
  /** The mean colour of those pixels, to a hundredth. */
  readonly means: readonly Rgb[]
}

/**
 * Cluster points of which the first three dimensions are colour in `space`, as it is, and any others what the caller
 * wants to tell apart besides, scaled by how much it is to count.
 *
 * @param points  `toPoints(colours, space)`, or points with more dimensions
 * @param colours  the pixels of each point, in the same order
 * @throws {PrepError} `TOO_FEW_COLOURS` when fewer points than clusters differ
 */
export function fitClusters(
  points: Points,
  colours: ColourSums,
  options: FitOptions,
  engine: ClusterEngine = kmeans,
): FittedClusters {
  const complete = { ...FIT_DEFAULTS, ...options }
  const { clusters, space } = complete
  if (points.size < clusters) throw tooFew(points, points.size, clusters)
  const centroids = orderCentroids(roundCentroids(engine(points, complete), space), space)
  const sums = centroids.map(() => [0, 0, 0, 0] as [r: number, g: number, b: number, count: number])
  let inertia = 0
  const place = new Array<number>(points.dims)
  for (let i = 0; i < points.size; i++) {
    for (let axis = 0; axis < place.length; axis++) place[axis] = points.columns[axis]![i]!
    const id = nearest(centroids, place)
    const sum = sums[id]!
    sum[0] += colours.r[i]!
    sum[1] += colours.g[i]!
    sum[2] += colours.b[i]!
    sum[3] += colours.count[i]!
    inertia += points.weight[i]! * squaredDistance(place, centroids[id]!)
  }
  const counts = sums.map(sum => sum[3])
  if (counts.includes(0)) {
    const found = distinctPlaces(points, clusters)
    if (found < clusters) throw tooFew(points, found, clusters)
  }
  const means = sums.map(([r, g, b, n], id) =>
    n > 0 ? ([r / n, g / n, b / n].map(roundMean) as unknown as Rgb) : colourOf(centroids[id]!, space),
  )
  return { centroids, inertia, counts, means }
}

function tooFew({ dims }: Points, found: number, clusters: number): PrepError {
  const what = dims > 3 ? 'places with different features' : 'colours'
  return new PrepError(
    'TOO_FEW_COLOURS',
    `expected at least ${clusters} ${what} for ${clusters} clusters, found ${found}`,
    {
      hint: found < 2 ? 'use photos with more than one colour' : `set clusters to ${found} or fewer`,
    },
  )
}

/** Points that differ, counted up to `limit`. */
function distinctPlaces(points: Points, limit: number): number {
  const places = new Set<string>()
  for (let i = 0; i < points.size && places.size < limit; i++) places.add(String(placeOf(points, i)))
  return places.size
}

const roundMean = (value: number): number => Math.round(value * 100) / 100

/** Six decimals of OKLab, four of RGB: far below what is visible, and what the palette file then holds exactly. */
function roundCentroids(centroids: readonly Coordinates[], space: Space): Coordinates[] {
  const unit = space === 'oklab' ? 1e6 : 1e4
  return centroids.map(centroid => centroid.map(value => Math.round(value * unit) / unit))
}

/** By lightness, then hue angle; those alike in both by their other coordinates. */
function orderCentroids(centroids: readonly Coordinates[], space: Space): Coordinates[] {
  const lab = (centroid: Coordinates): OkLab => (space === 'oklab' ? colour(centroid) : okLab(...colour(centroid)))
  return centroids
    .map(centroid => ({ centroid, lab: lab(centroid) }))
    .sort(
      ({ lab: p, centroid: c }, { lab: q, centroid: d }) =>
        p[0] - q[0] || Math.atan2(p[2], p[1]) - Math.atan2(q[2], q[1]) || compareFrom(1, c, d),
    )
    .map(({ centroid }) => centroid)
}

function compareFrom(axis: number, p: Coordinates, q: Coordinates): number {
  for (let i = axis; i < p.length; i++) if (p[i] !== q[i]) return p[i]! - q[i]!
  return 0
}

const colour = (place: Coordinates): readonly [number, number, number] => [place[0]!, place[1]!, place[2]!]

/** Of a centroid that no pixel is nearest to. */
const colourOf = (centroid: Coordinates, space: Space): Rgb => {
  const place = colour(centroid)
  return space === 'oklab'
    ? okLabToRgb(place)
    : (place.map(value => roundMean(Math.min(255, Math.max(0, value)))) as unknown as Rgb)
}
