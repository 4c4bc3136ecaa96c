import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cropToMiddle, PADDINGS, padIds, roundUp } from '../../src/trainer/padding.js'

const side = fc.integer({ min: 1, max: 20 })

test.each(PADDINGS)('%s: pixels of the map keep their place, and what is added is of the map', padding => {
  fc.assert(
    fc.property(side, side, fc.constantFrom(1, 4, 16, 64), (width, height, step) => {
      const size = { width, height }
      const ids = Uint8Array.from({ length: width * height }, (_, i) => i % 251)
      const to = roundUp(size, step)
      const padded = padIds(ids, size, to, padding)
      expect([to.width % step, to.height % step]).toEqual([0, 0])
      expect(cropToMiddle({ data: padded, ...to, channels: 1 }, size).data).toEqual(ids)
      expect([...padded].every(id => ids.includes(id))).toBe(true)
    }),
  )
})

test('reflect mirrors at the last pixel, edge repeats it', () => {
  const line = (padding: 'reflect' | 'edge') =>
    [...padIds(Uint8Array.of(1, 2, 3), { width: 3, height: 1 }, { width: 8, height: 1 }, padding)].join('')
  expect(line('reflect')).toBe('32123212')
  expect(line('edge')).toBe('11123333')
})
