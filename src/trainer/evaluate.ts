/** How good G is on rows that it was not trained on: the figures of its paintings against the photos and their labels. */
import { PrepError } from '../errors.js'
import { psnr, ssim } from '../images/similarity.js'
import { Agreement } from '../labels/agreement.js'
import type { Pixels, Split } from '../sample.js'
import type { Corpus } from './corpus.js'
import type { Session } from './engines/engine.js'
import type { HeldOutMetric } from './options.js'
import { createPainter, type PainterOptions } from './painter.js'
import { createResegmenter, type LabelledPhoto } from './resegment.js'
import { spreadRows } from './sheets.js'

/**
 * l1: mean absolute difference in [-1, 1], as in the losses, without their weight. psnr in dB and ssim: means over
 * the rows. pixel_accuracy and miou: labels found again in the paintings, over all pixels of all rows.
 */
export type Figures = Readonly<Partial<Record<HeldOutMetric, number>>>

export interface RowFigures {
  readonly row: number
  readonly figures: Figures
}

export interface EvaluationOptions extends PainterOptions {
  readonly split: Split
  /** Rows at most, spread evenly over the split. */
  readonly rows: number | 'all'
}

export interface EvaluateHooks {
  /** Asked before each row; true gives the evaluation up. */
  readonly stopped?: () => boolean | Promise<boolean>
  readonly onRow?: (done: number) => void
  /** Each row as it was painted, with its photo and label ids. */
  readonly onPainting?: (row: RowFigures, shown: LabelledPhoto & { readonly painting: Pixels }) => void
}

export interface Evaluation {
  readonly split: Split
  readonly rows: readonly number[]
  /** Why pixel_accuracy and miou are left out, if they are. */
  readonly unlabelled: string | undefined
  /** @returns undefined when it was given up; the same weights give the same figures */
  evaluate(session: Session, hooks?: EvaluateHooks): Promise<{ figures: Figures; rows: RowFigures[] } | undefined>
  /** What the labels of the photos themselves come to: the most that those of paintings can be expected to. */
  ceiling(): Promise<Figures>
}

/** Rows that tell whether the palette labels photos at all. */
const TRIAL_ROWS = 8

/** What chooses between checkpoints: val where there is one, so that test stays unseen. */
export const heldOutSplit = (rows: Readonly<Record<Split, number>>): Split => (rows.val > 0 ? 'val' : 'test')

/**
 * Make ready to evaluate on some rows of a split, always the same ones with the same dropout masks as sample sheets.
 * @throws {PrepError} `SPLIT_MISSING` when the split has no rows, `SHARD_DAMAGED`
 */
export async function openEvaluation(corpus: Corpus, options: EvaluationOptions): Promise<Evaluation> {
  const { split } = options
  if (corpus.rows[split] === 0)
    throw new PrepError('SPLIT_MISSING', `expected ${split} rows in the data set, found none`, {
      hint: `raise the share of the split step that goes to ${split}, or choose another split`,
    })
  const shown = spreadRows(corpus.rows[split], options.rows === 'all' ? Number.POSITIVE_INFINITY : options.rows)
  const read = corpus.reader(split)
  const painter = createPainter(options)
  const trial = []
  for (const row of shown.slice(0, TRIAL_ROWS)) trial.push(painter.truth(await read(row)))
  const found = createResegmenter(corpus.palette, trial)
  const again = 'label' in found ? found : undefined

  return {
    split,
    rows: shown,
    unlabelled: 'reason' in found ? found.reason : undefined,
    async evaluate(session, { stopped, onRow, onPainting } = {}) {
      const overall = new Agreement(again?.classes ?? 0)
      const rows: RowFigures[] = []
      for (const row of shown) {
        if (await stopped?.()) return undefined
        const pair = await read(row)
        const { photo, label } = painter.truth(pair)
        const { painting, l1 } = await painter.paint(session, row, pair)
        let labels: Figures = {}
        if (again) {
          const ids = again.label(painting.data, painting.width, painting.height)
          const one = new Agreement(again.classes)
          for (const agreement of [one, overall]) agreement.add(label, ids)
          labels = labelFigures(one)
        }
        const similarity = ssim(painting, photo)
        const figures = { l1, psnr: psnr(painting, photo), ...(similarity !== undefined && { ssim: similarity }) }
        const measured = { row, figures: { ...figures, ...labels } }
        rows.push(measured)
        onPainting?.(measured, { photo, label, painting })
        onRow?.(rows.length)
      }
      return { figures: { ...meanOf(rows), ...(again && labelFigures(overall)) }, rows }
    },
    async ceiling() {
      if (!again) return {}
      const overall = new Agreement(again.classes)
      for (const row of shown) {
        const { photo, label } = painter.truth(await read(row))
        overall.add(label, again.label(photo.data, photo.width, photo.height))
      }
      return labelFigures(overall)
    },
  }
}

const labelFigures = ({ pixelAccuracy, meanIou }: Agreement): Figures => ({
  pixel_accuracy: pixelAccuracy,
  miou: meanIou,
})

function meanOf(rows: readonly RowFigures[]): Figures {
  const mean = (name: HeldOutMetric): number => rows.reduce((sum, { figures }) => sum + figures[name]!, 0) / rows.length
  const names = (['l1', 'psnr', 'ssim'] as const).filter(name => rows[0]!.figures[name] !== undefined)
  return Object.fromEntries(names.map(name => [name, mean(name)]))
}
