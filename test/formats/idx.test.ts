import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { elementAt, parseIdx, readIdx } from '../../src/formats/idx/read.js'
import { errorCodes, temporaryFolder } from '../helpers.js'

const WIDTHS = { 8: 1, 9: 1, 11: 2, 12: 4, 13: 4, 14: 8 } as const

const idx = (code: number, shape: readonly number[], data: Buffer): Buffer => {
  const head = Buffer.alloc(4 + 4 * shape.length)
  head.set([0, 0, code, shape.length])
  for (const [i, size] of shape.entries()) head.writeUInt32BE(size, 4 + 4 * i)
  return Buffer.concat([head, data])
}

test('the header of MNIST’s training labels: 00000801 0000ea60, then 5, 0, 4, 1, 9', () => {
  const bytes = Buffer.concat([
    Buffer.from('000008010000ea60', 'hex'),
    Buffer.from([5, 0, 4, 1, 9]),
    Buffer.alloc(59995),
  ])
  const array = parseIdx(bytes, 'train-labels-idx1-ubyte')
  expect(array).toMatchObject({ type: 'U8', shape: [60000] })
  expect([0, 1, 2, 3, 4].map(i => elementAt(array, i))).toEqual([5, 0, 4, 1, 9])
})

test('any type and shape; a byte more or less is damage', async () => {
  const codes = Object.keys(WIDTHS).map(Number) as (keyof typeof WIDTHS)[]
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...codes),
      fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }),
      async (code, shape) => {
        const count = shape.reduce((product, size) => product * size, 1)
        const whole = idx(code, shape, Buffer.alloc(count * WIDTHS[code], 1))
        expect(parseIdx(whole, 'x').shape).toEqual(shape)
        expect(await errorCodes(() => parseIdx(whole.subarray(0, -1), 'x'))).toEqual(['ARCHIVE_DAMAGED'])
        expect(await errorCodes(() => parseIdx(Buffer.concat([whole, Buffer.alloc(1)]), 'x'))).toEqual([
          'ARCHIVE_DAMAGED',
        ])
      },
    ),
  )
})

test('elements are big-endian', () => {
  const element = (code: number, data: string): number =>
    elementAt(parseIdx(idx(code, [1], Buffer.from(data, 'hex')), 'x'), 0)
  expect([element(8, 'ff'), element(9, 'ff'), element(11, '0102'), element(12, '00010000')]).toEqual([
    255, -1, 258, 65536,
  ])
  expect([element(13, '3fc00000'), element(14, '3ff8000000000000')]).toEqual([1.5, 1.5])
})

test('gzipped, damaged, other files', async () => {
  const folder = temporaryFolder()
  const codesOf = async (name: string, bytes: Uint8Array): Promise<string[]> => {
    await writeFile(join(folder, name), bytes)
    return errorCodes(() => readIdx(join(folder, name)))
  }
  const zipped = gzipSync(idx(8, [3], Buffer.from([1, 2, 3])))
  expect(await codesOf('ok.gz', zipped)).toEqual([])
  expect([...(await readIdx(join(folder, 'ok.gz'))).data]).toEqual([1, 2, 3])
  expect(await codesOf('cut.gz', zipped.subarray(0, 20))).toEqual(['ARCHIVE_DAMAGED'])
  expect(await codesOf('text', Buffer.from('hello'))).toEqual(['ARCHIVE_DAMAGED'])
  expect(await codesOf('empty', Buffer.alloc(0))).toEqual(['ARCHIVE_DAMAGED'])
  expect(await errorCodes(() => readIdx(join(folder, 'none')))).toEqual(['FILE_MISSING'])
})
