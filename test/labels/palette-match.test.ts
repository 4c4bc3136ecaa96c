import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Palette } from '../../src/labels/palette.js'
import { matchClusters, numberLike } from '../../src/labels/palette-match.js'
import type { Coordinates } from '../../src/labels/points.js'

const paletteOf = (places: readonly (readonly number[])[], space: Palette['space'] = 'rgb'): Palette => ({
  version: 2,
  space,
  clusters: places.map((centroid, id) => ({
    id,
    centroid: centroid as unknown as Coordinates,
    display: '#000000',
    mean: [centroid[0]!, centroid[1]!, centroid[2]!],
    share: 0.5,
  })),
})
const FOUR = [
  [10, 10, 10],
  [200, 30, 30],
  [30, 200, 30],
  [240, 240, 240],
]

test('clusters that moved a little keep their ids, in whatever order they come', () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
      fc.integer({ min: -9, max: 9 }),
      (order, shift) => {
        const moved = paletteOf(order.map(id => FOUR[id]!.map(v => v + shift)))
        const numbered = numberLike(moved, paletteOf(FOUR))
        expect(numbered.clusters.map(({ id }) => id)).toEqual([0, 1, 2, 3])
        expect(numbered.clusters.map(({ centroid }) => centroid)).toEqual(FOUR.map(place => place.map(v => v + shift)))
      },
    ),
  )
})

test('new clusters take the ids that are free; lost ones match nothing', () => {
  const more = paletteOf([
    [9, 9, 9],
    [100, 100, 100],
    [30, 201, 30],
    [200, 31, 30],
    [240, 240, 241],
  ])
  expect(numberLike(more, paletteOf(FOUR)).clusters.map(({ centroid }) => centroid[0])).toEqual([9, 200, 30, 240, 100])
  const fewer = paletteOf([
    [240, 240, 240],
    [10, 10, 10],
  ])
  expect(matchClusters(paletteOf(FOUR), fewer)).toEqual([1, undefined, undefined, 0])
  expect(numberLike(fewer, paletteOf(FOUR)).clusters.map(({ centroid }) => centroid[0])).toEqual([10, 240])
})

test('palettes of other spaces are matched by mean colour', () => {
  const lab = paletteOf(FOUR.toReversed(), 'oklab')
  expect(matchClusters(paletteOf(FOUR), lab)).toEqual([3, 2, 1, 0])
})
