/**
 * What can be said of a photo in figures, cheaply: is it sharp, noisy, dark, burnt out, flat? Looks at about 32 rows and
 * 32 columns, integers only until the end.
 */
import { rounded } from './rounded.js'

export interface PhotoMeasures {
  /**
   * Part of the local change of lightness that a blur over 9 px would take away, in the blurrier of the two directions:
   * 0.6 to 0.95 for sharp photos, below 0.3 for blurred ones; it does not move with contrast, brightness or noise of a
   * few codes. 0 without any edges; null for pictures too small to tell, and for those of so little contrast that none can
   * be expected.
   */
  readonly sharpness: number | null
  /** Standard deviation of the noise of the calmest places, in 8-bit codes; fine texture adds to it. */
  readonly noise: number
  /** Mean lightness (luma of sRGB codes), 0..1. */
  readonly lightness: number
  /** Lightness that 5% of the pixels exceed, 0..1. */
  readonly highlight: number
  /** From the lightness that all but a thousandth of the pixels exceed to that which a thousandth exceeds, 0..1. */
  readonly contrast: number
  /** Shares of pixels that are all but black, and all but white. */
  readonly clippedDark: number
  readonly clippedBright: number
  /** Entropy of lightness in bits, 0..8: how much there is to see at all. */
  readonly entropy: number
}

const LINES = 32
/** Half the window of the blur that sharpness compares with. */
const REACH = 4
/** Steps between neighbours, and over the window, that count as edges: more than rounding and faint noise. */
const LEAST_STEP = 4
const LEAST_SPAN = 20
/** A direction in which fewer of the positions are edges says nothing (stripes). */
const LEAST_EDGES = 0.01
/** Standard deviation in codes from which on a photo without edges is blurred: below it may be water, sky or fog. */
const LEAST_CONTRAST = 25
/** Codes this near to black and white are clipped. */
const CLIPPED = 4
const HIGHLIGHT = 0.95
/** So much at either end is left out of account: dust, hot pixels. */
const END = 0.001
/** The calmest places: the quarter of second differences that is smallest. */
const CALM = 0.25
/** Of Gaussian noise of deviation 1, the second difference has deviation sqrt(6) and this quartile of its size. */
const CALM_QUARTILE = Math.sqrt(6) * 0.318639

/** @param rgb  interleaved sRGB, row-major, length 3 * width * height */
export function measurePhoto(rgb: Uint8Array, width: number, height: number): PhotoMeasures {
  const step = Math.max(1, Math.ceil(Math.min(width, height) / LINES))
  const lightness = new Uint32Array(256)
  const bends = new Uint32Array(1024)
  let clippedDark = 0
  let clippedBright = 0
  const line = new Int32Array(Math.max(width, height))
  const rows = new Edges()
  for (let y = step >> 1; y < height; y += step) {
    for (let x = 0, at = 3 * y * width; x < width; x++, at += 3) {
      const r = rgb[at]!
      const g = rgb[at + 1]!
      const b = rgb[at + 2]!
      const luma = (77 * r + 150 * g + 29 * b) >> 8
      line[x] = luma
      lightness[luma]!++
      if (luma <= CLIPPED) clippedDark++
      if (r >= 255 - CLIPPED && g >= 255 - CLIPPED && b >= 255 - CLIPPED) clippedBright++
    }
    rows.add(line, width, bends)
  }
  const columns = new Edges()
  for (let x = step >> 1; x < width; x += step) {
    for (let y = 0, at = 3 * x; y < height; y++, at += 3 * width)
      line[y] = (77 * rgb[at]! + 150 * rgb[at + 1]! + 29 * rgb[at + 2]!) >> 8
    columns.add(line, height, bends)
  }
  const { mean, deviation, entropy, count } = statistics(lightness)
  return {
    sharpness: sharpnessOf([rows, columns], deviation),
    noise: rounded(Math.max(0, quantile(bends, CALM) - 0.5) / CALM_QUARTILE),
    lightness: rounded(mean / 255),
    highlight: rounded(codeAt(lightness, HIGHLIGHT) / 255),
    contrast: rounded((codeAt(lightness, 1 - END) - codeAt(lightness, END)) / 255),
    clippedDark: rounded(clippedDark / (count || 1)),
    clippedBright: rounded(clippedBright / (count || 1)),
    entropy: rounded(entropy),
  }
}

/**
 * The edges of one direction: each step between neighbours, and what is left of it beyond the step that the line would
 * have there after a mean over 9 px.
 *
 * @see Crete, Dolmiere, Ladret, Nicolas, The blur effect: perception and estimation with a new no-reference perceptual
 *   blur metric, 2007
 */
class Edges {
  positions = 0
  edges = 0
  #steps = 0
  #sharp = 0

  add(line: Int32Array, length: number, bends: Uint32Array): void {
    const window = 2 * REACH + 1
    let steps = 0
    let sharp = 0
    let edges = 0
    for (let i = 1; i < length - 1; i++) bends[Math.abs(2 * line[i]! - line[i - 1]! - line[i + 1]!)]!++
    for (let i = REACH + 1; i < length - REACH; i++) {
      const own = Math.abs(line[i]! - line[i - 1]!)
      const span = Math.abs(line[i + REACH]! - line[i - REACH - 1]!)
      if (own <= LEAST_STEP && span <= LEAST_SPAN) continue
      edges++
      steps += window * own
      sharp += Math.max(0, window * own - span)
    }
    this.positions += Math.max(0, length - 2 * REACH - 1)
    this.edges += edges
    this.#steps += steps
    this.#sharp += sharp
  }

  get sharpness(): number {
    return this.#sharp / (this.#steps || 1)
  }
}

function sharpnessOf(directions: readonly Edges[], deviation: number): number | null {
  const telling = directions.filter(({ edges, positions }) => edges > LEAST_EDGES * positions)
  if (telling.length) return rounded(Math.min(...telling.map(({ sharpness }) => sharpness)))
  return directions.every(({ positions }) => positions === 0) || deviation < LEAST_CONTRAST ? null : 0
}

function statistics(counts: Uint32Array): { mean: number; deviation: number; entropy: number; count: number } {
  let [count, sum, squares] = [0, 0, 0]
  for (const [value, n] of counts.entries()) {
    count += n
    sum += n * value
    squares += n * value * value
  }
  const total = count || 1
  const entropy = counts.reduce((bits, n) => (n ? bits - (n / total) * Math.log2(n / total) : bits), 0)
  const deviation = Math.sqrt(Math.max(0, squares / total - (sum / total) ** 2))
  return { mean: sum / total, deviation, entropy, count }
}

/** The code at which a share of the pixels has been passed. */
const codeAt = (counts: Uint32Array, share: number): number => Math.round(quantile(counts, share))

/** The value below which a share of the counts lies; a count stands for the values that are rounded to it. */
function quantile(counts: Uint32Array, share: number): number {
  const wanted = share * counts.reduce((sum, n) => sum + n, 0)
  let below = 0
  for (const [value, n] of counts.entries()) {
    if (below + n > wanted) return Math.max(0, value - 0.5 + (wanted - below) / n)
    below += n
  }
  return 0
}
