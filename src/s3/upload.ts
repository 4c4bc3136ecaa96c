/** Copies a data set into a bucket: files that are there already stay, index.json comes last and is the commit point. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileError, PrepError } from '../errors.js'
import { sha256Hex } from '../files.js'
import { filesOf, INDEX_FILE, type IndexedFile, parseIndex } from '../formats/dataset/index-file.js'
import { readIndex } from '../formats/dataset/read.js'
import type { Bucket } from './bucket.js'
import { mapLimited } from './limit.js'

export interface UploadOptions {
  readonly parallel: number
  /** Larger files travel in parts of this size. */
  readonly partBytes: number
  readonly onProgress: (bytes: number, totalBytes: number) => void
}

export interface Uploaded {
  readonly sent: number
  readonly kept: number
  readonly bytes: number
}

/**
 * @param folder  of the data set
 * @throws {PrepError} `DATASET_MISSING`, `SHARD_DAMAGED` (nothing damaged is sent), `REMOTE_REFUSED`, `REMOTE_FAILED`,
 *   `INTERRUPTED`
 */
export async function uploadDataset(folder: string, bucket: Bucket, options: UploadOptions): Promise<Uploaded> {
  const index = await readIndex(folder)
  const files = filesOf(index)
  const there = await mapLimited(files, options.parallel, async ({ file, bytes, sha256 }) => {
    const head = await bucket.head(file)
    return head?.bytes === bytes && head.sha256 === sha256
  })
  const missing = files.filter((_, i) => !there[i])
  await withdraw(bucket, missing)
  const totalBytes = missing.reduce((sum, { bytes }) => sum + bytes, 0)
  let sent = 0
  options.onProgress(0, totalBytes)
  const advance = (bytes: number): void => options.onProgress((sent += bytes), totalBytes)
  await mapLimited(missing, options.parallel, file => send(folder, file, bucket, options.partBytes, advance))
  const text = new Uint8Array(await readFile(join(folder, INDEX_FILE)))
  await bucket.put(INDEX_FILE, text, sha256Hex(text))
  return { sent: missing.length, kept: files.length - missing.length, bytes: totalBytes }
}

/** No index may name a file that it does not describe: the one there goes before any of its files is replaced. */
async function withdraw(bucket: Bucket, missing: readonly IndexedFile[]): Promise<void> {
  const bytes = missing.length ? await bucket.get(INDEX_FILE) : undefined
  if (!bytes) return
  const named = namedBy(bytes)
  if (!named || missing.some(({ file, sha256 }) => (named.get(file) ?? sha256) !== sha256))
    await bucket.remove(INDEX_FILE)
}

function namedBy(index: Uint8Array): Map<string, string> | undefined {
  try {
    return new Map(filesOf(parseIndex(index, INDEX_FILE)).map(({ file, sha256 }) => [file, sha256]))
  } catch (error) {
    if (error instanceof PrepError) return undefined
    throw error
  }
}

async function send(
  folder: string,
  { file, bytes, sha256 }: IndexedFile,
  bucket: Bucket,
  partBytes: number,
  advance: (bytes: number) => void,
): Promise<void> {
  const path = join(folder, file)
  const found = await hashOf(path)
  if (found !== sha256)
    throw new PrepError('SHARD_DAMAGED', `${path}: expected sha256 ${sha256}, found ${found}: it is not sent`, {
      hint: 'run the pipeline with --from pack: damaged shards are written again',
    })
  if (bytes <= partBytes) {
    await bucket.put(file, new Uint8Array(await readFile(path)), sha256)
    advance(bytes)
  } else await bucket.putInParts(file, partsOf(path, bytes, partBytes, advance), sha256)
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece)
  } catch (error) {
    throw fileError(error, path, 'upload')
  }
  return hash.digest('hex')
}

async function* partsOf(
  path: string,
  bytes: number,
  partBytes: number,
  advance: (bytes: number) => void,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const file = await open(path)
  try {
    for (let at = 0; at < bytes; at += partBytes) {
      const part = new Uint8Array(Math.min(partBytes, bytes - at))
      const { bytesRead } = await file.read(part, 0, part.length, at)
      if (bytesRead < part.length) throw new PrepError('SHARD_DAMAGED', `${path} has become shorter meanwhile`)
      yield part
      advance(part.length)
    }
  } finally {
    await file.close()
  }
}
