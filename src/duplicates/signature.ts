/**
 * What a picture looks like in 104 bytes: a 64-bit perceptual hash that finds near-duplicates, and a thumbnail that
 * tells them from pictures that merely share a hash. All arithmetic is on integers: equal pixels give equal bytes on
 * every machine.
 */
import type { Pixels } from '../sample.js'

/** Side of the luminance grid that the hash is made from. */
const GRID = 32
export const HASH_BYTES = 8
/** Mean luminance of 8 x 8 fields. */
export const LUMA_BYTES = 64
/** Mean blue and red differences of 4 x 4 fields, 128 is grey. */
export const CHROMA_BYTES = 32
export const SIGNATURE_BYTES = HASH_BYTES + LUMA_BYTES + CHROMA_BYTES

/** Luminance on the grid is in 1/16 of a level. */
const LEVEL = 16
const COSINE_ONE = 1 << 12
/**
 * A wave counts from 0.4 levels on: what is weaker is the noise of flat pictures, which would set their bits by chance.
 * A wave of amplitude a gives the coefficient a * GRID^2 / 4.
 */
const WEAKEST_WAVE = 0.4 * (GRID ** 2 / 4) * LEVEL * COSINE_ONE ** 2

const COSINES = Array.from({ length: GRID }, (_, wave) =>
  Int32Array.from({ length: GRID }, (_, x) =>
    Math.round(COSINE_ONE * Math.cos((Math.PI * wave * (2 * x + 1)) / (2 * GRID))),
  ),
)

/** The 64 slowest waves [across, down], slowest first, without the mean. */
const WAVES = Array.from({ length: 12 }, (_, sum) => Array.from({ length: sum + 1 }, (_, u) => [u, sum - u] as const))
  .flat()
  .slice(1, 1 + 8 * HASH_BYTES)

/**
 * The signature of a picture of any size and shape; the shape does not count.
 *
 * @param pixels  3 channels
 * @returns 64 signs of the slowest waves of the luminance (a DCT), then the thumbnail; SIGNATURE_BYTES in all
 * @see Zauner, Implementation and benchmarking of perceptual image hash functions, 2010 (the DCT hash)
 */
export function signatureOf(pixels: Pixels): Uint8Array<ArrayBuffer> {
  const cells = shrink(pixels)
  const signature = new Uint8Array(SIGNATURE_BYTES)
  const luma = Float64Array.from({ length: GRID ** 2 }, (_, i) => lumaOf(cells, i, LEVEL))
  for (const [bit, coefficient] of transform(luma).entries())
    if (coefficient > WEAKEST_WAVE) signature[bit >> 3]! |= 1 << (bit & 7)
  const [y, c] = [meanFields(cells, 8), meanFields(cells, 4)]
  for (let i = 0; i < LUMA_BYTES; i++) signature[HASH_BYTES + i] = lumaOf(y, i, 1)
  for (let i = 0; i < CHROMA_BYTES / 2; i++) {
    const at = HASH_BYTES + LUMA_BYTES + 2 * i
    const level = lumaOf(c, i, 1)
    // The differences of JPEG's YCbCr, in thousandths.
    signature[at] = 128 + Math.round((564 * (c[3 * i + 2]! - level)) / 1000)
    signature[at + 1] = 128 + Math.round((713 * (c[3 * i]! - level)) / 1000)
  }
  return signature
}

const lumaOf = (rgb: Float64Array, i: number, scale: number): number =>
  Math.round((scale * (299 * rgb[3 * i]! + 587 * rgb[3 * i + 1]! + 114 * rgb[3 * i + 2]!)) / 1000)

/** Of larger pictures every second, third, ... pixel of every second, third, ... row is looked at. */
const ENOUGH = 256

/** Mean colours of GRID x GRID cells, each pixel counted by the part of it that lies in the cell. */
function shrink({ data, width, height }: Pixels): Float64Array {
  const stride = Math.max(1, Math.floor(Math.min(width, height) / ENOUGH))
  const [across, down] = [Math.floor(width / stride), Math.floor(height / stride)]
  const columns = coverage(across)
  const sums = new Float64Array(GRID ** 2 * 3)
  const row = new Int32Array(GRID * 3)
  for (const [cell, { from, weights }] of coverage(down).entries()) {
    for (const [step, weight] of weights.entries()) {
      sumRow(data, (from + step) * stride * width, stride, columns, row)
      for (let i = 0; i < row.length; i++) sums[cell * GRID * 3 + i]! += weight * row[i]!
    }
  }
  return sums.map(sum => sum / (across * down))
}

interface Coverage {
  readonly from: number
  /** Of the pixels from there on, in 1/GRID of a pixel. */
  readonly weights: Int32Array
}

function coverage(length: number): Coverage[] {
  return Array.from({ length: GRID }, (_, cell) => {
    const [start, end] = [cell * length, (cell + 1) * length]
    const from = Math.floor(start / GRID)
    const weights = Int32Array.from({ length: Math.ceil(end / GRID) - from }, (_, i) => {
      const pixel = (from + i) * GRID
      return Math.min(pixel + GRID, end) - Math.max(pixel, start)
    })
    return { from, weights }
  })
}

/** Sums fit 31 bits: no more than 2^17 pixels of a row are in a cell, at GRID and 255 each. */
function sumRow(data: Uint8Array, start: number, stride: number, columns: readonly Coverage[], into: Int32Array): void {
  for (let cell = 0; cell < GRID; cell++) {
    const { from, weights } = columns[cell]!
    let r = 0
    let g = 0
    let b = 0
    for (let i = 0, at = 3 * (start + from * stride); i < weights.length; i++, at += 3 * stride) {
      const weight = weights[i]!
      r = (r + Math.imul(weight, data[at]!)) | 0
      g = (g + Math.imul(weight, data[at + 1]!)) | 0
      b = (b + Math.imul(weight, data[at + 2]!)) | 0
    }
    into[3 * cell] = r
    into[3 * cell + 1] = g
    into[3 * cell + 2] = b
  }
}

/** Mean colours, whole numbers, of side x side fields of cells. */
function meanFields(cells: Float64Array, side: number): Float64Array {
  const means = new Float64Array(side ** 2 * 3)
  const size = GRID / side
  for (let y = 0; y < GRID; y++)
    for (let x = 0; x < GRID; x++)
      for (let c = 0; c < 3; c++)
        means[3 * (Math.floor(y / size) * side + Math.floor(x / size)) + c]! += cells[3 * (y * GRID + x) + c]!
  return means.map(sum => Math.round(sum / size ** 2))
}

/** The coefficients of WAVES. */
function transform(luma: Float64Array): number[] {
  const across = COSINES.slice(0, 11).map(cosines =>
    Float64Array.from({ length: GRID }, (_, y) => {
      let sum = 0
      for (let x = 0; x < GRID; x++) sum += luma[y * GRID + x]! * cosines[x]!
      return sum
    }),
  )
  return WAVES.map(([u, v]) => {
    let sum = 0
    for (let y = 0; y < GRID; y++) sum += across[u]![y]! * COSINES[v]![y]!
    return sum
  })
}
