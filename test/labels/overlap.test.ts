import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countOverlap, MATCHINGS, type Matching, scoreOverlap } from '../../src/labels/overlap.js'

/** Label maps as strings of ids, a dot for none. */
const map = (ids: string) => Uint8Array.from(ids, id => (id === '.' ? 255 : Number(id)))

function overlap(ids: string, truth: string, clusters: number, classes: number): Float64Array {
  const into = new Float64Array(clusters * classes)
  countOverlap(map(ids), map(truth), clusters, classes, into)
  return into
}
const score = (ids: string, truth: string, clusters: number, classes: number, matching: Matching) =>
  scoreOverlap(overlap(ids, truth, clusters, classes), clusters, classes, matching)

describe('counting', () => {
  test('counts pairs of cluster and class, over several images', () => {
    const into = overlap('0011', '0101', 2, 2)
    countOverlap(map('01'), map('00'), 2, 2, into)
    expect([...into]).toEqual([2, 1, 2, 1])
  })

  test('leaves out pixels without a cluster, without a class, of a class beyond those scored', () => {
    expect([...overlap('01.0', '.2.0', 2, 2)]).toEqual([1, 0, 0, 0])
  })

  test('takes any id for unlabelled', () => {
    const into = new Float64Array(4)
    countOverlap(map('0011'), map('0101'), 2, 2, into, 0)
    expect([...into]).toEqual([0, 1, 0, 1])
  })

  test('refuses maps of different sizes', () => {
    expect(() => overlap('00', '000', 1, 1)).toThrow(RangeError)
    expect(() => countOverlap(map('0'), map('0'), 2, 2, new Float64Array(3))).toThrow(RangeError)
  })
})

describe('many-to-one', () => {
  test('lets several clusters be one class', () => {
    const { miou, pixelAccuracy, iou, classOf } = score('00112222', '00001111', 3, 2, 'many-to-one')
    expect([...classOf]).toEqual([0, 0, 1])
    expect({ miou, pixelAccuracy, iou }).toEqual({ miou: 1, pixelAccuracy: 1, iou: [1, 1] })
  })

  test('counts a class that no cluster is matched to as 0', () => {
    const { miou, iou } = score('0000', '0001', 1, 2, 'many-to-one')
    expect(iou).toEqual([0.75, 0])
    expect(miou).toBe(0.375)
  })

  test('leaves a class that is not in the truth out of the mean', () => {
    const { miou, iou } = score('0011', '0011', 2, 3, 'many-to-one')
    expect(iou).toEqual([1, 1, Number.NaN])
    expect(miou).toBe(1)
  })
})

test('many-to-one lets a small class win where most pixels are those of a large one; majority does not', () => {
  // The second cluster has 4 pixels of the large class (40) and all 3 of the small one.
  const overlap = Float64Array.of(36, 0, 4, 3)
  const byIou = scoreOverlap(overlap, 2, 2, 'many-to-one')
  const byPixels = scoreOverlap(overlap, 2, 2, 'majority')
  expect([...byIou.classOf]).toEqual([0, 1])
  expect([...byPixels.classOf]).toEqual([0, 0])
  expect(byIou.miou).toBeGreaterThan(byPixels.miou)
  expect(byIou.pixelAccuracy).toBeLessThan(byPixels.pixelAccuracy)
})

describe('hungarian', () => {
  test('matches each class to at most one cluster; those left over are misses', () => {
    const { iou, classOf, pixelAccuracy } = score('00011122', '00000022', 3, 3, 'hungarian')
    expect([...classOf]).toEqual([0, -1, 2])
    expect(iou).toEqual([0.5, Number.NaN, 1])
    expect(pixelAccuracy).toBe(5 / 8)
  })

  test('gives the most pixels that agree, not each cluster its best', () => {
    // Both are mostly class 0; the second loses less by being class 1.
    const { classOf } = scoreOverlap(Float64Array.of(10, 0, 6, 5), 2, 2, 'hungarian')
    expect([...classOf]).toEqual([0, 1])
  })
})

test('a cluster without a labelled pixel has no class', () => {
  for (const matching of MATCHINGS)
    expect([...scoreOverlap(Float64Array.of(3, 0, 0, 0), 2, 2, matching).classOf]).toEqual([0, -1])
})

test('nothing labelled gives no score rather than a good one', () => {
  const { miou, pixelAccuracy } = score('..', '..', 2, 2, 'many-to-one')
  expect([miou, pixelAccuracy]).toEqual([Number.NaN, Number.NaN])
})

test('a labelling that is the truth under other numbers scores 1, and no matching scores above the accuracy of majority', () => {
  const ids = fc.array(fc.nat(4), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(ids, fc.array(fc.nat(4), { minLength: 60, maxLength: 60 }), (truth, random) => {
      const renamed = truth.map(id => [3, 0, 4, 1, 2][id]!).join('')
      for (const matching of MATCHINGS) {
        const { miou, pixelAccuracy } = score(renamed, truth.join(''), 5, 5, matching)
        expect([miou, pixelAccuracy]).toEqual([1, 1])
      }
      const other = random.slice(0, truth.length).join('')
      const [many, most, one] = MATCHINGS.map(matching => score(other, truth.join(''), 5, 5, matching).pixelAccuracy)
      expect(many!).toBeLessThanOrEqual(most!)
      expect(one!).toBeLessThanOrEqual(most!)
    }),
  )
})
