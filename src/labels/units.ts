/**
 * What a fit clusters: the pieces of a photo (cells of a grid, or superpixels), each with its mean colour, its texture
 * and its height in the photo.
 */
import type { Features } from './features.js'

export interface Units {
  /** Means of the planes: 255 L, 128 + 512 a, 128 + 512 b. */
  readonly colour: readonly [Uint8Array, Uint8Array, Uint8Array]
  /** 255 h and 255 v; absent when they were not asked for. */
  readonly texture?: readonly [Uint8Array, Uint8Array]
  /** Where their middles are, from 0 (top) to 1 (bottom). */
  readonly y: Float64Array
  /** How much each counts in a fit. */
  readonly weight: Float64Array
  /** The mean of 255 L over the photo. */
  readonly level: number
}

/**
 * Where units lie in the space that is clustered: for each coordinate of a centroid a column, not weighted.
 *
 * @throws {RangeError} when texture counts and was not measured
 */
export function placesOf({ y, colour, texture, level }: Omit<Units, 'weight'>, features: Features): Float64Array[] {
  const column = (value: (i: number) => number): Float64Array => {
    const values = new Float64Array(y.length)
    for (let i = 0; i < values.length; i++) values[i] = value(i)
    return values
  }
  const [L, a, b] = colour
  const shift = Math.round(features.exposure * level)
  return [
    column(i => (L[i]! - shift) / 255),
    column(i => (a[i]! - 128) / 512),
    column(i => (b[i]! - 128) / 512),
    ...(features.position ? [y] : []),
    ...(features.texture ? (texture ?? missing()).map(plane => column(i => plane[i]! / 255)) : []),
  ]
}

const missing = (): readonly Uint8Array[] => {
  throw new RangeError('the texture of these units was not measured')
}
