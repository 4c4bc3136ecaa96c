import { expect, test } from 'vitest'
import { GradientSums } from '../../../src/trainer/graph/gradient-sums.js'

test('gives the mean of each weight over the batches, step after step', () => {
  const sums = new GradientSums(3)
  for (const step of [1, 10]) {
    for (const batch of [1, 2, 6]) {
      sums.add('a', Float32Array.of(step * batch, 0))
      sums.add('b', Float32Array.of(-batch))
    }
    expect([...sums.mean('a')]).toEqual([3 * step, 0])
    expect([...sums.mean('b')]).toEqual([-3])
  }
  sums.add('a', Float32Array.of(1, 1))
  expect(() => sums.mean('a')).toThrow('1 of 3 batches')
})

test('of one batch is its gradient', () => {
  const sums = new GradientSums(1)
  for (const value of [5, 7]) {
    sums.add('a', Float32Array.of(value))
    expect([...sums.mean('a')]).toEqual([value])
  }
})
