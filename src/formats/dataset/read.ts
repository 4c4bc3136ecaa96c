/** Reading a data set: any row of any shard in two reads, checksums on demand. */
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileError, PrepError, systemCode } from '../../errors.js'
import { readFileChecked, sha256Hex } from '../../files.js'
import { bySplit, type Split } from '../../sample.js'
import { crc32c } from '../crc32c.js'
import { readFully } from '../safetensors/transfer.js'
import { type DatasetIndex, INDEX_FILE, type Json, parseIndex, type ShardEntry } from './index-file.js'
import {
  KEY_BYTES,
  labelSpan,
  makeHead,
  offsetsFit,
  photoSpan,
  planShard,
  type Row,
  type RowForm,
  type ShardHead,
  type ShardLayout,
} from './shard-layout.js'

export interface ReadOptions {
  /** Hold label and photo to their CRC-32C. */
  readonly verify?: boolean
}

export interface Dataset {
  readonly index: DatasetIndex
  readonly form: RowForm
  /** palette.json */
  readonly palette: Json
  rows(split: Split): number
  /**
   * Row `row` of a split, 0..rows(split)-1, in memory of its own. The photo is as stored, raw RGB or a JPEG file.
   * @throws {PrepError} `SHARD_DAMAGED`
   */
  read(split: Split, row: number, options?: ReadOptions): Promise<Row>
  /** The keys of all rows of a split, in order. @throws {PrepError} `SHARD_DAMAGED` */
  keys(split: Split): Promise<string[]>
  /** The keys of one shard's rows. @throws {PrepError} `SHARD_DAMAGED` */
  shardKeys(shard: ShardEntry): Promise<string[]>
  /** The objects of samples.jsonl, one by one. @throws {PrepError} `INDEX_DAMAGED` for a line that is not JSON */
  samples(): AsyncIterable<Record<string, unknown>>
  close(): Promise<void>
}

/** Open shards at a time: below the usual limit of 1024 files. */
const OPEN_SHARDS = 256

/**
 * Read and check index.json.
 * @throws {PrepError} `DATASET_MISSING`, `INDEX_DAMAGED`, `DATASET_VERSION`, `FILE_UNREADABLE`
 */
export async function readIndex(dataset: string): Promise<DatasetIndex> {
  const path = join(dataset, INDEX_FILE)
  const bytes = await readFileChecked(path, 'open the data set').catch(error => {
    if (!(error instanceof PrepError) || error.code !== 'FILE_MISSING') throw error
    throw new PrepError('DATASET_MISSING', `${dataset}: expected a data set, found no ${INDEX_FILE}`, {
      hint: 'name the folder that a pack step wrote, or run the pipeline to its end',
      cause: error,
    })
  })
  return parseIndex(bytes, path)
}

/**
 * Open a data set; the caller closes it. Rows may be read in any order and at the same time.
 * @throws {PrepError} `DATASET_MISSING`, `INDEX_DAMAGED` (also for a palette that is not the index's), `DATASET_VERSION`
 */
export async function openDataset(dataset: string): Promise<Dataset> {
  const index = await readIndex(dataset)
  const palettePath = join(dataset, index.palette.file)
  const palette = await readFileChecked(palettePath, 'read the palette')
  if (sha256Hex(palette) !== index.palette.sha256) {
    throw new PrepError('INDEX_DAMAGED', `${palettePath}: expected the palette with sha256 ${index.palette.sha256}`, {
      hint: 'restore the file, or pack the data set again',
    })
  }
  const form: RowForm = { ...index.size, photo: index.photo }
  const cache = new ShardCache(dataset, form)
  const shards = bySplit(split => index.shards.filter(shard => shard.split === split))
  const starts = bySplit(split => startsOf(shards[split]))

  const shardKeys = (entry: ShardEntry): Promise<string[]> =>
    cache.use(entry, ({ head }) => Array.from({ length: entry.rows }, (_, row) => keyOf(head, row)))

  return {
    index,
    form,
    palette: JSON.parse(palette.toString()) as Json,
    rows: split => index.rows[split],
    read(split, row, options) {
      if (!Number.isInteger(row) || row < 0 || row >= index.rows[split]) {
        throw new RangeError(`${split} row ${row} of ${index.rows[split]}`)
      }
      const at = shardOf(starts[split], row)
      return cache.use(shards[split][at]!, shard => readRow(shard, row - starts[split][at]!, options))
    },
    async keys(split) {
      const keys: string[] = []
      for (const entry of shards[split]) keys.push(...(await shardKeys(entry)))
      return keys
    },
    shardKeys,
    samples: () => readSamples(join(dataset, index.samples.file)),
    close: () => cache.close(),
  }
}

const startsOf = (shards: readonly ShardEntry[]): number[] => {
  let start = 0
  return shards.map(({ rows }) => (start += rows) - rows)
}

