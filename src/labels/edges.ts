/**
 * Do label boundaries lie where the photo has edges? A generator needs what labels mean and their outlines: labels that
 * merge much follow few edges, labels that speckle have boundaries where the photo has none.
 */
import { okLab } from './oklab.js'

/** Edges are this share of a photo's pixels: those where colour changes most. */
export const EDGE_SHARE = 0.1

/** Whole numbers, so that those of many photos add up exactly. */
export interface EdgeCounts {
  /** Strong edge pixels of the photo. */
  readonly edges: number
  /** Those with a label boundary within 1 px. `followed / edges` is the share of the photo's edges that labels keep. */
  readonly followed: number
  /** Boundary pixels of the labels: one of the four neighbours has another id. */
  readonly boundary: number
  /** Those with a strong edge within 1 px. `onEdge / boundary` is how much of the labels' detail the photo confirms. */
  readonly onEdge: number
}

/**
 * Compare the edges of a photo with the boundaries of its labels. Within 1 px: among the pixel and its eight neighbours.
 *
 * @param rgb  `Uint8Array` of length 3*H*W, row-major
 * @param ids  `Uint8Array` of length H*W
 */
export function compareEdges(rgb: Uint8Array, ids: Uint8Array, width: number, height: number): EdgeCounts {
  if (rgb.length !== 3 * width * height || ids.length !== width * height)
    throw new RangeError(`expected ${width}x${height} colours and ids, found ${rgb.length / 3} and ${ids.length}`)
  const edges = strongEdges(rgb, width, height)
  const boundary = boundaries(ids, width, height)
  return {
    edges: count(edges),
    followed: countBoth(edges, widen(boundary, width, height)),
    boundary: count(boundary),
    onEdge: countBoth(boundary, widen(edges, width, height)),
  }
}

/**
 * Pixels at which a photo's colour changes most: 1, others 0. The change is the length of the OKLab gradient (Sobel, L,
 * a and b together) of the photo smoothed by a 3x3 binomial filter. Edges are the top tenth: more where several pixels
 * share the last place, fewer where less than a tenth changes at all.
 *
 * @see Di Zenzo, A note on the gradient of a multi-image, 1986 (here the trace of the tensor, not its largest eigenvalue)
 */
export function strongEdges(rgb: Uint8Array, width: number, height: number): Uint8Array {
  const strength = new Float32Array(width * height)
  for (const channel of labChannels(rgb)) addGradient(smooth(channel, width, height), width, height, strength)
  const order = strength.slice().sort()
  const least = order[Math.ceil((1 - EDGE_SHARE) * order.length)] ?? Number.POSITIVE_INFINITY
  return Uint8Array.from(strength, value => (value > 0 && value >= least ? 1 : 0))
}

/** Pixels with another id to the left, right, above or below: 1, others 0. */
export function boundaries(ids: Uint8Array, width: number, height: number): Uint8Array {
  const found = new Uint8Array(ids.length)
  for (let y = 0, at = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1, at += 1) {
      if (x + 1 < width && ids[at] !== ids[at + 1]) found[at] = found[at + 1] = 1
      if (y + 1 < height && ids[at] !== ids[at + width]) found[at] = found[at + width] = 1
    }
  return found
}

function labChannels(rgb: Uint8Array): readonly [Float32Array, Float32Array, Float32Array] {
  const channels = [0, 1, 2].map(() => new Float32Array(rgb.length / 3)) as [Float32Array, Float32Array, Float32Array]
  for (let pixel = 0, at = 0; at < rgb.length; pixel += 1, at += 3) {
    const [L, a, b] = okLab(rgb[at]!, rgb[at + 1]!, rgb[at + 2]!)
    channels[0][pixel] = L
    channels[1][pixel] = a
    channels[2][pixel] = b
  }
  return channels
}

/** 1-2-1 across and down; beyond the border lies the border's own pixel. */
function smooth(values: Float32Array, width: number, height: number): Float32Array {
  const across = new Float32Array(values.length)
  const both = new Float32Array(values.length)
  for (let y = 0, at = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1, at += 1)
      across[at] = (values[at - left(x)]! + 2 * values[at]! + values[at + right(x, width)]!) / 4
  for (let y = 0, at = 0; y < height; y += 1) {
    const [up, down] = [width * left(y), width * right(y, height)]
    for (let x = 0; x < width; x += 1, at += 1) both[at] = (across[at - up]! + 2 * across[at]! + across[at + down]!) / 4
  }
  return both
}

/** The square of the Sobel gradient, added to `sums`. */
function addGradient(values: Float32Array, width: number, height: number, sums: Float32Array): void {
  for (let y = 0, at = 0; y < height; y += 1) {
    const [up, down] = [width * left(y), width * right(y, height)]
    for (let x = 0; x < width; x += 1, at += 1) {
      const [before, after] = [left(x), right(x, width)]
      const nw = values[at - up - before]!
      const ne = values[at - up + after]!
      const sw = values[at + down - before]!
      const se = values[at + down + after]!
      const dx = ne - nw + 2 * (values[at + after]! - values[at - before]!) + se - sw
      const dy = sw - nw + 2 * (values[at + down]! - values[at - up]!) + se - ne
      sums[at]! += dx * dx + dy * dy
    }
  }
}

const left = (position: number): number => (position > 0 ? 1 : 0)
const right = (position: number, length: number): number => (position + 1 < length ? 1 : 0)

/** Marked pixels and their eight neighbours. */
function widen(marked: Uint8Array, width: number, height: number): Uint8Array {
  const across = marked.slice()
  for (let y = 0, at = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1, at += 1) if (marked[at]) across[at - left(x)] = across[at + right(x, width)] = 1
  const both = across.slice()
  for (let y = 0, at = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1, at += 1)
      if (across[at]) both[at - width * left(y)] = both[at + width * right(y, height)] = 1
  return both
}

const count = (marked: Uint8Array): number => marked.reduce((sum, value) => sum + value, 0)

function countBoth(a: Uint8Array, b: Uint8Array): number {
  let sum = 0
  for (let pixel = 0; pixel < a.length; pixel += 1) sum += a[pixel]! & b[pixel]!
  return sum
}
