/** Packs photos and label maps into the sharded data set; the format itself is src/formats/dataset. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { readFileChecked, sha256Hex } from '../files.js'
import { commitDataset, prepareDataset } from '../formats/dataset/commit.js'
import { readExisting } from '../formats/dataset/existing.js'
import type { DatasetIndex, ShardEntry } from '../formats/dataset/index-file.js'
import { planShards, type ShardPlan, type WantedRow } from '../formats/dataset/plan-shards.js'
import { readIndex } from '../formats/dataset/read.js'
import { shardMatches } from '../formats/dataset/scan-shard.js'
import type { RowForm } from '../formats/dataset/shard-layout.js'
import { type ShardSpec, writeShard } from '../formats/dataset/write-shard.js'
import { encodeJpeg } from '../images/png.js'
import { parsePalette } from '../labels/palette.js'
import { fingerprint, type Json } from '../pipeline/fingerprint.js'
import { type Artefact, defineStage, type StageContext } from '../pipeline/stage.js'
import { describeSplits, type ImageRef, type Sample } from '../sample.js'

const options = z.strictObject({
  rows_per_shard: z.int().min(1).max(65_536).default(128).describe('Pairs in one file; 128 of 512x512 are 128 MiB'),
  photo: z
    .enum(['raw', 'jpeg'])
    .default('raw')
    .describe(
      'raw: fastest and exact; jpeg: about a tenth of the size, for slow storage. Labels stay exact either way',
    ),
  quality: z.int().min(1).max(100).default(95).describe('JPEG quality, with photo: jpeg'),
  append: z
    .boolean()
    .default(false)
    .describe(
      'Keep the shards whose photos are all still found and add new pairs as a new generation; needs the same palette',
    ),
})
type PackOptions = z.output<typeof options>

interface ShardInput {
  readonly dataset: string
  readonly spec: ShardSpec
  readonly form: RowForm
  readonly quality: number
  readonly rows: readonly { readonly key: string; readonly label: ImageRef; readonly photo: ImageRef }[]
}

const FOLDER = 'dataset'

export const pack = defineStage({
  name: 'pack',
  version: 1,
  summary: 'Pack photos and label maps into a sharded data set',
  details:
    'Rows keep the order of the photos. A shard that is already there whole is kept; index.json is written last and is the commit point. docs/formats.md shows how PyTorch reads it.',
  options,
  needs: ['photo', 'label', 'palette'],
  gives: ['dataset'],
  listsSkipped: true,
  plan: ({ photo, rows_per_shard }) => [`writes OUT/${FOLDER}: ${photo} photos, ${rows_per_shard} pairs a shard`],
  intact: async (result, _options, output) => {
    const dataset = join(output, FOLDER)
    const index = await readIndex(dataset).catch(() => undefined)
    if (!index || index.fingerprint !== result.artefacts.dataset?.key) return false
    for (const { file, bytes } of index.shards)
      if ((await stat(join(dataset, file)).catch(() => undefined))?.size !== bytes) return false
    return true
  },
  tasks: {
    async find({ dataset, spec, form }: ShardInput) {
      const entry = await shardMatches(dataset, spec, form)
      return { facts: { entry: (entry ?? null) as Json } }
    },
    async write({ dataset, spec, form, quality, rows }: ShardInput, { load, release }) {
      const entry = await writeShard(dataset, spec, form, async index => {
        const { key, label, photo } = rows[index]!
        const [labels, pixels] = [await load(label), await load(photo)]
        if (labels.width !== pixels.width || labels.height !== pixels.height)
          throw new PrepError(
            'SIZES_DIFFER',
            `a label map is ${labels.width}x${labels.height}, its photo ${pixels.width}x${pixels.height}`,
            { hint: 'put a resize step before the step that makes labels' },
          )
        const raw = form.photo === 'raw'
        return {
          key,
          label: labels.data,
          photo: raw ? pixels.data : await encodeJpeg(pixels, quality),
          crc: [labels.crc32c, raw ? pixels.crc32c : undefined],
          written: () => [labels, pixels].forEach(release),
        }
      })
      return { facts: { entry: entry as unknown as Json } }
    },
  },
  async run({ samples, artefacts }, options, context) {
    const dataset = join(context.output, FOLDER)
    const paletteText = (await readFileChecked(artefacts.palette!.path, 'read the palette')).toString('utf8')
    const palette = parsePalette(paletteText, artefacts.palette!.path)
    const form = formOf(samples, options)
    const rows = samples.map(
      (sample): WantedRow => ({
        key: sample.sha256,
        split: sample.split ?? 'train',
        fingerprint: fingerprint([
          { ...sample.label! },
          { ...sample.photo! },
          form.photo === 'jpeg' ? options.quality : 0,
        ]),
      }),
    )
    const existing = options.append ? await readExisting(dataset) : undefined
    const plan = planShards({ rows, rowsPerShard: options.rows_per_shard, palette: sha256Hex(paletteText), existing })
    if (existing?.index.shards.length && !plan.keep.length)
      throw new PrepError(
        'USAGE',
        `append: true, but none of the ${existing.index.shards.length} shards of ${dataset} would stay`,
        {
          hint: 'photos, size or encoding differ: use another output, or append: false to replace the data set',
        },
      )
    const written = await writeShards(plan, { dataset, form, samples, options, context })
    const key = fingerprint({
      form: { ...form },
      palette: sha256Hex(paletteText),
      shards: [...plan.keep, ...plan.write].map(({ file, fingerprint }) => [file, fingerprint]),
      split: artefacts.split?.key,
    })
    const index = await commitDataset(
      dataset,
      {
        generation: plan.generation,
        fingerprint: key,
        form,
        clusters: palette.clusters.length,
        palette: paletteText,
        split: await splitRule(artefacts.split),
        samples: sampleLines(samples, plan, form, context),
      },
      [...plan.keep, ...written],
    )
    context.note(`pairs: ${describeSplits(index.rows)}; ${index.shards.length} shards, generation ${index.generation}`)
    return { samples, artefacts: { ...artefacts, dataset: { path: dataset, key } } }
  },
})

/** What all rows have in common. @throws {PrepError} `SIZES_DIFFER` */
function formOf(samples: readonly Sample[], { photo }: PackOptions): RowForm {
  const sizes = new Map<string, { width: number; height: number; count: number }>()
  for (const { label } of samples) {
    if (label?.kind !== 'stored') throw new Error('a label map is always stored')
    const { width, height } = label
    const name = `${width}x${height}`
    sizes.set(name, { width, height, count: (sizes.get(name)?.count ?? 0) + 1 })
  }
  const [first, ...others] = sizes.values()
  if (!first || others.length)
    throw new PrepError(
      'SIZES_DIFFER',
      `expected photos of one size, found ${[...sizes].map(([name, { count }]) => `${name} (${count})`).join(', ') || 'none'}`,
      { hint: 'put a resize step before kmeans' },
    )
  return { width: first.width, height: first.height, photo }
}

