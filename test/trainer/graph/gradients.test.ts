import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evaluate } from '../../../src/trainer/engines/reference/engine.js'
import { gradients } from '../../../src/trainer/graph/gradients.js'
import { inOrder, type Kind, phasesOf, type Value } from '../../../src/trainer/graph/graph.js'
import {
  add,
  conv,
  input,
  mse,
  mul,
  resizeConv,
  rules,
  shareAbove,
  times,
  weight,
} from '../../../src/trainer/graph/ops.js'
import { numbersFor, opCases } from './cases.js'

const STEP = 1e-5

describe('gradients agree with finite differences', () => {
  test.each(Object.entries(opCases))('%s', (_, cases) => {
    fc.assert(
      fc.property(cases!, fc.nat(), ({ inputs, output }, seed) => {
        // a scalar that weighs every element of the result differently
        const loss = output.shape.length === 0 ? times(output, 3) : mse(mul(output, input('mix', output.shape)), 0.3)
        const found = gradients(loss, inputs)
        const numbers = new Map(
          [...inOrder([loss])].filter(isLeaf).map((leaf, i) => [leaf, numbersFor(leaf, seed + i)]),
        )
        const exact = evaluate(found as Value[], leaf => numbers.get(leaf)!)
        const lossAt = (): number => evaluate([loss], leaf => numbers.get(leaf)!.slice())[0]![0]!

        inputs.forEach((value, k) => {
          expect(found[k]!.shape).toEqual(value.shape)
          const at = numbers.get(value)!
          for (let i = 0; i < at.length; i += Math.ceil(at.length / 12)) {
            const before = at[i]!
            at[i] = before + STEP
            const above = lossAt()
            at[i] = before - STEP
            const below = lossAt()
            at[i] = before
            const difference = (above - below) / (2 * STEP)
            expect(Math.abs(exact[k]![i]! - difference)).toBeLessThan(1e-6 * (1 + Math.abs(difference)))
          }
        })
      }),
      { numRuns: 25 },
    )
  })

  test('every op that has a gradient rule is among them', () => {
    const ruled = Object.entries(rules).filter(([, rule]) => 'gradient' in rule)
    expect(Object.keys(opCases)).toEqual(expect.arrayContaining(ruled.map(([kind]) => kind as Kind)))
  })
})

const isLeaf = (value: Value): boolean => value.kind === 'input' || value.kind === 'weight'

describe('gradients', () => {
  const x = input('x', [1, 1, 4, 4])
  const w = weight('G.w', [1, 1, 4, 4])

  test('add up over all paths', () => {
    const [g] = gradients(mse(add(x, times(x, 2)), 0), [x])
    const [numbers] = evaluate([g!], leaf => numbersFor(leaf, 5))
    numbersFor(x, 5).forEach((value, i) => {
      expect(numbers![i]).toBeCloseTo((2 * 9 * value) / 16, 12)
    })
  })

  test('of what the loss does not depend on is none', () => {
    expect(gradients(mse(x, 0), [x, w])[1]).toBeUndefined()
  })

  test('do not flow through an op without a rule', () => {
    expect(() => gradients(shareAbove(x, 0), [x])).toThrow('shareAbove has no gradient')
  })

  test('leave out what leads to no target', () => {
    const [g] = gradients(mse(conv(x, w, { stride: 2, pad: 1 }), 0), [w])
    expect(inOrder([g!]).map(value => value.kind)).not.toContain('convTranspose')
  })
})

test('a resize-convolution is doubled pixels and a padded 3x3 convolution', () => {
  const [x, filters] = [input('x', [1, 2, 3, 4]), input('filters', [2, 3, 3, 3])]
  const numbers = (leaf: Value): Float64Array => numbersFor(leaf, leaf === x ? 1 : 2)
  const [found] = evaluate([resizeConv(x, filters)], numbers)
  const [pixels, taps] = [numbers(x), numbers(filters)]
  let at = 0
  for (let o = 0; o < 3; o++)
    for (let row = 0; row < 6; row++)
      for (let column = 0; column < 8; column++) {
        let sum = 0
        for (let i = 0; i < 2; i++)
          for (let k = 0; k < 9; k++) {
            const [y, z] = [row + Math.floor(k / 3) - 1, column + (k % 3) - 1]
            if (y < 0 || y >= 6 || z < 0 || z >= 8) continue
            sum += pixels[(i * 3 + (y >> 1)) * 4 + (z >> 1)]! * taps[(i * 3 + o) * 9 + k]!
          }
        expect(found![at++]).toBeCloseTo(sum, 12)
      }
})

test('a value belongs to the phase of the latest weight it needs', () => {
  const [early, late] = [weight('G.w', [1, 1, 2, 2], 0), weight('D.w', [1, 1, 2, 2], 1)]
  const [a, b] = [times(early, 2), add(early, late)]
  const phases = phasesOf(inOrder([a, b]))
  expect([a, b, early].map(value => phases.get(value))).toEqual([0, 1, 0])
})
