import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { majority } from '../../src/labels/majority.js'
import { idsOf, labelMap, pictureOf } from './maps.js'

/** Every window counted. */
function majorityPlainly(ids: Uint8Array, width: number, height: number, k: number, radius: number): Uint8Array {
  return ids.map((own, p) => {
    if (own >= k) return own
    const counts = new Array<number>(k).fill(0)
    const x = p % width
    const y = Math.floor(p / width)
    for (let v = Math.max(0, y - radius); v <= Math.min(height - 1, y + radius); v++)
      for (let u = Math.max(0, x - radius); u <= Math.min(width - 1, x + radius); u++) {
        const id = ids[v * width + u]!
        if (id < k) counts[id]!++
      }
    const most = Math.max(...counts)
    return counts[own] === most ? own : counts.indexOf(most)
  })
}

describe('majority', () => {
  test('takes out specks and keeps straight borders', () => {
    const { ids, width, height } = idsOf(`
      aaaabbbb
      acaabbbb
      aaaabbab
      aaaabbbb`)
    const filtered = majority(ids, width, height, 3, 1)
    expect(pictureOf(filtered, width)).toBe(['aaaabbbb', 'aaaabbbb', 'aaaabbbb', 'aaaabbbb'].join('\n'))
  })

  test('on a tie a pixel keeps its own id, else it gets the lowest', () => {
    expect(pictureOf(majority(idsOf('ba').ids, 2, 1, 2, 1), 2)).toBe('ba')
    const { ids, width, height } = idsOf(`
      bbb
      bca
      aaa`)
    expect(pictureOf(majority(ids, width, height, 3, 1), width).split('\n')[1]![1]).toBe('a')
  })

  test('unlabelled pixels stay and never win', () => {
    const { ids, width, height } = idsOf(`
      ...
      .b.
      ..a`)
    expect(pictureOf(majority(ids, width, height, 2, 7), width)).toBe('...\n.b.\n..a')
  })

  test('ids from k on stay and never win', () => {
    expect([...majority(Uint8Array.of(5, 5, 0, 5, 1, 1), 6, 1, 2, 2)]).toEqual([5, 5, 0, 5, 1, 1])
  })

  test('a radius of 0 changes nothing; the ids given are not touched', () => {
    const { ids } = idsOf('abaab')
    expect(majority(ids, 5, 1, 2, 0)).toEqual(ids)
    majority(ids, 5, 1, 2, 2)
    expect(pictureOf(ids, 5)).toBe('abaab')
  })

  test('is what counting each window gives', () => {
    fc.assert(
      fc.property(labelMap({ maxIds: 64 }), fc.integer({ min: 1, max: 7 }), fc.nat(8), (map, radius, uncounted) => {
        const { ids, width, height } = map
        const k = Math.max(1, 64 - uncounted * uncounted)
        const filtered = majority(ids, width, height, k, radius)
        expect(Buffer.compare(filtered, majorityPlainly(ids, width, height, k, radius))).toBe(0)
      }),
      { numRuns: 200 },
    )
  })

  test('of all 255 ids, and of a window that is all one id', () => {
    const ids = Uint8Array.from({ length: 40 * 40 }, (_, p) => (p * 7) % 255)
    expect(Buffer.compare(majority(ids, 40, 40, 255, 7), majorityPlainly(ids, 40, 40, 255, 7))).toBe(0)
    expect(majority(ids.fill(254), 40, 40, 255, 7)).toEqual(ids)
  })
})
