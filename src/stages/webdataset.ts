/** Takes photos, labels and facts from WebDataset shards; src/formats/webdataset and tar say how they lie there. */
import { z } from 'zod'
import type { ArchiveFile } from '../formats/archive-file.js'
import { textValues } from '../formats/table/read.js'
import { readTar, type TarMember } from '../formats/tar/read.js'
import { groupMembers, type WebSample } from '../formats/webdataset/read.js'
import { defineStage } from '../pipeline/stage.js'
import {
  type Found,
  findArchives,
  type ListInput,
  listArchive,
  pieceOf,
  previewArchives,
  samplesOfArchives,
} from './archive.js'
import { splitOfWord } from './split-names.js'

const extensions = z.array(
  z
    .string()
    .min(1)
    .regex(/^[^./][^/]*$/),
)

const options = z.strictObject({
  patterns: z
    .array(z.string().min(1))
    .min(1)
    .describe('Tar files: paths, glob patterns, or brace ranges such as shards/train-{000000..000012}.tar'),
  photo: extensions
    .min(1)
    .default(['jpg', 'jpeg', 'png', 'webp'])
    .describe('Extensions of the photo, the first that a sample has counts'),
  label: extensions
    .default(['seg.png', 'label.png', 'cls.png', 'mask.png'])
    .describe('Extensions of the map of label ids; [] takes no labels'),
  columns: extensions.default(['json', 'txt', 'cls']).describe('Extensions of text to keep: of json each member'),
  limit: z.int().min(1).optional().describe('Take only the first so many'),
})
type WebdatasetOptions = z.output<typeof options>

/** Longer texts are no columns. */
const MAX_TEXT_BYTES = 1 << 20

export const webdataset = defineStage({
  name: 'webdataset',
  version: 1,
  summary: 'Take photos and labels from WebDataset shards (tar)',
  details:
    'Members with the same key (the path up to the first dot of the file name) are one sample. Photos are read from their place in the tar, nothing is unpacked. Of .json the members split, group and sha256 say what they say in a data set; files named by at least two splits (train-000.tar, val-000.tar) give theirs to their samples. A shard that is cut gives its whole samples and is counted.',
  options,
  needs: [],
  gives: ['photo', 'label'],
  source: true,
  preview: ({ patterns }, output) => previewArchives(patterns, output),
  plan: ({ patterns }) => [`reads ${patterns.join(', ')}`],
  tasks: {
    async list(input: ListInput<WebdatasetOptions>) {
      return listArchive(input, function* (file) {
        for (const sample of groupMembers(readTar(file))) yield describeSample(file, sample, input.options)
      })
    },
  },
  async run(_set, { patterns, limit, ...options }, context) {
    const archives = await findArchives(patterns, context.output)
    return { samples: await samplesOfArchives({ ...archives, options, limit }, context), artefacts: {} }
  },
})

function describeSample(
  file: ArchiveFile,
  { key, members }: WebSample,
  options: Omit<WebdatasetOptions, 'patterns'>,
): Found {
  const find = (names: readonly string[]): TarMember | undefined =>
    names.map(name => members.get(name.toLowerCase())).find(member => member !== undefined)
  const [photo, label] = [find(options.photo), find(options.label)]
  if (!photo) {
    const found = [...members.keys()].join(', ')
    return { name: key, code: 'FILE_MISSING', message: `has no photo (${options.photo.join(', ')}), only ${found}` }
  }
  const columns: Record<string, string> = {}
  for (const extension of options.columns) {
    const member = members.get(extension.toLowerCase())
    if (!member || member.bytes > MAX_TEXT_BYTES) continue
    const text = Buffer.from(file.read(member.offset, member.bytes)).toString('utf8').trim()
    if (extension.toLowerCase() !== 'json') columns[extension] = text
    else
      try {
        const value: unknown = JSON.parse(text)
        if (typeof value === 'object' && value !== null && !Array.isArray(value))
          Object.assign(columns, textValues(value))
        else columns.json = text
      } catch (error) {
        return {
          name: key,
          code: 'ARCHIVE_DAMAGED',
          message: `${member.name} is not JSON: ${(error as Error).message}`,
        }
      }
  }
  const take = (name: string, valid: (text: string) => boolean): string | undefined => {
    const text = columns[name]
    if (text === undefined || !valid(text)) return undefined
    delete columns[name]
    return text
  }
  const split = splitOfWord(take('split', text => splitOfWord(text) !== undefined) ?? '')
  const identity = take('sha256', text => /^[0-9a-f]{64}$/.test(text))
  const group = take('group', () => true)
  return {
    name: key,
    photo: pieceOf(file, photo),
    ...(label && { label: pieceOf(file, label) }),
    ...(identity && { identity }),
    ...(split && { split }),
    ...(group && { group }),
    columns,
  }
}
