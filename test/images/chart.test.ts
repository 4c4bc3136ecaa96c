import sharp from 'sharp'
import { expect, test } from 'vitest'
import { type Chart, drawChart, type Panel, type Point } from '../../src/images/chart.js'

const RED = '#ff0000'
const chart = (...panels: Panel[]): Chart => ({ title: 'Numbers', xTitle: 'epoch', panels })
const line = (points: readonly Point[], colour = RED) => ({ name: 'a', colour, points })
const panel = (points: readonly Point[], more: Partial<Panel> = {}): Panel => ({
  title: 'A',
  lines: [line(points)],
  ...more,
})

/** Where the pure red of a line is, below the legend: the places of its pixels. */
async function redOf(png: Uint8Array): Promise<{ x: number; y: number }[]> {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
  expect(info.channels).toBe(3)
  const places = []
  for (let i = 0; i < info.width * info.height; i += 1) {
    const [x, y] = [i % info.width, Math.floor(i / info.width)]
    if (y > 105 && data[3 * i]! > 200 && data[3 * i + 1]! < 60) places.push({ x, y })
  }
  return places
}
const heightAt = (places: readonly { x: number; y: number }[], x: number): number => {
  const found = places.filter(place => place.x === x).map(({ y }) => y)
  return found.reduce((sum, y) => sum + y, 0) / found.length
}

test('a rising line rises from the left to the right end', async () => {
  const red = await redOf(
    await drawChart(
      chart(
        panel([
          [0, 0],
          [10, 10],
        ]),
      ),
    ),
  )
  const [left, right] = [Math.min(...red.map(({ x }) => x)), Math.max(...red.map(({ x }) => x))]
  expect(right - left).toBeGreaterThan(400)
  expect(heightAt(red, left + 3)).toBeGreaterThan(heightAt(red, right - 3) + 150)
})

test('values over several powers of ten are logarithmic: each power takes the same height', async () => {
  const points = Array.from({ length: 5 }, (_, i): Point => [i, 10 ** -i])
  const red = await redOf(await drawChart(chart(panel(points))))
  const [left, right] = [Math.min(...red.map(({ x }) => x)), Math.max(...red.map(({ x }) => x))]
  const quarter = (right - left) / 4
  const heights = [1, 2, 3].map(i => heightAt(red, Math.round(left + i * quarter)))
  expect(heights[1]! - heights[0]!).toBeCloseTo(heights[2]! - heights[1]!, -1)
  // the same values with one at 0 have no logarithm
  const linear = await redOf(await drawChart(chart(panel([...points, [5, 0]]))))
  expect(heightAt(linear, Math.round((left + right) / 2))).toBeGreaterThan(heights[1]! + 20)
})

test('a fixed range is kept, and what sticks out is cut off', async () => {
  const inside = await redOf(
    await drawChart(
      chart(
        panel(
          [
            [0, 50],
            [1, 50],
          ],
          { range: [0, 100] },
        ),
      ),
    ),
  )
  const outside = await redOf(
    await drawChart(
      chart(
        panel(
          [
            [0, 50],
            [1, 900],
          ],
          { range: [0, 100] },
        ),
      ),
    ),
  )
  expect(heightAt(inside, 300)).toBeGreaterThan(150)
  expect(Math.min(...outside.map(({ y }) => y))).toBeGreaterThanOrEqual(106)
})

test('faint lines and a level do not disturb, empty and single points draw, many points are thinned', async () => {
  const many = Array.from({ length: 20_000 }, (_, i): Point => [i, Math.sin(i / 900)])
  const faint = {
    ...line([
      [0, 0],
      [1, 1e9],
      [2, 1],
      [3, 0],
    ]),
    faint: true,
  }
  const panels: Panel[] = [
    panel(many),
    panel([]),
    panel([[3, 7]]),
    panel(
      [
        [0, 0],
        [3, 1],
      ],
      { level: { y: 0.5, name: 'chance' }, unit: '%' },
    ),
    {
      title: 'faint',
      lines: [
        faint,
        line([
          [0, 0.5],
          [3, 0.6],
        ]),
      ],
    },
  ]
  const png = await drawChart(chart(...panels))
  const { width, height } = await sharp(png).metadata()
  const alone = await sharp(await drawChart(chart(panels[0]!))).metadata()
  expect(width).toBeGreaterThan(1.8 * alone.width!)
  expect(height).toBeGreaterThan(2 * alone.height!)
  expect(Buffer.from(await drawChart(chart(...panels))).equals(png)).toBe(true)
  expect((await drawChart(chart())).length).toBeGreaterThan(0)
})
