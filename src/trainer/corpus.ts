/** The data set as the trainer sees it: pairs of one size with a palette, whatever way they are stored. */
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { type Dataset, openDataset } from '../formats/dataset/read.js'
import type { Colour } from '../images/colour.js'
import { decodeImage, MAX_PIXELS } from '../images/decode.js'
import type { Split } from '../sample.js'
import type { Size } from './augment.js'
import type { Pair, PairReader } from './batch.js'

export interface Corpus {
  /** Of every pair, in pixels. */
  readonly size: Size
  /** The display colour of each label id. */
  readonly colours: readonly Colour[]
  /** palette.json as it is, and its sha256. */
  readonly palette: unknown
  readonly paletteHash: string
  readonly fingerprint: string
  readonly rows: Readonly<Record<Split, number>>
  /** Rows of a split, held to their checksums. Reading throws `SHARD_DAMAGED`. */
  reader(split: Split): PairReader
  /** The names of samples by their rows in a split, as far as the data set knows them. */
  names(split: Split, rows: readonly number[]): Promise<ReadonlyMap<number, string>>
  close(): Promise<void>
}

/**
 * Open a packed data set for training.
 *
 * @throws {PrepError} `DATASET_MISSING`, `DATASET_VERSION`, `INDEX_DAMAGED`, `PALETTE_INVALID`, and `SPLIT_IMPOSSIBLE`
 *   when it has no training row
 */
export async function openCorpus(path: string): Promise<Corpus> {
  const dataset = await openDataset(path)
  try {
    const { index, palette } = dataset
    if (index.rows.train === 0)
      throw new PrepError('SPLIT_IMPOSSIBLE', `${path}: expected training rows, found none`, {
        hint: 'add photos, or lower the share of the split step that goes to test',
      })
    return {
      size: index.size,
      colours: parseColours(palette, index.clusters, path),
      palette,
      paletteHash: index.palette.sha256,
      fingerprint: index.fingerprint,
      rows: index.rows,
      reader: split => row => readPair(dataset, split, row),
      names: (split, rows) => findNames(dataset, split, rows),
      close: () => dataset.close(),
    }
  } catch (error) {
    await dataset.close()
    throw error
  }
}

const coloured = z.object({
  clusters: z.array(z.object({ display: z.string().regex(/^#[0-9a-f]{6}$/i) })),
})

/** The display colour of each label id. @param file  whose palette it is, for messages @throws {PrepError} `PALETTE_INVALID` */
export function displayColours(palette: unknown, file: string): Colour[] {
  const { success, data, error } = coloured.safeParse(palette)
  if (!success)
    throw new PrepError('PALETTE_INVALID', `${file}: ${z.prettifyError(error)}`, { hint: 'pack the data set again' })
  return data.clusters.map(({ display }) => {
    const rgb = Number.parseInt(display.slice(1), 16)
    return [rgb >> 16, (rgb >> 8) & 255, rgb & 255]
  })
}

function parseColours(palette: unknown, clusters: number, path: string): Colour[] {
  const colours = displayColours(palette, `${path}/palette.json`)
  if (colours.length === clusters) return colours
  const counts = `expected ${clusters} clusters, found ${colours.length}`
  throw new PrepError('PALETTE_INVALID', `${path}/palette.json: ${counts}`, { hint: 'pack the data set again' })
}

async function readPair(dataset: Dataset, split: Split, row: number): Promise<Pair> {
  const { label, photo } = await dataset.read(split, row, { verify: true })
  if (dataset.form.photo === 'raw') return { label, photo }
  const asStored = { fit: 'fill', position: 'centre', background: [0, 0, 0], maxPixels: MAX_PIXELS } as const
  const { pixels } = await decodeImage(photo, asStored)
  const { width, height } = dataset.form
  if (pixels.width !== width || pixels.height !== height) {
    const found = `expected ${width}x${height} pixels, found ${pixels.width}x${pixels.height}`
    throw new PrepError('SHARD_DAMAGED', `${split} row ${row}: ${found}`, { hint: 'pack the data set again' })
  }
  return { label, photo: pixels.data }
}

async function findNames(dataset: Dataset, split: Split, rows: readonly number[]): Promise<Map<number, string>> {
  const wanted = new Set<unknown>(rows)
  const names = new Map<number, string>()
  for await (const sample of dataset.samples()) {
    if (sample.split !== split || !wanted.has(sample.row)) continue
    if (typeof sample.name === 'string') names.set(sample.row as number, sample.name)
    if (names.size === wanted.size) break
  }
  return names
}
