/** Reading a whole shard once to hold it to its checksums: for `verify`, and to tell a finished shard after a kill. */
import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { fileError, systemCode } from '../../errors.js'
import { crc32c } from '../crc32c.js'
import { readFully } from '../safetensors/transfer.js'
import type { ShardEntry } from './index-file.js'
import { labelSpan, makeHead, offsetsFit, photoSpan, planShard, type RowForm, type Span } from './shard-layout.js'
import type { ShardSpec } from './write-shard.js'

/** One thing wrong with a file of a data set. */
export interface Damage {
  /** Path inside the data set. */
  readonly file: string
  /** The tensor, or `header`, where that is known. */
  readonly field?: string
  /** The row within the shard, where a row's CRC tells. */
  readonly row?: number
  /** Found against expected. */
  readonly problem: string
}

export interface ScanOptions {
  /** Told the bytes read since it was last told. */
  readonly onBytes?: ((bytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Scan {
  readonly bytes: number
  readonly sha256: string
  readonly damage: readonly Damage[]
}

/** Bytes read at a time, whole rows of them. */
const PIECE = 1 << 18

/**
 * The shard's entry when a whole and sound one with this fingerprint is there, else undefined: write it (again).
 *
 * Header, length and every CRC are checked, and the sha256 is taken anew.
 * @throws {PrepError} `FILE_UNREADABLE`
 */
export async function shardMatches(
  dataset: string,
  shard: ShardSpec,
  form: RowForm,
  options?: ScanOptions,
): Promise<ShardEntry | undefined> {
  const { bytes, sha256, damage } = await scanShard(dataset, shard, form, options)
  if (damage.length > 0) return undefined
  const { file, split, rows, generation, fingerprint } = shard
  return { file, split, rows, bytes, sha256, generation, fingerprint }
}

/**
 * Read a shard once and say all that is wrong with it, against its specification and, when given, bytes and sha256.
 * @throws {PrepError} `FILE_UNREADABLE`; a missing file is damage
 */
export async function scanShard(
  dataset: string,
  shard: ShardSpec & Partial<ShardEntry>,
  form: RowForm,
  options: ScanOptions = {},
): Promise<Scan> {
  const path = join(dataset, shard.file)
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fileError(error, path, 'open')
    return { bytes: 0, sha256: '', damage: [{ file: shard.file, problem: 'the file is missing' }] }
  }
  try {
    return await scan(file, shard, form, options)
  } finally {
    await file.close()
  }
}

async function scan(
  file: FileHandle,
  shard: ShardSpec & Partial<ShardEntry>,
  form: RowForm,
  { onBytes, signal }: ScanOptions,
): Promise<Scan> {
  const { size } = await file.stat()
  const { photos } = planShard(form, shard.rows, shard.fingerprint)
  const layout = planShard(form, shard.rows, shard.fingerprint, Math.max(0, size - photos))
  const expected = shard.bytes ?? layout.fileBytes
  const damage: Damage[] = []
  const report = (problem: string, field?: string, row?: number): void => {
    damage.push({ file: shard.file, ...(field && { field }), ...(row !== undefined && { row }), problem })
  }
  if (size !== expected || size !== layout.fileBytes) {
    report(`expected ${expected} bytes, found ${size}`)
    return { bytes: size, sha256: '', damage }
  }

  const hash = createHash('sha256')
  const read = async (into: Uint8Array, start: number): Promise<Uint8Array> => {
    signal?.throwIfAborted()
    await readFully(file, into, start)
    hash.update(into)
    onBytes?.(into.length)
    return into
  }
  const header = await read(Buffer.alloc(layout.dataStart), 0)
  if (!Buffer.from(layout.header).equals(header)) report('the header is not that of this shard', 'header')
  const head = makeHead(layout)
  await read(head.bytes, layout.dataStart)
  const check = (field: 'label' | 'photo', row: number, bytes: Uint8Array): void => {
    const [found, stored] = [crc32c(bytes), head.crc[2 * row + (field === 'label' ? 0 : 1)]!]
    if (found !== stored) report(`expected CRC-32C ${hex(stored)}, found ${hex(found)}`, field, row)
  }
  await scanRows(
    shard.rows,
    row => labelSpan(layout, row),
    read,
    (row, bytes) => check('label', row, bytes),
  )
  if (offsetsFit(layout, head)) {
    await scanRows(
      shard.rows,
      row => photoSpan(layout, head, row),
      read,
      (row, bytes) => check('photo', row, bytes),
    )
  } else {
    report('the offsets do not rise from 0 to the end of photo_bytes', 'photo_offsets')
  }
  const sha256 = hash.digest('hex')
  if (shard.sha256 !== undefined && sha256 !== shard.sha256 && damage.length === 0) {
    report(`expected sha256 ${shard.sha256}, found ${sha256}, while header and rows fit their checks`, 'key')
  }
  return { bytes: size, sha256, damage }
}

/** Visit rows that follow one another, reading as many at a time as fit a piece. */
async function scanRows(
  rows: number,
  spanOf: (row: number) => Span,
  read: (into: Uint8Array, start: number) => Promise<Uint8Array>,
  visit: (row: number, bytes: Uint8Array) => void,
): Promise<void> {
  let buffer = new Uint8Array(PIECE)
  for (let first = 0; first < rows; ) {
    const { start, bytes } = spanOf(first)
    let end = first + 1
    let length = bytes
    for (; end < rows && length + spanOf(end).bytes <= PIECE; end++) length += spanOf(end).bytes
    if (length > buffer.length) buffer = new Uint8Array(length)
    const piece = await read(buffer.subarray(0, length), start)
    for (let row = first; row < end; row++) {
      const span = spanOf(row)
      visit(row, piece.subarray(span.start - start, span.start - start + span.bytes))
    }
    first = end
  }
}

const hex = (crc: number): string => crc.toString(16).padStart(8, '0')
