/** How a training went: curves, evaluations, health of D, speed, checkpoints, and its sheets with the rows on them. */
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { PrepError } from '../errors.js'
import { isFile } from '../files.js'
import type { Panel, Point } from '../images/chart.js'
import { type CheckpointState, listCheckpoints, readCheckpointState } from '../trainer/checkpoint.js'
import { planPanels, seriesOf } from '../trainer/curves.js'
import { Health } from '../trainer/health.js'
import { type MetricsLine, numbersOf, readMetrics } from '../trainer/metrics.js'
import { HELD_OUT_METRICS, type HeldOutMetric, type TrainOptions, trainOptions } from '../trainer/options.js'
import { isBetter, readBest } from '../trainer/retention.js'
import { spreadRows } from '../trainer/sheets.js'
import { spread } from '../trainer/strip.js'
import type {
  BestFacts,
  CheckpointFacts,
  EvaluationRow,
  HealthFacts,
  SourceFacts,
  SpeedFacts,
  TrainingFacts,
} from './facts.js'
import type { History, LoggedEpoch } from './history.js'
import type { PackedDataset } from './packed.js'
import type { PictureList } from './picture-list.js'

/** Points that a line of a chart has at most. */
const POINTS = 400
/** Epochs in the table at most. */
const TABLE_ROWS = 60
/** Steps that the health of D is judged over, as health.ts does. */
const RECENT_STEPS = 200

export interface TrainingSources {
  readonly run: string
  readonly history: History
  readonly packed: PackedDataset | undefined
  /** As the step was run, where that is known. */
  readonly options: unknown
}

/** What the newest readable checkpoint of a training says of it. */
export async function readNewestState(folder: string): Promise<CheckpointState | undefined> {
  for (const { path } of await listCheckpoints(join(folder, 'checkpoints'))) {
    const state = await readCheckpointState(path).catch(error => {
      if (error instanceof PrepError) return undefined
      throw error
    })
    if (state) return state
  }
  return undefined
}

/** @returns undefined where nothing was trained */
export async function gatherTraining(
  { run, history, packed, options: given }: TrainingSources,
  state: CheckpointState | undefined,
  pictures: PictureList,
): Promise<TrainingFacts | undefined> {
  const folder = join(run, 'train')
  const lines = await readLines(join(folder, 'metrics.jsonl'))
  if (!state && lines.length === 0) return undefined
  const options = optionsOf(given, state)
  const { started } = history
  const epochLines = lines.filter(({ type }) => type === 'epoch')
  const newest = lines.at(-1)
  const stepsPerEpoch = stepsOf(epochLines) ?? started?.stepsPerEpoch ?? 1
  const evaluations = lines.filter(({ type }) => type === 'eval').map(evaluationRow)
  const checkpoints = await gatherCheckpoints(join(folder, 'checkpoints'))
  const sheets = await gatherSheets(folder, lines, pictures)
  const speed = speedOf(history.epochs, started?.stepsPerEpoch ?? stepsPerEpoch, options)
  const best = await gatherBest(folder, evaluations, options, checkpoints, stepsPerEpoch)
  const strip = join(folder, 'progress.png')
  return {
    folder,
    epochs: options.epochs,
    epochsDone: state?.epoch ?? epochLines.at(-1)?.epoch ?? 0,
    step: state?.step ?? newest?.step ?? 0,
    changed: changedOptions(options),
    ...(state && state.engine !== 'pytorch' && { engine: state.engine }),
    ...(started && {
      engine: started.engine,
      device: started.device,
      parameters: started.parameters,
      size: started.size,
      memoryBytes: started.memoryBytes,
      totalSteps: started.totalSteps,
    }),
    panels: planPanels(seriesOf(lines, stepsPerEpoch)).map(thinPanel),
    table: spread(epochLines, TABLE_ROWS).map(line => ({
      epoch: line.epoch,
      step: line.step,
      values: Object.fromEntries(numbersOf(line)),
    })),
    evaluations,
    health: healthOf(epochLines, options),
    ...(speed && { speed }),
    checkpoints,
    ...(best && { best }),
    sheets: sheets.found,
    sheetsMissing: sheets.missing,
    ...(sheets.hero && { hero: sheets.hero }),
    sheetRows: packed ? sheetRows(packed, options) : [],
    ...((await isFile(strip)) && { strip: pictures.add(strip, 1600) }),
  }
}

async function readLines(path: string): Promise<MetricsLine[]> {
  const lines: MetricsLine[] = []
  try {
    for await (const line of readMetrics(path)) lines.push(line)
  } catch (error) {
    if (!(error instanceof PrepError && error.code === 'FILE_MISSING')) throw error
  }
  return lines
}

/** Of the training itself where it left a checkpoint; else as the step was to be run. */
function optionsOf(given: unknown, state: CheckpointState | undefined): TrainOptions {
  const found = trainOptions.safeParse(given ?? {})
  return { ...(found.success ? found.data : trainOptions.parse({})), ...state?.options }
}

function changedOptions(options: TrainOptions): TrainingFacts['changed'] {
  const defaults = trainOptions.parse({})
  const names = [...new Set([...Object.keys(options), ...Object.keys(defaults)])] as (keyof TrainOptions)[]
  const text = (value: unknown): string => (value === undefined ? 'unset' : JSON.stringify(value))
  return names
    .map(option => ({ option, value: text(options[option]), byDefault: text(defaults[option]) }))
    .filter(({ value, byDefault }) => value !== byDefault)
}

/** Steps of an epoch: what lies between two of them, or before the first. */
function stepsOf(epochs: readonly MetricsLine[]): number | undefined {
  const [first] = epochs
  return first && first.step / first.epoch
}

