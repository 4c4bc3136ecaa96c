/** Files that matter: written to a temporary name beside the target, synced, renamed. A kill leaves the old file or the new one. */
import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync, writevSync } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { threadId } from 'node:worker_threads'
import { fileError, PrepError, systemCode } from './errors.js'

let serial = 0

/** The temporary name of this process and thread for `path`; `isTemporary` knows such names. */
export function temporaryPath(path: string): string {
  serial += 1
  return `${path}.${process.pid}-${threadId}-${serial}.tmp`
}

export const isTemporary = (path: string): boolean => /\.\d+-\d+-\d+\.tmp$/.test(path)

/**
 * Make a folder and those above it. Node's own recursive mkdir never ends where folders cannot be made, as in /proc.
 * @throws the system's error
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if (systemCode(error) === 'EEXIST' && statSync(path).isDirectory()) return
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw error
    makeFolder(dirname(path))
    mkdirIfMissing(path)
  }
}

/** Another process may have made it meanwhile. */
function mkdirIfMissing(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
}

export interface WriteOptions {
  /** false for what can be made again: the rename stays atomic, but a power cut may lose the file. */
  readonly sync?: boolean
}

/**
 * Write through a temporary file: `write` gets the open handle, then the file is synced and renamed onto `path`.
 *
 * Missing folders are made. On any failure the temporary file is removed and `path` is as it was.
 * @throws {PrepError} `DISK_FULL`, `OUTPUT_READ_ONLY`, `FILE_UNREADABLE`
 */
export async function replaceFile(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  { sync = true }: WriteOptions = {},
): Promise<void> {
  const temporary = temporaryPath(path)
  try {
    const file = await open(temporary, 'w+').catch(async error => {
      if (error.code !== 'ENOENT') throw error
      makeFolder(dirname(path))
      return open(temporary, 'w+')
    })
    try {
      await write(file)
      if (sync) await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    if (error instanceof PrepError) throw error
    throw fileError(error, path, 'write')
  }
  if (sync) await syncFolder(dirname(path))
}

/** `replaceFile` with the whole content at hand. */
export function writeFileAtomic(path: string, data: string | Uint8Array, options?: WriteOptions): Promise<void> {
  return replaceFile(path, file => file.writeFile(data), options)
}

/**
 * `replaceFile` for worker processes and for files that can be made again: atomic, not synced, and without the trips
 * through the thread pool that cost more than the writing of a small file.
 */
export function replaceFileUnsynced(path: string, chunks: readonly Uint8Array[]): void {
  const temporary = temporaryPath(path)
  try {
    const file = openForWriting(temporary)
    try {
      let left = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
      let rest = [...chunks]
      while (left > 0) {
        const written = writevSync(file, rest)
        left -= written
        if (left > 0) rest = [Buffer.concat(rest).subarray(written)]
      }
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw fileError(error, path, 'write')
  }
}

/** Open for writing from the start; missing folders are made. @throws the system's error */
export function openForWriting(path: string): number {
  try {
    return openSync(path, 'w')
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
    makeFolder(dirname(path))
    return openSync(path, 'w')
  }
}

/** Make a rename in this folder survive a power cut; file systems that cannot sync folders are left alone. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => {})
  await folder?.close()
}

/** @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE` */
export async function readFileChecked(path: string, action = 'read'): Promise<Buffer> {
  return readFile(path).catch(error => {
    throw fileError(error, path, action)
  })
}

/** Is it there, and a file? */
export const isFile = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isFile() ?? false

export const sha256Hex = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')

const HASH_PIECE = 1 << 18
let hashPiece: Buffer | undefined

/**
 * sha256 of a file's bytes as 64 hex digits, in bounded memory. Blocks while it reads.
 * @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`
 */
export function sha256File(path: string): string {
  const hash = createHash('sha256')
  hashPiece ??= Buffer.allocUnsafeSlow(HASH_PIECE)
  const piece = hashPiece
  try {
    const file = openSync(path, 'r')
    try {
      for (let found = readSync(file, piece); found > 0; found = readSync(file, piece))
        hash.update(piece.subarray(0, found))
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw fileError(error, path, 'read')
  }
  return hash.digest('hex')
}
