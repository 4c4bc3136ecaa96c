/** What became of the photos: counts, reasons, palette, split, quality, and the sheets with the samples that they show. */
import { join } from 'node:path'
import { failureClass } from '../failure-classes.js'
import { isFile, readFileChecked } from '../files.js'
import { type Colour, hexColour } from '../images/colour.js'
import { parsePalette } from '../labels/palette.js'
import {
  type Judgement,
  type Measures,
  REASON_CODES,
  reasonText,
  type Thresholds,
  VERDICTS,
} from '../labels/verdict.js'
import { commandLine } from '../pipeline/command-line.js'
import type { Failure } from '../pipeline/stage.js'
import type { StepRecord } from '../pipeline/step-record.js'
import type { Sample, Split } from '../sample.js'
import { CONTACT_SHEET, contactSheetSamples } from '../stages/label-drawings.js'
import { type JudgedSample, QUALITY_REPORT, type VerdictCounts } from '../stages/quality-report.js'
import { QUALITY_SHEET, qualitySheetOrder } from '../stages/quality-sheet.js'
import { readSplitRecord } from '../stages/split-record.js'
import type { Advice } from './advice.js'
import type {
  ContactSheetFacts,
  DataFacts,
  PaletteEntry,
  QualityFacts,
  SkipFacts,
  SourceFacts,
  SplitFacts,
} from './facts.js'
import type { PackedDataset } from './packed.js'
import type { PictureList } from './picture-list.js'

/** Samples named for each reason. */
const EXAMPLES = 5
const QUALITY_EXAMPLES = 12

export interface DataSources {
  readonly run: string
  readonly records: readonly StepRecord[]
  readonly packed: PackedDataset | undefined
  readonly advice: ReadonlyMap<string, Advice>
}

export async function gatherData(sources: DataSources, pictures: PictureList): Promise<DataFacts> {
  const { records, packed } = sources
  const found = new Set<string>()
  for (const { result, failures } of records) {
    for (const { name } of result.samples) found.add(name)
    for (const { sample } of failures) found.add(sample)
  }
  const last = records.at(-1)?.result.samples ?? []
  const splits: Partial<Record<Split, number>> = {}
  for (const { split } of last) if (split) splits[split] = (splits[split] ?? 0) + 1
  const split = await gatherSplit(sources)
  const skips = gatherSkips(sources)
  const labels = await gatherLabels(sources, pictures)
  return {
    found: found.size,
    used: last.length,
    leftOut: skips.reduce((sum, { count }) => sum + count, 0),
    splits: packed ? nonZero(packed.index.rows) : splits,
    skips,
    palette: await gatherPalette(sources),
    ...(split && { split }),
    quality: labels.quality,
    sheets: labels.sheets,
    ...(packed && {
      packed: {
        width: packed.index.size.width,
        height: packed.index.size.height,
        photo: packed.index.photo,
        bytes: packed.index.shards.reduce((sum, { bytes }) => sum + bytes, 0),
      },
    }),
  }
}

const nonZero = (rows: Readonly<Record<Split, number>>): Partial<Record<Split, number>> =>
  Object.fromEntries(Object.entries(rows).filter(([, count]) => count > 0))

/** By step and code, the largest first. What a step left out counts only if the step before it gave it. */
function gatherSkips({ run, records, advice }: DataSources): SkipFacts[] {
  const groups = new Map<string, { stage: string; failures: Failure[] }>()
  let given: Set<string> | undefined
  for (const { from, failures, result } of records) {
    for (const failure of failures) {
      if (given && !given.has(failure.sample)) continue
      const key = `${from.stage} ${failure.code}`
      if (!groups.has(key)) groups.set(key, { stage: from.stage, failures: [] })
      groups.get(key)!.failures.push(failure)
    }
    given = new Set(result.samples.map(({ name }) => name))
  }
  return [...groups.values()]
    .map(({ stage, failures }) => {
      const { code, wanted = false } = failures[0]!
      const name = failureClass(code)
      return {
        stage,
        code,
        class: name,
        count: failures.length,
        wanted,
        ...advice.get(code),
        retry: commandLine({}, ['retry', run, '--class', name]),
        examples: failures.slice(0, EXAMPLES).map(({ sample, source, message }) => ({ name: sample, source, message })),
      }
    })
    .sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1))
}

/** As packed, or as the last step that made one left it. */
async function gatherPalette({ records, packed }: DataSources): Promise<PaletteEntry[]> {
  const path = records.at(-1)?.result.artefacts.palette?.path
  const text = packed
    ? JSON.stringify(packed.palette)
    : path && (await readFileChecked(path).then(String, () => undefined))
  if (!text) return []
  try {
    return parsePalette(text, path ?? 'palette.json').clusters.map(({ id, name, display, mean, share, into }) => ({
      id,
      ...(name !== undefined && { name }),
      display,
      mean: hexColour(mean as unknown as Colour),
      share,
      ...(into !== undefined && { into }),
    }))
  } catch {
    // a palette that someone is editing: a report does without it
    return []
  }
}

