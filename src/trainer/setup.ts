/** All that the loop works with, opened in order: data set, plan, engine, checkpoint to go on from, sheets, log. */
import { join } from 'node:path'
import { PrepError } from '../errors.js'
import { sha256File } from '../files.js'
import type { CheckpointState } from './checkpoint.js'
import { type Corpus, openCorpus } from './corpus.js'
import type { EngineName, Session, Tensors } from './engines/engine.js'
import { chooseEngine } from './engines/index.js'
import { type Evaluation, heldOutSplit, openEvaluation } from './evaluate.js'
import type { TrainEvent } from './events.js'
import { openTrainLog, type TrainLog } from './log.js'
import { evalEvery, type TrainOptions } from './options.js'
import { buildStep, countParameters, initialWeights } from './pix2pix/step.js'
import { checkMemory, estimateMemory, memoryLimit, planTraining, type TrainPlan } from './plan.js'
import { HistoryPool } from './pool.js'
import { readInitialWeights } from './pretrained.js'
import { randomAt, unitNumbers } from './random.js'
import { findCheckpoint, setAside } from './resume.js'
import { openSheets, type Sheets } from './sheets.js'

/** What to train, on what, and where to leave it. Plain data: it crosses processes. */
export interface TrainJob {
  /** Folder of a packed data set. */
  readonly dataset: string
  /** Folder that gets checkpoints, sheets and logs. */
  readonly output: string
  readonly options: TrainOptions
  /** Any integer; the same job with the same seed gives the same bytes on the same engine and threads. */
  readonly seed: number
}

export interface TrainSetup {
  readonly corpus: Corpus
  readonly plan: TrainPlan
  readonly engine: EngineName
  readonly session: Session
  readonly checkpoints: string
  /** The checkpoint that training goes on from. */
  readonly resumed: { readonly file: string; readonly state: CheckpointState } | undefined
  readonly log: TrainLog
  readonly sheets: Sheets | undefined
  readonly pool: HistoryPool | undefined
  readonly evaluation: Evaluation | undefined
  close(): Promise<void>
}

/** Open a training and emit `train-start`; the caller closes it. @throws as `train` does */
export async function openTraining(job: TrainJob, emit: (event: TrainEvent) => void): Promise<TrainSetup> {
  const { output, options, seed } = job
  const warn = (message: string): void => emit({ type: 'warning', message })
  const opened: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one()
  }
  try {
    const corpus = await openCorpus(job.dataset)
    opened.push(() => corpus.close())
    const plan = planTraining(corpus, options, seed, options.init_from ? sha256File(options.init_from) : null)
    const checkpoints = join(output, 'checkpoints')
    for (const warning of plan.warnings) warn(warning)

    const graph = buildStep(plan.model)
    const memoryBytes = estimateMemory(graph)
    const tight = checkMemory(plan.model, memoryBytes, memoryLimit())
    if (tight) warn(tight)
    const { engine, device, why } = await chooseEngine(options.engine)
    const { session, pool, resumed } = await (async () => {
      const found = await findCheckpoint(checkpoints, plan.identity, warn)
      const initial = found?.tensors ?? (await firstWeights(job, plan))
      const previous = found ? undefined : await setAside(output)
      if (previous) warn(`the earlier training is kept in ${previous}`)
      const threads = options.threads === undefined ? {} : { threads: options.threads }
      const session = await engine.load(graph, initial, threads)
      // the session has copies: the tensors read end their life here
      const pool = options.pool > 0 ? new HistoryPool(options.pool, options.label_input, found) : undefined
      return { session, pool, resumed: found && { file: found.file, state: found.state } }
    })()
    opened.push(() => session.dispose())
    if (resumed && resumed.state.engine !== engine.name)
      warn(`the checkpoint was trained by ${resumed.state.engine}: ${engine.name} goes on, but not to the same bits`)

    const { sample_rows, dropout_at_inference: dropout } = options
    const painted = { model: plan.model, encoding: plan.encoding, dropout, seed }
    const sheets = options.sample_every > 0 ? await openSheets(corpus, { ...painted, rows: sample_rows }) : undefined
    const split = heldOutSplit(corpus.rows)
    const evaluation = evaluates(options, corpus.rows[split])
      ? await openEvaluation(corpus, { ...painted, split, rows: options.eval_rows })
      : undefined
    if (evaluation?.unlabelled) checkBest(evaluation.unlabelled, options)
    const { stepsPerEpoch } = plan.sampler
    const bytes = resumed?.state.metricsBytes ?? 0
    const log = await openTrainLog({ output, options, stepsPerEpoch, bytes, sheets: sheets?.plan, warn })
    opened.push(() => log.close())

    const { width, height } = plan.model
    emit({
      type: 'train-start',
      engine: engine.name,
      device,
      why,
      size: { height, width },
      rows: corpus.rows,
      parameters: countParameters(plan.model),
      memoryBytes,
      epochs: options.epochs,
      stepsPerEpoch,
      totalSteps: plan.totalSteps,
      ...(resumed && { resumed: { checkpoint: resumed.file, epoch: resumed.state.epoch, step: resumed.state.step } }),
    })
    return { corpus, plan, engine: engine.name, session, checkpoints, resumed, log, sheets, pool, evaluation, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Without held-out rows there is no evaluation, unless it was asked for: then that is an error. */
const evaluates = (options: TrainOptions, heldOut: number): boolean =>
  evalEvery(options) > 0 && (heldOut > 0 || options.eval_every !== undefined || options.keep_best !== undefined)

/** @throws {PrepError} `PALETTE_MISMATCH` when the best checkpoint is to be chosen by labels that cannot be found */
function checkBest(unlabelled: string, { keep_best }: TrainOptions): void {
  if (keep_best !== 'pixel_accuracy' && keep_best !== 'miou') return
  throw new PrepError('PALETTE_MISMATCH', `keep_best: ${keep_best}, but labels cannot be found again: ${unlabelled}`, {
    hint: 'set keep_best to l1, psnr or ssim',
  })
}

/** Drawn from the seed, but what `init_from` has. */
async function firstWeights({ options, seed }: TrainJob, { model }: TrainPlan): Promise<Tensors> {
  const drawn = initialWeights(model, unitNumbers(randomAt(seed, 'init')))
  return options.init_from === undefined ? drawn : { ...drawn, ...(await readInitialWeights(options.init_from, model)) }
}
