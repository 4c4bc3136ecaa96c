/** Makes label maps of other people's labels: ids or colours with names become the ids 0..K-1 and a palette. */
import { join } from 'node:path'
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { writeFileAtomic } from '../files.js'
import { readLabelIds } from '../images/label-ids.js'
import { type ClassCoding, checkColours, codeClasses, unknownClasses } from '../labels/class-coding.js'
import { type ClassTable, classEntry, listEntries } from '../labels/class-table.js'
import { formatPalette } from '../labels/palette.js'
import {
  classOf,
  createColourRecoder,
  createIdRecoder,
  idAt,
  MAX_ID,
  markEdges,
  type Recoder,
} from '../labels/recode.js'
import { fingerprint, type Json } from '../pipeline/fingerprint.js'
import { defineStage, type LoadedPixels, type StageContext, type TaskCall, type TaskTools } from '../pipeline/stage.js'
import { contentKey, type ImageRef, type Pixels, type Sample } from '../sample.js'
import { readClassTable } from './class-table-file.js'
import { ClassTally, sumByClass } from './class-tally.js'
import { drawLabels, drawPairs, labelDrawings, labelsAreWhole } from './label-drawings.js'
import { paletteColours } from './palette-file.js'
import { applyGate, gateFacts, looksForTwins } from './quality-gate.js'
import { qualityOptions } from './quality-options.js'
import { hasQualityReport } from './quality-report.js'
import { drawQuality } from './quality-sheet.js'
import { signAhead, signatureShared, signatureTask } from './signatures.js'

const name = z.string().min(1)

const options = z.strictObject({
  table: z
    .union([name, z.array(classEntry).min(1)])
    .optional()
    .describe(
      'What ids or colours mean: a JSON file, or a list of {id, name, colour}. Several ids of one name are one class. Default: what the source says (cityscapes), else every id that occurs is a class',
    ),
  map: z
    .record(z.string(), z.union([z.int().min(0), name]))
    .optional()
    .describe(
      'Old id or name to the class that it counts as: a name, or an id of the table, such as {12: person, 13: 7}',
    ),
  unknown: name
    .optional()
    .describe(
      'Ids and colours that are not in the table: fail (the default) with their counts, nearest (colours alone), or the name of a class for them',
    ),
  distance: z
    .number()
    .min(0)
    .max(442)
    .default(32)
    .describe('Labels drawn in colours: how far from its class’s colour a pixel may be, straight line in RGB codes'),
  divisor: z
    .int()
    .min(2)
    .optional()
    .describe('Ids of this or more are class * divisor + number of the instance, as in Cityscapes’ instanceIds: 1000'),
  edges: name.optional().describe('Make pixels where two ids (instances) meet a class of this name'),
  maps: z.boolean().default(true).describe('Also write the label maps as coloured PNG'),
  folder: name.default('labels').describe('Folder below the output for palette, coloured maps and contact sheet'),
  quality: qualityOptions('classes'),
})
type ClassesOptions = z.output<typeof options>

interface CodeInput {
  readonly labels: ImageRef
  readonly kind: 'label' | 'drawing'
  readonly photo: ImageRef
  readonly coding: ClassCoding
  readonly distance: number
}

