/** Labels for photos by a palette, whatever it tells labels apart by. */
import { PrepError } from '../errors.js'
import { createAssigner } from './assign.js'
import { type Coherence, makeCoherent } from './coherence.js'
import { COLOUR_ALONE, type Features, isColourAlone } from './features.js'
import { type Looking, lookAt } from './measure.js'
import type { Palette } from './palette.js'
import { sceneOf } from './scene.js'
import { SceneLabeller } from './scene-labeller.js'
import { labelUnits, measureSuperpixels, type SuperpixelSize, spreadLabels } from './superpixels.js'

/** @param rgb  interleaved sRGB pixels, length 3 * width * height */
export type Labeller = (rgb: Uint8Array, width: number, height: number) => Uint8Array

/** How photos are labelled besides by which palette. */
export interface Labelling extends Looking, Coherence {}

/**
 * A labeller for photos, to be made once for a palette and kept: each pixel, or each superpixel, gets the id of the
 * nearest cluster, then labels are made coherent as asked.
 *
 * @throws {PrepError} `PALETTE_MISMATCH` as `checkPalette` says
 */
export function createLabeller(palette: Palette, labelling: Labelling): Labeller {
  checkPalette(palette, labelling)
  const label = labellerOf(palette, labelling)
  return (rgb, width, height) => {
    const seen = lookAt(rgb, width, height, labelling)
    return makeCoherent(label(seen, width, height), seen, { width, height }, palette.clusters.length, labelling)
  }
}

/** @throws {PrepError} `PALETTE_MISMATCH` for superpixels by a palette of RGB: their colours are means in OKLab */
export function checkPalette({ space }: Palette, { superpixels }: Looking): void {
  if (superpixels === undefined || space === 'oklab') return
  throw new PrepError('PALETTE_MISMATCH', `superpixels need a palette of space oklab, found ${space}`, {
    hint: 'label pixels (regions: pixels), or make the palette with space: oklab',
  })
}

function labellerOf(palette: Palette, { superpixels }: Looking): Labeller {
  const { features = COLOUR_ALONE } = palette
  if (superpixels !== undefined) return superpixelLabeller(palette, features, superpixels)
  return isColourAlone(features) ? colourLabeller(palette) : sceneLabeller(palette, features)
}

function colourLabeller(palette: Palette): Labeller {
  const assign = createAssigner(palette)
  return rgb => assign(rgb)
}

function sceneLabeller(palette: Palette, features: Features): Labeller {
  const labeller = new SceneLabeller(palette, features)
  return (rgb, width, height) => {
    const scene = sceneOf(rgb, width, height)
    return labeller.label(scene, scene.surroundings(features))
  }
}

const superpixelLabeller =
  (palette: Palette, features: Features, size: SuperpixelSize): Labeller =>
  (rgb, width, height) => {
    const scene = sceneOf(rgb, width, height)
    const { superpixels, units } = measureSuperpixels(rgb, scene, scene.cells(features), size)
    return spreadLabels(labelUnits(units, palette), superpixels)
  }
