import fc from 'fast-check'
import { expect, test } from 'vitest'
import { spreadColours } from '../../src/labels/display-colours.js'
import { okLab, type Rgb } from '../../src/labels/oklab.js'

const parse = (colour: string): Rgb =>
  [1, 3, 5].map(at => Number.parseInt(colour.slice(at, at + 2), 16)) as unknown as Rgb
const distance = (p: Rgb, q: Rgb): number => {
  const [a, b] = [okLab(...p), okLab(...q)]
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])
}
const nearestPair = (colours: readonly string[]): number =>
  Math.min(...colours.flatMap((p, i) => colours.slice(0, i).map(q => distance(parse(p), parse(q)))))

const channel = fc.integer({ min: 0, max: 25_500 }).map(v => v / 100)
const anyMeans = fc.array(fc.tuple(channel, channel, channel), { minLength: 2, maxLength: 20 })
/** Of photos of a street: nearly grey all of them. */
const greys = fc.array(
  fc.integer({ min: 60, max: 130 }).map((v): Rgb => [v, v, v + 3]),
  { minLength: 2, maxLength: 20 },
)

test('no two of up to 20 colours are nearer than 0.09, whatever the means', () => {
  fc.assert(
    fc.property(fc.oneof(anyMeans, greys), means => {
      const colours = spreadColours(means)
      for (const colour of colours) expect(colour).toMatch(/^#[0-9a-f]{6}$/)
      expect(nearestPair(colours)).toBeGreaterThanOrEqual(0.09)
      expect(spreadColours(means)).toEqual(colours)
    }),
    { numRuns: 40 },
  )
})

test('colours of street photos stay calm: lighter or darker first, never far more saturated than their means', () => {
  // sky, cloud, haze, walls and roads of a grey day
  const means: Rgb[] = [232, 238, 244, 225, 120, 124, 110, 90, 96, 70, 60, 30].map(v => [v, v + 3, v + 6])
  const chroma = (rgb: Rgb): number => Math.hypot(...okLab(...rgb).slice(1))
  const colours = spreadColours(means)
  expect(nearestPair(colours)).toBeGreaterThanOrEqual(0.09)
  for (const [id, colour] of colours.entries())
    expect(chroma(parse(colour))).toBeLessThanOrEqual(chroma(means[id]!) + 0.08)
})

test('64 equal means and 255 greys still find colours of their own', () => {
  expect(nearestPair(spreadColours(Array.from({ length: 64 }, () => [90, 90, 90])))).toBeGreaterThan(0.05)
  expect(nearestPair(spreadColours(Array.from({ length: 255 }, (_, i) => [i, i, i])))).toBeGreaterThan(0.03)
})

test('means that are apart stay as they are', () => {
  expect(
    spreadColours([
      [0, 0, 0],
      [128.4, 64, 128],
      [70, 130, 179.6],
      [255, 255, 255],
    ]),
  ).toEqual(['#000000', '#804080', '#4682b4', '#ffffff'])
})

test('of two alike the first keeps its colour and the other one stays near and in its hue', () => {
  const sky: Rgb = [120, 160, 210]
  const [first, second] = spreadColours([sky, sky])
  expect(first).toBe('#78a0d2')
  expect(distance(parse(second!), sky)).toBeLessThan(0.12)
  const hue = (rgb: Rgb): number => Math.atan2(okLab(...rgb)[2], okLab(...rgb)[1])
  expect(Math.abs(hue(parse(second!)) - hue(sky))).toBeLessThan(0.3)
})

test('colours that are given stay, and the others keep away from them', () => {
  const colours = spreadColours(
    [
      [100, 100, 100],
      [100, 100, 100],
    ],
    [undefined, '#646464'],
  )
  expect(colours[1]).toBe('#646464')
  expect(nearestPair(colours)).toBeGreaterThanOrEqual(0.09)
})
