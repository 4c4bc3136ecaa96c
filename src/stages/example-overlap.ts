/** Task of naming by examples: the pixels that an example's classes and the clusters of its photo share. */

import { MAX_PIXELS } from '../images/decode.js'
import type { ClassCoding } from '../labels/class-coding.js'
import { countOverlap, UNLABELLED } from '../labels/overlap.js'
import { createColourRecoder, createIdRecoder } from '../labels/recode.js'
import type { TaskOutput, TaskTools } from '../pipeline/stage.js'
import type { FileRef, ImageRef, PhotoGeometry, Pixels } from '../sample.js'
import { layLikePhoto, readLabels } from './resize-labels.js'

interface OverlapInput {
  readonly example: FileRef
  /** Clusters of the example's photo. */
  readonly labels: ImageRef
  readonly kind: 'label' | 'drawing'
  readonly coding: ClassCoding
  /** New id of what names nothing, or -1. */
  readonly ignored: number
  readonly clusters: number
  readonly geometry: PhotoGeometry
}

export interface OverlapFacts {
  /** clusters * classes pixels, row by row. */
  readonly overlap: readonly number[]
  /** Ids, or colours as #rrggbb, that no class has, and their pixels in the file: the most frequent ones. */
  readonly unknown: readonly (readonly [string, number])[]
  /** Pixels of the file that no class has. */
  readonly unknownPixels: number
  /** All pixels of the file. */
  readonly pixels: number
}

/** As far from its class's colour as a drawing's pixel may be, straight line in RGB codes: what JPEG does to it. */
const DISTANCE = 32
const MOST_NAMED = 8

/**
 * Compare one example with its photo's clusters. It gets its classes at its own size, and is then laid as the photo was.
 *
 * @throws {PrepError} `SIZES_DIFFER` when it has another shape than the photo, and what reading it throws
 */
export async function overlapExample(input: OverlapInput, tools: TaskTools): Promise<TaskOutput> {
  const { example, labels, kind, coding, ignored, clusters, geometry } = input
  const found = await readLabels({ image: example, kind, maxPixels: MAX_PIXELS }, tools)
  const recode = kind === 'label' ? createIdRecoder(coding, found.channels) : createColourRecoder(coding, DISTANCE)
  const { ids, unknown } = recode(found.data)
  const classes: Pixels = { data: ids, width: found.width, height: found.height, channels: 1 }
  const laid = layLikePhoto(classes, { image: example, geometry, labelOrientation: 'auto', bars: [UNLABELLED] })
  const kinds = coding.classes.length
  const overlap = new Float64Array(clusters * kinds)
  countOverlap((await tools.load(labels)).data, laid.data, clusters, kinds, overlap, ignored < 0 ? UNLABELLED : ignored)
  const text = (value: number): string => (kind === 'label' ? `${value}` : `#${value.toString(16).padStart(6, '0')}`)
  const most = [...unknown].sort(([a, m], [b, n]) => n - m || a - b).slice(0, MOST_NAMED)
  return {
    facts: {
      overlap: [...overlap],
      unknown: most.map(([value, count]) => [text(value), count]),
      unknownPixels: [...unknown.values()].reduce((sum, count) => sum + count, 0),
      pixels: ids.length,
    },
  }
}