export const classes = defineStage({
  name: 'classes',
  version: 3,
  summary: 'Give labels that you have already their classes: from ids, or from a table of colours',
  details:
    'Old ids become 0..K-1 in the order of the table; their names and colours go into palette.json, with the mean colour that each class has in the photos. Put resize before it: edges are then drawn at the final size. Leaves palette.json, coloured maps and a contact sheet in OUT/labels, and the verdict on each photo and its labels in quality.json and quality-sheet.png.',
  options,
  needs: ['photo'],
  gives: ['label', 'palette'],
  fields: () => ({ needs: [['label', 'drawing']] }),
  files: ({ table }) => (typeof table === 'string' ? [table] : []),
  plan: ({ table, folder }) => [
    `takes the classes of ${typeof table === 'string' ? table : table ? 'the table' : 'the source, or each id for one'}`,
    `writes OUT/${folder}: palette.json, coloured maps, contact sheet, quality.json and quality-sheet.png`,
  ],
  intact: async (result, { folder }, output) =>
    (await labelsAreWhole(result.artefacts.palette, join(output, folder))) && hasQualityReport(join(output, folder)),
  ahead: [signAhead<ClassesOptions>(({ quality }) => looksForTwins(quality))],
  shared: signatureShared,
  tasks: {
    /** Which ids a label map has. */
    async list({ labels, divisor }: { labels: ImageRef; divisor: number }, tools) {
      const { data, channels } = await loadLabels(labels, 'label', tools)
      const ids = new Set<number>()
      for (let at = 0; at < data.length && ids.size <= MOST_IDS; at += channels)
        ids.add(classOf(channels === 1 ? data[at]! : idAt(data, at), divisor))
      return { facts: { ids: [...ids].sort((a, b) => a - b) } }
    },
    async code({ labels, kind, photo, coding, distance }: CodeInput, tools) {
      const old = await loadLabels(labels, kind, tools)
      const { width, height, channels } = old
      const pixels = await tools.load(photo)
      if (pixels.width !== width || pixels.height !== height)
        throw new PrepError(
          'SIZES_DIFFER',
          `the labels are ${width}x${height}, the photo ${pixels.width}x${pixels.height}: put a resize step before classes`,
        )
      const { ids, unknown } = recoderOf(coding, kind, channels, distance)(old.data)
      if (coding.edges !== null) markEdges(ids, old.data, old, coding.edges)
      return {
        image: { data: ids, width, height, channels: 1 },
        facts: {
          width,
          height,
          ...sumByClass(ids, pixels.data, coding.classes.length, unknown),
          ...gateFacts({
            ids,
            pixels,
            classes: coding.classes.length,
            unlabelled: unlabelledClasses(coding),
            isPhoto: true,
          }),
        },
      }
    },
    draw: drawLabels,
    sheet: drawPairs,
    quality: drawQuality,
    signature: signatureTask,
  },
  async run(set, options, context) {
    const { samples } = set
    const kind = samples[0]?.label ? 'label' : 'drawing'
    const { table, file } = await findTable(set.artefacts.classes?.path, kind, samples, options, context)
    const unknown = options.unknown ?? table.unknown ?? 'fail'
    const coding = codeClasses(table, { map: options.map, unknown }, file)
    if (kind === 'drawing') checkColours(coding, table, file)
    else if (unknown === 'nearest')
      throw new PrepError(
        'OPTION_OUT_OF_RANGE',
        'unknown: nearest is for labels drawn in colours: ids have no nearest',
        {
          hint: 'use fail, or the name of a class',
        },
      )
    const { coded, facts, tally } = await codeAll(samples, kind, coding, options, context)
    if (!coded.length) return { samples: [], artefacts: set.artefacts }
    const found = tally.mostUnknown(kind)
    if (found.length && unknown === 'fail')
      throw unknownClasses(found, tally.unknown, kind === 'label' ? 'ids' : 'colours')
    if (found.length)
      context.note(
        `${tally.unknown.pixels} pixels (${(100 * tally.unknown.share).toFixed(2)}%) are in no class, taken as ${unknown}: ${found.map(([value, pixels]) => `${value} (${pixels})`).join(', ')}`,
      )
    const palette = tally.palette(coding)
    const empty = palette.clusters.flatMap(({ share, name = '' }) => (share ? [] : [name]))
    context.note(`${palette.clusters.length} classes${empty.length ? `; no pixel of ${empty.join(', ')}` : ''}`)
    const text = formatPalette(palette)
    const path = join(context.output, options.folder, 'palette.json')
    await writeFileAtomic(path, text)
    const { folder, quality } = options
    const gate = await applyGate(coded, facts, quality, context, { folder, colours: paletteColours(palette) })
    const { samples: kept, items } = gate
    await context.folder(folder, [...labelDrawings(kept, palette, options, context), ...items])
    return { samples: kept, artefacts: { ...set.artefacts, palette: { path, key: fingerprint(text) } } }
  },
})

/** What people call the class of pixels that have none. */
const NO_CLASS = /^(un-?labell?ed|void|ignored?|unknown|none)$/i

const unlabelledClasses = ({ classes }: ClassCoding): number[] =>
  classes.flatMap(({ name }, id) => (NO_CLASS.test(name) ? [id] : []))

/** So many classes there can be. */
const MOST_IDS = 255

