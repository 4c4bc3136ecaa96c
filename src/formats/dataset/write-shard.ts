/** Writing one shard: rows stream to their places, two in memory at a time, and the file appears only when whole. */
import { createHash, type Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { PrepError } from '../../errors.js'
import { replaceFile } from '../../files.js'
import { crc32c } from '../crc32c.js'
import { readFully, writeFully } from '../safetensors/transfer.js'
import type { ShardEntry } from './index-file.js'
import { KEY_BYTES, labelSpan, makeHead, planShard, type Row, type RowForm, type ShardLayout } from './shard-layout.js'

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
  row: (index: number) => Promise<Row>,
): Promise<ShardEntry> {
  let written = { bytes: 0, sha256: '' }
  await replaceFile(join(dataset, shard.file), async file => {
    const layout = await writeRows(file, shard, form, row)
    written = { bytes: layout.fileBytes, sha256: await hashFile(file, layout.fileBytes) }
  })
  const { file, split, rows, generation, fingerprint } = shard
  return { file, split, rows, ...written, generation, fingerprint }
}

async function writeRows(
  file: FileHandle,
  { rows, fingerprint }: ShardSpec,
  form: RowForm,
  row: (index: number) => Promise<Row>,
): Promise<ShardLayout> {
  const draft = planShard(form, rows, fingerprint)
  const head = makeHead(draft)
  let photoEnd = draft.photos
  let next = rows > 0 ? row(0) : undefined
  for (let i = 0; next; i++) {
    const { key, label, photo } = await next
    next = i + 1 < rows ? row(i + 1) : undefined
    next?.catch(() => {}) // awaited in the next round, unless this one fails first
    checkRow(key, label, photo, form)
    const writes = [writeFully(file, label, labelSpan(draft, i).start), writeFully(file, photo, photoEnd)]
    head.crc.set([crc32c(label), crc32c(photo)], 2 * i) // while the writes are under way
    head.key.set(Buffer.from(key, 'hex'), KEY_BYTES * i)
    photoEnd += photo.length
    head.offsets?.fill(BigInt(photoEnd - draft.photos), i + 1, i + 2)
    await Promise.all(writes)
  }
  const layout = planShard(form, rows, fingerprint, photoEnd - draft.photos)
  await writeFully(file, layout.header, 0)
  await writeFully(file, head.bytes, layout.dataStart)
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
async function hashFile(file: FileHandle, bytes: number): Promise<string> {
  const hash: Hash = createHash('sha256')
  const buffers = [Buffer.allocUnsafeSlow(HASH_READ), Buffer.allocUnsafeSlow(HASH_READ)] as const
  const read = (start: number): Promise<Buffer> | undefined => {
    if (start >= bytes) return undefined
    const into = buffers[(start / HASH_READ) & 1]!.subarray(0, bytes - start)
    return readFully(file, into, start).then(found => into.subarray(0, found))
  }
  let next = read(0)
  for (let start = HASH_READ; next; start += HASH_READ) {
    const piece = await next
    next = read(start) // while this piece is hashed
    hash.update(piece)
  }
  return hash.digest('hex')
}
