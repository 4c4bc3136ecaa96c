/** Getting at a photo's bytes without being caught: folders, pipes and devices are told apart before anything is opened. */
import { open, readFile, stat } from 'node:fs/promises'
import { fileError, PrepError } from '../errors.js'
import type { ByteRange } from '../sample.js'
import { HEAD_BYTES } from './format.js'

/** Files above this many bytes are decoded from disk instead of from memory. */
const MAX_BUFFERED_BYTES = 256 * 2 ** 20

export interface PhotoFile {
  /** The content, or the path of a file too large to hold. */
  readonly data: Uint8Array | string
  /** The first bytes, enough to tell the format. */
  readonly head: Uint8Array
}

/**
 * @param range  the part of the file that is the photo: all of it when absent
 * @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`, `NOT_A_FILE`, `EMPTY_FILE`
 */
export async function readPhotoFile(path: string, range?: ByteRange): Promise<PhotoFile> {
  try {
    const stats = await stat(path)
    if (!stats.isFile()) {
      const kind = stats.isDirectory() ? 'a folder' : stats.isFIFO() ? 'a pipe' : 'a device or socket'
      throw new PrepError('NOT_A_FILE', `${path} is ${kind}, expected a photo`)
    }
    if (range) {
      const data = await readRange(path, range)
      return { data, head: data }
    }
    if (stats.size > MAX_BUFFERED_BYTES) return { data: path, head: await readHead(path) }
    const data = await readFile(path)
    if (data.length === 0) throw new PrepError('EMPTY_FILE', `${path} is empty, expected a photo`)
    return { data, head: data }
  } catch (error) {
    if (error instanceof PrepError) throw error
    const known = fileError(error, path, 'read the photo')
    if (known instanceof PrepError) throw known
    throw new PrepError('FILE_UNREADABLE', `cannot read the photo ${path}: ${known.message}`, { cause: error })
  }
}

const readHead = (path: string): Promise<Uint8Array> => readRange(path, { offset: 0, bytes: HEAD_BYTES })

/** Fewer bytes where the file ends early: decoding then says what is wrong. */
async function readRange(path: string, { offset, bytes }: ByteRange): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, offset)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
