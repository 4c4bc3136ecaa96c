import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { drawBelow, randomAt } from '../../src/trainer/random.js'
import { createSampler, shuffledRows } from '../../src/trainer/sampler.js'

const setup = fc.record({
  rows: fc.integer({ min: 1, max: 60 }),
  batch: fc.integer({ min: 1, max: 9 }),
  buffer: fc.integer({ min: 0, max: 70 }),
  seed: fc.nat(),
})

describe('shuffledRows', () => {
  test('gives out every row once, none before the buffer could hold it', () => {
    fc.assert(
      fc.property(setup, ({ rows, buffer, seed }) => {
        const order = [...shuffledRows(rows, buffer, randomAt(seed, 'shuffle', 1))]
        expect(order.toSorted((a, b) => a - b)).toEqual(order.map((_, i) => i))
        if (buffer > 0) for (const [place, row] of order.entries()) expect(row - place).toBeLessThan(buffer)
      }),
    )
  })

  test('a buffer of one keeps the order', () => {
    expect([...shuffledRows(5, 1, randomAt(7, 'shuffle', 1))]).toEqual([0, 1, 2, 3, 4])
  })

  test('a full shuffle is uniform: each row is as likely at each place', () => {
    const counts = Array.from({ length: 4 }, () => [0, 0, 0, 0])
    for (let epoch = 0; epoch < 4000; epoch++)
      shuffledRows(4, 0, randomAt(1, 'shuffle', epoch)).forEach((row, place) => {
        counts[place]![row]! += 1
      })
    // 1000 expected, standard deviation 27
    for (const count of counts.flat()) expect(Math.abs(count - 1000)).toBeLessThan(140)
  })
})

describe('createSampler', () => {
  test('an epoch uses every row; only the last batch is filled up, from the start of its epoch', () => {
    fc.assert(
      fc.property(setup, options => {
        const { rows, batch } = options
        const sampler = createSampler(options)
        const steps = sampler.stepsPerEpoch
        for (const epoch of [1, 2]) {
          const picks = Array.from({ length: steps }, (_, i) => sampler.picks((epoch - 1) * steps + i + 1)).flat()
          expect(picks.length).toBe(steps * batch)
          expect(picks.every((pick, place) => pick.epoch === epoch && pick.place === place)).toBe(true)
          expect(new Set(picks.slice(0, rows).map(pick => pick.row)).size).toBe(rows)
          expect(picks.slice(rows).map(pick => pick.row)).toEqual(picks.slice(rows).map((_, i) => picks[i % rows]!.row))
        }
      }),
    )
  })

  test('a step has the same rows whichever steps were asked for before', () => {
    fc.assert(
      fc.property(setup, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (options, steps) => {
        const wandering = createSampler(options)
        for (const step of steps) expect(wandering.picks(step)).toEqual(createSampler(options).picks(step))
      }),
    )
  })

  test('epochs differ, seeds differ', () => {
    const rows = (seed: number, epoch: number) => {
      const sampler = createSampler({ rows: 30, batch: 30, buffer: 0, seed })
      return sampler.picks(epoch).map(pick => pick.row)
    }
    expect(rows(1, 1)).not.toEqual(rows(1, 2))
    expect(rows(1, 1)).not.toEqual(rows(2, 1))
  })
})

describe('randomAt', () => {
  test('draws stay as they are: checkpoints rely on them', () => {
    const random = randomAt(42, 'augment', 3, 5)
    expect([drawBelow(random, 1000), drawBelow(random, 1000), drawBelow(random, 1000)]).toMatchInlineSnapshot(`
      [
        120,
        860,
        643,
      ]
    `)
  })
})