/** As index.json tells it. */
async function splitRule(split: Artefact | undefined): Promise<DatasetIndex['split']> {
  if (!split) return { rule: 'none' }
  const {
    moved: _moved,
    photos: _photos,
    ...rule
  } = JSON.parse(await readFile(split.path, 'utf8')) as {
    [name: string]: DatasetIndex['split']
  }
  return rule
}

interface WriteShards {
  readonly dataset: string
  readonly form: RowForm
  readonly samples: readonly Sample[]
  readonly options: PackOptions
  readonly context: StageContext
}

/** Shards that an interrupted run has finished are kept; the others are written, several at a time. */
async function writeShards(
  plan: ShardPlan,
  { dataset, form, samples, options, context }: WriteShards,
): Promise<ShardEntry[]> {
  const inputs = plan.write.map(
    ({ members, ...spec }): ShardInput => ({
      dataset,
      spec,
      form,
      quality: options.quality,
      rows: members.map(member => {
        const { sha256, label, photo } = samples[member]!
        return { key: sha256, label: label!, photo: photo! }
      }),
    }),
  )
  const call = (input: ShardInput) => ({ input: input as unknown as Json })
  const entryOf = (result: Awaited<ReturnType<StageContext['map']>>[number]): ShardEntry | undefined =>
    result.status === 'done' ? ((result.facts.entry as unknown as ShardEntry | null) ?? undefined) : undefined
  const bare = inputs.map(input => ({ ...input, rows: [] }))
  const found = context.fresh
    ? []
    : (await context.map('find', bare.map(call), 'look for finished shards')).map(entryOf)
  const missing = inputs.filter((_, i) => !found[i])
  if (missing.length) await prepareDataset(dataset, { write: plan.write.filter((_, i) => !found[i]) })
  const written = (await context.map('write', missing.map(call), 'write shards')).map(entryOf)
  return [...found, ...written].filter(entry => entry !== undefined)
}

/** samples.jsonl: every photo that was found, packed or left out. */
function* sampleLines(
  samples: readonly Sample[],
  { places }: ShardPlan,
  form: RowForm,
  { skipped }: StageContext,
): Generator<object> {
  for (const [i, { name, source, sha256, split = 'train', group, columns, notes = [] }] of samples.entries())
    yield {
      key: sha256,
      name,
      source,
      sha256,
      status: 'packed',
      split,
      row: places[i],
      width: form.width,
      height: form.height,
      notes,
      ...(group && { group }),
      ...(columns && { columns }),
    }
  for (const { sample, source, code, message } of skipped)
    yield { name: sample, source, status: 'skipped', reason: code, message }
}
