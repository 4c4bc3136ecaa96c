/** A checkpoint measured against a data set, apart from any training: only what fits together is compared. */
import { isDeepStrictEqual } from 'node:util'
import { PrepError } from '../errors.js'
import { paletteHash, parsePalette } from '../labels/palette.js'
import type { Split } from '../sample.js'
import { planFraming } from './augment.js'
import type { CheckpointState } from './checkpoint.js'
import { type Corpus, displayColours, openCorpus } from './corpus.js'
import { type EvaluateHooks, type Figures, openEvaluation, type RowFigures } from './evaluate.js'
import { openGenerator } from './generator.js'

export interface EvaluateCheckpoint {
  readonly checkpoint: string
  /** Folder of the data set. */
  readonly dataset: string
  readonly split: Split
  /** Rows at most, spread evenly over the split. */
  readonly rows: number | 'all'
  readonly engine: string
  readonly onRow?: (done: number, of: number) => void
  readonly onPainting?: EvaluateHooks['onPainting']
  /** true gives it up, with what `throwIfAborted` throws. */
  readonly signal?: AbortSignal | undefined
}

export interface CheckpointEvaluation {
  readonly checkpoint: string
  readonly epoch: number
  readonly step: number
  readonly split: Split
  readonly figures: Figures
  /** What the labels of the photos themselves come to; empty when labels are left out. */
  readonly ceiling: Figures
  /** Why labels are left out, if they are. */
  readonly unlabelled?: string
  /** The data set is not the one that it was trained on, though it fits. */
  readonly otherDataset: boolean
  readonly rows: readonly (RowFigures & { readonly name?: string })[]
}

/**
 * @throws {PrepError} as `openGenerator` and `openCorpus` do; `SPLIT_MISSING`; `PALETTE_MISMATCH` when labels mean
 *   something else in the data set; `CHECKPOINT_MISMATCH` when its images are not of the size of the net
 */
export async function evaluateCheckpoint(options: EvaluateCheckpoint): Promise<CheckpointEvaluation> {
  const { checkpoint, dataset, split, rows } = options
  const corpus = await openCorpus(dataset)
  try {
    const generator = await openGenerator(checkpoint, options)
    try {
      const { state, session } = generator
      const encoding = encodingFor(checkpoint, state, corpus)
      const { model, seed } = state
      // checkpoints from before it could be turned off do not say
      const { dropout_at_inference: dropout = true } = state.options
      const evaluation = await openEvaluation(corpus, { split, rows, model, encoding, dropout, seed })
      const onRow = (done: number): void => options.onRow?.(done, evaluation.rows.length)
      const { onPainting, signal } = options
      const stopped = (): boolean => signal?.aborted ?? false
      const found = await evaluation.evaluate(session, { onRow, stopped, ...(onPainting && { onPainting }) })
      if (!found) throw signal!.reason
      const names = await corpus.names(split, evaluation.rows)
      return {
        checkpoint,
        epoch: state.epoch,
        step: state.step,
        split,
        figures: found.figures,
        ceiling: await evaluation.ceiling(),
        ...(evaluation.unlabelled !== undefined && { unlabelled: evaluation.unlabelled }),
        otherDataset: state.dataset.fingerprint !== corpus.fingerprint,
        rows: found.rows.map(row => ({ ...row, ...nameOf(names.get(row.row)) })),
      }
    } finally {
      await generator.close()
    }
  } finally {
    await corpus.close()
  }
}

const nameOf = (name: string | undefined): { name?: string } => (name === undefined ? {} : { name })

/** How the net was fed, held against what the data set has. */
function encodingFor(file: string, { options, model, palette, paletteHash: hash }: CheckpointState, corpus: Corpus) {
  if (hash !== corpus.paletteHash && !sameLabels(palette, corpus.palette))
    throw new PrepError('PALETTE_MISMATCH', `${file} was trained with another palette than that of the data set`, {
      hint: 'name the data set that it was trained on with --dataset',
    })
  const framing = planFraming(corpus.size, options.augment)
  const { width, height } = framing.crop
  if (width !== model.width || height !== model.height)
    throw new PrepError(
      'CHECKPOINT_MISMATCH',
      `${file}: the net takes ${model.width}x${model.height} pixels, the data set gives ${width}x${height}`,
      { hint: 'name a data set of the size that it was trained on with --dataset' },
    )
  // the colours that the net has learnt, whatever the labels are shown in today
  return { framing, labelInput: options.label_input, colours: displayColours(palette, file) }
}

/** Names and colours of classes may change; what decides labels may not. */
function sameLabels(a: unknown, b: unknown): boolean {
  if (isDeepStrictEqual(a, b)) return true
  try {
    const [one, other] = [a, b].map(palette => paletteHash(parsePalette(JSON.stringify(palette), 'palette.json')))
    return one === other
  } catch (error) {
    if (error instanceof PrepError) return false
    throw error
  }
}
