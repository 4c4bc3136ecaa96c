/** The labels of generated photos, found again with the palette of the data set: whether G painted what it was told. */
import { PrepError } from '../errors.js'
import { Agreement } from '../labels/agreement.js'
import { AS_THEY_ARE, type Coherence } from '../labels/coherence.js'
import { createLabeller, type Labeller } from '../labels/labeller.js'
import { type Palette, parsePalette } from '../labels/palette.js'
import type { Pixels } from '../sample.js'

/** How kmeans makes labels coherent unless told otherwise; a data set does not say how its own were. */
const USUAL: Coherence = { majority: 1, minRegion: 'auto' }
/** A palette that finds fewer of the labels of the photos themselves, as a share of the pixels, says nothing of G. */
const ENOUGH = 0.5

/** A photo of the data set, and its labels. */
export interface LabelledPhoto {
  readonly photo: Pixels
  readonly label: Uint8Array
}

export type Resegmenter =
  | { readonly label: Labeller; readonly classes: number }
  /** Why labels cannot be found again. */
  | { readonly reason: string }

/**
 * A labeller by the palette of the data set, if that labels photos. Of the two ways to make labels coherent (kmeans' usual one, or
 * not at all) it takes the one that finds the stored labels of `photos` again.
 *
 * @param palette  palette.json as it is
 * @param photos   some of the data set
 */
export function createResegmenter(palette: unknown, photos: readonly LabelledPhoto[]): Resegmenter {
  const parsed = parse(palette)
  if (!parsed) return { reason: 'the palette has no centroids' }
  if (!parsed.fit) return { reason: 'its classes were given, not found in the photos' }
  const classes = parsed.clusters.length
  const tried = [USUAL, AS_THEY_ARE].map(labelling => {
    const label = createLabeller(parsed, labelling)
    const agreement = new Agreement(classes)
    for (const { photo, label: truth } of photos) agreement.add(truth, label(photo.data, photo.width, photo.height))
    return { label, accuracy: agreement.pixelAccuracy }
  })
  const [usual, plain] = tried as [(typeof tried)[0], (typeof tried)[0]]
  const { label, accuracy } = plain.accuracy > usual.accuracy ? plain : usual
  if (accuracy >= ENOUGH) return { label, classes }
  return { reason: `the palette finds ${Math.round(100 * accuracy)}% of the labels of the photos themselves` }
}

function parse(palette: unknown): Palette | undefined {
  try {
    return parsePalette(JSON.stringify(palette), 'palette.json')
  } catch (error) {
    if (error instanceof PrepError) return undefined
    throw error
  }
}
