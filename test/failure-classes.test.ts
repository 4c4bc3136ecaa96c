import { expect, test } from 'vitest'
import { ERROR_CODES } from '../src/errors.js'
import { failureClass, isTransient } from '../src/failure-classes.js'

test.each([
  ['DNS_FAILED', 'dns', true],
  ['CONNECT_FAILED', 'connect', true],
  ['TLS_FAILED', 'tls', false],
  ['STALLED', 'stall', true],
  ['DEADLINE_PASSED', 'deadline', true],
  ['HTTP_4XX', 'http_4xx', false],
  ['HTTP_429', 'http_429', true],
  ['HTTP_5XX', 'http_5xx', true],
  ['TOO_LARGE', 'too_large', false],
  ['ROBOTS_REFUSED', 'robots', false],
  ['PRIVATE_ADDRESS', 'private_address', false],
  ['CHECKSUM_MISMATCH', 'checksum', false],
  ['NOT_AN_IMAGE', 'not_an_image', false],
  ['DECODE_FAILED', 'decode', false],
  ['DECODE_TIMEOUT', 'decode', false],
  ['WORKER_DIED', 'decode', false],
  ['TOO_SMALL', 'too_small', false],
  ['ASPECT', 'aspect', false],
  ['TOO_MANY_PIXELS', 'too_many_pixels', false],
  ['DUPLICATE', 'duplicate', false],
  ['QC_BLUR', 'qc_blur', false],
])('%s is of class %s (tried again by itself: %s)', (code, name, transient) => {
  expect(failureClass(code)).toBe(name)
  expect(isTransient(name)).toBe(transient)
})

test('every code has a class that --class takes', () => {
  for (const code of ERROR_CODES) expect(failureClass(code)).toMatch(/^[a-z][a-z0-9_]*$/)
})
