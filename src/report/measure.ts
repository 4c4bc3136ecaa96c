/** What only looking can tell, done when a report is made: checkpoints measured on held-out rows, and leaks of the split. */
import { join } from 'node:path'
import { PrepError } from '../errors.js'
import { colourise } from '../images/colour.js'
import { besideEachOther } from '../images/shrink.js'
import { checkRun } from '../pipeline/leak-check.js'
import type { Pixels } from '../sample.js'
import { readCheckpointState } from '../trainer/checkpoint.js'
import { displayColours } from '../trainer/corpus.js'
import { heldOutSplit, type RowFigures } from '../trainer/evaluate.js'
import { evaluateCheckpoint } from '../trainer/evaluate-checkpoint.js'
import type { HeldOutMetric } from '../trainer/options.js'
import { isBetter } from '../trainer/retention.js'
import type { EvaluationFacts, LeakFacts, MeasuredCheckpoint, MeasuredRow, RunFacts } from './facts.js'
import type { Gathered } from './gather.js'

/** Worst and best rows shown. */
const ROWS_SHOWN = 4
const LEAKS_SHOWN = 8
/** Pictures that are looked through for leaks without being asked. */
const MOST_PICTURES = 3000

export interface MeasureOptions {
  /** Held-out rows at most, spread evenly; 0: none. */
  readonly rows: number
  readonly engine: string
  /** Whether to look for leaks of the split; default: yes. */
  readonly leaks?: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: (what: string, done: number, of: number) => void
}

/** The facts with what was measured; what cannot be measured is left out with its reason in `problems`. */
export async function measure(
  gathered: Gathered,
  options: MeasureOptions,
): Promise<{ facts: RunFacts; problems: readonly string[] }> {
  const { facts, run, redact } = gathered
  const problems: string[] = []
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> =>
    work().catch((error: unknown) => {
      if (!(error instanceof PrepError) || error.code === 'INTERRUPTED') throw error
      problems.push(`not measured: ${what}: ${error.message}`)
      return undefined
    })
  const evaluation = options.rows > 0 ? await attempt('evaluation', () => evaluate(gathered, options)) : undefined
  const { split } = facts.data
  const asked = options.leaks !== false ? split : undefined
  const many = facts.data.used > MOST_PICTURES
  const leaks = asked && !many ? await attempt('leaks', () => findLeaks(run, asked.threshold, options)) : undefined
  return {
    facts: redact({
      ...facts,
      ...(evaluation && { evaluation }),
      ...(asked && leaks && { data: { ...facts.data, split: { ...asked, leaks } } }),
      ...(asked && many && { data: { ...facts.data, split: { ...asked, unsearched: facts.data.used } } }),
    }),
    problems: redact(problems),
  }
}

type Shown = Parameters<NonNullable<Parameters<typeof evaluateCheckpoint>[0]['onPainting']>>[1]

