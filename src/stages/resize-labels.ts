/** The labels' part of resizing: put where the photo was put, whole pixels only. */
import { PrepError } from '../errors.js'
import { decodeAsIs, MAX_SECONDS } from '../images/decode.js'
import { sameShape } from '../images/geometry.js'
import { readLabelIds } from '../images/label-ids.js'
import { orient, placeNearest } from '../images/nearest.js'
import type { TaskOutput, TaskTools } from '../pipeline/stage.js'
import type { ImageRef, PhotoGeometry, Pixels } from '../sample.js'

/** How labels lie beside a photo that its file turns or mirrors: as people see it, or as its pixels are stored. */
export const LABEL_ORIENTATIONS = ['auto', 'upright', 'stored'] as const

export interface PlaceInput {
  readonly image: ImageRef
  readonly kind: 'label' | 'drawing'
  readonly geometry: PhotoGeometry
  readonly labelOrientation: (typeof LABEL_ORIENTATIONS)[number]
  /** Of ids their bytes, lowest first; of a drawing r, g, b. */
  readonly bars: readonly number[]
  readonly maxPixels: number
}

/**
 * Task: one label map or drawing.
 * @throws {PrepError} `SIZES_DIFFER` when it has another shape than the photo, and what reading it throws
 */
export async function placeLabels(input: PlaceInput, tools: TaskTools): Promise<TaskOutput> {
  const found = await readLabels(input, tools)
  return { image: layLikePhoto(found, input), facts: { ...input.geometry.size } }
}

/** Ids, or a drawing's colours, as their file or an earlier step has them. */
export async function readLabels(
  { image, kind, maxPixels }: Pick<PlaceInput, 'image' | 'kind' | 'maxPixels'>,
  { load, guard }: TaskTools,
): Promise<Pixels> {
  if (image.kind === 'stored') return load(image)
  if (kind === 'label') return (await readLabelIds(image, maxPixels)).labels
  return guard(MAX_SECONDS, reserve => decodeAsIs(image, { maxPixels, reserve }))
}

/** Labels cropped and scaled as their photo was. @throws {PrepError} `SIZES_DIFFER` when of another shape */
export function layLikePhoto(
  labels: Pixels,
  how: Pick<PlaceInput, 'image' | 'geometry' | 'labelOrientation' | 'bars'>,
): Pixels {
  const { placement, size } = how.geometry
  return placeNearest(turnLike(labels, how), placement, size, how.bars)
}

function turnLike(
  labels: Pixels,
  { image, geometry, labelOrientation }: Pick<PlaceInput, 'image' | 'geometry' | 'labelOrientation'>,
): Pixels {
  const { source, orientation } = geometry
  const name = image.kind === 'file' ? image.path : 'the label map'
  const stored = orientation >= 5 ? { width: source.height, height: source.width } : source
  const fits = { upright: sameShape(labels, source), stored: sameShape(labels, stored) }
  const as = labelOrientation === 'auto' ? (fits.upright ? 'upright' : 'stored') : labelOrientation
  if (!fits[as])
    throw new PrepError(
      'SIZES_DIFFER',
      `${name} is ${labels.width}x${labels.height}, its photo ${source.width}x${source.height}: expected the same shape, at any scale`,
      { hint: 'export the labels again at the size of the photo' },
    )
  return as === 'stored' ? orient(labels, orientation) : labels
}
