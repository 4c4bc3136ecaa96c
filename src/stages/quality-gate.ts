/**
 * The quality gate of steps that make label maps: measured in the task that has the pixels at hand, judged here, reported
 * in OUT/FOLDER/quality.json and quality-sheet.png. Judging anew needs no measuring.
 */
import { join } from 'node:path'
import { PrepError } from '../errors.js'
import { measurePhoto, type PhotoMeasures } from '../labels/photo-quality.js'
import { type LabelMeasures, measureLabels } from '../labels/quality.js'
import { judge, type Measures, reasonText, type Thresholds, type Twin } from '../labels/verdict.js'
import type { Json } from '../pipeline/fingerprint.js'
import type { FolderItem, StageContext } from '../pipeline/stage.js'
import type { Pixels, Sample } from '../sample.js'
import type { QualityOptions } from './quality-options.js'
import { countVerdicts, type JudgedSample, writeQualityReport } from './quality-report.js'
import { type GatePlace, QUALITY_SHEET, qualitySheet } from './quality-sheet.js'
import { findTwins } from './quality-twins.js'

export interface GateFacts {
  readonly labels: LabelMeasures
  /** Where it is the photo that was labelled. */
  readonly photo?: PhotoMeasures
}

export interface GateInput {
  readonly ids: Uint8Array
  /** What was labelled. */
  readonly pixels: Pixels
  readonly classes: number
  /** Ids below `classes` that stand for "no label" all the same. */
  readonly unlabelled?: readonly number[]
  /** Is a cluster more than a colour, so that two of one colour may be right? */
  readonly beyondColour?: boolean
  /** Is it the photo that was labelled? Drawings are flat by nature, and alike. */
  readonly isPhoto: boolean
}

/** What the gate must know of a sample; for the facts of the task that labels it, as `quality`. */
export function gateFacts({ pixels, isPhoto, ...labelling }: GateInput): { quality: Json } {
  const { data: rgb, width, height } = pixels
  const labels = measureLabels({ rgb, width, height, ...labelling })
  const photo = isPhoto && { photo: measurePhoto(rgb, width, height) }
  return { quality: { labels, ...photo } as unknown as Json }
}

/**
 * Judge samples, report, and leave out what is rejected as `on_reject` says.
 *
 * @param samples  with photo and label
 * @param facts  what `gateFacts` gave for each, under `quality`
 * @returns samples that stay, in order, and the sheet as a file of the stage's folder
 * @throws {PrepError} `LABELS_REJECTED` for `on_reject: fail`, after the reports are written
 */
export async function applyGate(
  samples: readonly Sample[],
  facts: readonly { readonly [name: string]: Json }[],
  { on_reject, ...thresholds }: QualityOptions,
  context: StageContext,
  place: GatePlace,
): Promise<{ samples: Sample[]; items: FolderItem[] }> {
  const measured = facts.map(({ quality }) => quality as unknown as GateFacts)
  const judged = await judgeAll(samples, measured, thresholds, context)
  const folder = join(context.output, place.folder)
  await writeQualityReport(folder, judged, { on_reject, thresholds })
  const sheet = qualitySheet(judged, thresholds, context.seed, { ...place, folder })
  const rejected = judged.filter(({ judgement }) => judgement.verdict === 'reject')
  context.note(summaryText(judged, on_reject, join(place.folder, QUALITY_SHEET)))
  if (rejected.length && on_reject === 'fail') {
    await context.map(sheet.task, [sheet.call], 'draw what was rejected')
    throw rejection(rejected, judged.length, folder)
  }
  if (on_reject !== 'skip') return { samples: judged.map(({ sample }) => sample), items: [sheet] }
  for (const { sample, judgement } of rejected)
    context.fail({
      sample: sample.name,
      source: sample.source,
      code: `QC_${judgement.reasons[0]!.code.toUpperCase()}`,
      message: judgement.reasons.map(reasonText).join('; '),
    })
  return {
    samples: judged.flatMap(({ sample, judgement }) => (judgement.verdict === 'reject' ? [] : [sample])),
    items: [sheet],
  }
}

async function judgeAll(
  samples: readonly Sample[],
  facts: readonly GateFacts[],
  thresholds: Thresholds,
  context: StageContext,
): Promise<JudgedSample[]> {
  const { warn, reject } = thresholds.near_duplicate || { warn: false, reject: false }
  const photos = samples.filter((_, i) => facts[i]!.photo)
  const { signed, twins } = looksForTwins(thresholds)
    ? await findTwins(photos, Math.max(warn || 0, reject || 0), context)
    : { signed: photos, twins: new Map<Sample, Twin>() }
  const left = new Set(signed)
  return samples.flatMap((sample, i): JudgedSample[] => {
    const { labels, photo } = facts[i]!
    if (photo && !left.has(sample)) return []
    const measures: Measures = { labels, photo, twin: twins.get(sample) }
    return [{ sample, measures, judgement: judge(measures, thresholds) }]
  })
}

/** Does the gate compare photos with each other? */
export function looksForTwins({ near_duplicate }: Pick<Thresholds, 'near_duplicate'>): boolean {
  return near_duplicate !== false && (near_duplicate.warn !== false || near_duplicate.reject !== false)
}

/** `quality: 44 pass, 2 warn (2 dominant), 0 rejected; see labels/quality-sheet.png` */
function summaryText(judged: readonly JudgedSample[], onReject: QualityOptions['on_reject'], sheet: string): string {
  const { pass, warn, reject, reasons } = countVerdicts(judged)
  const why = (counts: Readonly<Record<string, number>>): string => {
    const words = Object.entries(counts).map(([code, count]) => `${count} ${code}`)
    return words.length ? ` (${words.join(', ')})` : ''
  }
  const kept = reject && onReject === 'keep' ? ' but kept' : ''
  return `quality: ${pass} pass, ${warn} warn${why(reasons.warn)}, ${reject} rejected${kept}${why(reasons.reject)}; see ${sheet}`
}

/** Rejected samples named in a message; the rest are in quality.json. */
const EXAMPLES = 10

function rejection(rejected: readonly JudgedSample[], all: number, folder: string): PrepError {
  const lines = rejected
    .slice(0, EXAMPLES)
    .map(({ sample, judgement }) => `- ${sample.name}: ${judgement.reasons.map(reasonText).join('; ')}`)
  const more = rejected.length > EXAMPLES ? [`and ${rejected.length - EXAMPLES} more`] : []
  return new PrepError(
    'LABELS_REJECTED',
    [`${rejected.length} of ${all} samples are rejected:`, ...lines, ...more].join('\n'),
    {
      hint: `look at ${join(folder, QUALITY_SHEET)}: remove the photos, change the limits under quality:, or use on_reject: skip or keep`,
    },
  )
}
