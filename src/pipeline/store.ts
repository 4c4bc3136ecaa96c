/**
 * Results by key: OUT/.cache/entries/ab/abcdef... Each entry is a safetensors file (an image or bytes, and facts) with a
 * checksum, written without syncing: what a power cut tears is noticed on reading and made again.
 */
import { closeSync, fstatSync, openSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileError, PrepError, systemCode } from '../errors.js'
import { replaceFileUnsynced } from '../files.js'
import { crc32c } from '../formats/crc32c.js'
import { parseHeader } from '../formats/safetensors/header.js'
import { planSafetensors } from '../formats/safetensors/layout.js'
import type { Json } from './fingerprint.js'
import type { LoadedPixels, TaskOutput } from './stage.js'

type Memory = Uint8Array<ArrayBuffer>

export type Facts = { readonly [name: string]: Json }

/** The sample cannot be used, now or on a rerun: remembered like any other result. */
export interface StoredFailure {
  readonly code: string
  readonly message: string
}

export type StoredHead = { readonly facts: Facts } | { readonly failure: StoredFailure }

/** Blocks while it reads and writes: it is made for worker processes, which have nothing else to do meanwhile. */
export class Store {
  readonly #root: string

  constructor(cache: string) {
    this.#root = join(cache, 'entries')
  }

  path(key: string): string {
    return join(this.#root, key.slice(0, 2), key)
  }

  /** Facts of an entry, or nothing when there is none or its head is torn. */
  head(key: string): StoredHead | undefined {
    const file = this.#open(key)
    if (file === undefined) return undefined
    try {
      const { size } = fstatSync(file)
      const head = Buffer.allocUnsafe(Math.min(size, HEAD_BYTES))
      readSync(file, head, 0, head.length, 0)
      return parseHead(parseHeader(head, size).metadata)
    } catch (error) {
      if (error instanceof PrepError) return undefined
      throw error
    } finally {
      closeSync(file)
    }
  }

  write(key: string, { image, bytes, facts = {} }: TaskOutput): void {
    const data = image?.data ?? bytes ?? new Uint8Array(0)
    const shape = image ? [image.height, image.width, image.channels] : [data.length]
    const metadata = { crc32c: String(crc32c(data)), facts: JSON.stringify(facts) }
    const { header } = planSafetensors({ data: { dtype: 'U8', shape } }, metadata)
    replaceFileUnsynced(this.path(key), [header, data])
  }

  writeFailure(key: string, failure: StoredFailure): void {
    replaceFileUnsynced(this.path(key), [planSafetensors({}, { failure: JSON.stringify(failure) }).header])
  }

  /**
   * @param allocate  gives memory of at least so many bytes, in which the image will lie
   * @throws {PrepError} `CACHE_DAMAGED`; the entry is then removed, so that a rerun makes it again
   */
  image(key: string, allocate: (bytes: number) => Memory): { image: LoadedPixels; memory: Memory } {
    const { data, shape, crc32c, memory } = this.#read(key, allocate)
    const [height = 0, width = 0, channels] = shape
    return { image: { data, width, height, channels: channels === 1 ? 1 : 3, crc32c }, memory }
  }

  /** @throws {PrepError} `CACHE_DAMAGED` */
  bytes(key: string): Uint8Array {
    return this.#read(key, bytes => new Uint8Array(bytes)).data
  }

  #open(key: string): number | undefined {
    try {
      return openSync(this.path(key), 'r')
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw fileError(error, this.path(key), 'read')
    }
  }

  #read(
    key: string,
    allocate: (bytes: number) => Memory,
  ): { data: Uint8Array; shape: readonly number[]; crc32c: number; memory: Memory } {
    const path = this.path(key)
    const file = this.#open(key)
    try {
      if (file !== undefined) {
        const { size } = fstatSync(file)
        const memory = allocate(size)
        const whole = memory.subarray(0, readSync(file, memory, 0, size, 0))
        const { metadata, tensors } = parseHeader(whole, size)
        const place = tensors.get('data')
        const data = place && whole.subarray(place.start, place.start + place.bytes)
        const sum = Number(metadata.crc32c)
        if (data && crc32c(data) === sum) return { data, shape: place.shape, crc32c: sum, memory }
      }
    } catch (error) {
      if (!(error instanceof PrepError)) throw error
    } finally {
      if (file !== undefined) closeSync(file)
    }
    rmSync(path, { force: true })
    throw new PrepError('CACHE_DAMAGED', `${path} is missing or damaged`, {
      hint: 'run the same command again: what is missing is made anew',
    })
  }
}

/** A head that is longer (very many facts) reads as torn, and its entry is made again. */
const HEAD_BYTES = 1 << 16

function parseHead(metadata: Readonly<Record<string, string>>): StoredHead | undefined {
  if (metadata.failure !== undefined) return { failure: JSON.parse(metadata.failure) as StoredFailure }
  return metadata.facts === undefined ? undefined : { facts: JSON.parse(metadata.facts) as Facts }
}
