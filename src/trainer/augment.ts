/**
 * Resize, crop and flip, applied to photo and label map of a pair alike: one window is drawn, two resamplers read
 * through it. Photos are blended, label ids never are.
 */
import { PrepError } from '../errors.js'
import type { AugmentOptions } from './options.js'
import { drawBelow, type Random } from './random.js'

export interface Size {
  readonly height: number
  readonly width: number
}

/** The sizes of a pair on its way to the net: as stored, as loaded (resized), as cropped (what the net sees). */
export interface Framing {
  readonly stored: Size
  readonly load: Size
  readonly crop: Size
}

/** A place in the loaded pair: `crop` pixels from (x, y) on, mirrored left to right if `flip`. */
export interface Window {
  readonly x: number
  readonly y: number
  readonly flip: boolean
}

/** @throws {PrepError} `OPTION_OUT_OF_RANGE` when the crop does not fit into the loaded pair */
export function planFraming(stored: Size, { load_size, crop }: AugmentOptions): Framing {
  const scale = load_size === undefined ? 1 : load_size / Math.min(stored.height, stored.width)
  const load = { height: Math.round(stored.height * scale), width: Math.round(stored.width * scale) }
  const wanted = crop === undefined ? stored : typeof crop === 'number' ? { height: crop, width: crop } : crop
  if (wanted.height > load.height || wanted.width > load.width)
    throw new PrepError(
      'OPTION_OUT_OF_RANGE',
      `augment: the crop of ${wanted.width}x${wanted.height} pixels does not fit into the ${load.width}x${load.height} of a pair`,
      { hint: 'raise augment.load_size or lower augment.crop' },
    )
  return { stored, load, crop: { height: wanted.height, width: wanted.width } }
}

/** A random window; the same numbers are drawn whatever the options, so that they do not disturb each other. */
export function drawWindow({ load, crop }: Framing, flip: boolean, random: Random): Window {
  const x = drawBelow(random, load.width - crop.width + 1)
  const y = drawBelow(random, load.height - crop.height + 1)
  const mirrored = drawBelow(random, 2) === 1
  return { x, y, flip: flip && mirrored }
}

/** The middle of the pair at the scale of training: what sample sheets show. */
export const centreWindow = ({ load, crop }: Framing): Window => ({
  x: (load.width - crop.width) >> 1,
  y: (load.height - crop.height) >> 1,
  flip: false,
})

/**
 * Label ids seen through a window, by nearest neighbour at pixel centres.
 *
 * @param ids  stored ids, length height * width, row-major
 * @returns ids of the crop, length crop.height * crop.width
 */
export function cropLabel(ids: Uint8Array, { stored, load, crop }: Framing, { x, y, flip }: Window): Uint8Array {
  const columns = nearest(stored.width, load.width, x, crop.width)
  if (flip) columns.reverse()
  const out = new Uint8Array(crop.height * crop.width)
  nearest(stored.height, load.height, y, crop.height).forEach((row, line) => {
    const from = row * stored.width
    const to = line * crop.width
    for (let i = 0; i < crop.width; i++) out[to + i] = ids[from + columns[i]!]!
  })
  return out
}

/** The stored index under the middle of each of `count` loaded indices from `start` on; in integers, so ties are exact. */
const nearest = (stored: number, load: number, start: number, count: number): Uint32Array =>
  Uint32Array.from({ length: count }, (_, i) => Math.floor(((2 * (start + i) + 1) * stored) / (2 * load)))

/**
 * A photo seen through a window, as the net takes it.
 *
 * Resized by a separable triangle filter whose support widens when it shrinks (bilinear when it grows), so small load
 * sizes do not alias; at the stored size the values are exact.
 * @param photo  stored RGB bytes, interleaved, length 3 * height * width
 * @param out    takes three planes of crop.height * crop.width values in [-1, 1]
 */
export function cropPhoto(photo: Uint8Array, framing: Framing, window: Window, out: Float32Array): void {
  const { stored, load } = framing
  if (stored.width === load.width && stored.height === load.height) copyPhoto(photo, framing, window, out)
  else resamplePhoto(photo, framing, window, out)
}

/** Bytes to [-1, 1]. */
const UNIT = Float32Array.from({ length: 256 }, (_, byte) => byte / 127.5 - 1)

function copyPhoto(photo: Uint8Array, { stored, crop }: Framing, { x, y, flip }: Window, out: Float32Array): void {
  const plane = crop.height * crop.width
  const stride = flip ? -3 : 3
  for (let line = 0; line < crop.height; line++) {
    let from = ((y + line) * stored.width + x + (flip ? crop.width - 1 : 0)) * 3
    const end = (line + 1) * crop.width
    for (let to = line * crop.width; to < end; to++, from += stride) {
      out[to] = UNIT[photo[from]!]!
      out[to + plane] = UNIT[photo[from + 1]!]!
      out[to + 2 * plane] = UNIT[photo[from + 2]!]!
    }
  }
}

function resamplePhoto(photo: Uint8Array, framing: Framing, { x, y, flip }: Window, out: Float32Array): void {
  const { stored, load, crop } = framing
  const columns = filterAxis(stored.width, load.width, x, crop.width)
  const rows = filterAxis(stored.height, load.height, y, crop.height)
  const plane = crop.height * crop.width
  const line = new Float32Array(stored.width * 3)
  for (let j = 0; j < crop.height; j++) {
    line.fill(0)
    for (let tap = 0; tap < rows.taps; tap++) {
      const weight = rows.weights[j * rows.taps + tap]!
      if (weight === 0) continue
      const from = (rows.first[j]! + tap) * line.length
      for (let i = 0; i < line.length; i++) line[i]! += weight * photo[from + i]!
    }
    for (let i = 0; i < crop.width; i++) {
      let red = 0
      let green = 0
      let blue = 0
      for (let tap = 0; tap < columns.taps; tap++) {
        const weight = columns.weights[i * columns.taps + tap]!
        if (weight === 0) continue
        const from = (columns.first[i]! + tap) * 3
        red += weight * line[from]!
        green += weight * line[from + 1]!
        blue += weight * line[from + 2]!
      }
      const to = j * crop.width + (flip ? crop.width - 1 - i : i)
      out[to] = red / 127.5 - 1
      out[to + plane] = green / 127.5 - 1
      out[to + 2 * plane] = blue / 127.5 - 1
    }
  }
}

/** For each output index the first stored index and the weights of the `taps` indices from there; 0 past the border. */
interface FilterAxis {
  readonly taps: number
  readonly first: Int32Array
  readonly weights: Float64Array
}

function filterAxis(stored: number, load: number, start: number, count: number): FilterAxis {
  const scale = stored / load
  const support = Math.max(1, scale)
  const taps = Math.ceil(2 * support) + 1
  const first = new Int32Array(count)
  const weights = new Float64Array(count * taps)
  for (let i = 0; i < count; i++) {
    const centre = (start + i + 0.5) * scale
    first[i] = Math.max(0, Math.floor(centre - support))
    let sum = 0
    for (let tap = 0; tap < taps && first[i]! + tap < stored; tap++) {
      const weight = Math.max(0, 1 - Math.abs(first[i]! + tap + 0.5 - centre) / support)
      weights[i * taps + tap] = weight
      sum += weight
    }
    for (let tap = 0; tap < taps; tap++) weights[i * taps + tap]! /= sum
  }
  return { taps, first, weights }
}