/** The last shard that starts at or before the row, by bisection. */
function shardOf(starts: readonly number[], row: number): number {
  let [low, high] = [0, starts.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (starts[middle]! <= row) low = middle
    else high = middle
  }
  return low
}

interface OpenShard {
  readonly path: string
  readonly file: FileHandle
  readonly layout: ShardLayout
  readonly head: ShardHead
}

async function readRow(shard: OpenShard, row: number, { verify = false }: ReadOptions = {}): Promise<Row> {
  const { path, file, layout, head } = shard
  const read = async (field: number, { start, bytes }: { start: number; bytes: number }): Promise<Uint8Array> => {
    const into = new Uint8Array(bytes)
    if ((await readFully(file, into, start)) < bytes) throw damaged(path, 'the file was cut while open')
    const stored = head.crc[2 * row + field]
    if (verify && crc32c(into) !== stored) {
      throw damaged(path, `row ${row}: the ${field === 0 ? 'label' : 'photo'} does not fit its CRC-32C`)
    }
    return into
  }
  const [label, photo] = await Promise.all([read(0, labelSpan(layout, row)), read(1, photoSpan(layout, head, row))])
  return { key: keyOf(head, row), label, photo }
}

const keyOf = ({ key }: ShardHead, row: number): string =>
  Buffer.from(key.buffer, key.byteOffset + row * KEY_BYTES, KEY_BYTES).toString('hex')

async function openShard(dataset: string, entry: ShardEntry, form: RowForm): Promise<OpenShard> {
  const path = join(dataset, entry.file)
  const file = await open(path, 'r').catch(error => {
    if (systemCode(error) === 'ENOENT') throw damaged(path, 'the file is missing')
    throw fileError(error, path, 'open')
  })
  try {
    const { size } = await file.stat()
    if (size !== entry.bytes) throw damaged(path, `expected ${entry.bytes} bytes, found ${size}`)
    const { photos } = planShard(form, entry.rows, entry.fingerprint)
    const layout = planShard(form, entry.rows, entry.fingerprint, Math.max(0, size - photos))
    const head = makeHead(layout)
    const header = new Uint8Array(layout.dataStart)
    await readFully(file, header, 0)
    if (!Buffer.from(layout.header).equals(header) || layout.fileBytes !== size) {
      throw damaged(path, 'the header is not the one the index asks for')
    }
    await readFully(file, head.bytes, layout.dataStart)
    if (!offsetsFit(layout, head)) throw damaged(path, 'photo_offsets do not rise from 0 to the end of photo_bytes')
    return { path, file, layout, head }
  } catch (error) {
    await file.close()
    throw error
  }
}

const damaged = (path: string, problem: string): PrepError =>
  new PrepError('SHARD_DAMAGED', `${path}: ${problem}`, {
    hint: '`prep verify` lists all damage; delete the shard and run the pipeline again',
  })

/** Shards that are open, most recently used last; the least recently used idle ones are closed beyond the limit. */
class ShardCache {
  readonly #open = new Map<string, { shard: Promise<OpenShard>; users: number }>()
  #limit = OPEN_SHARDS

  constructor(
    readonly dataset: string,
    readonly form: RowForm,
  ) {}

  async use<T>(entry: ShardEntry, work: (shard: OpenShard) => T | Promise<T>): Promise<T> {
    const cached = this.#open.get(entry.file) ?? { shard: openShard(this.dataset, entry, this.form), users: 0 }
    this.#open.delete(entry.file)
    this.#open.set(entry.file, cached)
    cached.users += 1
    try {
      return await work(await cached.shard)
    } catch (error) {
      // A shard that could not be opened is tried anew next time.
      await cached.shard.catch(() => this.#open.get(entry.file) === cached && this.#open.delete(entry.file))
      throw error
    } finally {
      cached.users -= 1
      await this.#trim()
    }
  }

  async #trim(): Promise<void> {
    for (const [file, { shard, users }] of this.#open) {
      if (this.#open.size <= this.#limit) return
      if (users > 0) continue
      this.#open.delete(file)
      await shard.then(({ file }) => file.close()).catch(() => {})
    }
  }

  /** Closes what is idle now, and what is in use as soon as it is not. */
  close(): Promise<void> {
    this.#limit = 0
    return this.#trim()
  }
}

async function* readSamples(path: string): AsyncGenerator<Record<string, unknown>> {
  const file = await open(path, 'r').catch(error => {
    throw fileError(error, path, 'read')
  })
  let number = 0
  try {
    for await (const line of createInterface({
      input: file.createReadStream({ autoClose: false }),
      crlfDelay: Infinity,
    })) {
      number += 1
      let sample: unknown
      try {
        sample = JSON.parse(line)
      } catch (error) {
        throw new PrepError('INDEX_DAMAGED', `${path}:${number}: expected a JSON object`, {
          hint: 'pack the data set again',
          cause: error,
        })
      }
      yield sample as Record<string, unknown>
    }
  } finally {
    await file.close()
  }
}