async function evaluate(
  { checkpoints: { files: there, best }, run, packed, pictures }: Gathered,
  { rows, engine, signal, onProgress }: MeasureOptions,
): Promise<EvaluationFacts | undefined> {
  if (there.length === 0 || !packed) return undefined
  const dataset = packed.folder
  const counts = packed.index.rows
  const split = heldOutSplit(counts)
  const of = counts[split]
  if (of === 0) return undefined
  const newest = await newestReadable(run, there)
  const both = best === newest
  const files = best && !both ? [best, newest] : [newest]
  const checkpoints: MeasuredCheckpoint[] = []
  const extremes = new Extremes(ROWS_SHOWN)
  let last: Awaited<ReturnType<typeof evaluateCheckpoint>> | undefined
  for (const file of files) {
    const isLast = file === newest
    last = await evaluateCheckpoint({
      checkpoint: checkpointIn(run, file),
      dataset,
      split,
      rows,
      engine,
      signal,
      onRow: (done, of) => onProgress?.(`measuring ${file}`, done, of),
      ...(isLast && { onPainting: (row: RowFigures, shown: Shown) => extremes.add(row, shown) }),
    })
    const { epoch, step, figures } = last
    checkpoints.push({ file, role: both ? 'best and last' : isLast ? 'last' : 'best', epoch, step, figures })
  }
  const { ceiling, unlabelled } = last!
  const names = new Map(last!.rows.map(({ row, name }) => [row, name]))
  const colours = displayColours(packed.palette, 'palette.json')
  const show = async ({ row, shown }: Extreme): Promise<MeasuredRow> => {
    const { width, height } = shown.photo
    const label = colourise({ data: shown.label, width, height, channels: 1 }, colours)
    const source = packed.rowOf(split, row.row)
    return {
      row: row.row,
      ...(source && { source }),
      name: names.get(row.row) ?? `${split} row ${row.row}`,
      figures: row.figures,
      picture: pictures.add(await besideEachOther([label, shown.photo, shown.painting]), 900),
    }
  }
  const shownOf = async (rows: readonly Extreme[]): Promise<MeasuredRow[]> => {
    const list = []
    for (const row of rows) list.push(await show(row))
    return list
  }
  return {
    split,
    rows: last!.rows.length,
    of,
    checkpoints,
    ceiling,
    ...(unlabelled !== undefined && { unlabelled }),
    by: extremes.by,
    worst: await shownOf(extremes.worst),
    best: await shownOf(extremes.best),
  }
}

const checkpointIn = (run: string, file: string): string => join(run, 'train/checkpoints', file)

/** A damaged one is passed over, as a training that goes on does; when all are, the newest says why. */
async function newestReadable(run: string, files: readonly string[]): Promise<string> {
  for (const file of files) if (await readCheckpointState(checkpointIn(run, file)).catch(() => undefined)) return file
  return files[0]!
}

interface Extreme {
  readonly row: RowFigures
  readonly shown: { readonly photo: Pixels; readonly label: Uint8Array; readonly painting: Pixels }
}

/** The worst and the best rows by SSIM (L1 for tiny images, which have none); the others are forgotten at once. */
class Extremes {
  by: HeldOutMetric = 'ssim'
  private ranked: Extreme[] = []

  constructor(private readonly count: number) {}

  add(row: RowFigures, shown: Extreme['shown']): void {
    if (row.figures.ssim === undefined) this.by = 'l1'
    const { by, count } = this
    this.ranked = [...this.ranked, { row, shown }].sort((a, b) => {
      const [one, other] = [a.row.figures[by]!, b.row.figures[by]!]
      return one === other ? a.row.row - b.row.row : isBetter(by, one, other) ? 1 : -1
    })
    // the ends stay; of the middle none can become an end
    if (this.ranked.length > 2 * count) this.ranked.splice(count, this.ranked.length - 2 * count)
  }

  get worst(): readonly Extreme[] {
    return this.ranked.slice(0, Math.min(this.count, Math.ceil(this.ranked.length / 2)))
  }
  get best(): readonly Extreme[] {
    const count = Math.min(this.count, Math.floor(this.ranked.length / 2))
    return count === 0 ? [] : this.ranked.slice(-count).reverse()
  }
}

async function findLeaks(
  run: string,
  threshold: number,
  { signal, onProgress }: MeasureOptions,
): Promise<LeakFacts | undefined> {
  const found = await checkRun(run, {
    threshold,
    signal,
    onProgress: ({ done, total }) => onProgress?.('looking for leaks', done, total),
  })
  return {
    pictures: Object.values(found.pictures).reduce((sum, count) => sum + count, 0),
    threshold,
    count: found.leaks.length,
    examples: found.leaks.slice(0, LEAKS_SHOWN).map(({ held, twin, distance }) => ({
      held: `${held.name} (${held.split})`,
      twin: `${twin.name} (${twin.split})`,
      distance,
    })),
  }
}
