/** Signatures of many pictures in one piece of memory (104 MB a million), and the judgement whether two are alike. */
import { CHROMA_BYTES, HASH_BYTES, LUMA_BYTES, SIGNATURE_BYTES } from './signature.js'

/** Bits of the hash that differ when pictures of the same are re-encoded, scaled, brightened or cropped a little. */
export const DEFAULT_THRESHOLD = 10
/** Beyond it hashes of pictures that have nothing in common meet. */
export const MAX_THRESHOLD = 16

/** Correlation of the luminance thumbnails that near-duplicates reach. */
const LEAST_CORRELATION = 0.85
/** Levels; keeps flat thumbnails from being compared by their rounding. */
const THUMBNAIL_NOISE = 2
/** Levels of mean luminance: brightening by 10% moves it by 25 at most, or 40 with a change of contrast. */
const MOST_BRIGHTENING = 40
/** Root mean square difference of the colour differences, in levels. */
const MOST_RECOLOURING = 10

export class SignatureSet {
  readonly #bytes: Uint8Array
  /** The hashes: lower and upper 32 bits. */
  readonly low: Uint32Array
  readonly high: Uint32Array

  constructor(readonly length: number) {
    this.#bytes = new Uint8Array(length * SIGNATURE_BYTES)
    this.low = new Uint32Array(length)
    this.high = new Uint32Array(length)
  }

  set(index: number, signature: Uint8Array): void {
    this.#bytes.set(signature, index * SIGNATURE_BYTES)
    const hash = new DataView(signature.buffer, signature.byteOffset, HASH_BYTES)
    this.low[index] = hash.getUint32(0, true)
    this.high[index] = hash.getUint32(4, true)
  }

  /** Negative, 0 or positive, as of bytes: equal signatures are neighbours in this order. */
  compare(a: number, b: number): number {
    const bytes = this.#bytes
    for (let i = a * SIGNATURE_BYTES, j = b * SIGNATURE_BYTES, end = i + SIGNATURE_BYTES; i < end; i++, j++)
      if (bytes[i] !== bytes[j]) return bytes[i]! - bytes[j]!
    return 0
  }

  /** Bits in which the hashes differ, 0 to 64. */
  distance(a: number, b: number): number {
    return bitCount(this.low[a]! ^ this.low[b]!) + bitCount(this.high[a]! ^ this.high[b]!)
  }

  /** Do the thumbnails show the same, but for brightness, contrast and a little of the edges? */
  thumbnailsAgree(a: number, b: number): boolean {
    const bytes = this.#bytes
    const [i, j] = [a * SIGNATURE_BYTES + HASH_BYTES, b * SIGNATURE_BYTES + HASH_BYTES]
    let [sumA, sumB, squareA, squareB, product] = [0, 0, 0, 0, 0]
    for (let k = 0; k < LUMA_BYTES; k++) {
      const [p, q] = [bytes[i + k]!, bytes[j + k]!]
      sumA += p
      sumB += q
      squareA += p * p
      squareB += q * q
      product += p * q
    }
    if (Math.abs(sumA - sumB) > MOST_BRIGHTENING * LUMA_BYTES) return false
    const noise = THUMBNAIL_NOISE ** 2
    const varianceA = squareA / LUMA_BYTES - (sumA / LUMA_BYTES) ** 2 + noise
    const varianceB = squareB / LUMA_BYTES - (sumB / LUMA_BYTES) ** 2 + noise
    const covariance = product / LUMA_BYTES - (sumA / LUMA_BYTES) * (sumB / LUMA_BYTES) + noise
    if (covariance < LEAST_CORRELATION * Math.sqrt(varianceA * varianceB)) return false
    let recoloured = 0
    for (let k = LUMA_BYTES; k < LUMA_BYTES + CHROMA_BYTES; k++) recoloured += (bytes[i + k]! - bytes[j + k]!) ** 2
    return recoloured <= MOST_RECOLOURING ** 2 * CHROMA_BYTES
  }

  /** Near-duplicates: hashes at most `threshold` bits apart, and thumbnails that agree. */
  alike(a: number, b: number, threshold: number): boolean {
    return this.distance(a, b) <= threshold && this.thumbnailsAgree(a, b)
  }
}

/** Bits set in a 32-bit word. */
export function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
