import { expect, test } from 'vitest'
import { overlayLabels } from '../../src/images/overlay.js'

const photo = { data: new Uint8Array(3 * 12).fill(100), width: 4, height: 3, channels: 3 as const }
const ids = { data: Uint8Array.of(0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 9), width: 4, height: 3, channels: 1 as const }

test('the photo shines through the colours, with a line where labels meet', () => {
  const { data } = overlayLabels(photo, ids, [
    [0, 0, 0],
    [200, 100, 0],
  ])
  const pixel = (x: number, y: number): number[] => [...data.subarray(3 * (4 * y + x), 3 * (4 * y + x) + 3)]
  expect(pixel(0, 0)).toEqual([55, 55, 55])
  expect(pixel(3, 0)).toEqual([145, 100, 55])
  expect(pixel(1, 1)).toEqual([193, 178, 40])
  // an id without a colour
  expect(pixel(3, 2)).toEqual([100, 100, 100])
})

test('labels of another size are a mistake of the caller’s', () => {
  expect(() => overlayLabels(photo, { ...ids, data: ids.data.subarray(1) }, [])).toThrow(RangeError)
})
