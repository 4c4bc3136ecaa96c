/** Sample sheets: what G makes of the same few rows as training goes on, beside what it was given and the truth. */
import { writeFileAtomic } from '../files.js'
import { type Colour, colourise } from '../images/colour.js'
import { drawSheet, type SheetPlan } from '../images/sheet.js'
import type { Pixels, Split } from '../sample.js'
import { centreWindow, cropLabel } from './augment.js'
import { type Encoding, encodeCentre, type Pair } from './batch.js'
import type { Corpus } from './corpus.js'
import type { Session, Tensor } from './engines/engine.js'
import { dropoutMasks, type Pix2PixConfig } from './pix2pix/model.js'
import { randomAt, unitNumbers } from './random.js'

/** A row that every sheet of a training shows. */
interface SheetPair {
  readonly row: number
  readonly name: string | undefined
  readonly pair: Pair
}

export interface SheetOptions {
  readonly rows: number
  readonly model: Pix2PixConfig
  readonly encoding: Encoding
  readonly seed: number
}

export interface Sheets {
  /** What each of them is like. */
  readonly plan: SheetPlan
  /** Draw what `session` generates now. @param path  of the PNG, replaced atomically */
  draw(session: Session, path: string, title: string): Promise<void>
}

/** `count` of 0..rows-1 at even distances, the first one included. */
export const spreadRows = (rows: number, count: number): number[] =>
  Array.from({ length: Math.min(rows, count) }, (_, i) => Math.floor((i * rows) / Math.min(rows, count)))

/**
 * Sheets over rows spread evenly through the test split (the train split when there is none), read once.
 *
 * Generating follows the paper: statistics of the image itself and dropout, here with masks that are the same each
 * time, so that two sheets differ by training alone.
 */
export async function openSheets(corpus: Corpus, { rows, model, encoding, seed }: SheetOptions): Promise<Sheets> {
  const split: Split = corpus.rows.test > 0 ? 'test' : 'train'
  const shown = spreadRows(corpus.rows[split], rows)
  const names = await corpus.names(split, shown)
  const read = corpus.reader(split)
  const pairs: SheetPair[] = []
  for (const row of shown) pairs.push({ row, name: names.get(row), pair: await read(row) })

  const generate = async (session: Session, { row, pair }: SheetPair): Promise<Pixels[]> => {
    const { label, photo } = encodeCentre(pair, encoding)
    const masks = dropoutMasks({ ...model, batch: 1 }, unitNumbers(randomAt(seed, 'sheet', row)))
    const generated = await session.generate({ label, ...masks })
    return [shownLabel(pair, encoding), toPixels(photo), toPixels(generated)]
  }
  const { crop } = encoding.framing
  const look = { columns: ['input', 'truth', 'prediction'], cellPx: Math.min(384, Math.max(128, crop.width)) }
  return {
    plan: { ...look, title: 'Epoch', rows: pairs.map(({ name }) => ({ cells: [crop, crop, crop], caption: name })) },
    async draw(session, path, title) {
      const rows = []
      for (const pair of pairs) rows.push({ cells: await generate(session, pair), caption: pair.name })
      await writeFileAtomic(path, await drawSheet({ ...look, rows, title }))
    },
  }
}

function shownLabel({ label }: Pair, { framing, colours }: Encoding): Pixels {
  const { width, height } = framing.crop
  const ids = cropLabel(label, framing, centreWindow(framing))
  return colourise({ data: ids, width, height, channels: 1 }, colours as readonly Colour[])
}

/** The first image of an NCHW tensor in [-1, 1] as RGB bytes. */
export function toPixels({ shape, data }: Tensor): Pixels {
  const [, , height, width] = shape as readonly [number, number, number, number]
  const plane = height * width
  const bytes = new Uint8ClampedArray(3 * plane)
  for (let i = 0; i < plane; i++)
    for (let channel = 0; channel < 3; channel++) bytes[3 * i + channel] = (data[channel * plane + i]! + 1) * 127.5
  return { data: new Uint8Array(bytes.buffer), width, height, channels: 3 }
}
