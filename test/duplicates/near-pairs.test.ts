import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseBands, type Hashes, nearPairs } from '../../src/duplicates/near-pairs.js'
import { bitCount } from '../../src/duplicates/signature-set.js'

type Pair = readonly [a: number, b: number, distance: number]

function indexed(hashes: Hashes, threshold: number): Pair[] {
  const pairs: Pair[] = []
  for (const share of nearPairs(hashes, threshold, (a, b, distance) => pairs.push([a, b, distance])))
    expect(share >= 0 && share <= 1).toBe(true)
  return pairs.sort(([a, b], [c, d]) => a - c || b - d)
}

function bruteForce({ low, high, length }: Hashes, threshold: number): Pair[] {
  const pairs: Pair[] = []
  for (let a = 0; a < length; a++)
    for (let b = a + 1; b < length; b++) {
      const distance = bitCount(low[a]! ^ low[b]!) + bitCount(high[a]! ^ high[b]!)
      if (distance <= threshold) pairs.push([a, b, distance])
    }
  return pairs
}

const hashesOf = (words: readonly bigint[]): Hashes => ({
  length: words.length,
  low: Uint32Array.from(words, word => Number(word & 0xffff_ffffn)),
  high: Uint32Array.from(words, word => Number(word >> 32n)),
})

/** A few centres with copies of them in which up to 20 bits are turned: plenty of pairs at every distance. */
const crowded = fc
  .array(
    fc.tuple(
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.array(fc.array(fc.nat(63), { maxLength: 20 }), { maxLength: 8 }),
    ),
    { maxLength: 12 },
  )
  .map(centres =>
    centres.flatMap(([centre, copies]) =>
      copies.map(bits => bits.reduce((word, bit) => word ^ (1n << BigInt(bit)), centre)),
    ),
  )

test('finds exactly the pairs that comparing all with all finds, each once, at any threshold', () => {
  fc.assert(
    fc.property(crowded, fc.nat(16), (words, threshold) => {
      const hashes = hashesOf(words)
      expect(indexed(hashes, threshold)).toEqual(bruteForce(hashes, threshold))
    }),
    { numRuns: 300 },
  )
})

test.each([
  [3000, 8],
  [3000, 10],
  [3000, 16],
])('%i hashes at threshold %i, more than are compared in one piece', (count, threshold) => {
  const seed = (i: number, salt: number): number =>
    Math.imul(Math.imul(i ^ salt, 0x9e3779b1) ^ (i >>> 3), 0x85ebca6b) >>> 0
  const low = Uint32Array.from({ length: count }, (_, i) => seed(i >> 1, 7) ^ (i % 2 ? 0b1011 : 0))
  const high = Uint32Array.from({ length: count }, (_, i) => seed(i >> 1, 99) ^ (i % 2 ? 0x80000001 : 0))
  const hashes = { length: count, low, high }
  const pairs = indexed(hashes, threshold)
  expect(pairs.length).toBeGreaterThanOrEqual(count / 2)
  expect(pairs).toEqual(bruteForce(hashes, threshold))
})

test('hashes that are all the same make every pair', () => {
  expect(indexed(hashesOf(Array.from({ length: 50 }, () => 2n ** 63n + 5n)), 0)).toHaveLength((50 * 49) / 2)
})

test('for any number of hashes the bands cover all 64 bits, and no pair within the threshold can slip through', () => {
  fc.assert(
    fc.property(fc.nat(5_000_000), fc.nat(16), (count, threshold) => {
      const bands = chooseBands(count, threshold)
      expect(bands.reduce((bits, { shift, width }) => (shift === bits ? bits + width : Number.NaN), 0)).toBe(64)
      expect(bands.reduce((slips, { radius }) => slips + radius + 1, 0)).toBe(threshold + 1)
    }),
  )
})