/** Ids of a file as they are stored; a drawing, and what a step has stored, as every task gets it. */
const loadLabels = async (ref: ImageRef, kind: 'label' | 'drawing', { load }: TaskTools): Promise<LoadedPixels> =>
  ref.kind === 'file' && kind === 'label' ? (await readLabelIds(ref)).labels : load(ref)

/** Recoders prepare tables, so a process keeps the last one. */
let recoder: { readonly key: string; readonly recode: Recoder } | undefined
function recoderOf(
  coding: ClassCoding,
  kind: 'label' | 'drawing',
  channels: Pixels['channels'],
  distance: number,
): Recoder {
  const key = JSON.stringify([coding, kind, channels, distance])
  if (recoder?.key !== key)
    recoder = {
      key,
      recode: kind === 'drawing' ? createColourRecoder(coding, distance) : createIdRecoder(coding, channels),
    }
  return recoder.recode
}

/** The table of the options, of the source, or of the ids that occur. */
async function findTable(
  given: string | undefined,
  kind: 'label' | 'drawing',
  samples: readonly Sample[],
  options: ClassesOptions,
  context: StageContext,
): Promise<{ table: ClassTable; file: string }> {
  const { table, divisor, edges, map } = options
  const own = { ...(divisor && { divisor }), ...(edges && { edges }) }
  if (Array.isArray(table)) return { table: { entries: listEntries(table, 'table'), ...own }, file: 'table' }
  const file = table ?? given
  if (file) return { table: { ...(await readClassTable(file)), ...own }, file }
  if (kind === 'drawing')
    throw new PrepError('OPTION_MISSING', 'classes needs table: for labels drawn in colours', {
      hint: 'list the classes with their colours; where none are known, use kmeans with of: drawing',
    })
  if (map) return { table: { entries: [], ...own }, file: 'map' }
  return {
    table: { entries: listEntries(await listIds(samples, context, divisor), 'ids'), ...own },
    file: 'the list of ids found',
  }
}

/** @throws {PrepError} `CLASS_UNKNOWN` when there are more ids than classes can be */
async function listIds(
  samples: readonly Sample[],
  context: StageContext,
  divisor = MAX_ID,
): Promise<{ id: number; name: string }[]> {
  const calls = samples.map(
    (sample): TaskCall => ({
      sample,
      keyed: { labels: contentKey(sample.label!), divisor },
      input: { labels: { ...sample.label! }, divisor },
    }),
  )
  const ids = new Set<number>()
  for (const result of await context.map('list', calls, 'list ids'))
    if (result.status === 'done') for (const id of result.facts.ids as number[]) ids.add(id)
  if (ids.size > MOST_IDS)
    throw new PrepError(
      'CLASS_UNKNOWN',
      `the labels have more than ${MOST_IDS} different ids: too many to be classes`,
      { hint: 'list the classes with table: or map:, or set divisor: where ids are class * 1000 + instance' },
    )
  return [...ids].sort((a, b) => a - b).map(id => ({ id, name: `class ${id}` }))
}

async function codeAll(
  samples: readonly Sample[],
  kind: 'label' | 'drawing',
  coding: ClassCoding,
  { distance }: ClassesOptions,
  context: StageContext,
): Promise<{ coded: Sample[]; facts: { [name: string]: Json }[]; tally: ClassTally }> {
  const calls = samples.map((sample): TaskCall => {
    const [labels, photo] = [sample[kind], sample.photo!]
    if (!labels)
      throw new PrepError('STAGE_INPUT_MISSING', `${sample.name} has no ${kind}, the samples before it have one`, {
        hint: 'run one pipeline for each kind of labels',
      })
    const how = { kind, coding: coding as unknown as Json, distance }
    return {
      sample,
      makes: 'label',
      keyed: { labels: contentKey(labels), photo: contentKey(photo), ...how },
      input: { labels: { ...labels }, photo: { ...photo }, ...how },
    }
  })
  const tally = new ClassTally(coding.classes.length)
  const results = await context.map('code', calls, 'label')
  const all: { [name: string]: Json }[] = []
  const coded = samples.flatMap((sample, index): Sample[] => {
    const result = results[index]!
    if (result.status !== 'done') return []
    const { key, facts } = result
    tally.add(facts)
    all.push(facts)
    return [{ ...sample, label: { kind: 'stored', key, width: Number(facts.width), height: Number(facts.height) } }]
  })
  return { coded, facts: all, tally }
}
