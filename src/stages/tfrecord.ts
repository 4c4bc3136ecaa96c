/** Takes photos, labels and facts from TFRecord files of tf.train.Example; src/formats/tfrecord says how they lie there. */
import { z } from 'zod'
import type { ArchiveFile } from '../formats/archive-file.js'
import { decodeExample, type Example, type Feature } from '../formats/tfrecord/example.js'
import { readRecords, type TfRecord } from '../formats/tfrecord/read.js'
import { defineStage } from '../pipeline/stage.js'
import {
  type Found,
  findArchives,
  type ListInput,
  listArchive,
  type Piece,
  pieceOf,
  previewArchives,
  samplesOfArchives,
} from './archive.js'
import { splitOfWord } from './split-names.js'

const options = z.strictObject({
  patterns: z
    .array(z.string().min(1))
    .min(1)
    .describe('TFRecord files: paths, glob patterns, or brace ranges such as train-{00000..00009}.tfrecord'),
  photo: z.string().min(1).default('image/encoded').describe('Feature with the encoded photo (JPEG, PNG or WebP)'),
  label: z
    .string()
    .default('image/segmentation/class/encoded')
    .describe('Feature with the map of label ids as PNG; "" takes no labels'),
  name: z.string().default('image/filename').describe('Feature with the name; "" or absent: file name and number'),
  limit: z.int().min(1).optional().describe('Take only the first so many'),
})
type TfrecordOptions = z.output<typeof options>

/** Longer values (boxes and masks of many objects, embeddings) are no columns. */
const MAX_COLUMN_BYTES = 4096

export const tfrecord = defineStage({
  name: 'tfrecord',
  version: 1,
  summary: 'Take photos and labels from TFRecord files',
  details:
    'Each record is a tf.train.Example. Photos are read from their place in the file, nothing is unpacked. Other features of text and numbers are kept as columns; image/split, image/group and image/sha256 say what they say in a data set. Checksums are held to: a record that does not fit its own is left out, and a file that is cut gives its whole records and is counted.',
  options,
  needs: [],
  gives: ['photo', 'label'],
  source: true,
  preview: ({ patterns }, output) => previewArchives(patterns, output),
  plan: ({ patterns }) => [`reads ${patterns.join(', ')}`],
  tasks: {
    async list(input: ListInput<TfrecordOptions>) {
      const stem = input.path
        .split('/')
        .at(-1)!
        .replace(/\.tfrecords?$/, '')
      return listArchive(input, function* (file) {
        let number = 0
        for (const record of readRecords(file)) {
          yield describeRecord(file, record, `${stem}-${String(number).padStart(6, '0')}`, input.options)
          number += 1
        }
      })
    },
  },
  async run(_set, { patterns, limit, ...options }, context) {
    const archives = await findArchives(patterns, context.output)
    return { samples: await samplesOfArchives({ ...archives, options, limit }, context), artefacts: {} }
  },
})

function describeRecord(
  file: ArchiveFile,
  record: TfRecord,
  fallback: string,
  options: Omit<TfrecordOptions, 'patterns'>,
): Found {
  const { offset, data, intact } = record
  const problem = (code: 'ARCHIVE_DAMAGED' | 'FILE_MISSING', message: string): Found => ({
    name: fallback,
    code,
    message,
  })
  if (!intact) return problem('ARCHIVE_DAMAGED', `the record at byte ${offset} does not fit its CRC-32C`)
  const example = parseExample(data)
  if (!example) return problem('ARCHIVE_DAMAGED', `the record at byte ${offset} is no tf.train.Example`)
  /** Values lie in the record, the record in the file. */
  const pieceIn = (feature: string): Piece | undefined => {
    const found = example.get(feature)
    const [value] = found?.kind === 'bytes' ? found.values : []
    return value?.length
      ? pieceOf(file, { offset: offset + value.byteOffset - data.byteOffset, bytes: value.length })
      : undefined
  }
  const [photo, label] = [pieceIn(options.photo), pieceIn(options.label)]
  if (!photo)
    return problem('FILE_MISSING', `has no photo in ${options.photo}, only ${[...example.keys()].sort().join(', ')}`)
  const columns = new Map<string, string>()
  for (const [feature, value] of [...example].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = columnText(value)
    if (text && ![options.photo, options.label, options.name].includes(feature)) columns.set(feature, text)
  }
  const take = (feature: string, valid: (text: string) => boolean): string | undefined => {
    const text = columns.get(feature)
    if (text === undefined || !valid(text)) return undefined
    columns.delete(feature)
    return text
  }
  const split = splitOfWord(take('image/split', text => splitOfWord(text) !== undefined) ?? '')
  const identity = take('image/sha256', text => /^[0-9a-f]{64}$/.test(text))
  const group = take('image/group', text => text !== '')
  const named = example.get(options.name)
  const name = named && columnText(named)?.replace(/\.(jpe?g|png|webp)$/i, '')
  return {
    name: name || fallback,
    photo,
    ...(label && { label }),
    ...(identity && { identity }),
    ...(split && { split }),
    ...(group && { group }),
    columns: Object.fromEntries(columns),
  }
}

function parseExample(data: Uint8Array): Example | undefined {
  try {
    return decodeExample(data)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** One value as it is, several joined by a space; nothing for bytes that are no text. */
function columnText(feature: Feature): string | undefined {
  if (feature.kind !== 'bytes') {
    const text = feature.values.join(' ')
    return text.length <= MAX_COLUMN_BYTES ? text : undefined
  }
  if (feature.values.reduce((sum, value) => sum + value.length, 0) > MAX_COLUMN_BYTES) return undefined
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    return feature.values.map(value => decoder.decode(value)).join(' ')
  } catch {
    return undefined
  }
}
