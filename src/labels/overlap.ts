/**
 * How well clusters agree with a ground truth that never saw them: counts of pixels that a cluster and a class share,
 * and from them mean IoU and pixel accuracy under the best matching. Also what names are taken from.
 */
import { assignMinimum } from './hungarian.js'

/** Of unlabelled pixels, as most data sets write it. */
export const UNLABELLED = 255

/**
 * Add one image's pixels to the counts. They are whole numbers: images sum exactly, in any order.
 *
 * @param ids       cluster of each pixel; those of `clusters` or more (no cluster) are not counted
 * @param truth     class of each pixel; `unlabelled` and those of `classes` or more are not counted
 * @param into      clusters * classes, row by row: `into[cluster * classes + class]` grows by one a pixel
 */
export function countOverlap(
  ids: Uint8Array,
  truth: Uint8Array,
  clusters: number,
  classes: number,
  into: Float64Array,
  unlabelled = UNLABELLED,
): void {
  if (ids.length !== truth.length)
    throw new RangeError(`expected as many ids as classes of pixels, found ${ids.length} and ${truth.length}`)
  if (into.length !== clusters * classes)
    throw new RangeError(`expected ${clusters} * ${classes} counts, found ${into.length}`)
  for (let pixel = 0; pixel < ids.length; pixel += 1) {
    const cluster = ids[pixel]!
    const kind = truth[pixel]!
    if (cluster < clusters && kind < classes && kind !== unlabelled) into[cluster * classes + kind]! += 1
  }
}

/**
 * How clusters become classes, all of them leaving clusters that share no pixel with their class without one:
 * - `many-to-one`: each the class that it agrees with best, by the IoU of the two alone, the lower id of equals; several
 *   clusters may be one class. Small classes count as large ones do, as they do in the mean.
 * - `majority`: each the class of most of its pixels. The highest pixel accuracy there is, but small classes get nothing.
 * - `hungarian`: at most one cluster a class, so that the pixels which then agree are as many as can be; clusters left
 *   over are no class.
 */
export const MATCHINGS = ['many-to-one', 'majority', 'hungarian'] as const
export type Matching = (typeof MATCHINGS)[number]

export interface OverlapScore {
  /** Mean of `iou` over the classes that occur in the truth; NaN when none does. */
  readonly miou: number
  /** Share of the labelled pixels whose cluster is matched to their class, 0..1; NaN when there is none. */
  readonly pixelAccuracy: number
  /** Of each class: pixels that agree / pixels that are it in the truth or by the matching; NaN where not in the truth. */
  readonly iou: readonly number[]
  /** Class of each cluster; -1 for none: they share no pixel, or `hungarian` left it over. */
  readonly classOf: Int32Array
}

/**
 * Score clusters against classes by the best matching of a kind.
 *
 * @param matrix  as `countOverlap` fills it
 * @see Everingham et al., The Pascal Visual Object Classes challenge, 2010 (IoU over the pixels of all images)
 * @see Ji, Henriques and Vedaldi, Invariant information clustering, 2019 (`majority` and `hungarian`)
 */
export const scoreOverlap = (
  matrix: Float64Array,
  clusters: number,
  classes: number,
  matching: Matching,
): OverlapScore => scoreMatched(matrix, classes, match(matrix, clusters, classes, matching))

/**
 * Score clusters whose classes are known. A class of the truth that no cluster is counts in the mean with an IoU of 0,
 * and the pixels of clusters that are no class count as misses.
 *
 * @param classOf  class of each cluster, -1 for none
 */
export function scoreMatched(matrix: Float64Array, classes: number, classOf: Int32Array): OverlapScore {
  const inTruth = new Float64Array(classes)
  const matched = new Float64Array(classes)
  const agree = new Float64Array(classes)
  for (const [cluster, to] of classOf.entries()) {
    for (let kind = 0; kind < classes; kind += 1) {
      const pixels = matrix[cluster * classes + kind]!
      inTruth[kind]! += pixels
      if (to < 0) continue
      matched[to]! += pixels
      if (kind === to) agree[kind]! += pixels
    }
  }
  const iou = Array.from(inTruth, (pixels, kind) =>
    pixels === 0 ? Number.NaN : agree[kind]! / (pixels + matched[kind]! - agree[kind]!),
  )
  const present = iou.filter(value => !Number.isNaN(value))
  return { miou: sum(present) / present.length, pixelAccuracy: sum(agree) / sum(inTruth), iou, classOf }
}

function match(matrix: Float64Array, clusters: number, classes: number, matching: Matching): Int32Array {
  const row = (of: Float64Array, cluster: number): Float64Array =>
    of.subarray(cluster * classes, (cluster + 1) * classes)
  const agreement = matching === 'many-to-one' ? pairwiseIou(matrix, clusters, classes) : matrix
  const classOf =
    matching === 'hungarian'
      ? assignMinimum(
          matrix.map(pixels => -pixels),
          clusters,
          classes,
        )
      : Int32Array.from({ length: clusters }, (_, cluster) => largest(row(agreement, cluster)))
  // Sharing nothing with any class, or with the only ones left, a cluster may have been given any: it is none.
  return classOf.map((kind, cluster) => (kind >= 0 && row(matrix, cluster)[kind]! > 0 ? kind : -1))
}

/** IoU of each cluster with each class, as if they were alone; 0 where both are empty. */
function pairwiseIou(matrix: Float64Array, clusters: number, classes: number): Float64Array {
  const ofCluster = new Float64Array(clusters)
  const ofClass = new Float64Array(classes)
  for (const [at, pixels] of matrix.entries()) {
    ofCluster[Math.floor(at / classes)]! += pixels
    ofClass[at % classes]! += pixels
  }
  return matrix.map((pixels, at) =>
    pixels === 0 ? 0 : pixels / (ofCluster[Math.floor(at / classes)]! + ofClass[at % classes]! - pixels),
  )
}

const sum = (values: Iterable<number>): number => {
  let total = 0
  for (const value of values) total += value
  return total
}

/** The place of the largest, the first of equals. */
function largest(values: Float64Array): number {
  let best = 0
  for (let i = 1; i < values.length; i += 1) if (values[i]! > values[best]!) best = i
  return best
}
