/**
 * Superpixels as units: what is measured of each of them for a fit, and their labels, which all of their pixels share.
 */
import type { Cells } from './cells.js'
import { COLOUR_ALONE, weightsOf } from './features.js'
import { labelIds, type Palette, weightedCentroids } from './palette.js'
import { nearest } from './points.js'
import type { Scene } from './scene.js'
import { type Superpixels, slic } from './slic.js'
import { placesOf, type Units } from './units.js'

/** Pixels of a superpixel, about; auto: a 1024th of the photo. */
export type SuperpixelSize = number | 'auto'

/** Fewer pixels are no region. */
export const LEAST_SUPERPIXEL = 4

/**
 * Cut a photo into superpixels and measure them: the mean colour of each, the mean texture of the cells that its pixels
 * lie in, its height in the photo, and as its weight its pixels.
 *
 * @param scene  loaded with the photo
 * @param cells  of that scene
 */
export function measureSuperpixels(
  rgb: Uint8Array,
  scene: Scene,
  cells: Cells,
  size: SuperpixelSize,
): { superpixels: Superpixels; units: Units } {
  const { width, height } = scene
  const superpixels = slic(rgb, width, height, size === 'auto' ? {} : { size })
  const { segments, count } = superpixels
  const weight = new Float64Array(count)
  const y = new Float64Array(count)
  for (let row = 0, i = 0; row < height; row++)
    for (let x = 0; x < width; x++, i++) {
      const unit = segments[i]!
      weight[unit]!++
      y[unit]! += (row + 0.5) / height
    }
  const means = (sums: Float64Array): Uint8Array =>
    Uint8Array.from(sums, (sum, unit) => Math.round(sum / weight[unit]!))
  const mean = (plane: Uint8Array): Uint8Array => {
    const sums = new Float64Array(count)
    for (let i = 0; i < segments.length; i++) sums[segments[i]!]! += plane[i]!
    return means(sums)
  }
  const meanAround = (plane: Uint8Array): Uint8Array => {
    const sums = new Float64Array(count)
    const column = Uint32Array.from({ length: width }, (_, x) => Math.floor(x / cells.cell))
    for (let row = 0, i = 0; row < height; row++) {
      const start = Math.floor(row / cells.cell) * cells.columns
      for (let x = 0; x < width; x++, i++) sums[segments[i]!]! += plane[start + column[x]!]!
    }
    return means(sums)
  }
  const { level, texture } = cells
  const [L, a, b] = scene.colour()
  const units = {
    colour: [mean(L), mean(a), mean(b)] as const,
    ...(texture && { texture: [meanAround(texture[0]), meanAround(texture[1])] as const }),
    y: y.map((sum, unit) => sum / weight[unit]!),
    weight,
    level,
  }
  return { superpixels, units }
}

/** The label of each unit: of the nearest cluster, the lowest of several equally near. */
export function labelUnits(units: Units, palette: Palette): Uint8Array {
  const features = palette.features ?? COLOUR_ALONE
  const weights = weightsOf(features)
  const places = placesOf(units, features)
  const centroids = weightedCentroids(palette)
  const ids = labelIds(palette)
  return Uint8Array.from(units.y, (_, unit) => {
    const place = places.map((column, axis) => weights[axis]! * column[unit]!)
    return ids[nearest(centroids, place)]!
  })
}

/** The label of each pixel: that of its superpixel. */
export function spreadLabels(labels: Uint8Array, { segments }: Superpixels): Uint8Array {
  const out = new Uint8Array(segments.length)
  for (let i = 0; i < out.length; i++) out[i] = labels[segments[i]!]!
  return out
}
