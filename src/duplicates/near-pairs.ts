/**
 * All pairs of 64-bit hashes that differ in few bits, without comparing all with all: hashes are cut into bands, and two
 * that differ in at most t bits differ in few of some band (multi-index hashing, made a join of the set with itself).
 */
import { bitCount } from './signature-set.js'

export interface Hashes {
  readonly length: number
  /** Lower and upper 32 bits. */
  readonly low: Uint32Array
  readonly high: Uint32Array
}

interface Band {
  /** Bits low.. low + width - 1 of the hash. */
  readonly shift: number
  readonly width: number
  /** Pairs are looked for that differ in at most so many bits of this band; -1: none. */
  readonly radius: number
}

/** Looking at a place that may be empty, and comparing two hashes: what they cost, in nanoseconds. */
const PLACE_COST = 8
const PAIR_COST = 3
const WIDEST_BAND = 22
/** Comparisons from one yield to the next: some 10 ms. */
const WORK_BETWEEN_YIELDS = 1 << 22

/**
 * Tell `visit` every pair at most `threshold` bits apart, each exactly once, in an order that depends on the hashes alone.
 *
 * Takes 12 bytes a hash, and at most 34 MB more. For hashes that are spread evenly the time grows little faster
 * than their number; hashes that crowd together (more than a thousand pictures within the threshold of each other) are
 * compared one by one.
 * @returns a generator that does the work piece by piece and yields the share of it that is done, 0..1
 */
export function* nearPairs(
  hashes: Hashes,
  threshold: number,
  visit: (a: number, b: number, distance: number) => void,
): Generator<number, void, void> {
  const bands = chooseBands(hashes.length, threshold)
  const join = new Join(hashes, bands, threshold, visit)
  const steps = bands.map(({ width, radius }) => masksOf(width, radius))
  const total = steps.reduce((sum, masks) => sum + masks.length, 0)
  let done = 0
  for (const [index, masks] of steps.entries()) {
    if (masks.length) join.sortBy(index)
    for (const mask of masks) {
      for (const _ of join.pairsApartBy(mask)) yield done / total
      done += 1
    }
  }
  yield 1
}

/** The number of bands that costs least; by the pigeonhole principle their radii must come to threshold + 1 - bands. */
export function chooseBands(count: number, threshold: number): Band[] {
  const fewest = Math.ceil(64 / WIDEST_BAND)
  let best = { cost: Number.POSITIVE_INFINITY, bands: [] as Band[] }
  for (let number = fewest; number <= Math.max(fewest, Math.min(16, threshold + 1)); number++) {
    let cost = 0
    const bands = Array.from({ length: number }, (_, i): Band => {
      const shift = Math.floor((64 * i) / number)
      const width = Math.floor((64 * (i + 1)) / number) - shift
      const radius = Math.floor((threshold + 1 + i) / number) - 1
      const places = 2 ** width
      const masks = masksOf(width, radius).length
      cost += masks * (PLACE_COST * places + (PAIR_COST * count ** 2) / places) + 10 * count
      return { shift, width, radius }
    })
    if (cost < best.cost) best = { cost, bands }
  }
  return best.bands
}

const maskLists = new Map<string, Int32Array>()

/** All words of `width` bits with at most `radius` set. */
function masksOf(width: number, radius: number): Int32Array {
  const known = maskLists.get(`${width} ${radius}`)
  if (known) return known
  let last = radius < 0 ? [] : [0]
  let all = last
  for (let r = 0; r < radius; r++) {
    last = last.flatMap(mask => {
      const lowest = mask === 0 ? width : 31 - Math.clz32(mask & -mask)
      return Array.from({ length: lowest }, (_, bit) => mask | (1 << bit))
    })
    all = all.concat(last)
  }
  const masks = Int32Array.from(all)
  maskLists.set(`${width} ${radius}`, masks)
  return masks
}

