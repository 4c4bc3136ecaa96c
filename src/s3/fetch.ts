/** Brings a data set from a bucket into a folder: every file is held to the index, index.json is written last. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { PrepError } from '../errors.js'
import { replaceFile, writeFileAtomic } from '../files.js'
import { prepareDataset, removeUnnamed } from '../formats/dataset/commit.js'
import { type DatasetIndex, filesOf, INDEX_FILE, type IndexedFile, parseIndex } from '../formats/dataset/index-file.js'
import { type Bucket, STALL_MS } from './bucket.js'
import { mapLimited } from './limit.js'

export interface FetchOptions {
  readonly parallel: number
  /** sha256 of files that are there already, by path inside the data set. */
  readonly present: (files: readonly string[]) => Promise<ReadonlyMap<string, string>>
  readonly onProgress: (bytes: number, totalBytes: number) => void
}

export interface Fetched {
  readonly index: DatasetIndex
  /** Files that were brought, of all. */
  readonly brought: number
  readonly bytes: number
}

/**
 * @throws {PrepError} `DATASET_MISSING` when the bucket has no index, `INDEX_DAMAGED`, `SHARD_DAMAGED` for an object that
 *   is not as the index says, `REMOTE_REFUSED`, `REMOTE_FAILED`, `INTERRUPTED`, `DISK_FULL`
 */
export async function fetchDataset(bucket: Bucket, folder: string, options: FetchOptions): Promise<Fetched> {
  const { address } = bucket.place
  const text = await bucket.get(INDEX_FILE)
  if (!text)
    throw new PrepError('DATASET_MISSING', `${address}: expected a data set, found no ${INDEX_FILE}`, {
      hint: 'check the address; the upload stage writes index.json last',
    })
  const index = parseIndex(text, `${address}/${INDEX_FILE}`)
  const files = filesOf(index)
  const present = await options.present(files.map(({ file }) => file))
  const missing = files.filter(({ file, sha256 }) => present.get(file) !== sha256)
  const wanted = new Set(missing.map(({ file }) => file))
  await prepareDataset(folder, { write: index.shards.filter(({ file }) => wanted.has(file)) })
  const totalBytes = missing.reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0
  options.onProgress(0, totalBytes)
  const advance = (bytes: number): void => options.onProgress((done += bytes), totalBytes)
  await mapLimited(missing, options.parallel, file => download(bucket, join(folder, file.file), file, advance))
  await writeFileAtomic(join(folder, INDEX_FILE), text)
  await removeUnnamed(folder, new Set(files.map(({ file }) => file)))
  return { index, brought: missing.length, bytes: totalBytes }
}

/** A body that is cut goes on where it stopped. */
function download(
  bucket: Bucket,
  path: string,
  { file, bytes, sha256 }: IndexedFile,
  advance: (bytes: number) => void,
): Promise<void> {
  return replaceFile(path, async target => {
    let hash = createHash('sha256')
    let at = 0
    for (let attempt = 1; at < bytes || attempt === 1; attempt += 1) {
      const range = at ? { range: `bytes=${at}-` } : {}
      const response = await bucket.send({ method: 'GET', key: file, headers: range }, [200, 206, 404])
      if (response.status === 404) throw damaged(bucket, file, 'the object is missing')
      if (response.status === 200 && at > 0) {
        hash = createHash('sha256')
        advance(-at)
        at = 0
      }
      try {
        for await (const piece of bodyOf(response)) {
          if (at + piece.length > bytes) throw damaged(bucket, file, `expected ${bytes} bytes, found more`)
          hash.update(piece)
          await target.write(piece, 0, piece.length, at)
          at += piece.length
          advance(piece.length)
          attempt = 1
        }
        if (at < bytes) await bucket.pause(attempt, undefined, `${file} ended after ${at} of ${bytes} bytes`)
      } catch (error) {
        if (error instanceof PrepError) throw error
        await bucket.pause(attempt, undefined, `${file} was cut after ${at} of ${bytes} bytes`, error)
      }
    }
    await target.truncate(bytes)
    const found = hash.digest('hex')
    if (found !== sha256) throw damaged(bucket, file, `expected sha256 ${sha256}, found ${found}`)
  })
}

/** The pieces of a body; one that stands still is an error. */
async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader()
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined
      const stalled = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no byte within ${STALL_MS / 1000} s`)), STALL_MS)
      })
      const next = await Promise.race([reader?.read(), stalled]).finally(() => clearTimeout(timer))
      if (!next || next.done) return
      yield next.value
    }
  } finally {
    await reader?.cancel().catch(() => {})
  }
}

const damaged = (bucket: Bucket, file: string, problem: string): PrepError =>
  new PrepError('SHARD_DAMAGED', `${bucket.place.address}/${file}: ${problem}`, {
    hint: 'upload the data set again',
  })
