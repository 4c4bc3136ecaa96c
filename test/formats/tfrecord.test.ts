import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ArchiveFile } from '../../src/formats/archive-file.js'
import { decodeExample, encodeExample, type Feature } from '../../src/formats/tfrecord/example.js'
import { maskedCrc32c } from '../../src/formats/tfrecord/mask.js'
import { readRecords } from '../../src/formats/tfrecord/read.js'
import { frameRecord, writeRecords } from '../../src/formats/tfrecord/write.js'
import { temporaryFolder } from '../helpers.js'

const folder = temporaryFolder()
const path = join(folder, 'x.tfrecord')

function readAll(bytes: Uint8Array): { records: string[]; intact: boolean[]; error?: Error } {
  writeFileSync(path, bytes)
  const file = new ArchiveFile(path)
  const [records, intact]: [string[], boolean[]] = [[], []]
  try {
    for (const record of readRecords(file)) {
      records.push(Buffer.from(record.data).toString('latin1'))
      intact.push(record.intact)
      expect(Buffer.from(bytes.subarray(record.offset, record.offset + record.data.length)).toString('latin1')).toBe(
        records.at(-1),
      )
    }
    return { records, intact }
  } catch (error) {
    return { records, intact, error: error as Error }
  } finally {
    file.close()
  }
}

const bytes = (text: string): Feature => ({ kind: 'bytes', values: [Buffer.from(text)] })

describe('frames', () => {
  test('the mask of TensorFlow’s crc32c_test: Mask(crc) of "foo" is not the crc, and unmasking gives it back', () => {
    const masked = maskedCrc32c(Buffer.from('foo'))
    const rotated = (masked - 0xa282ead8) >>> 0
    // CRC-32C of "foo", by RFC 3720's polynomial
    expect(((rotated >>> 17) | (rotated << 15)) >>> 0).toBe(0xcfc4ae1d)
  })

  test('an empty record and the record "a", byte by byte', () => {
    // 8 bytes of length, masked crc of them, data, masked crc of the data
    expect(Buffer.concat(frameRecord(new Uint8Array(0))).toString('hex')).toBe('000000000000000029039807d8ea82a2')
    expect(
      Buffer.concat(frameRecord(Buffer.from('a')))
        .subarray(0, 8)
        .toString('hex'),
    ).toBe('0100000000000000')
  })

  test('whatever is written comes back, from its place', async () => {
    const record = fc.uint8Array({ maxLength: 700 })
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 6 }), async records => {
        await writeRecords(path, records)
        const { records: found, intact, error } = readAll(readFileSync(path))
        expect(error).toBeUndefined()
        expect(found).toEqual(records.map(bytes => Buffer.from(bytes).toString('latin1')))
        expect(intact.every(Boolean)).toBe(true)
      }),
      { numRuns: 40 },
    )
  })

  const three = Buffer.concat(['one', 'two!', 'three'].flatMap(text => frameRecord(Buffer.from(text))))

  test('wherever a file is cut, whole records before the cut are given and the error says where', () => {
    const ends = [19, 39, 60]
    for (let cut = 0; cut <= three.length; cut += 1) {
      const { records, error } = readAll(three.subarray(0, cut))
      expect(records).toEqual(['one', 'two!', 'three'].slice(0, ends.filter(end => end <= cut).length))
      if (cut === 0 || ends.includes(cut)) expect(error).toBeUndefined()
      else expect(error).toMatchObject({ code: 'ARCHIVE_DAMAGED', message: expect.stringMatching(/at byte \d+/) })
    }
  })

  test('every flipped bit is noticed: in data only that record is lost, in a length all after it', () => {
    for (let bit = 0; bit < 8 * three.length; bit += 5) {
      const torn = Buffer.from(three)
      torn[bit >> 3]! ^= 1 << (bit & 7)
      const { intact, error } = readAll(torn)
      const inHead = [0, 19, 39].some(start => bit >> 3 >= start && bit >> 3 < start + 12)
      if (inHead) expect(error).toMatchObject({ code: 'ARCHIVE_DAMAGED' })
      else expect(intact.filter(Boolean)).toHaveLength(2)
    }
  })

  test.each([
    ['gzip', '1f8b08000000000000034b4c4a060000'],
    ['zlib', '789c4b4c4a06000000000000000000000000'],
  ])('a %s file is told apart from a damaged one', (_kind, hex) => {
    expect(readAll(Buffer.from(hex, 'hex')).error).toMatchObject({ code: 'UNSUPPORTED_FORMAT' })
  })
})

describe('tf.train.Example', () => {
  test('the bytes that protobuf makes of it', () => {
    // Example{features{feature{key "a" value{int64_list{value [1, 300, -1]}}}}}, packed as feature.proto says
    const example = new Map([['a', { kind: 'ints', values: [1n, 300n, -1n] } as const]])
    const hex = '0a180a160a01611211' + '1a0f0a0d01ac02ffffffffffffffffff01'
    expect(Buffer.from(encodeExample(example)).toString('hex')).toBe(hex)
    expect(decodeExample(Buffer.from(hex, 'hex'))).toEqual(example)
  })

  test('integers that are not packed are read too', () => {
    const hex = '0a0e0a0c0a01611207' + '1a05' + '0801' + '08ac02'
    expect(decodeExample(Buffer.from(hex, 'hex'))).toEqual(new Map([['a', { kind: 'ints', values: [1n, 300n] }]]))
  })

  test('whatever is written comes back, and the order of features does not count', () => {
    const feature = fc.oneof(
      fc.record({
        kind: fc.constant('bytes' as const),
        values: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 3 }),
      }),
      fc.record({
        kind: fc.constant('ints' as const),
        values: fc.array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), { maxLength: 4 }),
      }),
      fc.record({
        kind: fc.constant('floats' as const),
        values: fc.array(fc.float({ noNaN: true }), { maxLength: 4 }),
      }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), feature), { maxLength: 6 }), entries => {
        const example = new Map<string, Feature>(entries)
        const encoded = encodeExample(example)
        expect(encodeExample(new Map([...example].reverse()))).toEqual(encoded)
        const found = decodeExample(encoded)
        expect([...found.keys()].sort()).toEqual([...example.keys()].sort())
        for (const [name, { kind, values }] of example) {
          expect(found.get(name)!.kind).toBe(kind)
          expect([...found.get(name)!.values]).toEqual(
            kind === 'bytes' ? values.map(value => Uint8Array.from(value as Uint8Array)) : [...values],
          )
        }
      }),
    )
  })

  test('noise is a RangeError or an example, nothing else', () => {
    const whole = encodeExample(
      new Map([
        ['image/encoded', bytes('x'.repeat(50))],
        ['label', { kind: 'ints', values: [5n] }],
      ]),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1 }), changes => {
        const torn = Uint8Array.from(whole)
        for (const [at, value] of changes) torn[at] = value
        try {
          decodeExample(torn)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }),
    )
  })
})
