import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { PrepError } from '../../src/errors.js'
import { parseHeader } from '../../src/formats/safetensors/header.js'
import { DTYPES, type Dtype, planSafetensors, type Tensor, type Tensors } from '../../src/formats/safetensors/layout.js'
import { decodeSafetensors, openSafetensors, readSafetensors } from '../../src/formats/safetensors/read.js'
import { encodeSafetensors, writeSafetensors } from '../../src/formats/safetensors/write.js'
import { findPython, runPython } from '../python.js'

const folder = mkdtempSync(join(tmpdir(), 'prep-safetensors-'))
afterAll(() => rmSync(folder, { recursive: true }))
const path = join(folder, 'x.safetensors')

/** Tensors of any type, shape (also scalars and empty ones) and bits (also NaNs). */
const anyTensor = fc
  .tuple(fc.constantFrom(...(Object.keys(DTYPES) as Dtype[])), fc.array(fc.nat(4), { maxLength: 3 }), fc.nat())
  .map(([dtype, shape, seed]) => {
    const Data = DTYPES[dtype]
    const bytes = shape.reduce((a, b) => a * b, 1) * Data.BYTES_PER_ELEMENT
    const values = Uint8Array.from({ length: bytes }, (_, i) => Math.imul(seed + i, 2654435761) >>> 24)
    return { dtype, shape, data: new Data(values.buffer) } as Tensor
  })
const anyName = fc.oneof(fc.string(), fc.constantFrom('__proto__', '0', '1', 'weight', 'ä"\\'))
const anyTensors = fc
  .uniqueArray(
    fc.tuple(
      anyName.filter(name => name !== '__metadata__'),
      anyTensor,
    ),
    { selector: ([name]) => name, maxLength: 6 },
  )
  .map(entries => Object.fromEntries(entries) as Tensors)
const anyMetadata = fc
  .uniqueArray(fc.tuple(anyName, fc.string()), { selector: ([name]) => name, maxLength: 4 })
  .map(Object.fromEntries)

/** Bits, not values: NaN payloads and -0 must survive. */
const bitsOf = (tensors: Tensors): object =>
  Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
    return [name, dtype, [...shape], Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')]
  })

