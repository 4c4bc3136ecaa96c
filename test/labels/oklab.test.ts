import { describe, expect, test } from 'vitest'
import { coneResponses, okLab, okLabToRgb } from '../../src/labels/oklab.js'

describe('okLab', () => {
  // CSS Color 4 and its conformance tests give these to five digits
  test.each([
    ['black', [0, 0, 0], [0, 0, 0]],
    ['white', [255, 255, 255], [1, 0, 0]],
    ['red', [255, 0, 0], [0.62796, 0.22486, 0.12585]],
    ['lime', [0, 255, 0], [0.86644, -0.23389, 0.1795]],
    ['blue', [0, 0, 255], [0.45201, -0.03246, -0.31153]],
    ['green', [0, 128, 0], [0.51975, -0.1403, 0.10768]],
  ] as const)('%s', (_, [r, g, b], expected) => {
    for (const [axis, value] of okLab(r, g, b).entries()) expect(value).toBeCloseTo(expected[axis]!, 4)
  })

  test('goes back to the same colour', () => {
    for (let r = 0; r < 256; r += 15)
      for (let g = 0; g < 256; g += 15)
        for (let b = 0; b < 256; b += 15) expect(okLabToRgb(okLab(r, g, b))).toEqual([r, g, b])
  })

  test('clips what sRGB cannot show', () => {
    expect(okLabToRgb([1.2, 0, 0])).toEqual([255, 255, 255])
    expect(okLabToRgb([0.6, 0.4, 0])[1]).toBe(0)
  })

  test('takes means of colours, between their neighbours', () => {
    const [between] = okLab(100.5, 100.5, 100.5)
    expect(between).toBeGreaterThan(okLab(100, 100, 100)[0])
    expect(between).toBeLessThan(okLab(101, 101, 101)[0])
  })

  test('cone responses grow with every channel, which the label table relies on', () => {
    for (let i = 0; i < 500; i++) {
      const colour = [(i * 37) % 255, (i * 101) % 255, (i * 59) % 255] as const
      const here = coneResponses(...colour)
      for (let channel = 0; channel < 3; channel++) {
        const [r, g, b] = colour.map((v, c) => (c === channel ? v + 1 : v)) as [number, number, number]
        for (const [axis, value] of coneResponses(r, g, b).entries()) expect(value).toBeGreaterThan(here[axis]!)
      }
    }
  })
})
