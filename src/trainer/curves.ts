/** The numbers of a training as curves: which metric goes into which panel, from metrics.jsonl alone. */
import { writeFileAtomic } from '../files.js'
import { drawChart, type Line, type Panel, type Point } from '../images/chart.js'
import { type MetricsLine, numbersOf, readMetrics } from './metrics.js'

const BLUE = '#2f6fbd'
const RED = '#c8553d'
const GREEN = '#3f8f5b'
const OCHRE = '#b8861b'
const GREY = '#6b6f78'
/** For losses that have no colour of their own, in this order. */
const OTHERS = [OCHRE, '#7a5ba6', '#2b8c98', GREY]

/** A panel: metrics of these types and names, each as a line of its own. */
interface PanelPlan extends Omit<Panel, 'lines'> {
  readonly of: 'losses' | 'eval'
  /** Names of metrics in the order of the legend, or a test for those without a place elsewhere. */
  readonly metrics: readonly (readonly [name: string, label: string, colour: string])[]
  /** Metrics whose names begin so, but have a place in another panel or none, are left out. */
  readonly others?: RegExp
  readonly factor?: number
}

const PANELS: readonly PanelPlan[] = [
  {
    title: 'Losses of D',
    of: 'losses',
    metrics: [
      ['loss_D_real', 'real', BLUE],
      ['loss_D_fake', 'fake', RED],
    ],
    others: /^loss_D_/,
  },
  {
    title: 'Accuracy of D',
    of: 'losses',
    metrics: [
      ['acc_real', 'real', BLUE],
      ['acc_fake', 'fake', RED],
    ],
    range: [0, 100],
    factor: 100,
    unit: '%',
    level: { y: 50, name: 'chance' },
  },
  { title: 'GAN loss of G', of: 'losses', metrics: [['loss_G_GAN', 'GAN', OCHRE]], others: /^loss_G_(?!L1$)/ },
  { title: 'L1 loss of G, weighted', of: 'losses', metrics: [['loss_G_L1', 'L1', GREEN]] },
  {
    title: 'Learning rates',
    of: 'losses',
    metrics: [
      ['rates/D', 'D', BLUE],
      ['rates/G', 'G', GREEN],
    ],
    fromZero: true,
  },
  { title: 'L1, held out', of: 'eval', metrics: [['l1', 'L1', GREEN]] },
  { title: 'PSNR, held out', of: 'eval', metrics: [['psnr', 'PSNR', BLUE]], unit: ' dB' },
  { title: 'SSIM, held out', of: 'eval', metrics: [['ssim', 'SSIM', OCHRE]] },
  {
    title: 'Labels found again, held out',
    of: 'eval',
    metrics: [
      ['pixel_accuracy', 'pixel accuracy', BLUE],
      ['miou', 'mean IoU', RED],
    ],
    range: [0, 100],
    factor: 100,
    unit: '%',
  },
]

/** Points by type of line and name of the metric, x in epochs. */
export type Series = ReadonlyMap<string, Point[]>

/**
 * Draw curves.png from metrics.jsonl: means of epochs bold, single steps behind them faint, evaluations in panels of
 * their own. The picture follows from the lines alone. Without any line nothing is drawn.
 *
 * @param stepsPerEpoch  turns steps into epochs for the x axis
 * @returns whether there was anything to draw
 * @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`, `DISK_FULL`, `OUTPUT_READ_ONLY`
 */
export async function drawCurves(metrics: string, picture: string, stepsPerEpoch: number): Promise<boolean> {
  const lines: MetricsLine[] = []
  for await (const line of readMetrics(metrics)) lines.push(line)
  const last = lines.at(-1)
  if (!last) return false
  const panels = planPanels(seriesOf(lines, stepsPerEpoch))
  const title = `Training, epoch ${last.epoch}, step ${last.step}`
  await writeFileAtomic(picture, await drawChart({ title, xTitle: 'epoch', panels }))
  return true
}

/** @param stepsPerEpoch  turns steps into epochs */
export function seriesOf(lines: Iterable<MetricsLine>, stepsPerEpoch: number): Series {
  const series = new Map<string, Point[]>()
  for (const line of lines)
    for (const [name, value] of numbersOf(line)) {
      const key = `${line.type}/${name}`
      if (!series.has(key)) series.set(key, [])
      if (Number.isFinite(value)) series.get(key)!.push([line.step / stepsPerEpoch, value])
    }
  return series
}

/** The panels that have anything to show. */
export function planPanels(series: Series): Panel[] {
  return PANELS.map(plan => ({ ...plan, lines: linesOf(plan, series) })).filter(({ lines }) =>
    lines.some(({ points }) => points.length > 0),
  )
}

function linesOf({ of, metrics, others, factor = 1 }: PanelPlan, series: Series): Line[] {
  const scaled = (key: string): Point[] => (series.get(key) ?? []).map(([x, y]) => [x, factor * y])
  const all = [...metrics, ...(others ? unnamed(others, metrics, series) : [])]
  if (of === 'eval')
    return all.map(([name, label, colour]) => ({ name: label, colour, points: scaled(`eval/${name}`) }))
  const faint = all.map(([name, label, colour]) => ({
    name: label,
    colour,
    faint: true,
    points: scaled(`step/${name}`),
  }))
  const bold = all.map(([name, label, colour]) => ({ name: label, colour, points: scaled(`epoch/${name}`) }))
  // before the first epoch ends, steps are all there is
  return bold.some(({ points }) => points.length > 0)
    ? [...faint, ...bold]
    : faint.map(line => ({ ...line, faint: false }))
}

/** Losses that an option adds to a net, under the rest of their names. */
function unnamed(pattern: RegExp, metrics: PanelPlan['metrics'], series: Series): PanelPlan['metrics'] {
  const names = [...series.keys()].flatMap(key => /^(?:step|epoch)\/(.*)/.exec(key)?.[1] ?? [])
  return [...new Set(names)]
    .filter(name => pattern.test(name) && !metrics.some(([known]) => known === name))
    .map((name, i) => [name, name.replace(/^loss_[DG]_/, ''), OTHERS[i % OTHERS.length]!])
}
