import { expect, test } from 'vitest'
import { trainOptions } from '../../src/trainer/options.js'
import { ratesOf } from '../../src/trainer/schedule.js'

test('without decay the rates stay; D follows G unless told otherwise', () => {
  expect(ratesOf(100, trainOptions.parse({}))).toEqual({ G: 2e-4, D: 2e-4 })
  expect(ratesOf(1, trainOptions.parse({ d_learning_rate: 1e-5 }))).toEqual({ G: 2e-4, D: 1e-5 })
})

test('with decay they fall in a line that reaches 0 just after the last epoch', () => {
  const options = trainOptions.parse({ epochs: 7, decay_from: 3, learning_rate: 1, d_learning_rate: 0.5 })
  const epochs = [1, 2, 3, 4, 5, 6, 7]
  expect(epochs.map(epoch => ratesOf(epoch, options).G)).toEqual([1, 1, 1, 0.8, 0.6, 0.4, 0.2])
  expect(ratesOf(7, options).D).toBeCloseTo(0.1)
})
