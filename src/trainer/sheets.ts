/** Sample sheets: what G makes of the same few rows as training goes on, beside what it was given and the truth. */
import { writeFileAtomic } from '../files.js'
import { type Colour, colourise } from '../images/colour.js'
import { drawSheet, type SheetPlan } from '../images/sheet.js'
import type { Pixels, Split } from '../sample.js'
import { centreWindow, cropLabel } from './augment.js'
import type { Encoding, Pair } from './batch.js'
import type { Corpus } from './corpus.js'
import type { Session } from './engines/engine.js'
import { createPainter, type PainterOptions } from './painter.js'

/** A row that every sheet of a training shows. */
interface SheetPair {
  readonly row: number
  readonly name: string | undefined
  readonly pair: Pair
}

export interface SheetOptions extends PainterOptions {
  readonly rows: number
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
 * Generating follows the paper: statistics of the image itself and, unless it is turned off, dropout, here with masks
 * that are the same each time, so that two sheets differ by training alone.
 */
export async function openSheets(
  corpus: Corpus,
  { rows, model, dropout, encoding, seed }: SheetOptions,
): Promise<Sheets> {
  const split: Split = corpus.rows.test > 0 ? 'test' : 'train'
  const shown = spreadRows(corpus.rows[split], rows)
  const names = await corpus.names(split, shown)
  const read = corpus.reader(split)
  const pairs: SheetPair[] = []
  for (const row of shown) pairs.push({ row, name: names.get(row), pair: await read(row) })

  const painter = createPainter({ model, encoding, dropout, seed })
  const generate = async (session: Session, { row, pair }: SheetPair): Promise<Pixels[]> => {
    const { painting } = await painter.paint(session, row, pair)
    return [shownLabel(pair, encoding), painter.truth(pair).photo, painting]
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
