/**
 * Downloaded photos by content: FOLDER/ab/abcdef...jpg, named by sha256 and format alone. What has not wholly come lies
 * in FOLDER/.partial until it goes on.
 */
import { readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileError, systemCode } from '../errors.js'
import { isTemporary, makeFolder, sha256Hex } from '../files.js'
import type { Format } from '../images/format.js'
import { Incoming } from './incoming.js'

const EXTENSIONS: Readonly<Record<Format, string>> = {
  jpeg: 'jpg',
  png: 'png',
  webp: 'webp',
  gif: 'gif',
  tiff: 'tif',
  avif: 'avif',
}
const STORED = /^([0-9a-f]{64})\.[a-z]+$/

export class DownloadStore {
  readonly #root: string
  /** Path below the root by sha256. */
  readonly #files: Map<string, string>
  readonly #partials: Set<string>
  readonly #folders = new Set<string>()

  private constructor(root: string, files: Map<string, string>, partials: Set<string>) {
    this.#root = root
    this.#files = files
    this.#partials = partials
  }

  /**
   * List what is there, and clear away what a killed run left half-written.
   * @param readOnly  leave everything as it is
   * @throws {PrepError} `FILE_UNREADABLE`
   */
  static async open(root: string, { readOnly = false } = {}): Promise<DownloadStore> {
    const files = new Map<string, string>()
    for (const folder of await names(root)) {
      if (!/^[0-9a-f]{2}$/.test(folder)) continue
      for (const file of await names(join(root, folder))) {
        const sha256 = STORED.exec(file)?.[1]
        if (sha256) files.set(sha256, `${folder}/${file}`)
      }
    }
    const partials = new Set<string>()
    for (const file of await names(join(root, '.partial'))) {
      if (isTemporary(file) && !readOnly) await rm(join(root, '.partial', file), { force: true })
      else if (file.endsWith('.json')) partials.add(file.slice(0, -'.json'.length))
    }
    return new DownloadStore(root, files, partials)
  }

  /** Where the content lies, if it is here. */
  path(sha256: string): string | undefined {
    const file = this.#files.get(sha256)
    return file === undefined ? undefined : join(this.#root, file)
  }

  /** What is about to come from a URL: empty, or what came of it before. */
  async incoming(url: string): Promise<Incoming> {
    const id = sha256Hex(url).slice(0, 32)
    const place = join(this.#root, '.partial', id)
    if (!this.#partials.delete(id)) return new Incoming(place)
    return Incoming.resume(place)
  }

  /** Put an unfinished download aside: a later try goes on with it where the host allows that. */
  async setAside(incoming: Incoming): Promise<void> {
    if (await incoming.keep()) this.#partials.add(incoming.id)
  }

  /**
   * Take a finished download in: synced, then renamed, so that it is there whole or not at all.
   * @returns its path
   */
  async take(incoming: Incoming, sha256: string, format: Format): Promise<string> {
    const known = this.path(sha256)
    if (known !== undefined) {
      await incoming.discard()
      return known
    }
    const file = `${sha256.slice(0, 2)}/${sha256}.${EXTENSIONS[format]}`
    const path = join(this.#root, file)
    this.#makeFolder(dirname(path))
    try {
      await incoming.moveTo(path)
    } catch (error) {
      throw fileError(error, path, 'store the download')
    }
    this.#files.set(sha256, file)
    return path
  }

  #makeFolder(folder: string): void {
    if (this.#folders.has(folder)) return
    try {
      makeFolder(folder)
    } catch (error) {
      throw fileError(error, folder, 'make the folder')
    }
    this.#folders.add(folder)
  }
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw fileError(error, folder, 'list the folder')
  }
}
