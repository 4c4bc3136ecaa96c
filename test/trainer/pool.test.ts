import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Tensor } from '../../src/trainer/engines/engine.js'
import { HistoryPool } from '../../src/trainer/pool.js'
import { randomAt } from '../../src/trainer/random.js'

const [HEIGHT, WIDTH, CLASSES] = [2, 3, 4]
const PIXELS = HEIGHT * WIDTH

/** A batch whose pair of number k is recognised by its values: labels follow from k, a painting is k throughout. */
function batchOf(numbers: readonly number[]): { label: Tensor; painting: Tensor } {
  const label = new Float32Array(numbers.length * CLASSES * PIXELS)
  numbers.forEach((k, n) => {
    for (let i = 0; i < PIXELS; i++) label[(n * CLASSES + ((k + i) % CLASSES)) * PIXELS + i] = 1
  })
  return {
    label: { shape: [numbers.length, CLASSES, HEIGHT, WIDTH], data: label },
    painting: {
      shape: [numbers.length, 3, HEIGHT, WIDTH],
      data: Float32Array.from(
        { length: numbers.length * 3 * PIXELS },
        (_, i) => numbers[Math.floor(i / (3 * PIXELS))]!,
      ),
    },
  }
}

/** Show D batches of pairs 1, 2, 3, ...; the numbers of what it sees, the labels checked against them. */
function showPairs(pool: HistoryPool, first: number, steps: number, batch: number): number[] {
  const seen: number[] = []
  for (let step = first; step < first + steps; step++) {
    const numbers = Array.from({ length: batch }, (_, i) => step * batch + i + 1)
    const { label, painting } = batchOf(numbers)
    const drawn = pool.draw(label, randomAt(1, 'pool', step))
    const { 'pool.fresh': fresh, 'pool.painting': old, 'pool.label': labels } = drawn.inputs
    const shown = numbers.map((k, n) => {
      const at = n * 3 * PIXELS
      return fresh!.data[at]! * k + old!.data[at]!
    })
    expect(labels!.data).toEqual(batchOf(shown).label.data)
    seen.push(...shown)
    pool.hold(drawn, label, painting)
  }
  return seen
}

describe('the history pool', () => {
  test('shows new paintings while it fills, then every other time one of the past, each once', () => {
    const seen = showPairs(new HistoryPool(5, 'onehot'), 0, 400, 1)
    expect(seen.slice(0, 5)).toEqual([1, 2, 3, 4, 5])
    const later = seen.slice(5)
    const past = later.filter((number, i) => number < i + 6)
    expect(past.length).toBeGreaterThan(0.4 * later.length)
    expect(past.length).toBeLessThan(0.6 * later.length)
    // a pair leaves the pool when it is shown; the first five were shown as they came, too
    const again = past.filter(number => number > 5)
    expect(new Set(again).size).toBe(again.length)
  })

  test('goes on from what it stored as if it had not been interrupted, whatever the size and batch', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 4 }), fc.nat(8), (size, batch, stop) => {
        const whole = new HistoryPool(size, 'onehot')
        const seen = showPairs(whole, 0, 12, batch)
        const first = new HistoryPool(size, 'onehot')
        const before = showPairs(first, 0, stop, batch)
        const second = new HistoryPool(size, 'onehot', first.store([HEIGHT, WIDTH]))
        expect([...before, ...showPairs(second, stop, 12 - stop, batch)]).toEqual(seen)
        expect(second.store([HEIGHT, WIDTH])).toEqual(whole.store([HEIGHT, WIDTH]))
      }),
      { numRuns: 40 },
    )
  })

  test('keeps the colours of labels to the bit', () => {
    const pool = new HistoryPool(1, 'colours')
    const colours = Float32Array.from({ length: 3 * PIXELS }, (_, i) => ((i * 37) % 256) / 127.5 - 1)
    const label = { shape: [1, 3, HEIGHT, WIDTH], data: colours }
    const { painting } = batchOf([7])
    pool.hold(pool.draw(label, randomAt(1, 'pool', 0)), label, painting)
    for (let step = 1; ; step++) {
      const blank = { ...label, data: new Float32Array(colours.length) }
      const { inputs } = pool.draw(blank, randomAt(1, 'pool', step))
      if (inputs['pool.fresh']!.data[0] === 1) continue
      expect(inputs['pool.label']!.data).toEqual(colours)
      break
    }
  })
})
