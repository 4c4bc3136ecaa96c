/**
 * A download on its way in: hashed as it comes, small ones held in memory, large ones spilled to FOLDER/.partial/ID.part.
 * Beside it ID.json vouches for a prefix of the file, so that a later run can go on with it after any end of this one.
 */
import { createHash, type Hash } from 'node:crypto'
import { closeSync, createReadStream, fdatasync, renameSync, rmSync, writeSync } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'
import { fileError, systemCode } from '../errors.js'
import { makeFolder, openForWriting, temporaryPath, writeFileAtomic } from '../files.js'
import { HEAD_BYTES } from '../images/format.js'

/** What lets a host tell whether its file is still the one that began to come. */
export interface Validators {
  readonly etag?: string
  readonly lastModified?: string
}

/** Bytes held in memory before they are written down. */
const PIECE = 1 << 20

interface Checkpoint {
  readonly validators: Validators
  readonly bytes: number
  /** Of the first so many bytes. */
  readonly sha256: string
}

export class Incoming {
  readonly #place: string
  #hash: Hash = createHash('sha256')
  #bytes = 0
  #head: Uint8Array = new Uint8Array(0)
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  /** Bytes that are in the file. */
  #spilled = 0
  /** Are there files of this download? */
  #onDisk = false
  #file: FileHandle | undefined
  #validators: Validators = {}

  /** @param place  path of the partial file, without extension */
  constructor(place: string) {
    this.#place = place
  }

  /** Take up what an earlier try left; empty when that does not hold together. */
  static async resume(place: string): Promise<Incoming> {
    const incoming = new Incoming(place)
    incoming.#onDisk = true
    try {
      const checkpoint = JSON.parse(await readFile(`${place}.json`, 'utf8')) as Checkpoint
      const { bytes, sha256, validators } = checkpoint
      if (!(bytes > 0)) throw new RangeError('nothing came')
      for await (const chunk of createReadStream(`${place}.part`, { end: bytes - 1 })) incoming.#count(chunk)
      if (incoming.#bytes !== bytes || incoming.#hash.copy().digest('hex') !== sha256) throw new RangeError('torn')
      incoming.#spilled = bytes
      incoming.#validators = validators
      return incoming
    } catch {
      await incoming.discard()
      return new Incoming(place)
    }
  }

  get id(): string {
    return basename(this.#place)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The first bytes, enough to tell the format. */
  get head(): Uint8Array {
    return this.#head
  }

  get validators(): Validators {
    return this.#validators
  }

  /** Begin anew with what the host says about the file that comes now. */
  async restart(validators: Validators): Promise<void> {
    if (this.#bytes > 0) await this.discard()
    this.#validators = validators
  }

  /** The caller must wait for the promise, when there is one, before it goes on: memory is bounded so. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#count(chunk)
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    return this.#pendingBytes >= PIECE ? this.#spill() : undefined
  }

  sha256(): string {
    return this.#hash.copy().digest('hex')
  }

  /** Move the whole to its path. */
  async moveTo(path: string): Promise<void> {
    if (this.#spilled === 0) {
      await writeSynced(this.#place, path, this.#pending)
    } else {
      await this.#flush()
      await this.#file?.datasync()
      await this.#close()
      await rename(`${this.#place}.part`, path)
      await rm(`${this.#place}.json`, { force: true })
    }
    this.#forget()
  }

  /**
   * Keep what has come for a later try.
   * @returns false when it is of no use, because the host gave nothing to recognise its file by
   */
  async keep(): Promise<boolean> {
    if (this.#bytes > 0 && canResume(this.#validators)) {
      await this.#spill()
      await this.#close()
      return true
    }
    await this.discard()
    return false
  }

  /** Drop all of it. */
  async discard(): Promise<void> {
    await this.#close()
    if (this.#onDisk) {
      await rm(`${this.#place}.json`, { force: true })
      await rm(`${this.#place}.part`, { force: true })
    }
    this.#forget()
  }

  #forget(): void {
    this.#hash = createHash('sha256')
    this.#bytes = 0
    this.#spilled = 0
    this.#onDisk = false
    this.#head = new Uint8Array(0)
    this.#pending = []
    this.#pendingBytes = 0
  }

  #count(chunk: Uint8Array): void {
    this.#hash.update(chunk)
    this.#bytes += chunk.length
    if (this.#head.length < HEAD_BYTES)
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, HEAD_BYTES - this.#head.length)])
  }

  /** Write down what is held, then vouch for it. */
  async #spill(): Promise<void> {
    await this.#flush()
    if (!canResume(this.#validators)) return
    const checkpoint: Checkpoint = { validators: this.#validators, bytes: this.#bytes, sha256: this.sha256() }
    await writeFileAtomic(`${this.#place}.json`, JSON.stringify(checkpoint), { sync: false })
  }

  async #flush(): Promise<void> {
    const path = `${this.#place}.part`
    try {
      if (!this.#file) {
        this.#file = await openIn(path, this.#spilled > 0 ? 'r+' : 'w')
        this.#onDisk = true
        // Bytes that nobody vouches for.
        await this.#file.truncate(this.#spilled)
      }
      for (const chunk of this.#pending) {
        for (let sent = 0; sent < chunk.length; )
          sent += (await this.#file.write(chunk, sent, chunk.length - sent, this.#spilled + sent)).bytesWritten
        this.#spilled += chunk.length
      }
      this.#pending = []
      this.#pendingBytes = 0
    } catch (error) {
      throw fileError(error, path, 'write the download')
    }
  }

  async #close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }
}

/** Weak tags do not vouch for bytes (RFC 9110, section 13.1.5). */
export const canResume = ({ etag, lastModified }: Validators): boolean =>
  etag === undefined ? lastModified !== undefined : !etag.startsWith('W/')

/** Open a file for writing in a folder that may be missing. */
async function openIn(path: string, flags: string): Promise<FileHandle> {
  return open(path, flags).catch(error => {
    if (systemCode(error) !== 'ENOENT') throw error
    makeFolder(dirname(path))
    return open(path, flags)
  })
}

/**
 * Write a small file whole, synced and renamed. Only the syncing leaves the thread: the rest takes less time than the
 * trips through the thread pool would.
 */
async function writeSynced(temporaryBase: string, path: string, chunks: readonly Uint8Array[]): Promise<void> {
  const temporary = temporaryPath(temporaryBase)
  try {
    const file = openForWriting(temporary)
    try {
      const data = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
      for (let sent = 0; sent < data.length; ) sent += writeSync(file, data, sent)
      await sync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

const sync = promisify(fdatasync)
