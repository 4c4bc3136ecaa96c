/** Finding every changed bit of a data set: each file is held to the index, and the index to its own check. */
import { join } from 'node:path'
import { PrepError } from '../../errors.js'
import { readFileChecked, sha256Hex } from '../../files.js'
import { INDEX_FILE } from './index-file.js'
import { readIndex } from './read.js'
import { type Damage, scanShard } from './scan-shard.js'

export interface VerifyOptions {
  readonly signal?: AbortSignal
  /** Told after each piece: bytes read so far, of all bytes of the data set. */
  readonly onProgress?: (progress: {
    readonly file: string
    readonly bytes: number
    readonly totalBytes: number
  }) => void
}

/**
 * Read the whole data set and list all damage: empty when every byte is as it was committed.
 *
 * With a damaged index nothing else can be judged, so that is then the only finding.
 * @throws {PrepError} `DATASET_MISSING`, `DATASET_VERSION`, `FILE_UNREADABLE`; and the signal's reason when aborted
 */
export async function verifyDataset(dataset: string, { signal, onProgress }: VerifyOptions = {}): Promise<Damage[]> {
  const index = await readIndex(dataset).catch(error => {
    if (error instanceof PrepError && error.code === 'INDEX_DAMAGED') return error.message
    throw error
  })
  if (typeof index === 'string') return [{ file: INDEX_FILE, problem: index }]

  const { palette, samples, shards, size, photo } = index
  const totalBytes = [palette, samples, ...shards].reduce((sum, { bytes }) => sum + bytes, 0)
  let bytes = 0
  const advance = (file: string, more: number): void => {
    bytes += more
    onProgress?.({ file, bytes, totalBytes })
  }
  const damage: Damage[] = []
  for (const { file, sha256 } of [palette, samples]) {
    signal?.throwIfAborted()
    const content = await readFileChecked(join(dataset, file)).catch(error => {
      if (error instanceof PrepError && error.code === 'FILE_MISSING') return undefined
      throw error
    })
    const found = content && sha256Hex(content)
    if (!found) damage.push({ file, problem: 'the file is missing' })
    else if (found !== sha256) damage.push({ file, problem: `expected sha256 ${sha256}, found ${found}` })
    advance(file, content?.length ?? 0)
  }
  for (const shard of shards) {
    const onBytes = (more: number): void => advance(shard.file, more)
    damage.push(...(await scanShard(dataset, shard, { ...size, photo }, { onBytes, signal })).damage)
  }
  return damage
}
