/** Writes TFRecord files: the same records always give the same bytes. */
import { replaceFile } from '../../files.js'
import { maskedCrc32c } from './mask.js'

/** Length, its checksum, the data and its checksum. */
export function frameRecord(data: Uint8Array): Uint8Array[] {
  const head = Buffer.alloc(12)
  head.writeBigUInt64LE(BigInt(data.length))
  head.writeUInt32LE(maskedCrc32c(head.subarray(0, 8)), 8)
  const tail = Buffer.alloc(4)
  tail.writeUInt32LE(maskedCrc32c(data))
  return [head, data, tail]
}

/**
 * Write records in their order, atomically.
 * @throws {PrepError} `DISK_FULL`, `OUTPUT_READ_ONLY`, `FILE_UNREADABLE`, and whatever `records` throws
 */
export function writeRecords(path: string, records: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  return replaceFile(path, async file => {
    for await (const record of records) await file.writeFile(Buffer.concat(frameRecord(record)))
  })
}
