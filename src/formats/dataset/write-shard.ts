/** Writing one shard: rows stream to their places, two in memory at a time, and the file appears only when whole. */
import { createHash } from 'node:crypto'
import { readSync } from 'node:fs'
import { join } from 'node:path'
import { PrepError } from '../../errors.js'
import { replaceFile } from '../../files.js'
import { crc32c } from '../crc32c.js'
import { writeFullySync } from '../safetensors/transfer.js'
import type { ShardEntry } from './index-file.js'
import {
  KEY_BYTES,
  labelSpan,
  makeHead,
  planShard,
  type RowForm,
  type RowToWrite,
  type ShardLayout,
} from './shard-layout.js'

/** A shard to be written or looked for: an entry of the index before its bytes are known. */
export type ShardSpec = Omit<ShardEntry, 'bytes' | 'sha256'>

const HASH_READ = 1 << 18

/**
 * Write a shard of `shard.rows` rows to `dataset/shard.file`, atomically. The same rows give the same bytes.
 *
 * @param row  gives row i; asked in order, one row ahead of the one being written. What it gives is not kept.
 * @throws {PrepError} `SIZES_DIFFER` for a row of another size; `DISK_FULL`, `OUTPUT_READ_ONLY`, `FILE_UNREADABLE`; and
 *   whatever `row` throws. The shard is then not there, or as it was.
 */
export async function writeShard(
  dataset: string,
  shard: ShardSpec,
  form: RowForm,
  row: (index: number) => Promise<RowToWrite>,
): Promise<ShardEntry> {
  let written = { bytes: 0, sha256: '' }
  await replaceFile(join(dataset, shard.file), async file => {
    // Blocking calls from here on: in a worker process they cost half of what trips through the thread pool do.
    const layout = await writeRows(file.fd, shard, form, row)
    written = { bytes: layout.fileBytes, sha256: hashFile(file.fd, layout.fileBytes) }
  })
  const { file, split, rows, generation, fingerprint } = shard
  return { file, split, rows, ...written, generation, fingerprint }
}

async function writeRows(
  file: number,
  { rows, fingerprint }: ShardSpec,
  form: RowForm,
  row: (index: number) => Promise<RowToWrite>,
): Promise<ShardLayout> {
  const draft = planShard(form, rows, fingerprint)
  const head = makeHead(draft)
  let photoEnd = draft.photos
  let next = rows > 0 ? row(0) : undefined
  for (let i = 0; next; i++) {
    const { key, label, photo, crc, written } = await next
    next = i + 1 < rows ? row(i + 1) : undefined
    next?.catch(() => {}) // awaited in the next round, unless this one fails first
    checkRow(key, label, photo, form)
    writeFullySync(file, label, labelSpan(draft, i).start)
    writeFullySync(file, photo, photoEnd)
    head.crc.set([crc?.[0] ?? crc32c(label), crc?.[1] ?? crc32c(photo)], 2 * i)
    written?.()
    head.key.set(Buffer.from(key, 'hex'), KEY_BYTES * i)
    photoEnd += photo.length
    head.offsets?.fill(BigInt(photoEnd - draft.photos), i + 1, i + 2)
  }
  const layout = planShard(form, rows, fingerprint, photoEnd - draft.photos)
  writeFullySync(file, layout.header, 0)
  writeFullySync(file, head.bytes, layout.dataStart)
  return layout
}

function checkRow(key: string, label: Uint8Array, photo: Uint8Array, form: RowForm): void {
  if (!/^[0-9a-f]{64}$/.test(key)) throw new Error(`expected a key of 64 hex digits, found ${key}`)
  const pixels = form.height * form.width
  if (label.length !== pixels || (form.photo === 'raw' && photo.length !== 3 * pixels)) {
    throw new PrepError(
      'SIZES_DIFFER',
      `row ${key.slice(0, 12)}: expected ${form.width}x${form.height} pixels (${pixels} label and ${3 * pixels} photo ` +
        `bytes), found ${label.length} and ${photo.length}`,
      { hint: 'bring all photos to one size with a resize step' },
    )
  }
}

/** sha256 of an open file. The order of writing is not that of the file, so it is read again, from the page cache. */
function hashFile(file: number, bytes: number): string {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafeSlow(HASH_READ)
  for (let start = 0; start < bytes; start += HASH_READ) {
    const found = readSync(file, buffer, 0, HASH_READ, start)
    hash.update(buffer.subarray(0, found))
  }
  return hash.digest('hex')
}