describe('what is written is read', () => {
  test('any tensors and metadata, through memory and files, with the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(anyTensors, anyMetadata, fc.constantFrom(8, 64, 4096), async (tensors, metadata, align) => {
        const bytes = encodeSafetensors(tensors, metadata, { align })
        await writeSafetensors(path, tensors, metadata, { align, sync: false })
        expect(readFileSync(path).equals(bytes)).toBe(true)
        for (const read of [decodeSafetensors(bytes), await readSafetensors(path)]) {
          expect(bitsOf(read.tensors)).toEqual(bitsOf(tensors))
          expect(read.metadata).toEqual(metadata)
        }
        expect(parseHeader(bytes, bytes.length).dataStart % align).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  test('single tensors and parts of them, from an open file', async () => {
    const data = Float32Array.of(1, 2, 3, 4)
    await writeSafetensors(path, {
      a: { dtype: 'U8', shape: [3], data: Uint8Array.of(7, 8, 9) },
      b: { dtype: 'F32', shape: [2, 2], data },
    })
    const file = await openSafetensors(path)
    expect(await file.read('b')).toEqual({ dtype: 'F32', shape: [2, 2], data })
    expect([...(await file.readBytes(new Uint8Array(2), file.tensors.get('a')!.start + 1))]).toEqual([8, 9])
    await expect(file.read('c')).rejects.toMatchObject({ code: 'SAFETENSORS_INVALID' })
    await expect(file.readBytes(new Uint8Array(2), file.fileBytes - 1)).rejects.toMatchObject({
      code: 'SAFETENSORS_INVALID',
    })
    await file.close()
  })

  test('a header longer than the first read', async () => {
    const tensors = Object.fromEntries(
      Array.from({ length: 900 }, (_, i) => [
        `model.${i}.weight`,
        { dtype: 'U8', shape: [1], data: Uint8Array.of(i) } as const,
      ]),
    )
    await writeSafetensors(path, tensors)
    expect((await readSafetensors(path)).tensors).toEqual(tensors)
  })

  test('a failed write leaves the old file and no other', async () => {
    await writeSafetensors(path, { a: { dtype: 'U8', shape: [1], data: Uint8Array.of(1) } })
    await expect(writeSafetensors(path, { a: { dtype: 'U8', shape: [2], data: Uint8Array.of(1) } })).rejects.toThrow()
    expect((await readSafetensors(path)).tensors.a!.data).toEqual(Uint8Array.of(1))
    expect(readdirSync(folder)).toEqual(['x.safetensors'])
  })

  test('room for a longer header can be kept', () => {
    expect(planSafetensors({ a: { dtype: 'U8', shape: [5] } }, {}, { align: 64, dataStart: 1000 }).dataStart).toBe(1024)
  })
})

describe('what is not a safetensors file is refused', () => {
  const withHeader = (json: string, dataBytes = 4): Uint8Array => {
    const bytes = Buffer.alloc(8 + Buffer.byteLength(json) + dataBytes)
    bytes.writeBigUInt64LE(BigInt(Buffer.byteLength(json)))
    bytes.write(json, 8)
    return bytes
  }
  const entry = (offsets: number[], dtype = 'U8', shape = [4]): string =>
    JSON.stringify({ dtype, shape, data_offsets: offsets })

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['seven bytes', new Uint8Array(7)],
    ['a header longer than the file', Buffer.from('ff00000000000000', 'hex')],
    ['a header over the limit', Buffer.from('00e1f50600000000', 'hex')],
    ['an absurd length', Buffer.from('ffffffffffffffff', 'hex')],
    ['no JSON', withHeader('{"a": ')],
    [
      'bad UTF-8',
      Buffer.concat([withHeader('{"  ": 1}', 0).subarray(0, 10), Buffer.from([0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])]),
    ],
    ['a list', withHeader('[]')],
    ['space before the brace', withHeader(` {"a": ${entry([0, 4])}}`)],
    ['a doubled tensor', withHeader(`{"a": ${entry([0, 4])}, "a": ${entry([0, 4])}}`)],
    ['a doubled name, spelt otherwise', withHeader(`{"a": ${entry([0, 4])}, "\\u0061": ${entry([0, 4])}}`)],
    ['a doubled member', withHeader('{"a": {"dtype": "U8", "dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}')],
    ['metadata that is no object', withHeader('{"__metadata__": 1}', 0)],
    ['metadata that is no text', withHeader('{"__metadata__": {"a": 1}}', 0)],
    ['a tensor that is no object', withHeader('{"a": null}')],
    ['an unknown dtype', withHeader(`{"a": ${entry([0, 4], 'F7')}}`)],
    ['an inherited dtype', withHeader(`{"a": ${entry([0, 4], 'toString')}}`)],
    ['an unknown member', withHeader('{"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4], "x": 1}}')],
    ['a negative size', withHeader(`{"a": ${entry([0, 4], 'U8', [-4])}}`)],
    ['a broken size', withHeader(`{"a": ${entry([0, 4], 'U8', [0.5, 8])}}`)],
    ['sizes past counting', withHeader(`{"a": ${entry([0, 4], 'U8', [2 ** 40, 2 ** 40])}}`)],
    ['three offsets', withHeader(`{"a": ${entry([0, 4, 4])}}`)],
    ['offsets that do not fit the shape', withHeader(`{"a": ${entry([0, 3])}}`)],
    ['a hole', withHeader(`{"a": ${entry([1, 5])}}`, 5)],
    ['an overlap', withHeader(`{"a": ${entry([0, 4])}, "b": ${entry([2, 6])}}`, 6)],
    ['a missing byte', withHeader(`{"a": ${entry([0, 4])}}`, 3)],
    ['a surplus byte', withHeader(`{"a": ${entry([0, 4])}}`, 5)],
  ])('%s', (_, bytes) => {
    expect(() => decodeSafetensors(bytes)).toThrow(expect.objectContaining({ code: 'SAFETENSORS_INVALID' }))
  })

  test('one byte of any header changed: it is refused, or still accounts for every byte of the file', () => {
    fc.assert(
      fc.property(
        anyTensors,
        anyMetadata,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (tensors, metadata, at, change) => {
          const bytes = encodeSafetensors(tensors, metadata)
          const { dataStart } = parseHeader(bytes, bytes.length)
          bytes[at % dataStart]! ^= change
          try {
            const layout = parseHeader(bytes, bytes.length)
            const covered = [...layout.tensors.values()].reduce((sum, { bytes }) => sum + bytes, layout.dataStart)
            expect(covered).toBe(bytes.length)
          } catch (error) {
            if (!(error instanceof PrepError)) throw error
            expect(error.code).toBe('SAFETENSORS_INVALID')
          }
        },
      ),
      { numRuns: 1500 },
    )
  })

  test('a missing file, and one that was cut', async () => {
    await expect(readSafetensors(join(folder, 'none'))).rejects.toMatchObject({ code: 'FILE_MISSING' })
    await writeSafetensors(path, { a: { dtype: 'U8', shape: [9], data: new Uint8Array(9) } })
    truncateSync(path, readFileSync(path).length - 1)
    await expect(readSafetensors(path)).rejects.toMatchObject({ code: 'SAFETENSORS_INVALID' })
    writeFileSync(path, '')
    await expect(openSafetensors(path)).rejects.toMatchObject({ code: 'SAFETENSORS_INVALID' })
  })
})

