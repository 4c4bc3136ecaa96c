import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PrepError } from '../../../src/errors.js'
import type { Tensors } from '../../../src/trainer/engines/engine.js'
import { AdamState, adamFactors, adamUpdate, averageDecay } from '../../../src/trainer/graph/adam.js'

const constants = { beta1: 0.5, beta2: 0.999, epsilon: 1e-8 }
const rates = { G: 2e-4, D: 1e-4 }
const numbers = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * (seed + 1.7)) * 10 ** (((i * 7 + seed) % 9) - 6))
const tensor = (data: Float32Array) => ({ shape: [data.length], data })

describe('Adam', () => {
  test('the kernel gives the bits of its twin, for any length, over many steps', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(100), (length, seed) => {
        const state = new AdamState({ 'G.a': [length], 'D.b': [3] }, constants, {
          'G.a': tensor(numbers(length, seed)),
          'D.b': tensor(numbers(3, seed)),
        })
        const w = numbers(length, seed)
        const [m, v] = [new Float32Array(length), new Float32Array(length)]
        for (let t = 1; t <= 4; t++) {
          const g = numbers(length, seed + t)
          state.begin()
          state.update('G.a', g, rates)
          adamUpdate(w, m, v, g, adamFactors(constants, rates.G, t))
        }
        const found = state.state()
        expect(found['G.a']!.data).toEqual(w)
        expect(found['adam.m.G.a']!.data).toEqual(m)
        expect(found['adam.v.G.a']!.data).toEqual(v)
        expect(found['D.b']!.data).toEqual(numbers(3, seed))
      }),
      { numRuns: 30 },
    )
  })

  test('long tensors are done in tiles without a seam', () => {
    const length = 20_001
    const state = new AdamState({ 'D.a': [length] }, constants, { 'D.a': tensor(numbers(length, 1)) })
    const w = numbers(length, 1)
    state.begin()
    state.update('D.a', numbers(length, 2), rates)
    adamUpdate(
      w,
      new Float32Array(length),
      new Float32Array(length),
      numbers(length, 2),
      adamFactors(constants, rates.D, 1),
    )
    expect(Buffer.from(state.weights['D.a']!.data).equals(Buffer.from(w))).toBe(true)
  })

  test('a gradient in factors is multiplied out and summed in order', () => {
    for (const [rank, width] of [
      [1, 48],
      [4, 20],
      [16, 8208],
    ] as const) {
      const [rows, columns] = [numbers(3 * rank, 5), numbers(rank * width, 6)]
      const g = Float32Array.from({ length: 3 * width }, (_, i) => {
        const [row, at] = [Math.floor(i / width), i % width]
        let sum = Math.fround(rows[row * rank]! * columns[at]!)
        for (let p = 1; p < rank; p++)
          sum = Math.fround(sum + Math.fround(rows[row * rank + p]! * columns[p * width + at]!))
        return sum
      })
      const initial = { 'G.a': tensor(numbers(3 * width, 1)) }
      const [whole, factored] = [1, 2].map(() => new AdamState({ 'G.a': [3 * width] }, constants, initial))
      whole!.begin()
      factored!.begin()
      whole!.update('G.a', g, rates)
      factored!.updateByProduct('G.a', { rank, width, rows, columns }, rates)
      expect(factored!.state()).toEqual(whole!.state())
    }
  })

  test('several updates in a step count on: the moments are corrected for each', () => {
    const initial = { 'G.a': tensor(numbers(5, 1)), 'D.b': tensor(numbers(5, 1)) }
    const shapes = { 'G.a': [5], 'D.b': [5] }
    const repeated = new AdamState(shapes, constants, initial, 0, { G: 1, D: 2 })
    const [onceG, onceD] = [1, 2].map(() => new AdamState(shapes, constants, initial))
    for (let step = 1; step <= 3; step++) {
      repeated.begin()
      onceG!.begin()
      for (const k of [1, 2]) {
        onceD!.begin()
        repeated.update('D.b', numbers(5, 2 * step + k), rates)
        onceD!.update('D.b', numbers(5, 2 * step + k), rates)
      }
      repeated.update('G.a', numbers(5, step), rates)
      onceG!.update('G.a', numbers(5, step), rates)
    }
    expect(repeated.weights['D.b']).toEqual(onceD!.weights['D.b'])
    expect(repeated.weights['G.a']).toEqual(onceG!.weights['G.a'])
    expect(repeated.state()['adam.t']!.data[0]).toBe(3)
  })

  test('is the algorithm of the paper', () => {
    const state = new AdamState({ 'G.a': [1] }, constants, { 'G.a': tensor(Float32Array.of(0.3)) })
    let [w, m, v] = [0.3, 0, 0]
    for (let t = 1; t <= 5; t++) {
      const g = 0.01 * t - 0.03
      state.begin()
      state.update('G.a', Float32Array.of(g), rates)
      m = 0.5 * m + 0.5 * g
      v = 0.999 * v + 0.001 * g * g
      w -= (2e-4 * (m / (1 - 0.5 ** t))) / (Math.sqrt(v / (1 - 0.999 ** t)) + 1e-8)
    }
    expect(state.weights['G.a']!.data[0]).toBeCloseTo(w, 6)
  })

  test('averages of G follow its weights, to the bit of their twin, and paint in their place', () => {
    const initial = { 'G.a': tensor(numbers(8_203, 1)), 'D.b': tensor(numbers(3, 1)) }
    const shapes = { 'G.a': [8_203], 'D.b': [3] }
    const plain = new AdamState(shapes, constants, initial)
    let averaged = new AdamState(shapes, constants, initial, 0.9)
    expect(averaged.painting['G.a']!.data).toEqual(initial['G.a'].data)
    const mean = initial['G.a'].data.slice()
    for (let t = 1; t <= 200; t++) {
      // gone on from its state half way
      if (t === 100) averaged = new AdamState(shapes, constants, averaged.state(), 0.9)
      for (const state of [plain, averaged]) {
        state.begin()
        state.update('G.a', numbers(8_203, t), rates)
        state.update('D.b', numbers(3, t), rates)
      }
      const rest = Math.fround(1 - averageDecay(0.9, t))
      const w = plain.weights['G.a']!.data
      for (let i = 0; i < mean.length; i++)
        mean[i] = Math.fround(mean[i]! + Math.fround(rest * Math.fround(w[i]! - mean[i]!)))
    }
    expect(Buffer.from(averaged.painting['G.a']!.data).equals(Buffer.from(mean))).toBe(true)
    expect(averaged.painting['D.b']).toBe(averaged.weights['D.b'])
    const { 'ema.G.a': average, ...rest } = averaged.state()
    expect(average!.data).toEqual(mean)
    expect(rest).toEqual(plain.state())
    expect(plain.painting).toEqual(plain.weights)
  })

  test('an average begins by forgetting faster, and ends at its rate', () => {
    expect([1, 10, 1e6].map(t => averageDecay(0.999, t))).toEqual([2 / 11, 11 / 20, 0.999])
    expect(averageDecay(0.1, 1)).toBe(0.1)
  })

  test('a state without the averages that are asked for is refused', () => {
    const taken = new AdamState({ 'G.a': [4] }, constants, { 'G.a': tensor(numbers(4, 1)) }).state()
    expect(() => new AdamState({ 'G.a': [4] }, constants, taken, 0.9)).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT_MISMATCH' }),
    )
  })

  test('training goes on from a state as it would have, beside it', () => {
    const start: Tensors = { 'G.a': tensor(numbers(40, 1)) }
    const state = new AdamState({ 'G.a': [40] }, constants, start)
    const advance = (of: AdamState, seed: number): void => {
      of.begin()
      of.update('G.a', numbers(40, seed), rates)
    }
    advance(state, 2)
    const resumed = new AdamState({ 'G.a': [40] }, constants, state.state())
    const before = state.state()['G.a']!.data.slice()
    advance(state, 3)
    advance(resumed, 3)
    expect(resumed.state()).toEqual(state.state())
    expect(state.state()['G.a']!.data).not.toEqual(before)
  })

  test.each([
    ['a weight is missing', {}],
    ['a shape differs', { 'G.a': tensor(numbers(3, 1)) }],
    ['moments are missing', { 'G.a': tensor(numbers(4, 1)), 'adam.t': tensor(Float32Array.of(7)) }],
  ])('refuses a state in which %s', (_, initial) => {
    const make = (): AdamState => new AdamState({ 'G.a': [4] }, constants, initial as Tensors)
    expect(make).toThrow(PrepError)
    expect(make).toThrow(expect.objectContaining({ code: 'CHECKPOINT_MISMATCH' }))
  })

  test('refuses nets beyond the memory that can be addressed', () => {
    expect(() => new AdamState({ 'G.a': [4e8] }, constants, {})).toThrow(
      expect.objectContaining({ code: 'OPTION_OUT_OF_RANGE' }),
    )
  })
})
