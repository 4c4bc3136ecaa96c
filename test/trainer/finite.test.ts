import { expect, test } from 'vitest'
import { describeNotFinite, notFinite } from '../../src/trainer/finite.js'

const tensor = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) })

test('tensors that hold NaN or infinity are named in their order, the first one in words', () => {
  const tensors = { 'G.a': tensor(1, -2), 'G.b': tensor(0, Number.NaN), 'D.a': tensor(Infinity, -Infinity) }
  expect(notFinite(tensors)).toEqual(['G.b', 'D.a'])
  expect(describeNotFinite(tensors)).toMatch(/^G\.b .*1 other/)
  expect(describeNotFinite({ 'G.b': tensors['G.b'] })).not.toContain('other')
})

test('large values are no overflow', () => {
  expect(describeNotFinite({ a: tensor(3e38, 3e38, 3e38), b: tensor() })).toBeUndefined()
})