const python = findPython('numpy')
test.skipIf(!python)(`numpy reads what is written${python ? '' : ' (skipped: no python with numpy)'}`, async () => {
  const tensors: Tensors = {
    bytes: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 255) },
    floats: { dtype: 'F32', shape: [2, 2], data: Float32Array.of(0.5, -1, 3e38, 1e-40) },
    longs: { dtype: 'I64', shape: [], data: BigInt64Array.of(-(2n ** 53n)) },
    halves: { dtype: 'F16', shape: [1, 2], data: Uint16Array.of(0x3c00, 0xc000) },
    words: { dtype: 'U16', shape: [1], data: Uint16Array.of(65535) },
    ints: { dtype: 'I32', shape: [1], data: Int32Array.of(-7) },
    naturals: { dtype: 'U32', shape: [0, 2], data: new Uint32Array(0) },
    doubles: { dtype: 'F64', shape: [1], data: Float64Array.of(Math.PI) },
  }
  await writeSafetensors(path, tensors, { made: 'by a test' }, { align: 4096 })
  const program = `
import json, struct, sys
import numpy as np
raw = open(sys.argv[1], 'rb').read()
n, = struct.unpack('<Q', raw[:8])
header = json.loads(raw[8:8 + n])
types = dict(U8='u1', U16='<u2', U32='<u4', I32='<i4', I64='<i8', F16='<f2', F32='<f4', F64='<f8')
out = dict(metadata=header.pop('__metadata__'), start=8 + n)
for name, t in header.items():
    begin, end = t['data_offsets']
    out[name] = np.frombuffer(raw[8 + n + begin:8 + n + end], types[t['dtype']]).reshape(t['shape']).tolist()
print(json.dumps(out))`
  expect(runPython(python!, program, path)).toEqual({
    metadata: { made: 'by a test' },
    start: 4096,
    bytes: [1, 2, 255],
    floats: [
      [0.5, -1],
      [Math.fround(3e38), Math.fround(1e-40)],
    ],
    longs: -(2 ** 53),
    halves: [[1, -2]],
    words: [65535],
    ints: [-7],
    naturals: [],
    doubles: [Math.PI],
  })
})
