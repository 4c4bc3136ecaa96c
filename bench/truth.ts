/** Photos with a ground truth, at the size and crop that the pipeline gives both: what labels are scored against. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, parse, resolve } from 'node:path'
import { decodeImage, MAX_PIXELS } from '../src/images/decode.js'
import { readLabelIds } from '../src/images/label-ids.js'
import { placeNearest } from '../src/images/nearest.js'
import { UNLABELLED } from '../src/labels/overlap.js'

export const SIZE = 512
const root = resolve(import.meta.dirname, '..')
/** 46 street photos in order of time. */
export const camvid = join(process.env.PREP_SHARED ?? join(root, '../shared'), 'data/camvid')

/**
 * Defaults may be tuned on the first half, `tune`, and are judged on the second, `heldout`. Halves, not every other
 * photo: neighbouring frames are alike.
 */
export const PARTS = ['all', 'tune', 'heldout'] as const
export type Part = (typeof PARTS)[number]

export interface TruthPhoto {
  readonly name: string
  readonly path: string
  /** SIZE x SIZE. */
  readonly rgb: Uint8Array
  /** Class of each pixel, 0..classes-1; UNLABELLED. */
  readonly truth: Uint8Array
}

export interface Truth {
  readonly photos: readonly TruthPhoto[]
  readonly classes: readonly string[]
}

/** @returns nothing where the data is not there */
export async function readTruth(part: Part): Promise<Truth | undefined> {
  if (!existsSync(join(camvid, 'photos'))) return undefined
  const table = JSON.parse(readFileSync(join(camvid, 'classes.json'), 'utf8')) as { ids: string[]; ignore: number }
  const files = readdirSync(join(camvid, 'photos')).sort()
  const half = Math.floor(files.length / 2)
  const chosen = part === 'all' ? files : part === 'tune' ? files.slice(0, half) : files.slice(half)
  const photos: TruthPhoto[] = []
  for (const file of chosen) photos.push(await readPhoto(file, table.ignore))
  return { photos, classes: table.ids.filter((_, id) => id !== table.ignore) }
}

async function readPhoto(file: string, ignore: number): Promise<TruthPhoto> {
  const path = join(camvid, 'photos', file)
  const size = { width: SIZE, height: SIZE }
  const { pixels, placement } = await decodeImage(path, {
    name: file,
    size,
    fit: 'cover',
    position: 'centre',
    background: [0, 0, 0],
    maxPixels: MAX_PIXELS,
  })
  const { name } = parse(file)
  const { labels } = await readLabelIds({ kind: 'file', path: join(camvid, 'labels', `${name}.png`), sha256: '' })
  const truth = placeNearest(labels, placement, size, [UNLABELLED]).data
  return { name, path, rgb: pixels.data, truth: truth.map(id => (id < ignore ? id : UNLABELLED)) }
}
