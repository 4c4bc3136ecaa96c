/** Small data sets made from a seed, packed the way the pack stage does it. */
import { sha256Hex } from '../../src/files.js'
import { commitDataset, prepareDataset } from '../../src/formats/dataset/commit.js'
import type { DatasetIndex, ShardEntry } from '../../src/formats/dataset/index-file.js'
import {
  type ExistingDataset,
  planShards,
  type ShardPlan,
  type WantedRow,
} from '../../src/formats/dataset/plan-shards.js'
import { shardMatches } from '../../src/formats/dataset/scan-shard.js'
import type { Row, RowForm } from '../../src/formats/dataset/shard-layout.js'
import { writeShard } from '../../src/formats/dataset/write-shard.js'

export const PALETTE = '{"colours":[[0,0,0],[255,255,255]]}\n'

export interface Wish extends WantedRow {
  readonly name: string
}

/** Every third photo is a test photo; a version stands for the options it was made with. */
export const wish = (names: readonly (number | string)[], version = ''): Wish[] =>
  names.map(name => {
    const key = sha256Hex(`photo ${name}`)
    const split = Number.parseInt(key.slice(0, 8), 16) % 3 === 0 ? 'test' : 'train'
    return { name: String(name), key, fingerprint: key + version, split }
  })

/** The row's content, drawn from its fingerprint; JPEGs are stood for by bytes of varying length. */
export function makeRow({ key, fingerprint }: WantedRow, { height, width, photo }: RowForm): Row {
  let state = Number.parseInt(sha256Hex(fingerprint).slice(0, 8), 16)
  const draw = (count: number, below: number): Uint8Array =>
    Uint8Array.from({ length: count }, () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 16) % below)
  const pixels = height * width
  return { key, label: draw(pixels, 8), photo: draw(photo === 'raw' ? 3 * pixels : 1 + (state % 97), 256) }
}

export interface Packed {
  readonly plan: ShardPlan
  readonly index: DatasetIndex
  /** Files that were written, not kept or found finished. */
  readonly written: readonly string[]
}

export async function pack(
  dataset: string,
  rows: readonly Wish[],
  form: RowForm,
  { existing, rowsPerShard = 4 }: { existing?: ExistingDataset; rowsPerShard?: number } = {},
): Promise<Packed> {
  const plan = planShards({ rows, rowsPerShard, palette: sha256Hex(PALETTE), existing })
  await prepareDataset(dataset, plan)
  const entries: ShardEntry[] = [...plan.keep]
  const written: string[] = []
  for (const shard of plan.write) {
    const finished = await shardMatches(dataset, shard, form)
    if (!finished) written.push(shard.file)
    entries.push(
      finished ?? (await writeShard(dataset, shard, form, async i => makeRow(rows[shard.members[i]!]!, form))),
    )
  }
  const samples = rows.map(({ name, key, split }, i) => ({ name, key, split, row: plan.places[i] }))
  const description = { form, clusters: 8, palette: PALETTE, split: { rule: 'hash', seed: 1 }, samples }
  const index = await commitDataset(
    dataset,
    { ...description, generation: plan.generation, fingerprint: 'all' },
    entries,
  )
  return { plan, index, written }
}
