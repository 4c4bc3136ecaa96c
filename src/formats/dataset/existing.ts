/** What an addition to a committed data set starts from; damaged parts are left out, so that packing again heals them. */
import { PrepError } from '../../errors.js'
import { SPLITS, type Split } from '../../sample.js'
import type { ExistingDataset } from './plan-shards.js'
import { type Dataset, openDataset } from './read.js'

/**
 * Read index and keys of a data set for `planShards`.
 *
 * Shards that are missing, cut or of another header have '' for keys: their rows are planned anew. Pixels are not read.
 * @returns undefined when there is no data set, or its index or palette is damaged
 * @throws {PrepError} `DATASET_VERSION`, `FILE_UNREADABLE`
 */
export async function readExisting(dataset: string): Promise<ExistingDataset | undefined> {
  const open = await openDataset(dataset).catch(error => {
    if (error instanceof PrepError && /^(DATASET_MISSING|INDEX_DAMAGED|FILE_MISSING)$/.test(error.code))
      return undefined
    throw error
  })
  if (!open) return undefined
  try {
    const keys: Record<Split, string[]> = { train: [], val: [], test: [] }
    for (const split of SPLITS) keys[split] = await readKeys(open, split)
    return { index: open.index, keys }
  } finally {
    await open.close()
  }
}

async function readKeys(open: Dataset, split: Split): Promise<string[]> {
  const keys: string[] = []
  for (const shard of open.index.shards.filter(shard => shard.split === split)) {
    const own = await open.shardKeys(shard).catch(error => {
      if (error instanceof PrepError && error.code === 'SHARD_DAMAGED') return new Array<string>(shard.rows).fill('')
      throw error
    })
    keys.push(...own)
  }
  return keys
}
