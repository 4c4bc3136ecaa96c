/**
 * TFRecord: records one after the other, each `length U64 | masked CRC-32C of the length | data | masked CRC-32C of the
 * data`, little-endian.
 *
 * @see https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
 */
import { PrepError } from '../../errors.js'
import type { ArchiveFile } from '../archive-file.js'
import { maskedCrc32c } from './mask.js'

export interface TfRecord {
  /** Where the data begins in the file. */
  readonly offset: number
  /** In memory of its own. */
  readonly data: Uint8Array
  /** false when the data does not fit its checksum. */
  readonly intact: boolean
}

/**
 * The records of a file in order.
 *
 * @throws {PrepError} `ARCHIVE_DAMAGED` where a length is torn or the file ends within a record: what was yielded before
 *   is whole; `UNSUPPORTED_FORMAT` for a compressed file
 */
export function* readRecords(file: ArchiveFile): Generator<TfRecord> {
  for (let at = 0; at < file.bytes; ) {
    const head = Buffer.from(file.read(at, 12))
    if (head.length < 12)
      throw damaged(file, at, `a record is cut within its first 12 bytes, of which ${head.length} are there`)
    if (maskedCrc32c(head.subarray(0, 8)) !== head.readUInt32LE(8)) throw badLength(file, at, head)
    const bytes = Number(head.readBigUInt64LE(0))
    const offset = at + 12
    if (offset + bytes + 4 > file.bytes)
      throw damaged(file, at, `a record is cut: expected ${bytes} bytes and a checksum, found ${file.bytes - offset}`)
    const body = Buffer.from(file.read(offset, bytes + 4))
    const data = new Uint8Array(body.buffer, body.byteOffset, bytes)
    yield { offset, data, intact: maskedCrc32c(data) === body.readUInt32LE(bytes) }
    at = offset + bytes + 4
  }
}

function badLength(file: ArchiveFile, at: number, head: Buffer): PrepError {
  const gzip = head[0] === 0x1f && head[1] === 0x8b
  const zlib = head[0] === 0x78 && head.readUInt16BE(0) % 31 === 0
  if (at === 0 && (gzip || zlib))
    return new PrepError('UNSUPPORTED_FORMAT', `${file.path} is compressed, expected a plain TFRecord file`, {
      hint: gzip ? 'unpack it with gunzip: photos are compressed already' : 'write it again without compression_type',
    })
  return damaged(
    file,
    at,
    at === 0
      ? 'there is no record: it is no TFRecord file'
      : 'the length of a record does not fit its checksum; records from here on cannot be found',
  )
}

const damaged = (file: ArchiveFile, offset: number, problem: string): PrepError =>
  new PrepError('ARCHIVE_DAMAGED', `${file.path}: at byte ${offset}, ${problem}`, {
    hint: 'fetch or write the file again; whole records before this place are used',
  })
