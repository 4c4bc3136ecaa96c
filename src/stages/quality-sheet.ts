/** OUT/FOLDER/quality-sheet.png: the worst samples and some drawn at random, as photo | labels | overlay with figures. */
import { join } from 'node:path'
import { writeFileAtomic } from '../files.js'
import { type Colour, colourise } from '../images/colour.js'
import { overlayLabels } from '../images/overlay.js'
import { drawContactSheet } from '../images/sheet.js'
import { strain, type Thresholds, VERDICTS } from '../labels/verdict.js'
import { seedFor } from '../pipeline/random.js'
import type { FolderItem, TaskOutput, TaskTools } from '../pipeline/stage.js'
import type { ImageRef } from '../sample.js'
import type { JudgedSample } from './quality-report.js'

export const QUALITY_SHEET = 'quality-sheet.png'
const WORST = 12
const AT_RANDOM = 12
const CELL_PX = 200

interface SheetInput {
  readonly cells: readonly { readonly photo: ImageRef; readonly label: ImageRef; readonly caption: readonly string[] }[]
  readonly colours: readonly Colour[]
  readonly title: string
  readonly path: string
}

/** Task: the sheet. */
export async function drawQuality(
  { cells, colours, title, path }: SheetInput,
  { load, release }: TaskTools,
): Promise<TaskOutput> {
  const pairs = []
  for (const { photo, label, caption } of cells) {
    const ids = await load(label)
    const pixels = await load(photo)
    const same = pixels.width === ids.width && pixels.height === ids.height
    pairs.push({
      photo: pixels,
      label: colourise(ids, colours),
      ...(same && { overlay: overlayLabels(pixels, ids, colours) }),
      caption,
    })
    release(ids)
  }
  await writeFileAtomic(path, await drawContactSheet({ pairs, cellPx: CELL_PX, title }))
  return {}
}

export interface GatePlace {
  /** Of the step's files. */
  readonly folder: string
  /** Display colour of each id. */
  readonly colours: readonly Colour[]
}

/** The sheet as a file of the folder of labels. @param folder  full path */
export function qualitySheet(
  judged: readonly JudgedSample[],
  thresholds: Thresholds,
  seed: number,
  { folder, colours }: GatePlace,
): FolderItem {
  const shown = qualitySheetOrder(judged, thresholds, seed)
  const cells = shown.map(one => ({
    photo: { ...one.sample.photo! },
    label: { ...one.sample.label! },
    caption: captionOf(one),
  }))
  const title = `quality: the worst${shown.length > WORST ? `, then ${shown.length - WORST} others at random` : ' first'}; photo | labels | overlay`
  const input = { cells, colours, title, path: join(folder, QUALITY_SHEET) }
  return { file: QUALITY_SHEET, task: 'quality', key: { cells, colours, title }, call: { input } }
}

/** Those that the sheet shows, in its order. @param seed  of the pipeline */
export function qualitySheetOrder(
  judged: readonly JudgedSample[],
  thresholds: Thresholds,
  seed: number,
): readonly JudgedSample[] {
  const byName = [...judged].sort((a, b) => (a.sample.name < b.sample.name ? -1 : 1))
  const badness = new Map(byName.map(one => [one, strain(one.measures, thresholds)]))
  const severity = ({ judgement }: JudgedSample): number => VERDICTS.indexOf(judgement.verdict)
  const ranked = [...byName].sort((a, b) => severity(b) - severity(a) || badness.get(b)! - badness.get(a)!)
  const draw = ({ sample }: JudgedSample): number => seedFor(seed, 'quality-sheet', sample.sha256)
  const others = ranked
    .slice(WORST)
    .sort((a, b) => draw(a) - draw(b))
    .slice(0, AT_RANDOM)
  return [...ranked.slice(0, WORST), ...others]
}

function captionOf({ sample, measures: { labels, photo }, judgement }: JudgedSample): string[] {
  const reasons = judgement.reasons.map(({ code }) => code).join(', ')
  const percent = (share: number): string => `${Math.round(100 * share)}%`
  const figures = [
    `${labels.live} clusters, effective ${labels.effective.toFixed(1)}`,
    `largest ${percent(labels.dominant)}`,
    `speckle ${percent(labels.speckle)}`,
    ...(photo
      ? [
          `sharp ${photo.sharpness?.toFixed(2) ?? '-'}`,
          `contrast ${photo.contrast.toFixed(2)}`,
          `noise ${photo.noise.toFixed(0)}`,
        ]
      : []),
  ]
  return [`${judgement.verdict}${reasons && ` (${reasons})`}: ${sample.name}`, figures.join(' · ')]
}
