/** A file read here and there, for formats that keep many things in one: small reads are served from a window held in memory. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { fileError } from '../errors.js'

const WINDOW_BYTES = 1 << 17

/** Blocks while it reads: it is made for worker processes. */
export class ArchiveFile {
  readonly bytes: number
  readonly #file: number
  #window = new Uint8Array(0)
  #start = 0

  /** @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`, `NOT_A_FILE` */
  constructor(readonly path: string) {
    try {
      this.#file = openSync(path, 'r')
      this.bytes = fstatSync(this.#file).size
    } catch (error) {
      throw fileError(error, path, 'open the archive')
    }
  }

  /** At most `count` bytes from `offset`, fewer at the end of the file. They are the caller's until the next read. */
  read(offset: number, count: number): Uint8Array {
    const wanted = Math.max(0, Math.min(count, this.bytes - offset))
    const from = offset - this.#start
    if (from >= 0 && from + wanted <= this.#window.length) return this.#window.subarray(from, from + wanted)
    const piece = Math.min(Math.max(wanted, WINDOW_BYTES), this.bytes - offset)
    const window = new Uint8Array(Math.max(0, piece))
    let filled = 0
    try {
      while (filled < window.length) {
        const found = readSync(this.#file, window, filled, window.length - filled, offset + filled)
        if (found === 0) break
        filled += found
      }
    } catch (error) {
      throw fileError(error, this.path, 'read the archive')
    }
    this.#window = window.subarray(0, filled)
    this.#start = offset
    return this.#window.subarray(0, wanted)
  }

  close(): void {
    closeSync(this.#file)
  }
}