/** The hashes in the order of one band at a time. */
class Join {
  readonly #low: Uint32Array
  readonly #high: Uint32Array
  readonly #index: Uint32Array
  #band = 0
  /** Of each value of the band: where its hashes begin. */
  #starts = new Uint32Array(0)

  constructor(
    readonly hashes: Hashes,
    readonly bands: readonly Band[],
    readonly threshold: number,
    readonly visit: (a: number, b: number, distance: number) => void,
  ) {
    this.#low = new Uint32Array(hashes.length)
    this.#high = new Uint32Array(hashes.length)
    this.#index = new Uint32Array(hashes.length)
  }

  sortBy(band: number): void {
    this.#band = band
    const { low, high, length } = this.hashes
    const { shift, width } = this.bands[band]!
    const starts = new Uint32Array(2 ** width + 1)
    for (let i = 0; i < length; i++) starts[bitsOf(low[i]!, high[i]!, shift, width) + 1]! += 1
    for (let value = 0; value < 2 ** width; value++) starts[value + 1]! += starts[value]!
    const next = starts.slice()
    for (let i = 0; i < length; i++) {
      const at = next[bitsOf(low[i]!, high[i]!, shift, width)]!++
      this.#low[at] = low[i]!
      this.#high[at] = high[i]!
      this.#index[at] = i
    }
    this.#starts = starts
  }

  /** Pairs whose values of the band differ in exactly the bits of `mask`. Yields now and then. */
  *pairsApartBy(mask: number): Generator<void, void, void> {
    const starts = this.#starts
    const values = starts.length - 1
    const highest = mask === 0 ? 0 : 1 << (31 - Math.clz32(mask))
    let work = 0
    for (let value = 0; value < values; value++) {
      // Each two values once: the one without the highest bit comes first.
      if (value & highest) {
        value += highest - 1
        continue
      }
      const [from, to] = [starts[value]!, starts[value + 1]!]
      if (from === to) continue
      const other = value ^ mask
      const [otherFrom, otherTo] = [starts[other]!, starts[other + 1]!]
      if (otherFrom === otherTo) continue
      for (let at = from; at < to; at++) {
        const first = mask === 0 ? at + 1 : otherFrom
        this.#compare(at, first, otherTo)
        work += otherTo - first
        if (work > WORK_BETWEEN_YIELDS) {
          work = 0
          yield
        }
      }
    }
    yield
  }

  #compare(at: number, from: number, to: number): void {
    // The word that the band is not in tells most pairs apart, so it is looked at first.
    const lowFirst = this.bands[this.#band]!.shift >= 32
    const [nears, fars] = lowFirst ? [this.#high, this.#low] : [this.#low, this.#high]
    const [near, far, threshold] = [nears[at]!, fars[at]!, this.threshold]
    for (let i = from; i < to; i++) {
      const y = far ^ fars[i]!
      let distance = bitCount(y)
      if (distance > threshold) continue
      const x = near ^ nears[i]!
      distance += bitCount(x)
      if (distance > threshold || this.#foundBefore(lowFirst ? y : x, lowFirst ? x : y)) continue
      this.#tell(at, i, distance)
    }
  }

  #tell(at: number, other: number, distance: number): void {
    const [a, b] = [this.#index[at]!, this.#index[other]!]
    if (a < b) this.visit(a, b, distance)
    else this.visit(b, a, distance)
  }

  /** An earlier band has shown this pair already. */
  #foundBefore(low: number, high: number): boolean {
    for (let band = 0; band < this.#band; band++) {
      const { shift, width, radius } = this.bands[band]!
      if (bitCount(bitsOf(low, high, shift, width)) <= radius) return true
    }
    return false
  }
}

function bitsOf(low: number, high: number, shift: number, width: number): number {
  const word =
    shift >= 32 ? high >>> (shift - 32) : shift + width <= 32 ? low >>> shift : (low >>> shift) | (high << (32 - shift))
  return width === 32 ? word >>> 0 : word & ((1 << width) - 1)
}
