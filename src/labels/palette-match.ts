/** Which cluster of one palette is which of another: so that ids and decisions about them outlive a new fit. */
import { assignMinimum } from './hungarian.js'
import { okLab } from './oklab.js'
import type { Palette, PaletteCluster } from './palette.js'

/**
 * The one-to-one match whose squared distances add up to the least: of centroids where both palettes have the same kind,
 * else of mean colours in OKLab.
 *
 * @returns for each id of `from` the id in `to`; undefined for those that are left over when `to` has fewer
 */
export function matchClusters(from: Palette, to: Palette): readonly (number | undefined)[] {
  const size = (palette: Palette): number => palette.clusters[0]!.centroid.length
  const alike = from.space === to.space && size(from) === size(to)
  const place = ({ centroid, mean }: PaletteCluster): readonly number[] => (alike ? centroid : okLab(...mean))
  const targets = to.clusters.map(place)
  const costs = from.clusters.map(place).flatMap(p => targets.map(q => squaredDistance(p, q)))
  const found = assignMinimum(Float64Array.from(costs), from.clusters.length, targets.length)
  return Array.from(found, id => (id < 0 ? undefined : id))
}

const squaredDistance = (p: readonly number[], q: readonly number[]): number =>
  p.reduce((sum, value, i) => sum + (value - q[i]!) ** 2, 0)

/**
 * A palette with its clusters numbered like those of another: each has the id of the one it matches. Clusters that match
 * none, or one whose id is too high for this palette, take the ids that are free, in their own order.
 *
 * @param palette  without merged clusters, as a fit gives it
 */
export function numberLike(palette: Palette, model: Palette): Palette {
  const { clusters } = palette
  const ordered: (PaletteCluster | undefined)[] = clusters.map(() => undefined)
  const placed = new Set<PaletteCluster>()
  for (const [id, match] of matchClusters(model, palette).entries()) {
    if (match === undefined || id >= clusters.length) continue
    ordered[id] = clusters[match]!
    placed.add(clusters[match]!)
  }
  const rest = clusters.filter(cluster => !placed.has(cluster))
  return { ...palette, clusters: ordered.map((cluster, id) => ({ ...(cluster ?? rest.shift()!), id })) }
}
