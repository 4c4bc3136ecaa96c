import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DisjointSets } from '../../src/duplicates/disjoint-sets.js'
import { findLeaks } from '../../src/duplicates/leaks.js'
import { SIGNATURE_BYTES } from '../../src/duplicates/signature.js'
import { SignatureSet } from '../../src/duplicates/signature-set.js'
import { SPLITS, type Split } from '../../src/sample.js'

/** Signatures with the same thumbnail: their hashes alone tell them apart. */
function signaturesOf(hashes: readonly number[]): SignatureSet {
  const set = new SignatureSet(hashes.length)
  for (const [i, hash] of hashes.entries()) {
    const signature = new Uint8Array(SIGNATURE_BYTES)
    new DataView(signature.buffer).setUint32(0, hash, true)
    set.set(i, signature)
  }
  return set
}

test('each held-out picture comes with its nearest one in every split before its own', async () => {
  const signatures = signaturesOf([0b0, 0b1, 0b11, 0b0, 0xffff0000])
  const leaks = await findLeaks(signatures, ['train', 'test', 'val', 'test', 'test'], { threshold: 4 })
  expect(leaks).toEqual([
    { picture: 1, split: 'test', twin: 0, twinSplit: 'train', distance: 1 },
    { picture: 1, split: 'test', twin: 2, twinSplit: 'val', distance: 1 },
    { picture: 2, split: 'val', twin: 0, twinSplit: 'train', distance: 2 },
    { picture: 3, split: 'test', twin: 0, twinSplit: 'train', distance: 0 },
    { picture: 3, split: 'test', twin: 2, twinSplit: 'val', distance: 2 },
  ])
})

test('finds what comparing all with all finds', async () => {
  const pictures = fc.array(fc.tuple(fc.nat(255), fc.constantFrom(...SPLITS)), { maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(pictures, fc.nat(4), async (pictures, threshold) => {
      const signatures = signaturesOf(pictures.map(([hash]) => hash))
      const splits = pictures.map(([, split]): Split => split)
      const expected = splits.flatMap((split, picture) =>
        SPLITS.slice(0, SPLITS.indexOf(split)).flatMap(twinSplit => {
          const distances = splits.flatMap((other, twin) =>
            other === twinSplit && signatures.alike(picture, twin, threshold) ? signatures.distance(picture, twin) : [],
          )
          return distances.length ? [{ picture, split, twinSplit, distance: Math.min(...distances) }] : []
        }),
      )
      const found = await findLeaks(signatures, splits, { threshold })
      expect(found.map(({ twin: _, ...leak }) => leak)).toEqual(expected)
      for (const { picture, twin, twinSplit, distance } of found)
        expect([splits[twin], signatures.distance(picture, twin)]).toEqual([twinSplit, distance])
    }),
  )
})

test('sets are the same for any order of the pairs', () => {
  const pairs = fc.array(fc.tuple(fc.nat(19), fc.nat(19)), { maxLength: 30 })
  fc.assert(
    fc.property(
      pairs.chain(pairs => fc.tuple(fc.constant(pairs), fc.shuffledSubarray(pairs, { minLength: pairs.length }))),
      ([pairs, shuffled]) => {
        const setsOf = (pairs: readonly (readonly [number, number])[]): number[][] => {
          const sets = new DisjointSets(20)
          for (const [a, b] of pairs) sets.unite(a, b)
          return sets.sets()
        }
        expect(setsOf(shuffled)).toEqual(setsOf(pairs))
      },
    ),
  )
})
