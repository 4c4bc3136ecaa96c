/** The labels' part of resizing: put where the photo was put, whole pixels only. */
import { PrepError } from '../errors.js'
import { decodeAsIs, MAX_SECONDS } from '../images/decode.js'
import { type Placement, type Size, sameShape } from '../images/geometry.js'
import { readLabelIds } from '../images/label-ids.js'
import { orient, placeNearest } from '../images/nearest.js'
import type { TaskOutput, TaskTools } from '../pipeline/stage.js'
import type { ImageRef, Pixels } from '../sample.js'

/** How labels lie beside a photo that its file turns or mirrors: as people see it, or as its pixels are stored. */
export const LABEL_ORIENTATIONS = ['auto', 'upright', 'stored'] as const

/** What was done to the photo. */
export interface PhotoGeometry {
  /** The photo's own size, upright. */
  readonly source: Size
  /** EXIF, 1..8. */
  readonly orientation: number
  readonly placement: Placement
  readonly size: Size
}

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
export async function placeLabels(input: PlaceInput, { load, guard }: TaskTools): Promise<TaskOutput> {
  const { image, kind, geometry, maxPixels, bars } = input
  const { placement, size } = geometry
  const found =
    image.kind === 'stored'
      ? await load(image)
      : kind === 'label'
        ? (await readLabelIds(image, maxPixels)).labels
        : await guard(MAX_SECONDS, reserve => decodeAsIs(image, { maxPixels, reserve }))
  const upright = turnLike(found, input)
  return { image: placeNearest(upright, placement, size, bars), facts: { ...size } }
}

function turnLike(labels: Pixels, { image, geometry, labelOrientation }: PlaceInput): Pixels {
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
