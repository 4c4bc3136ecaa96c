/**
 * Results by key: OUT/.cache/entries/ab/abcdef... Each entry is a safetensors file (an image or bytes, and facts) with a
 * checksum, written without syncing: what a power cut tears is noticed on reading and made again.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PrepError } from '../errors.js'
import { crc32c } from '../formats/crc32c.js'
import { openSafetensors, readSafetensors } from '../formats/safetensors/read.js'
import { writeSafetensors } from '../formats/safetensors/write.js'
import type { Pixels } from '../sample.js'
import type { Json } from './fingerprint.js'
import type { TaskOutput } from './stage.js'

export type Facts = { readonly [name: string]: Json }

/** The sample cannot be used, now or on a rerun: remembered like any other result. */
export interface StoredFailure {
  readonly code: string
  readonly message: string
}

export type StoredHead = { readonly facts: Facts } | { readonly failure: StoredFailure }

export class Store {
  readonly #root: string

  constructor(cache: string) {
    this.#root = join(cache, 'entries')
  }

  path(key: string): string {
    return join(this.#root, key.slice(0, 2), key)
  }

  /** Facts of an entry, or nothing when there is none or its head is torn. */
  async head(key: string): Promise<StoredHead | undefined> {
    try {
      const file = await openSafetensors(this.path(key))
      await file.close()
      return parseHead(file.metadata)
    } catch (error) {
      if (error instanceof PrepError) return undefined
      throw error
    }
  }

  async write(key: string, { image, bytes, facts = {} }: TaskOutput): Promise<void> {
    const data = image?.data ?? bytes ?? new Uint8Array(0)
    const shape = image ? [image.height, image.width, image.channels] : [data.length]
    await writeSafetensors(
      this.path(key),
      { data: { dtype: 'U8', shape, data: data as Uint8Array<ArrayBuffer> } },
      { crc32c: String(crc32c(data)), facts: JSON.stringify(facts) },
      { sync: false },
    )
  }

  async writeFailure(key: string, failure: StoredFailure): Promise<void> {
    await writeSafetensors(this.path(key), {}, { failure: JSON.stringify(failure) }, { sync: false })
  }

  /** @throws {PrepError} `CACHE_DAMAGED`; the entry is then removed, so that a rerun makes it again */
  async image(key: string): Promise<Pixels> {
    const { data, shape } = await this.#read(key)
    const [height = 0, width = 0, channels] = shape
    return { data, width, height, channels: channels === 1 ? 1 : 3 }
  }

  /** @throws {PrepError} `CACHE_DAMAGED` */
  async bytes(key: string): Promise<Uint8Array> {
    return (await this.#read(key)).data
  }

  async #read(key: string): Promise<{ data: Uint8Array; shape: readonly number[] }> {
    const path = this.path(key)
    try {
      const { tensors, metadata } = await readSafetensors(path)
      const tensor = tensors.data
      const data = tensor?.data
      if (tensor && data instanceof Uint8Array && crc32c(data) === Number(metadata.crc32c))
        return { data, shape: tensor.shape }
    } catch (error) {
      if (!(error instanceof PrepError)) throw error
    }
    await rm(path, { force: true })
    throw new PrepError('CACHE_DAMAGED', `${path} is missing or damaged`, {
      hint: 'run the same command again: what is missing is made anew',
    })
  }
}

function parseHead(metadata: Readonly<Record<string, string>>): StoredHead | undefined {
  if (metadata.failure !== undefined) return { failure: JSON.parse(metadata.failure) as StoredFailure }
  return metadata.facts === undefined ? undefined : { facts: JSON.parse(metadata.facts) as Facts }
}
