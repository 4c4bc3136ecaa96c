/** Takes photos from a folder in the usual layout of image data sets: split folders, class folders, metadata files. */
import { readdir } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import fastGlob from 'fast-glob'
import { z } from 'zod'
import { fileError, PrepError } from '../errors.js'
import { readTable, throwProblems } from '../formats/table/read.js'
import { defineStage } from '../pipeline/stage.js'
import type { Split } from '../sample.js'
import { hash } from './identity.js'
import { type ListedPhoto, samplesOf } from './listed.js'
import { isInside, OutputFinder } from './patterns.js'
import { splitOfWord } from './split-names.js'

const METADATA = ['metadata.csv', 'metadata.jsonl']
const FILE_COLUMN = 'file_name'

const options = z.strictObject({
  folder: z
    .string()
    .min(1)
    .describe('The data set: photos, or split folders (train, validation, test), or class folders'),
  extensions: z
    .array(z.string().regex(/^[a-z0-9]+$/i))
    .min(1)
    .default(['jpg', 'jpeg', 'png', 'webp'])
    .describe('Extensions of photos; letter case does not matter'),
  label: z.string().min(1).default('label').describe('What the column with the class folder’s name is called'),
  limit: z.int().min(1).optional().describe('Take only the first so many of each split'),
})
type ImagefolderOptions = z.output<typeof options>

export const imagefolder = defineStage({
  name: 'imagefolder',
  version: 1,
  summary: 'Take photos from split and class folders',
  details:
    'The layout of Hugging Face’s imagefolder and of torchvision’s ImageFolder. Folders called train, validation (or val) and test become splits. In each, metadata.csv or metadata.jsonl (column file_name) lists the photos and what is known of them; without one the photos are those found, and the first folder on their way names their class.',
  options,
  needs: [],
  gives: ['photo'],
  source: true,
  tasks: { hash },
  plan: ({ folder }) => [`reads ${folder}`],
  check: ({ folder }, { output }) =>
    isInside(folder, output)
      ? [
          {
            option: 'folder',
            code: 'INPUT_CYCLE' as const,
            message: `${folder} is in the pipeline's own output ${output}`,
            hint: 'read photos from outside the output folder, or set another output:',
          },
        ]
      : [],
  preview: async (options, output) => ({ count: (await findPhotos(options, output)).length }),
  async run(_set, options, context) {
    return { samples: await samplesOf(await findPhotos(options, context.output), context), artefacts: {} }
  },
})

/** @throws {PrepError} `NO_MATCHES`, `FILE_MISSING`, `LIST_INVALID` */
async function findPhotos(options: ImagefolderOptions, output: string): Promise<ListedPhoto[]> {
  const { folder, limit } = options
  const entries: ListedPhoto[] = []
  for (const { path, split } of await splitFolders(folder))
    entries.push(...(await readFolder(path, split, options, new OutputFinder(output, [folder]))).slice(0, limit))
  if (!entries.length)
    throw new PrepError('NO_MATCHES', `no photo in ${folder}`, { hint: 'check the folder and `extensions`' })
  return entries
}

/** Folders named like splits, in the order train, val, test; else the folder itself. */
async function splitFolders(folder: string): Promise<{ path: string; split?: Split }[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(error => {
    throw fileError(error, folder, 'look for photos')
  })
  const order = ['train', 'val', 'test']
  const splits = entries
    .filter(entry => entry.isDirectory())
    .flatMap(({ name }) => {
      const split = splitOfWord(name)
      return split ? [{ path: join(folder, name), split }] : []
    })
    .sort((a, b) => order.indexOf(a.split) - order.indexOf(b.split) || (a.path < b.path ? -1 : 1))
  // A lone train folder says nothing about what to hold out: the split step may still decide.
  if (splits.length === 1) return [{ path: splits[0]!.path }]
  return splits.length ? splits : [{ path: folder }]
}

async function readFolder(
  path: string,
  split: Split | undefined,
  { extensions, label }: ImagefolderOptions,
  outputs: OutputFinder,
): Promise<ListedPhoto[]> {
  const base = fastGlob.escapePath(path)
  const find = (names: readonly string[]): Promise<string[]> =>
    fastGlob(
      names.map(name => `${base}/**/${name}`),
      { followSymbolicLinks: false, caseSensitiveMatch: false, unique: true },
    )
  const lists = (await find(METADATA)).filter(file => !outputs.holds(file)).sort()
  if (lists.length) {
    const listed: ListedPhoto[] = []
    for (const list of lists) listed.push(...(await readMetadata(list, split)))
    return listed
  }
  const photos = (await find(extensions.map(extension => `*.${extension}`))).filter(file => !outputs.holds(file)).sort()
  return photos.map((photo): ListedPhoto => {
    const [first, ...rest] = relative(path, photo).split('/')
    return { photo, split, ...(rest.length && { columns: { [label]: first! } }) }
  })
}

/** Names are relative to the metadata file. @throws {PrepError} `LIST_INVALID` */
async function readMetadata(file: string, split: Split | undefined): Promise<ListedPhoto[]> {
  const { columns, rows } = await readTable(file)
  if (!columns.includes(FILE_COLUMN))
    throw new PrepError(
      'LIST_INVALID',
      `${file}: expected a column ${FILE_COLUMN}, found ${columns.join(', ') || 'none'}`,
      {
        hint: 'rename the column of the files, or read it with the list stage',
      },
    )
  throwProblems(
    file,
    rows.flatMap(({ line, values }) =>
      values[FILE_COLUMN] ? [] : [{ line, text: `nothing in the column ${FILE_COLUMN}` }],
    ),
  )
  return rows.map(({ line, values: { [FILE_COLUMN]: name, ...columns } }) => ({
    photo: join(dirname(file), name!),
    split,
    columns,
    mention: `${file} line ${line}`,
  }))
}
