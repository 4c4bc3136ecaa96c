import { describe, expect, test } from 'vitest'
import * as ops from '../../../src/trainer/graph/ops.js'

const x = ops.input('x', [2, 3, 8, 6])
const half = { stride: 2, pad: 1 }

describe('shapes', () => {
  test('convolutions', () => {
    const filters = ops.weight('w', [5, 3, 4, 4])
    expect(ops.conv(x, filters, half).shape).toEqual([2, 5, 4, 3])
    const small = ops.input('s', [2, 5, 4, 3])
    expect(ops.convTranspose(small, filters, half).shape).toEqual([2, 3, 8, 6])
    expect(ops.convTranspose(small, filters, half, [9, 7]).shape).toEqual([2, 3, 9, 7])
    expect(ops.convFilter(x, small, half, [4, 4]).shape).toEqual([5, 3, 4, 4])
  })

  test('resized', () => {
    expect(ops.resizeConv(x, ops.weight('w', [3, 5, 3, 3])).shape).toEqual([2, 5, 16, 12])
  })

  test('channels', () => {
    expect(ops.concat(x, ops.slice(x, 1, 3)).shape).toEqual([2, 5, 8, 6])
    expect(ops.channelSum(x).shape).toEqual([3])
    expect(ops.bce(x, 1).shape).toEqual([])
  })

  test.each([
    ['conv: channels', () => ops.conv(x, ops.weight('w', [5, 4, 4, 4]), half)],
    ['conv: too small', () => ops.conv(x, ops.weight('w', [5, 3, 9, 9]), { stride: 1, pad: 0 })],
    ['convTranspose: size', () => ops.convTranspose(x, ops.weight('w', [3, 1, 4, 4]), half, [20, 12])],
    ['concat: sizes', () => ops.concat(x, ops.input('y', [2, 3, 8, 5]))],
    ['slice: range', () => ops.slice(x, 2, 4)],
    ['add: shapes', () => ops.add(x, ops.input('y', [2, 3, 6, 8]))],
    ['norm: scale', () => ops.norm(x, ops.fill(1, [2]), ops.fill(0, [3]), 'batch')],
    ['addBias: length', () => ops.addBias(x, ops.fill(1, [2]))],
    ['mapTaps: matrix', () => ops.mapTaps(x, [[1, 0]], [1, 1])],
    ['an image expected', () => ops.channelSum(ops.fill(1, [3]))],
  ])('that do not fit are refused: %s', (_, make) => {
    expect(make).toThrow(/^graph: /)
  })
})
