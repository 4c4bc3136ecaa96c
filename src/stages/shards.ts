/** Writes WebDataset or TFRecord shards, for training elsewhere; the webdataset and tfrecord stages read them back. */
import { join } from 'node:path'
import { z } from 'zod'
import { readFileChecked, replaceFileUnsynced } from '../files.js'
import { writeTar } from '../formats/tar/write.js'
import { writeRecords } from '../formats/tfrecord/write.js'
import type { Json } from '../pipeline/fingerprint.js'
import { folderIsWhole } from '../pipeline/output-folder.js'
import { defineStage, type FolderItem } from '../pipeline/stage.js'
import { bySplit, describeSplits, type ImageRef, type Sample, SPLITS } from '../sample.js'
import { readPaletteFile } from './palette-file.js'
import { encodeExampleRow, encodeMembers, type ShardRow } from './shard-rows.js'

const options = z.strictObject({
  format: z
    .enum(['webdataset', 'tfrecord'])
    .default('webdataset')
    .describe('webdataset: tar files of KEY.jpg, KEY.seg.png, KEY.json; tfrecord: tf.train.Example records'),
  photo: z
    .enum(['jpg', 'png', 'original'])
    .default('jpg')
    .describe('How photos are stored; original: the file’s own bytes (PNG where a step has changed the photo)'),
  quality: z.int().min(1).max(100).default(95).describe('JPEG quality, with photo: jpg'),
  rows_per_shard: z.int().min(1).max(1_000_000).default(1000).describe('Samples in one file'),
  folder: z.string().min(1).optional().describe('Folder below the output (default: the name of the format)'),
})
type ShardsOptions = z.output<typeof options>

const EXTENSION = { webdataset: 'tar', tfrecord: 'tfrecord' } as const
/** Beside the shards of a labelled set. */
const COMPANIONS = { palette: 'palette.json', classes: 'classes.json' } as const

interface WriteInput {
  readonly path: string
  readonly format: ShardsOptions['format']
  readonly encoding: { readonly photo: ShardsOptions['photo']; readonly quality: number }
  readonly rows: readonly ShardRow[]
}

export const shards = defineStage({
  name: 'shards',
  version: 1,
  summary: 'Write WebDataset or TFRecord shards',
  details:
    'Files are called SPLIT-000000.tar or .tfrecord, with palette.json and classes.json (id, name, colour) beside them. Label ids are stored as a grey PNG, columns and split as JSON or features. The same samples give the same bytes; only shards of which something changed are written again. Labels are written where there are any.',
  options,
  needs: ['photo'],
  gives: [],
  plan: ({ format, rows_per_shard, folder = format }) => [
    `writes OUT/${folder}: ${rows_per_shard} samples in each .${EXTENSION[format]}`,
  ],
  intact: (_result, { format, folder = format }, output) => folderIsWhole(join(output, folder)),
  tasks: {
    async write({ path, format, encoding, rows }: WriteInput, tools) {
      if (format === 'webdataset')
        await writeTar(
          path,
          (async function* () {
            for (const row of rows) yield* await encodeMembers(row, encoding, tools)
          })(),
        )
      else
        await writeRecords(
          path,
          (async function* () {
            for (const row of rows) yield await encodeExampleRow(row, encoding, tools)
          })(),
        )
      return {}
    },
    /** The palette as it is, and as the list of classes that other programs and the classes stage read. */
    async describe({ from, path, as }: { from: string; path: string; as: keyof typeof COMPANIONS }) {
      const { clusters } = await readPaletteFile(from)
      const classes = clusters.map(({ id, name = `class ${id}`, display }) => ({ id, name, colour: display }))
      const bytes =
        as === 'palette' ? await readFileChecked(from, 'read the palette') : Buffer.from(`${JSON.stringify(classes)}\n`)
      replaceFileUnsynced(path, [bytes])
      return {}
    },
  },
  async run(set, options, context) {
    const { format, photo, quality, rows_per_shard, folder = format } = options
    const keys = keysFor(set.samples.map(({ name }) => name))
    const encoding = { photo, quality: photo === 'jpg' ? quality : 0 }
    const items: FolderItem[] = []
    const rows = bySplit(split =>
      set.samples.flatMap((sample, i) => ((sample.split ?? 'train') === split ? [rowOf(sample, keys[i]!)] : [])),
    )
    for (const split of SPLITS)
      for (let start = 0; start < rows[split].length; start += rows_per_shard) {
        const members = rows[split].slice(start, start + rows_per_shard)
        const file = `${split}-${String(start / rows_per_shard).padStart(6, '0')}.${EXTENSION[format]}`
        const input: WriteInput = { path: join(context.output, folder, file), format, encoding, rows: members }
        items.push({
          file,
          task: 'write',
          key: { format, encoding, rows: members.map(contentOf) },
          call: { input: input as unknown as Json },
        })
      }
    const files = items.length
    const palette = set.artefacts.palette
    for (const [as, file] of palette ? Object.entries(COMPANIONS) : []) {
      const input = { from: palette!.path, path: join(context.output, folder, file), as }
      items.push({ file, task: 'describe', key: [as, palette!.key], call: { input } })
    }
    await context.folder(folder, items)
    const counts = bySplit(split => rows[split].length)
    context.note(`samples: ${describeSplits(counts)}; ${files} files in OUT/${folder}`)
    return set
  },
})

/** WebDataset takes the first dot for the start of the extension. */
function keysFor(names: readonly string[]): string[] {
  const taken = new Set<string>()
  return names.map(name => {
    const parts = name.split('/')
    const wanted = [...parts.slice(0, -1), parts.at(-1)!.replaceAll('.', '_')].join('/')
    let key = wanted
    for (let number = 2; taken.has(key); number += 1) key = `${wanted}-${number}`
    taken.add(key)
    return key
  })
}

const rowOf = ({ photo, label, split, group, columns, sha256 }: Sample, key: string): ShardRow => ({
  key,
  photo: photo!,
  ...(label && { label }),
  facts: { ...columns, ...(split && { split }), ...(group && { group }), sha256 },
})

/** What a row's bytes depend on: where the images come from does not matter. */
const contentOf = ({ key, photo, label, facts }: ShardRow): Json => [
  key,
  contentKey(photo),
  label ? contentKey(label) : '',
  facts,
]

const contentKey = (ref: ImageRef): string =>
  ref.kind === 'stored' ? ref.key : ref.half ? `${ref.sha256}:${ref.half}` : ref.sha256
