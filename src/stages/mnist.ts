/** Takes images from idx files, the format of MNIST: they become PNGs in tar files below the output, labels a column. */
import { existsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { sha256Hex } from '../files.js'
import { elementAt, type IdxArray, readIdx } from '../formats/idx/read.js'
import { type NewMember, writeTar } from '../formats/tar/write.js'
import { encodePng } from '../images/png.js'
import type { Json } from '../pipeline/fingerprint.js'
import { defineStage, type FolderItem, type StageContext } from '../pipeline/stage.js'
import { findArchives, samplesOfArchives } from './archive.js'
import { hash, identifyFiles } from './identity.js'
import { webdataset } from './webdataset.js'

const options = z.strictObject({
  images: z
    .array(z.string().min(1))
    .min(1)
    .describe(
      'idx files of images, gzipped or not: paths or glob patterns such as mnist/*-images*idx3-ubyte*. Labels are in the file of the same name with labels and idx1',
    ),
  folder: z.string().min(1).default('mnist').describe('Folder below the output for the images as PNG in tar files'),
  limit: z.int().min(1).optional().describe('Take only the first so many of each file'),
})

/** Images a tar file: enough of them that all cores have some. */
const CHUNK = 5000

interface Chunk {
  readonly images: string
  readonly labels: string | undefined
  readonly stem: string
  readonly start: number
  readonly end: number
}

export const mnist = defineStage({
  name: 'mnist',
  version: 1,
  summary: 'Take images and their classes from idx files (MNIST)',
  details:
    'For MNIST and its kin (Fashion-MNIST, KMNIST, EMNIST). The class is kept as the column label. Files called train-... and t10k-... (or test-...) become the splits train and test where both are given. An image’s identity is the sha256 of its pixels.',
  options,
  needs: [],
  gives: ['photo'],
  source: true,
  plan: ({ images, folder }) => [`reads ${images.join(', ')}`, `writes OUT/${folder}: the images as PNG in tar files`],
  tasks: {
    hash,
    async measure({ images, labels }: Pick<Chunk, 'images' | 'labels'>) {
      const array = await readImages(images)
      if (labels) checkLabels(await readIdx(labels), array, labels, images)
      return { facts: { count: array.shape[0]! } }
    },
    async write({ path, chunk }: { path: string; chunk: Chunk }) {
      await writeTar(path, encodeImages(chunk))
      return {}
    },
    list: webdataset.tasks!.list!,
  },
  async run(_set, { images: patterns, folder, limit = Number.POSITIVE_INFINITY }, context) {
    const { paths: files, missing } = await findArchives(patterns, context.output)
    if (missing[0]) throw new PrepError('FILE_MISSING', `there is no ${missing[0]}`, { hint: 'check `images`' })
    const items: FolderItem[] = []
    for (const { images, labels, content } of await identify(files, context)) {
      const [result] = await context.map('measure', [{ keyed: content, input: { images, labels } }])
      const count = Math.min(limit, result?.status === 'done' ? Number(result.facts.count) : 0)
      const stem = stemOf(images)
      for (let start = 0; start < count; start += CHUNK) {
        const chunk: Chunk = { images, labels, stem, start, end: Math.min(start + CHUNK, count) }
        const file = `${stem}-${String(start / CHUNK).padStart(6, '0')}.tar`
        items.push({
          file,
          task: 'write',
          key: { content, start, end: chunk.end },
          call: { input: { path: join(context.output, folder, file), chunk: chunk as unknown as Json } },
        })
      }
    }
    await context.folder(folder, items)
    const paths = items.map(({ file }) => join(context.output, folder, file))
    const { photo, label, columns } = webdataset.options.parse({ patterns: paths })
    const samples = await samplesOfArchives({ paths, missing: [], options: { photo, label, columns } }, context)
    return { samples, artefacts: {} }
  },
})

interface IdxPair {
  readonly images: string
  readonly labels: string | undefined
  /** sha256 of both. */
  readonly content: Json
}

/** @throws {PrepError} `USAGE` for two files that would give the same names */
async function identify(files: readonly string[], context: StageContext): Promise<IdxPair[]> {
  const pairs = files.map(images => ({ images, labels: labelsBeside(images) }))
  const stems = files.map(stemOf)
  const twice = stems.findIndex((stem, i) => stems.indexOf(stem) < i)
  if (twice >= 0)
    throw new PrepError('USAGE', `${files[twice]} and another file are both ${stems[twice]}`, {
      hint: 'name one of the two (gzipped or not) in `images`',
    })
  const wanted = pairs.flatMap(({ images, labels }) => [images, ...(labels ? [labels] : [])])
  const known = await identifyFiles(
    wanted.map(path => ({ path, name: path })),
    context,
  )
  return pairs.flatMap(({ images, labels }): IdxPair[] => {
    const [image, label] = [known.get(images), labels && known.get(labels)]
    if (!image || (labels && !label)) return []
    if (!labels) context.warn(`no labels beside ${images}: its images have no class`)
    return [{ images, labels, content: [image, label ?? ''] }]
  })
}

/** `train-images-idx3-ubyte.gz` -> `train` */
const stemOf = (path: string): string =>
  basename(path)
    .replace(/\.(gz|idx|ubyte)$/g, '')
    .replace(/[-_.]?images?[-_.]?(idx\d)?([-_.]ubyte)?$/i, '') || 'images'

function labelsBeside(images: string): string | undefined {
  const name = basename(images)
    .replace(/images/i, 'labels')
    .replace(/idx[34]/i, 'idx1')
  const other = name.endsWith('.gz') ? name.slice(0, -3) : `${name}.gz`
  return [name, other].map(file => join(dirname(images), file)).find(path => path !== images && existsSync(path))
}

/** @throws {PrepError} `UNSUPPORTED_FORMAT` for what is no 8-bit images */
async function readImages(path: string): Promise<IdxArray> {
  const array = await readIdx(path)
  const { type, shape } = array
  if (type === 'U8' && (shape.length === 3 || (shape.length === 4 && shape[3] === 3)) && !shape.includes(0))
    return array
  throw new PrepError(
    'UNSUPPORTED_FORMAT',
    `${path}: expected 8-bit images (N x H x W), found ${shape.join('x')} of ${type}`,
    {
      hint: 'name the files of images: those of labels are found beside them',
    },
  )
}

function checkLabels({ shape }: IdxArray, images: IdxArray, labelsPath: string, imagesPath: string): void {
  if (shape.length === 1 && shape[0] === images.shape[0]) return
  throw new PrepError(
    'ARCHIVE_DAMAGED',
    `${labelsPath}: expected ${images.shape[0]} labels, one for each image of ${imagesPath}, found ${shape.join('x')}`,
    { hint: 'fetch both files again' },
  )
}

/** Two members an image: NAME.png and NAME.json. */
async function* encodeImages({ images, labels, stem, start, end }: Chunk): AsyncGenerator<NewMember> {
  const { shape, data } = await readImages(images)
  const [, height = 0, width = 0, channels = 1] = shape
  const classes = labels && (await readIdx(labels))
  const bytes = height * width * channels
  for (let row = start; row < end; row += 1) {
    const pixels = data.subarray(row * bytes, (row + 1) * bytes)
    const key = `${stem}-${String(row).padStart(5, '0')}`
    yield {
      name: `${key}.png`,
      data: await encodePng({ data: pixels, width, height, channels: channels === 3 ? 3 : 1 }),
    }
    const facts = { ...(classes && { label: elementAt(classes, row) }), sha256: sha256Hex(pixels) }
    yield { name: `${key}.json`, data: Buffer.from(JSON.stringify(facts)) }
  }
}
