/**
 * index.json, the commit point of a data set: what it holds, and its text, which carries a check of itself so that
 * every changed byte is noticed.
 */
import { z } from 'zod'
import { PrepError } from '../../errors.js'
import { sha256Hex } from '../../files.js'
import { bySplit, SPLITS } from '../../sample.js'
import { describeFields } from './shard-layout.js'

export const INDEX_FILE = 'index.json'
export const PALETTE_FILE = 'palette.json'
export const SAMPLES_FILE = 'samples.jsonl'
export const DATASET_VERSION = 1

const count = z.number().int().nonnegative()
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const split = z.enum(SPLITS)

const shardEntry = z.strictObject({
  /** Path inside the data set. */
  file: z.string().regex(/^(train|val|test)\/shard-\d{5,}\.safetensors$/),
  split,
  rows: count,
  bytes: count,
  /** Of the whole file, as `sha256sum` prints it. */
  sha256: hash,
  /** The generation that added this shard. */
  generation: count,
  /** Of the rows that went in: tells a finished shard from one that must be written again. */
  fingerprint: z.string(),
})

const companion = <File extends string>(file: File) =>
  z.strictObject({ file: z.literal(file), bytes: count, sha256: hash })

const datasetIndex = z.strictObject({
  format: z.literal('prep-dataset'),
  version: z.literal(DATASET_VERSION),
  /** 1, and one more for each time rows were added to or taken from a committed data set. */
  generation: count,
  /** Of everything that determines the data set, as its maker defines it. */
  fingerprint: z.string(),
  /** Of every row, in pixels. */
  size: z.strictObject({ height: count, width: count }),
  photo: z.enum(['raw', 'jpeg']),
  /** Label ids are 0..clusters-1. */
  clusters: count,
  /** The tensors of a shard; N is its number of rows. */
  fields: z.array(
    z.strictObject({ name: z.string(), dtype: z.string(), shape: z.array(z.union([z.string(), count])) }),
  ),
  palette: companion(PALETTE_FILE),
  samples: companion(SAMPLES_FILE),
  /** Rule and seed of the split, as its maker gave them. */
  split: z.json(),
  rows: z.strictObject({ train: count, val: count.default(0), test: count }),
  /** Row r of a split is counted through its shards in this order. */
  shards: z.array(shardEntry),
})

/** A file as the index describes it. */
export interface IndexedFile {
  /** Path inside the data set. */
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

/** Every file of a data set but its index. */
export const filesOf = ({ palette, samples, shards }: DatasetIndex): IndexedFile[] =>
  [palette, samples, ...shards].map(({ file, bytes, sha256 }) => ({ file, bytes, sha256 }))

export type ShardEntry = z.infer<typeof shardEntry>
export type DatasetIndex = z.infer<typeof datasetIndex>
export type Json = z.infer<ReturnType<typeof z.json>>

const tailOf = (body: string | Uint8Array): string => `,\n  "check": "${sha256Hex(body)}"\n}\n`
const TAIL_BYTES = tailOf('').length

/** The text of index.json: its last member is the sha256 of all the text before that member's comma. */
export function encodeIndex(index: DatasetIndex): string {
  const body = JSON.stringify(index, null, 2).slice(0, -'\n}'.length)
  return body + tailOf(body)
}

/**
 * Check and parse index.json.
 * @throws {PrepError} `INDEX_DAMAGED`, `DATASET_VERSION`
 */
export function parseIndex(bytes: Uint8Array, path: string): DatasetIndex {
  const damaged = (problem: string): PrepError =>
    new PrepError('INDEX_DAMAGED', `${path}: ${problem}`, { hint: 'pack the data set again' })
  const body = bytes.subarray(0, Math.max(0, bytes.length - TAIL_BYTES))
  const [expected, found] = [tailOf(body), Buffer.from(bytes.subarray(body.length)).toString('latin1')]
  if (found !== expected) {
    throw damaged(`its check does not fit its text: expected ${expected.trim()}, found ${found.trim()}`)
  }
  const value = JSON.parse(`${Buffer.from(body).toString()}}`) as { version?: unknown }
  if (value.version !== DATASET_VERSION) {
    throw new PrepError('DATASET_VERSION', `${path}: expected version ${DATASET_VERSION}, found ${value.version}`, {
      hint: 'read it with the prep that wrote it, or pack it again',
    })
  }
  const index = datasetIndex.safeParse(value)
  if (!index.success) throw damaged(z.prettifyError(index.error))
  for (const name of SPLITS) {
    const sum = index.data.shards.reduce((rows, shard) => rows + (shard.split === name ? shard.rows : 0), 0)
    if (sum !== index.data.rows[name]) throw damaged(`expected ${index.data.rows[name]} ${name} rows, found ${sum}`)
  }
  return index.data
}

/** The index of these shards: what follows from them and from the form of a row is filled in. */
export function makeIndex(
  given: Pick<
    DatasetIndex,
    'generation' | 'fingerprint' | 'size' | 'photo' | 'clusters' | 'palette' | 'samples' | 'split'
  >,
  shards: readonly ShardEntry[],
): DatasetIndex {
  const rowsOf = (name: ShardEntry['split']): number =>
    shards.reduce((rows, shard) => rows + (shard.split === name ? shard.rows : 0), 0)
  const { generation, fingerprint, size, photo, clusters, palette, samples, split } = given
  return {
    format: 'prep-dataset',
    version: DATASET_VERSION,
    generation,
    fingerprint,
    size: { height: size.height, width: size.width },
    photo,
    clusters,
    fields: describeFields({ ...size, photo }),
    palette,
    samples,
    split,
    rows: bySplit(rowsOf),
    shards: shards.map(({ file, split, rows, bytes, sha256, generation, fingerprint }) => ({
      ...{ file, split, rows, bytes, sha256, generation, fingerprint },
    })),
  }
}
