/** Labels for photos by a palette, whatever it tells labels apart by. */
import { createAssigner } from './assign.js'
import { type Coherence, makeCoherent } from './coherence.js'
import type { Palette } from './palette.js'
import { Scene } from './scene.js'
import { SceneLabeller } from './scene-labeller.js'

/** @param rgb  interleaved sRGB pixels, length 3 * width * height */
export type Labeller = (rgb: Uint8Array, width: number, height: number) => Uint8Array

let scene: Scene | undefined

/**
 * A labeller for photos, to be made once for a palette and kept: each pixel gets the id of the nearest cluster, then
 * labels are made coherent as asked.
 */
export function createLabeller(palette: Palette, coherence: Coherence): Labeller {
  const label = palette.features ? sceneLabeller(palette, palette.features) : colourLabeller(palette)
  return (rgb, width, height) =>
    makeCoherent(label(rgb, width, height), rgb, { width, height }, palette.clusters.length, coherence)
}

function colourLabeller(palette: Palette): Labeller {
  const assign = createAssigner(palette)
  return rgb => assign(rgb)
}

function sceneLabeller(palette: Palette, features: NonNullable<Palette['features']>): Labeller {
  const labeller = new SceneLabeller(palette, features)
  return (rgb, width, height) => {
    scene ??= new Scene()
    scene.load(rgb, width, height)
    return labeller.label(scene, scene.cells(features))
  }
}
