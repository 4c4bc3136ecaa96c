/** From the units of many photos to the points that are clustered, and whether position tells anything in them. */
import type { Cells } from './cells.js'
import { type Features, weightsOf } from './features.js'
import type { ColourSums } from './histogram.js'
import { okLabToRgb } from './oklab.js'
import { allocate, type Points } from './points.js'
import { placesOf, type Units } from './units.js'

/** Units that a fit looks at, at most: more change its result less than another seed does. */
const MOST_UNITS = 32_768
/** A step through a photo's units that meets all of them, far from one another. */
const GOLDEN = 0.6180339887498949

/**
 * Points to cluster: the units of all photos, or as many of each, spread over it.
 *
 * @param photos  in an order that does not depend on names or on who measured them
 * @returns the points, weighted, and the mean colour of each
 */
export function scenePoints(photos: readonly Units[], features: Features): { points: Points; colours: ColourSums } {
  const each = Math.max(1, Math.floor(MOST_UNITS / photos.length))
  const chosen = photos.map(({ y }) => spread(y.length, each))
  const size = chosen.reduce((sum, units) => sum + units.length, 0)
  const weights = weightsOf(features)
  const points = allocate(size, weights.length)
  const colours = {
    count: points.weight,
    r: new Float64Array(size),
    g: new Float64Array(size),
    b: new Float64Array(size),
  }
  let at = 0
  for (const [index, units] of photos.entries()) {
    const places = placesOf(units, features)
    const [L, a, b] = units.colour
    for (const i of chosen[index]!) {
      for (const [axis, place] of places.entries()) points.columns[axis]![at] = weights[axis]! * place[i]!
      const rgb = okLabToRgb([L[i]! / 255, (a[i]! - 128) / 512, (b[i]! - 128) / 512])
      const weight = units.weight[i]!
      colours.r[at] = weight * rgb[0]
      colours.g[at] = weight * rgb[1]
      colours.b[at] = weight * rgb[2]
      points.weight[at] = weight
      at++
    }
  }
  return { points, colours }
}

/** At most `most` of 0..size-1, evenly spread. */
function spread(size: number, most: number): Uint32Array {
  if (size <= most) return Uint32Array.from({ length: size }, (_, i) => i)
  return Uint32Array.from({ length: most }, (_, i) => Math.floor(size * ((i * GOLDEN) % 1)))
}

/** Rows in which photos of any height are compared. */
const ROWS = 64
/** Chroma counts as it does in `features.ts` by default: what people see as different surfaces. */
const CHROMA = 6

/**
 * How much of the photos' colour variance their rows share: towards 1 where the sky is up and the road down in every
 * photo, 0 where up and down mean nothing (maps, textures). Its expectation is 0 for photos that have nothing in common:
 * only products of different photos are counted. 0 for a single photo, which has nothing to share.
 */
export function sharedByRows(photos: readonly Cells[]): number {
  const n = photos.length
  if (n < 2) return 0
  const profiles = photos.map(rowProfile)
  const mean = new Float64Array(3 * ROWS)
  for (const { rows } of profiles) for (let i = 0; i < mean.length; i++) mean[i]! += rows[i]! / n
  const [m0, m1, m2] = [0, 1, 2].map(axis => meanOf(mean, axis))
  const overall = [m0!, m1!, m2!]
  let [own, within] = [0, 0]
  const sum = new Float64Array(3 * ROWS)
  for (const { rows, variance } of profiles) {
    for (let axis = 0; axis < 3; axis++) {
      const level = meanOf(rows, axis) - overall[axis]!
      for (let i = axis; i < rows.length; i += 3) {
        const value = rows[i]! - overall[axis]! - level
        sum[i]! += value
        own += value * value
      }
    }
    within += variance / n
  }
  const all = sum.reduce((total, value) => total + value * value, 0)
  return within > 0 ? (all - own) / (n * (n - 1) * ROWS) / within : 0
}

const meanOf = (rows: Float64Array, axis: number): number => {
  let sum = 0
  for (let i = axis; i < rows.length; i += 3) sum += rows[i]!
  return sum / ROWS
}

/** The mean colour of each row of a photo, [ROWS][3], and the variance of its cells. */
function rowProfile({ columns, rows, colour }: Cells): { rows: Float64Array; variance: number } {
  const profile = new Float64Array(3 * ROWS)
  const counts = new Float64Array(ROWS)
  let variance = 0
  const size = columns * rows
  for (const [axis, plane] of colour.entries()) {
    const unit = axis === 0 ? 1 / 255 : CHROMA / 512
    let [sum, squares] = [0, 0]
    for (let i = 0; i < size; i++) {
      const value = unit * plane[i]!
      sum += value
      squares += value * value
    }
    variance += squares / size - (sum / size) ** 2
    for (let row = 0; row < ROWS; row++) {
      const from = Math.floor((row * rows) / ROWS)
      const to = Math.max(from + 1, Math.floor(((row + 1) * rows) / ROWS))
      counts[row] = (to - from) * columns
      for (let i = from * columns; i < to * columns; i++) profile[3 * row + axis]! += (unit * plane[i]!) / counts[row]!
    }
  }
  return { rows: profile, variance }
}

/**
 * How much position may count, 0 to 1, by what the rows of the photos share. A few photos share something by chance, so
 * that they must share more.
 */
export function positionTrust(photos: readonly Cells[]): number {
  if (photos.length < 2) return 0
  const trust = (sharedByRows(photos) - 0.2 / photos.length - 0.05) / 0.05
  return Math.round(Math.min(1, Math.max(0, trust)) * 100) / 100
}
