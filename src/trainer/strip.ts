/** The progress strip: what G made of the same rows at several epochs, side by side, cut out of the sample sheets. */
import { writeFileAtomic } from '../files.js'
import { cutSheet, hasLayout } from '../images/cut-sheet.js'
import { drawSheet, layoutSheet, type SheetPlan } from '../images/sheet.js'
import type { Pixels } from '../sample.js'

/** Epochs that a strip shows at most. */
const EPOCHS = 8
/** Cells are at most so wide, in px: ten of them stand side by side. */
const CELL_PX = 192

/** A sheet that was drawn: input, truth and prediction of some rows. */
export interface DrawnSheet {
  readonly epoch: number
  readonly step: number
  /** Drawn at the end of the epoch, not within one. */
  readonly whole: boolean
  readonly path: string
}

/**
 * Draw a strip: a row for each row of the sheets, with input, truth, and the predictions of up to eight epochs spread
 * evenly over the sheets that are there, the first and the last among them. It follows from the sheets alone.
 *
 * @param sheets  in the order of training; those that were removed, or showed other rows, are left out
 * @param plan    what the sheets are like
 * @returns whether there was any sheet to cut from
 * @throws {PrepError} `DISK_FULL`, `OUTPUT_READ_ONLY`, `FILE_UNREADABLE`
 */
export async function drawStrip(sheets: readonly DrawnSheet[], picture: string, plan: SheetPlan): Promise<boolean> {
  const layout = layoutSheet(plan)
  const alike: DrawnSheet[] = []
  for (const sheet of sheets) if (await hasLayout(sheet.path, layout)) alike.push(sheet)
  const shown: { readonly heading: string; readonly rows: readonly (readonly Pixels[])[] }[] = []
  for (const { path, epoch, step, whole } of spread(alike, EPOCHS)) {
    const rows = await cutSheet(path, layout)
    if (rows) shown.push({ heading: whole ? `epoch ${epoch}` : `step ${step}`, rows })
  }
  const newest = shown.at(-1)
  if (!newest) return false
  const rows = newest.rows.map(([input, truth], row) => ({
    cells: [input!, truth!, ...shown.map(({ rows }) => rows[row]!.at(-1)!)],
    caption: plan.rows[row]!.caption,
  }))
  const columns = ['input', 'truth', ...shown.map(({ heading }) => heading)]
  const cellPx = Math.min(CELL_PX, layout.cellPx)
  await writeFileAtomic(picture, await drawSheet({ columns, rows, cellPx, title: 'Progress' }))
  return true
}

/** At most `count` of the items at even distances, the first and the last among them. */
export const spread = <T>(items: readonly T[], count: number): T[] =>
  items.length <= count
    ? [...items]
    : Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))]!)
