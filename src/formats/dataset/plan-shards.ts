/** Which rows go to which shard, and which shards of a committed data set can stay as they are. Pure: no file is touched. */
import { PrepError } from '../../errors.js'
import { sha256Hex } from '../../files.js'
import { bySplit, SPLITS, type Split } from '../../sample.js'
import type { DatasetIndex, ShardEntry } from './index-file.js'
import type { ShardSpec } from './write-shard.js'

export interface WantedRow {
  /** 64 hex digits that identify the source; equal keys are allowed (the same photo twice). */
  readonly key: string
  /** Hash of everything that determines the row's bytes, the size and the photo's encoding included. */
  readonly fingerprint: string
  readonly split: Split
}

/** A committed data set, as far as planning needs it: `readExisting` gives it. */
export interface ExistingDataset {
  readonly index: DatasetIndex
  /** The keys of all rows of each split, in order; '' for rows of a shard that cannot be read, which is then replaced. */
  readonly keys: Readonly<Record<Split, readonly string[]>>
}

export interface PlanShardsInput {
  /** In the order in which they are to be stored. */
  readonly rows: readonly WantedRow[]
  readonly rowsPerShard: number
  /** sha256 of palette.json: labels of different palettes cannot share a data set. */
  readonly palette: string
  readonly existing?: ExistingDataset | undefined
}

export interface ShardPlan {
  readonly generation: number
  /** Shards of the existing data set that stay untouched. */
  readonly keep: readonly ShardEntry[]
  /** Shards to write; `members[i]` is the index in `rows` of row i. */
  readonly write: readonly (ShardSpec & { readonly members: readonly number[] })[]
  /** For each of `rows`, its row number within its split, as the committed data set will count. */
  readonly places: readonly number[]
}

/**
 * Plan the shards of a data set.
 *
 * Without an existing data set, or when none of its shards can stay, the plan depends on the rows alone and is
 * generation 1. Otherwise a shard stays when all its rows are still wanted as they are; all other rows go to new shards
 * whose numbers were never used, of the next generation. When nothing is to be done, the generation stays too.
 * @throws {PrepError} `PALETTE_MISMATCH`
 */
export function planShards({ rows, rowsPerShard, palette, existing }: PlanShardsInput): ShardPlan {
  if (existing && existing.index.palette.sha256 !== palette) {
    throw new PrepError(
      'PALETTE_MISMATCH',
      `expected the palette ${existing.index.palette.sha256.slice(0, 12)} of the data set, found ${palette.slice(0, 12)}`,
      { hint: "use the data set's own palette.json, or pack into another folder" },
    )
  }
  const { kept, rest } = existing ? keepShards(rows, existing) : { kept: [], rest: rows.map((_, i) => i) }
  const before = kept.length > 0 ? existing!.index : undefined
  const changed = rest.length > 0 || kept.length !== before?.shards.length
  const generation = before ? before.generation + (changed ? 1 : 0) : 1

  const write = SPLITS.flatMap(split => {
    const members = rest.filter(i => rows[i]!.split === split)
    const first = before ? nextNumber(before, split) : 0
    return Array.from({ length: Math.ceil(members.length / rowsPerShard) }, (_, s) => {
      const own = members.slice(s * rowsPerShard, (s + 1) * rowsPerShard)
      const file = `${split}/shard-${String(first + s).padStart(5, '0')}.safetensors`
      return { file, split, rows: own.length, generation, fingerprint: fingerprintRows(own, rows), members: own }
    })
  })

  const places = new Array<number>(rows.length)
  const counts = bySplit(() => 0)
  for (const { split, members } of [...kept.map(({ entry, members }) => ({ ...entry, members })), ...write]) {
    for (const member of members) places[member] = counts[split]++
  }
  return { generation, keep: kept.map(({ entry }) => entry), write, places }
}

/** Match existing shards, in order, with wanted rows; each wanted row is used once. */
function keepShards(rows: readonly WantedRow[], { index, keys }: ExistingDataset) {
  const waiting = new Map<string, number[]>()
  for (const [i, { key, split }] of rows.entries()) {
    const same = waiting.get(split + key)
    if (same) same.push(i)
    else waiting.set(split + key, [i])
  }
  const kept: { entry: ShardEntry; members: number[] }[] = []
  const next = bySplit(() => 0)
  for (const entry of index.shards) {
    const shardKeys = keys[entry.split].slice(next[entry.split], (next[entry.split] += entry.rows))
    const members = shardKeys.flatMap(key => waiting.get(entry.split + key)?.shift() ?? [])
    if (members.length === entry.rows && fingerprintRows(members, rows) === entry.fingerprint) {
      kept.push({ entry, members })
    } else {
      for (const member of members.reverse()) waiting.get(entry.split + rows[member]!.key)!.unshift(member)
    }
  }
  return { kept, rest: [...waiting.values()].flat().sort((a, b) => a - b) }
}

const fingerprintRows = (members: readonly number[], rows: readonly WantedRow[]): string =>
  sha256Hex(members.map(i => `${rows[i]!.key} ${rows[i]!.fingerprint}\n`).join(''))

function nextNumber(index: DatasetIndex, split: Split): number {
  const numbers = index.shards.filter(shard => shard.split === split).map(({ file }) => Number(/\d+/.exec(file)![0]))
  return Math.max(-1, ...numbers) + 1
}