async function gatherSplit({ records, run }: DataSources): Promise<SplitFacts | undefined> {
  const record = records.find(({ from }) => from.stage === 'split')
  const path = record?.result.artefacts.split?.path ?? join(run, 'split.json')
  const found = record && (await readSplitRecord(path).catch(() => undefined))
  if (!record || !found || found === 'damaged') return undefined
  const groups = new Map<string, number>()
  for (const { group } of record.result.samples) if (group) groups.set(group, (groups.get(group) ?? 0) + 1)
  const shared = [...groups.values()].filter(size => size > 1)
  const { rule, seed, test, val, threshold, moved } = found
  return {
    rule,
    seed,
    test,
    val,
    threshold,
    group: typeof found.group === 'string' ? found.group : JSON.stringify(found.group),
    groups: { count: shared.length, samples: shared.reduce((sum, size) => sum + size, 0) },
    moved: moved.slice(-EXAMPLES).map(({ name, from, to }) => ({ name, from, to })),
    movedCount: moved.length,
  }
}

/** quality.json, as quality-report.ts writes it. */
interface QualityFile {
  readonly on_reject: string
  readonly thresholds: Thresholds
  readonly summary: VerdictCounts
  readonly images: readonly (Judgement & Omit<Measures, 'twin'> & { readonly name: string })[]
}

/** The folders of steps that make labels: their sheets and verdicts. */
async function gatherLabels({ run, records, packed }: DataSources, pictures: PictureList) {
  const quality: QualityFacts[] = []
  const sheets: ContactSheetFacts[] = []
  for (const [index, { from, result }] of records.entries()) {
    const { folder } = from.options
    if (typeof folder !== 'string') continue
    const place = join(run, folder)
    const incoming = new Map((records[index - 1]?.result.samples ?? result.samples).map(one => [one.name, one]))
    const file = await readQuality(join(place, QUALITY_REPORT))
    const cellsOf = (samples: readonly Sample[]): SourceFacts[] =>
      samples.map(one => packed?.sourceOf(one) ?? sourceOf(one))
    if (await isFile(join(place, CONTACT_SHEET)))
      sheets.push({
        picture: pictures.add(join(place, CONTACT_SHEET), 1400),
        title: `Photos and their labels (${folder})`,
        cells: cellsOf(contactSheetSamples(result.samples, from.seed)),
      })
    if (!file) continue
    quality.push(qualityOf(folder, file))
    if (await isFile(join(place, QUALITY_SHEET)))
      sheets.push({
        picture: pictures.add(join(place, QUALITY_SHEET), 1800),
        title: `The worst, and some at random (${folder})`,
        cells: cellsOf(qualitySheetOrder(judgedOf(file, incoming), file.thresholds, from.seed).map(one => one.sample)),
      })
  }
  return { quality, sheets }
}

const sourceOf = ({ name, source, sha256 }: Sample): SourceFacts => ({ name, source, sha256 })

async function readQuality(path: string): Promise<QualityFile | undefined> {
  const text = await readFileChecked(path).catch(() => undefined)
  try {
    const file: unknown = text && JSON.parse(text.toString('utf8'))
    return isQualityFile(file) ? file : undefined
  } catch {
    return undefined
  }
}

/** Of our version, as far as the page looks into it; a file that someone made otherwise is none. */
function isQualityFile(file: unknown): file is QualityFile {
  const { on_reject, thresholds, summary, images } = (file ?? {}) as Partial<Record<keyof QualityFile, unknown>>
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
  if (typeof on_reject !== 'string' || !isObject(thresholds) || !isObject(summary) || !Array.isArray(images))
    return false
  const { reasons } = summary
  return (
    VERDICTS.every(verdict => typeof summary[verdict] === 'number') &&
    isObject(reasons) &&
    isObject(reasons.warn) &&
    isObject(reasons.reject) &&
    images.every(isJudged)
  )
}

function isJudged(image: unknown): boolean {
  const { name, verdict, reasons, labels } = (image ?? {}) as Partial<Record<string, unknown>>
  return (
    typeof name === 'string' &&
    (VERDICTS as readonly unknown[]).includes(verdict) &&
    Array.isArray(reasons) &&
    reasons.every(reason =>
      (REASON_CODES as readonly unknown[]).includes((reason as { code?: unknown } | null)?.code),
    ) &&
    typeof labels === 'object' &&
    labels !== null
  )
}

function judgedOf({ images }: QualityFile, samples: ReadonlyMap<string, Sample>): JudgedSample[] {
  return images.flatMap(({ name, verdict, reasons, labels, photo }) => {
    const sample = samples.get(name)
    const twin = reasons.find(({ code }) => code === 'near_duplicate')
    const measures = { labels, photo, ...(twin && { twin: { name: twin.of ?? '', bits: twin.found } }) }
    return sample ? [{ sample, measures, judgement: { verdict, reasons } }] : []
  })
}

const qualityOf = (folder: string, { on_reject, summary, images }: QualityFile): QualityFacts => ({
  folder,
  onReject: on_reject,
  summary,
  examples: images
    .filter(({ verdict }) => verdict !== 'pass')
    .sort((a, b) => VERDICTS.indexOf(b.verdict) - VERDICTS.indexOf(a.verdict) || (a.name < b.name ? -1 : 1))
    .slice(0, QUALITY_EXAMPLES)
    .map(({ name, verdict, reasons }) => ({ name, verdict, reasons: reasons.map(reasonText) })),
})