const evaluationRow = (line: MetricsLine): EvaluationRow => {
  const numbers = new Map(numbersOf(line))
  return {
    epoch: line.epoch,
    step: line.step,
    split: line.split ?? 'test',
    figures: Object.fromEntries(
      HELD_OUT_METRICS.flatMap(name => (numbers.has(name) ? [[name, numbers.get(name)!]] : [])),
    ),
  }
}

/** The warnings that the training itself gave, and where D stands now. */
function healthOf(epochs: readonly MetricsLine[], options: TrainOptions): HealthFacts {
  const health = new Health(options)
  const warnings = epochs.flatMap(line => health.add(line))
  const last = epochs.at(-1)
  if (!last) return { warnings }
  let steps = 0
  let [real, fake] = [0, 0]
  for (let i = epochs.length - 1; i >= 0 && steps < RECENT_STEPS; i--) {
    const count = epochs[i]!.step - (epochs[i - 1]?.step ?? 0)
    const numbers = new Map(numbersOf(epochs[i]!))
    steps += count
    real += count * (numbers.get('acc_real') ?? Number.NaN)
    fake += count * (numbers.get('acc_fake') ?? Number.NaN)
  }
  const recent = { steps, real: real / steps, fake: fake / steps }
  return { warnings, ...(Number.isFinite(recent.real + recent.fake) && { recent }) }
}

/** By the trainer's own clock; logs of before it told are read by when epochs ended. */
function speedOf(epochs: readonly LoggedEpoch[], stepsPerEpoch: number, options: TrainOptions): SpeedFacts | undefined {
  const told = epochs.flatMap(({ speed }) => (speed ? [speed] : []))
  if (told.length > 0)
    return {
      imagesPerSecond: median(told.map(({ imagesPerSecond }) => imagesPerSecond)),
      stepMs: median(told.map(({ stepMs }) => stepMs)),
      dataWait: median(told.map(({ dataWaitMs, stepMs }) => dataWaitMs / stepMs)),
      epochs: told.length,
      from: 'steps',
    }
  const images = stepsPerEpoch * options.batch * options.accumulate
  const rates = epochs.slice(1).flatMap(({ epoch, at }, i) => {
    const seconds = (Date.parse(at) - Date.parse(epochs[i]!.at)) / 1000
    return epochs[i]!.epoch === epoch - 1 && seconds > 0 ? [images / seconds] : []
  })
  return rates.length > 0 ? { imagesPerSecond: median(rates), epochs: rates.length, from: 'epochs' } : undefined
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

async function gatherCheckpoints(folder: string): Promise<CheckpointFacts[]> {
  const facts: CheckpointFacts[] = []
  for (const { path, epoch, step } of await listCheckpoints(folder)) {
    const found = await stat(path).catch(() => undefined)
    if (found) facts.push({ file: basename(path), epoch, ...(step !== undefined && { step }), bytes: found.size })
  }
  return facts
}

/** What `keep_best` chose; else the best evaluation by a metric that tells most: labels found again, then SSIM, then L1. */
async function gatherBest(
  folder: string,
  evaluations: readonly EvaluationRow[],
  { keep_best }: TrainOptions,
  checkpoints: readonly CheckpointFacts[],
  stepsPerEpoch: number,
): Promise<BestFacts | undefined> {
  const kept = keep_best && (await readBest(join(folder, 'checkpoints')))
  if (kept) return { metric: kept.metric, value: kept.value, epoch: kept.epoch, file: kept.file, kept: true }
  const metric = (['miou', 'ssim', 'l1'] as const).find(name =>
    evaluations.some(({ figures }) => figures[name] !== undefined),
  )
  const best = metric && bestBy(metric, evaluations)
  if (!best) return undefined
  const file = checkpoints.find(({ epoch, step = epoch * stepsPerEpoch }) => step === best.step)?.file
  return { metric, value: best.figures[metric]!, epoch: best.epoch, ...(file && { file }), kept: false }
}

/** The evaluation that is best by a metric, the first of equals. */
export function bestBy(metric: HeldOutMetric, evaluations: readonly EvaluationRow[]): EvaluationRow | undefined {
  let best: EvaluationRow | undefined
  for (const one of evaluations) {
    const value = one.figures[metric]
    if (value !== undefined && (!best || isBetter(metric, value, best.figures[metric]!))) best = one
  }
  return best
}

async function gatherSheets(folder: string, lines: readonly MetricsLine[], pictures: PictureList) {
  const named = lines.filter(({ type, file }) => type === 'sheet' && isSheetName(file))
  const found = []
  let lastPath: string | undefined
  for (const { epoch, step, file } of named) {
    const path = join(folder, file!)
    if (!(await isFile(path))) continue
    found.push({ picture: pictures.add(path, 1200, { series: true }), epoch, step })
    lastPath = path
  }
  return { found, missing: named.length - found.length, hero: lastPath && pictures.add(lastPath, 900) }
}

/** What a training writes itself: no other file becomes part of a page. */
const isSheetName = (file: string | undefined): boolean => file !== undefined && /^samples\/[\w-]+\.png$/.test(file)

function sheetRows({ index, rowOf }: PackedDataset, { sample_rows }: TrainOptions): SourceFacts[] {
  const split = index.rows.test > 0 ? 'test' : 'train'
  return spreadRows(index.rows[split], sample_rows).flatMap(row => rowOf(split, row) ?? [])
}

const thinPanel = (panel: Panel): Panel => ({
  ...panel,
  lines: panel.lines.map(line => ({ ...line, points: spread<Point>(line.points, POINTS) })),
})
