import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/files.js'
import { SPLITS, type Split } from '../../src/sample.js'
import { type Group, placeGroups } from '../../src/stages/split-places.js'

const singles = (count: number): Group[] =>
  Array.from({ length: count }, (_, i) => ({ id: sha256Hex(`photo ${i}`), size: 1 }))
const groupsOf = fc
  .array(fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 30 })), {
    minLength: 3,
    maxLength: 60,
  })
  .map(sizes => sizes.map((size, i): Group => ({ id: sha256Hex(`group ${i}`), size })))
const remember = (groups: readonly Group[], splits: readonly Split[]): Group[] =>
  groups.map((group, i) => (splits[i] ? { ...group, before: splits[i] } : group))
const growing = fc.tuple(fc.integer({ min: 3, max: 60 }), fc.integer({ min: 1, max: 40 }), fc.nat(1000))
const share = fc.double({ min: 0.01, max: 0.45, noNaN: true })

describe('adding photos never moves one', () => {
  test('by share, down to sets so small that a photo must be placed by hand', () => {
    fc.assert(
      fc.property(growing, share, fc.oneof(fc.constant(0), share), ([before, more, seed], test, val) => {
        const all = singles(before + more)
        const first = placeGroups(all.slice(0, before), { test, val, seed }).splits
        const second = placeGroups(remember(all, first), { test, val, seed }).splits
        expect(second.slice(0, before)).toEqual(first)
        expect(new Set(first)).toEqual(new Set(val ? SPLITS : ['train', 'test']))
      }),
    )
  })

  test('by count, and the counts are exact', () => {
    fc.assert(
      fc.property(growing, ([before, more, seed]) => {
        const all = singles(before + more)
        const rule = { test: Math.max(1, Math.floor(before / 3)), val: 1, seed }
        const first = placeGroups(all.slice(0, before), rule).splits
        const second = placeGroups(remember(all, first), rule).splits
        expect(second.slice(0, before)).toEqual(first)
        for (const side of ['test', 'val'] as const)
          expect(second.filter(split => split === side)).toHaveLength(rule[side])
      }),
    )
  })

  test('by share, single photos need no memory: the same hash places them in any company', () => {
    const all = singles(400)
    const rule = { test: 0.2, val: 0.1, seed: 7 }
    expect(placeGroups(all, rule).splits.slice(0, 100)).toEqual(placeGroups(all.slice(0, 100), rule).splits)
  })
})

test('a side whose photos are all gone takes a group from another one, which is told', () => {
  const groups = remember(singles(5), ['train', 'train', 'train', 'train', 'train'])
  const { splits, lent } = placeGroups(groups, { test: 0.2, val: 0, seed: 1 })
  expect(splits.filter(split => split === 'test')).toHaveLength(1)
  expect(lent.map(i => splits[i])).toEqual(['test'])
  expect(placeGroups(remember(groups, splits), { test: 0.2, val: 0, seed: 1 }).lent).toEqual([])
})

describe('groups', () => {
  test('do not depend on the order in which they come', () => {
    fc.assert(
      fc.property(
        groupsOf.chain(groups =>
          fc.tuple(fc.constant(groups), fc.shuffledSubarray(groups, { minLength: groups.length })),
        ),
        fc.constantFrom({ test: 0.2, val: 0 }, { test: 0.1, val: 0.1 }, { test: 5, val: 3 }),
        fc.nat(99),
        ([groups, shuffled], amounts, seed) => {
          const places = (groups: readonly Group[]): Map<string, Split> => {
            const { splits } = placeGroups(groups, { ...amounts, seed })
            return new Map(groups.map(({ id }, i) => [id, splits[i]!]))
          }
          expect(places(shuffled)).toEqual(places(groups))
        },
      ),
    )
  })

  test('larger than a whole side stay in training, and every side has at least one', () => {
    const groups: Group[] = [...singles(20), { id: 'a long drive', size: 100 }]
    for (let seed = 0; seed < 40; seed++) {
      const { splits, tooLarge } = placeGroups(groups, { test: 0.2, val: 0.1, seed })
      expect(splits[20]).toBe('train')
      expect(new Set(splits)).toEqual(new Set(SPLITS))
      expect(tooLarge.every(i => i === 20)).toBe(true)
    }
  })

  test('too few of them leave a side empty, which is told', () => {
    expect(placeGroups(singles(1), { test: 0.2, val: 0, seed: 1 }).empty).toBeDefined()
    expect(placeGroups(singles(2), { test: 0.2, val: 0.1, seed: 1 }).empty).toBeDefined()
    expect(placeGroups(singles(3), { test: 0.2, val: 0.1, seed: 1 }).empty).toBeUndefined()
  })

  test('that are given stay, even where a side then lacks photos of its own', () => {
    const groups: Group[] = [{ id: 'a', size: 5, given: 'train' }, { id: 'b', size: 5, given: 'train' }, ...singles(1)]
    expect(placeGroups(groups, { test: 0.2, val: 0, seed: 3 }).splits).toEqual(['train', 'train', 'test'])
  })
})

test('shares come out right on many photos, and differ by seed', () => {
  const all = singles(5000)
  const { splits } = placeGroups(all, { test: 0.2, val: 0.1, seed: 42 })
  const part = (side: Split): number => splits.filter(split => split === side).length / 5000
  expect(Math.abs(part('test') - 0.2)).toBeLessThan(0.02)
  expect(Math.abs(part('val') - 0.1)).toBeLessThan(0.02)
  const other = placeGroups(all, { test: 0.2, val: 0.1, seed: 43 }).splits
  expect(splits.filter((split, i) => split !== other[i]).length).toBeGreaterThan(1000)
})
