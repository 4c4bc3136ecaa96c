import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32c } from '../../src/formats/crc32c.js'

/** Bit by bit, as the definition has it. */
function crc32cByBits(bytes: Uint8Array, initial = 0): number {
  let register = ~initial
  for (const byte of bytes) {
    register ^= byte
    for (let bit = 0; bit < 8; bit++) register = (register >>> 1) ^ (register & 1 ? 0x82f63b78 : 0)
  }
  return ~register >>> 0
}

const range = (count: number, valueAt: (i: number) => number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => valueAt(i))
const noise = (count: number, seed: number): Uint8Array =>
  range(count, () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) >>> 24)

/** RFC 3720, appendix B.4, which prints the CRC's bytes in the order of the wire. */
const READ_COMMAND = Buffer.from(
  '01c00000000000000000000000000000140000000000040000000014000000182800000000000000' + '0200000000000000',
  'hex',
)

describe('crc32c', () => {
  test.each([
    ['123456789', Buffer.from('123456789'), 0xe3069283],
    ['nothing', new Uint8Array(0), 0],
    ['32 bytes of zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 bytes of ones', new Uint8Array(32).fill(255), 0x62a8ab43],
    ['32 bytes rising', range(32, i => i), 0x46dd794e],
    ['32 bytes falling', range(32, i => 31 - i), 0x113fdb5c],
    ['an iSCSI read command', READ_COMMAND, 0xd9963a56],
  ])('of %s is as RFC 3720 has it', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected)
  })

  test('is the definition, on both sides of every limit of the fold', () => {
    const limits = [7, 8, 9, 5275, 3 * 5275, 5275 + 32768, 5275 + 65536, 100_000]
    for (const limit of limits) {
      for (const length of [limit - 1, limit, limit + 1, limit + 63, limit + 64, limit + 65]) {
        const bytes = noise(length, length)
        expect([length, crc32c(bytes)]).toEqual([length, crc32cByBits(bytes)])
      }
    }
  })

  test('is the definition for any bytes, register and alignment', () => {
    fc.assert(
      fc.property(fc.nat(60_000), fc.nat(), fc.nat(15), fc.nat(0xffffffff), (length, seed, skip, initial) => {
        const bytes = noise(length + skip, seed).subarray(skip)
        expect(crc32c(bytes, initial)).toBe(crc32cByBits(bytes, initial))
      }),
      { numRuns: 40 },
    )
  })

  test('goes on from where it stopped', () => {
    fc.assert(
      fc.property(fc.nat(200_000), fc.nat(200_000), (a, b) => {
        const bytes = noise(Math.max(a, b), 1)
        const cut = Math.min(a, b)
        expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes))
      }),
      { numRuns: 40 },
    )
  })
})
