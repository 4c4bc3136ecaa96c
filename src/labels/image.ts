/** Labels of one photo by its own palette. */
import { LabelTable } from './assign.js'
import { COLOUR_ALONE } from './features.js'
import { type ClusterEngine, type FitOptions, fitPalette, fitScenePalette } from './fit.js'
import { type ColourSums, countColours } from './histogram.js'
import type { Palette } from './palette.js'
import { sceneOf } from './scene.js'
import { labelUnits, measureSuperpixels, type SuperpixelSize, spreadLabels } from './superpixels.js'

/** Photos with fewer occupied bins than this (fog, night, drawings) are clustered by their exact colours. */
const FEW_BINS = 512

let table: LabelTable | undefined

/**
 * Cluster a photo's colours and label its pixels.
 *
 * @param rgb  interleaved sRGB pixels, length 3 * pixels
 * @returns the label of each pixel, and what the labels mean
 * @param engine  default: our k-means
 * @throws {PrepError} `TOO_FEW_COLOURS` when the photo has fewer colours than `clusters`
 */
export function labelImage(
  rgb: Uint8Array,
  options: FitOptions,
  engine?: ClusterEngine,
): { labels: Uint8Array; palette: Palette } {
  const histogram = countColours(rgb)
  const colours = histogram.bins.length < FEW_BINS ? countExactColours(rgb) : histogram
  const palette = fitPalette(colours, options, engine)
  table ??= new LabelTable()
  table.load(palette)
  return { labels: table.assign(rgb), palette }
}

/**
 * Cluster the mean colours of a photo's superpixels, in OKLab, and label its pixels.
 *
 * @param engine  default: our k-means
 * @throws {PrepError} `TOO_FEW_COLOURS` when fewer superpixels than `clusters` differ in colour
 */
export function labelImageBySuperpixels(
  rgb: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
  size: SuperpixelSize,
  options: Omit<FitOptions, 'space'>,
  engine?: ClusterEngine,
): { labels: Uint8Array; palette: Palette } {
  const scene = sceneOf(rgb, width, height)
  const { superpixels, units } = measureSuperpixels(rgb, scene, scene.cells(COLOUR_ALONE), size)
  const palette = fitScenePalette([units], COLOUR_ALONE, options, engine)
  return { labels: spreadLabels(labelUnits(units, palette), superpixels), palette }
}

/** Each 8-bit colour by itself, ascending. */
export function countExactColours(rgb: Uint8Array): ColourSums {
  const counts = new Map<number, number>()
  for (let at = 0; at < rgb.length; at += 3) {
    const colour = (rgb[at]! << 16) | (rgb[at + 1]! << 8) | rgb[at + 2]!
    counts.set(colour, (counts.get(colour) ?? 0) + 1)
  }
  const sorted = [...counts].sort(([a], [b]) => a - b)
  const column = (value: (colour: number, count: number) => number) =>
    Float64Array.from(sorted, ([colour, count]) => value(colour, count))
  return {
    count: column((_, n) => n),
    r: column((colour, n) => n * (colour >> 16)),
    g: column((colour, n) => n * ((colour >> 8) & 255)),
    b: column((colour, n) => n * (colour & 255)),
  }
}
