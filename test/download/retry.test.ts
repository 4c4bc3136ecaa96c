import fc from 'fast-check'
import { expect, test } from 'vitest'
import { backoffMs, parseRetryAfter } from '../../src/download/retry.js'

const NOW = Date.UTC(2026, 0, 1)

test('Retry-After in seconds', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 1e9 - 1 }), n => parseRetryAfter(` ${n} `, NOW) === n * 1000))
})

test('Retry-After as a date, never in the past', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e6, max: 1e6 }), seconds => {
      const date = new Date(NOW + seconds * 1000).toUTCString()
      expect(parseRetryAfter(date, NOW)).toBe(Math.max(0, seconds * 1000))
    }),
  )
})

test.each(['', '-5', '1.5', 'soon', '1e9', 'Thu, 99 Foo 2026', undefined])('%s says nothing', value =>
  expect(parseRetryAfter(value, NOW)).toBeUndefined(),
)

test('waits grow, stay below the bound, and are never shorter than half', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
      const wait = backoffMs(attempt, { firstMs: 1000, maxMs: 60_000 }, random)
      const whole = Math.min(60_000, 1000 * 2 ** (attempt - 1))
      expect(wait).toBeGreaterThanOrEqual(whole / 2)
      expect(wait).toBeLessThanOrEqual(whole)
    }),
  )
})
