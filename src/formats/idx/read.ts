/**
 * idx, the format of MNIST: two zero bytes, the element type, the number of dimensions, the dimensions as U32, then the
 * elements, all big-endian.
 *
 * @see http://yann.lecun.com/exdb/mnist/, "The IDX file format"
 */
import { gunzipSync } from 'node:zlib'
import { PrepError } from '../../errors.js'
import { readFileChecked } from '../../files.js'

/** Name and bytes of element types by their code. */
const TYPES: { readonly [code: number]: readonly [IdxArray['type'], number] } = {
  8: ['U8', 1],
  9: ['I8', 1],
  11: ['I16', 2],
  12: ['I32', 4],
  13: ['F32', 4],
  14: ['F64', 8],
}

/** What a gzipped file may unfold to, in bytes. */
const MAX_BYTES = 2 ** 31 - 1

export interface IdxArray {
  readonly type: 'U8' | 'I8' | 'I16' | 'I32' | 'F32' | 'F64'
  readonly shape: readonly number[]
  /** The elements as stored, big-endian, the last dimension fastest. */
  readonly data: Buffer
}

/**
 * Read an idx file, gzipped or not.
 * @throws {PrepError} `ARCHIVE_DAMAGED`, `FILE_MISSING`, `FILE_UNREADABLE`
 */
export async function readIdx(path: string): Promise<IdxArray> {
  return parseIdx(unfold(await readFileChecked(path, 'read the idx file'), path), path)
}

function unfold(bytes: Buffer, path: string): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BYTES })
  } catch (error) {
    throw new PrepError('ARCHIVE_DAMAGED', `${path}: the gzip stream is cut or damaged: ${(error as Error).message}`, {
      hint: 'fetch the file again',
      cause: error,
    })
  }
}

/** @throws {PrepError} `ARCHIVE_DAMAGED` */
export function parseIdx(bytes: Buffer, path: string): IdxArray {
  const damaged = (problem: string): PrepError =>
    new PrepError('ARCHIVE_DAMAGED', `${path}: ${problem}`, { hint: 'fetch the file again' })
  const [type, width] = TYPES[bytes[2] ?? 0] ?? []
  if (bytes.length < 4 || bytes[0] || bytes[1] || !type || !width)
    throw damaged(`expected an idx header such as 00000803, found ${bytes.subarray(0, 4).toString('hex') || 'nothing'}`)
  const start = 4 + 4 * bytes[3]!
  if (bytes.length < start) throw damaged(`the header is cut: expected ${start} bytes, found ${bytes.length}`)
  const shape = Array.from({ length: bytes[3]! }, (_, i) => bytes.readUInt32BE(4 + 4 * i))
  const expected = start + shape.reduce((count, size) => count * size, width)
  if (bytes.length !== expected)
    throw damaged(`${shape.join('x')} elements of ${type}: expected ${expected} bytes, found ${bytes.length}`)
  return { type, shape, data: bytes.subarray(start) }
}

const READERS = {
  U8: (data, i) => data.readUInt8(i),
  I8: (data, i) => data.readInt8(i),
  I16: (data, i) => data.readInt16BE(2 * i),
  I32: (data, i) => data.readInt32BE(4 * i),
  F32: (data, i) => data.readFloatBE(4 * i),
  F64: (data, i) => data.readDoubleBE(8 * i),
} satisfies { [type in IdxArray['type']]: (data: Buffer, i: number) => number }

/** Element `index`, counted through the whole array. */
export const elementAt = ({ type, data }: IdxArray, index: number): number => READERS[type](data, index)
