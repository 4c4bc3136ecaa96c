/** Making written shards a data set: companions first, the index last, and only then is anything old removed. */
import { createHash } from 'node:crypto'
import { type FileHandle, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileError, PrepError, systemCode } from '../../errors.js'
import { isTemporary, replaceFile, sha256Hex, writeFileAtomic } from '../../files.js'
import { SPLITS } from '../../sample.js'
import { writeFully } from '../safetensors/transfer.js'
import {
  type DatasetIndex,
  encodeIndex,
  INDEX_FILE,
  type Json,
  makeIndex,
  PALETTE_FILE,
  SAMPLES_FILE,
  type ShardEntry,
} from './index-file.js'
import { readIndex } from './read.js'
import type { RowForm } from './shard-layout.js'

export interface DatasetDescription {
  readonly generation: number
  /** Of everything that determines the data set. */
  readonly fingerprint: string
  readonly form: RowForm
  readonly clusters: number
  /** The text of palette.json, kept byte for byte. */
  readonly palette: string
  /** Rule and seed of the split. */
  readonly split: Json
  /** One line of samples.jsonl each: rows and skipped photos, with `split` and `row` (`ShardPlan.places`) where packed. */
  readonly samples: Iterable<object> | AsyncIterable<object>
}

const LINES_AT_A_TIME = 1000

/**
 * To be called before a plan's shards are written: a committed data set whose files the plan would overwrite is
 * withdrawn (its index removed), so that no index ever names a file it does not describe.
 */
export async function prepareDataset(
  dataset: string,
  plan: { readonly write: readonly Pick<ShardEntry, 'file'>[] },
): Promise<void> {
  const index = await readIndex(dataset).catch(error => {
    if (error instanceof PrepError && error.code === 'DATASET_MISSING') return undefined
    if (error instanceof PrepError && /^(INDEX_DAMAGED|DATASET_VERSION)$/.test(error.code)) return 'unreadable'
    throw error
  })
  const files = new Set(index && index !== 'unreadable' ? index.shards.map(shard => shard.file) : [])
  if (index === 'unreadable' || plan.write.some(({ file }) => files.has(file))) {
    const path = join(dataset, INDEX_FILE)
    await rm(path).catch(error => {
      throw fileError(error, path, 'withdraw the data set')
    })
  }
}

/**
 * Commit a data set: from the moment index.json is renamed it is the new one, before that it is the old one or none.
 *
 * Afterwards shards that the index does not name and left-over temporary files are removed.
 * @param shards  all of them, kept and written; any order
 * @throws {PrepError} `PALETTE_INVALID`, `DISK_FULL`, `OUTPUT_READ_ONLY`, `FILE_UNREADABLE`
 */
export async function commitDataset(
  dataset: string,
  { generation, fingerprint, form, clusters, palette, split, samples }: DatasetDescription,
  shards: readonly ShardEntry[],
): Promise<DatasetIndex> {
  checkJson(palette)
  const ordered = [...shards].sort((a, b) => order(a) - order(b) || (a.file < b.file ? -1 : 1))
  await writeFileAtomic(join(dataset, PALETTE_FILE), palette)
  let index: DatasetIndex | undefined
  // Both files are whole and synced before either is renamed: a kill has no time to come between the renames.
  await replaceFile(join(dataset, INDEX_FILE), indexFile =>
    replaceFile(join(dataset, SAMPLES_FILE), async samplesFile => {
      const { bytes, sha256 } = await writeLines(samplesFile, samples)
      index = makeIndex(
        {
          ...{ generation, fingerprint, clusters, split },
          size: { height: form.height, width: form.width },
          photo: form.photo,
          palette: { file: PALETTE_FILE, bytes: Buffer.byteLength(palette), sha256: sha256Hex(palette) },
          samples: { file: SAMPLES_FILE, bytes, sha256 },
        },
        ordered,
      )
      await indexFile.writeFile(encodeIndex(index))
      await indexFile.sync()
    }),
  )
  await removeUnnamed(dataset, new Set(ordered.map(({ file }) => file)))
  return index!
}

/** Write objects as JSON lines, many at a time. */
async function writeLines(
  file: FileHandle,
  objects: DatasetDescription['samples'],
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  let lines: string[] = []
  const flush = async (): Promise<void> => {
    const piece = Buffer.from(lines.join(''))
    lines = []
    hash.update(piece)
    await writeFully(file, piece, bytes)
    bytes += piece.length
  }
  for await (const object of objects) {
    if (lines.push(`${JSON.stringify(object)}\n`) >= LINES_AT_A_TIME) await flush()
  }
  await flush()
  return { bytes, sha256: hash.digest('hex') }
}

const order = ({ split }: ShardEntry): number => (split === 'train' ? 0 : 1)

function checkJson(palette: string): void {
  try {
    JSON.parse(palette)
  } catch (error) {
    throw new PrepError('PALETTE_INVALID', `palette.json: ${(error as Error).message}`, { cause: error })
  }
}

/** Remove shards that no index names, and left-over temporary files. */
export async function removeUnnamed(dataset: string, named: ReadonlySet<string>): Promise<void> {
  for (const folder of ['', ...SPLITS]) {
    const names = await readdir(join(dataset, folder)).catch(error => {
      if (systemCode(error) === 'ENOENT') return []
      throw fileError(error, join(dataset, folder), 'list')
    })
    for (const name of names) {
      const shard = folder !== '' && /^shard-\d+\.safetensors$/.test(name)
      if (isTemporary(name) || (shard && !named.has(`${folder}/${name}`)))
        await rm(join(dataset, folder, name), { force: true })
    }
  }
}
