import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/files.js'
import { splitByCount, splitByShare } from '../../src/stages/split.js'

const ids = (count: number): string[] => Array.from({ length: count }, (_, i) => sha256Hex(`photo ${i}`))
const growing = fc.tuple(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 1, max: 40 }), fc.nat(1000))

describe('adding photos never moves one', () => {
  test('by share, down to sets so small that a photo must be pinned', () => {
    fc.assert(
      fc.property(growing, fc.double({ min: 0.01, max: 0.99, noNaN: true }), ([before, more, seed], share) => {
        const all = ids(before + more)
        const pinned = new Map()
        const first = splitByShare(all.slice(0, before), share, seed, pinned)
        const second = splitByShare(all, share, seed, pinned)
        for (const [id, side] of first) expect(second.get(id)).toBe(side)
        expect(new Set(first.values()).size).toBe(2)
      }),
    )
  })

  test('by count, and the count is exact', () => {
    fc.assert(
      fc.property(growing, ([before, more, seed]) => {
        const all = ids(before + more)
        const count = Math.max(1, Math.floor(before / 3))
        const pinned = new Map()
        const first = splitByCount(all.slice(0, before), count, seed, pinned)
        const second = splitByCount(all, count, seed, pinned)
        for (const [id, side] of first) expect(second.get(id)).toBe(side)
        expect([...second.values()].filter(side => side === 'test')).toHaveLength(count)
      }),
    )
  })
})

test('a share comes out right on many photos, and differs by seed', () => {
  const all = ids(5000)
  const sides = splitByShare(all, 0.2, 42, new Map())
  const tests = [...sides.values()].filter(side => side === 'test').length
  expect(Math.abs(tests / 5000 - 0.2)).toBeLessThan(0.02)
  const other = splitByShare(all, 0.2, 43, new Map())
  expect(all.filter(id => sides.get(id) !== other.get(id)).length).toBeGreaterThan(1000)
})
