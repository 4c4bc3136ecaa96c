/**
 * Line charts as PNG, for numbers over time: a grid of panels with axes, legends and lines, drawn in SVG with our own
 * letters, so that no font is asked for and the same numbers always give the same bytes.
 */
import { type ScaleContinuousNumeric, scaleLinear, scaleLog } from 'd3-scale'
import sharp from 'sharp'
import { fitText, letterSvg, textWidth } from './lettering.js'

export interface Line {
  readonly name: string
  /** CSS colour. */
  readonly colour: string
  /** In the order of x; y is finite. */
  readonly points: readonly Point[]
  /** Thin and pale, without a place in the legend: what a bolder line is the mean of. */
  readonly faint?: boolean
}
export type Point = readonly [x: number, y: number]

export interface Panel {
  readonly title: string
  readonly lines: readonly Line[]
  /** Ends of the y axis where they are known beforehand; default: those of the points. */
  readonly range?: readonly [low: number, high: number]
  /** The y axis begins at 0 and is never logarithmic. */
  readonly fromZero?: boolean
  /** A level to compare with, e.g. what guessing would give. */
  readonly level?: { readonly y: number; readonly name: string }
  /** Written behind each number of the y axis. */
  readonly unit?: string
}

export interface Chart {
  readonly title: string
  /** What x counts. */
  readonly xTitle: string
  readonly panels: readonly Panel[]
}

const INK = '#2b2d31'
const FAINT = '#7d8087'
const GRID = '#e4e4e0'
const BACKGROUND = '#fafaf8'

const COLUMNS = 2
const MARGIN = 24
const TITLE_HEIGHT = 40
const PANEL = { width: 520, height: 276 } as const
/** Room around the lines of a panel, in px: heading and legend above, numbers left and below. */
const ROOM = { left: 58, right: 14, top: 46, bottom: 42 } as const
const PLOT = {
  width: PANEL.width - ROOM.left - ROOM.right,
  height: PANEL.height - ROOM.top - ROOM.bottom,
} as const
const TITLE_CAP = 13
const HEADING_CAP = 10
const LABEL_CAP = 7.5
/** Positive values that span more than this factor have a logarithmic axis. */
const LOG_FROM = 30
/** Points of a line are averaged to about one a pixel. */
const POINTS = PLOT.width

/**
 * Draw panels two in a row, all over the same x axis. The y axis of a panel is logarithmic when its values are positive
 * and span more than a factor of 30, and its heading says so.
 *
 * @returns PNG bytes; the same numbers give the same bytes
 */
export async function drawChart({ title, xTitle, panels }: Chart): Promise<Uint8Array> {
  const columns = Math.min(COLUMNS, Math.max(1, panels.length))
  const rows = Math.ceil(panels.length / columns)
  const width = 2 * MARGIN + columns * PANEL.width
  const height = 2 * MARGIN + TITLE_HEIGHT + rows * PANEL.height
  const x = xScale(panels)
  const drawn = panels.map((panel, i) => {
    const left = MARGIN + (i % columns) * PANEL.width
    const top = MARGIN + TITLE_HEIGHT + Math.floor(i / columns) * PANEL.height
    return `<g transform="translate(${left} ${top})">${panelSvg(panel, x, xTitle)}</g>`
  })
  const heading = letterSvg({
    text: fitText(title, TITLE_CAP, width - 2 * MARGIN),
    x: MARGIN,
    baseline: MARGIN + TITLE_CAP,
    capPx: TITLE_CAP,
    colour: INK,
    bold: true,
  })
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="${BACKGROUND}"/>${CLIP}${heading}${drawn.join('')}</svg>`
  return sharp(Buffer.from(svg)).removeAlpha().png({ compressionLevel: 6 }).toBuffer()
}

/** Lines end at the frame, give or take the width of one; all panels have the same. */
const CLIP = `<clipPath id="plot"><rect x="${ROOM.left - 2}" y="${ROOM.top - 2}" width="${PLOT.width + 4}" height="${PLOT.height + 4}"/></clipPath>`

type Scale = ScaleContinuousNumeric<number, number>

function xScale(panels: readonly Panel[]): Scale {
  const [low, high] = extent(panels.flatMap(({ lines }) => lines.flatMap(line => line.points.map(([x]) => x))))
  // one moment alone has the middle of an axis
  const domain = low === high ? [low - 0.5, high + 0.5] : [low, high]
  return scaleLinear(domain, [ROOM.left, ROOM.left + PLOT.width])
}

/** The ends of some numbers; 0 to 1 for none. */
function extent(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1]
  return values.reduce<[number, number]>(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [values[0]!, values[0]!])
}

/**
 * The scale of a panel, and whether it is logarithmic. Bold lines decide; of the faint ones most is shown, and what
 * sticks out is cut off.
 */
function yScale({ lines, range, fromZero = false, level }: Panel): { y: Scale; log: boolean } {
  const ends = [ROOM.top + PLOT.height, ROOM.top]
  if (range) return { y: scaleLinear(range, ends), log: false }
  const values = (faint: boolean) =>
    lines.filter(line => (line.faint ?? false) === faint).flatMap(({ points }) => points.map(([, y]) => y))
  const bold = [...values(false), ...(level ? [level.y] : []), ...(fromZero ? [0] : [])]
  const [least, most] = extent(bold)
  const log = least > 0 && most > LOG_FROM * least
  const [low, high] = extent([...bold, ...middle(values(true).filter(value => !log || value > 0))])
  // a level line has room on both sides
  const pad = low === high ? Math.abs(low) * 0.1 || 1 : 0
  const domain = [low - pad, high + pad]
  return { y: (log ? scaleLog(domain, ends) : scaleLinear(domain, ends)).nice(), log }
}

/** All but the lowest and the highest fiftieth. */
function middle(values: readonly number[]): readonly number[] {
  const sorted = [...values].sort((a, b) => a - b)
  const cut = Math.ceil(sorted.length / 50)
  return sorted.slice(cut, sorted.length - cut)
}

function panelSvg(panel: Panel, x: Scale, xTitle: string): string {
  const lines = panel.lines.map(line => ({ ...line, points: thin(line.points) }))
  const { y, log } = yScale({ ...panel, lines })
  const ends = { left: ROOM.left, right: ROOM.left + PLOT.width, bottom: ROOM.top + PLOT.height }
  const parts: string[] = []
  for (const tick of yTicks(y, log)) {
    const at = px(y(tick))
    parts.push(`<path d="M${ends.left} ${at}H${ends.right}" stroke="${GRID}" stroke-width="1"/>`)
    parts.push(label(`${numberText(tick)}${panel.unit ?? ''}`, ends.left - 7, at + LABEL_CAP / 2, 'end'))
  }
  for (const tick of x.ticks(6).filter(Number.isInteger))
    parts.push(label(numberText(tick), px(x(tick)), ends.bottom + 8 + LABEL_CAP, 'middle'))
  parts.push(label(xTitle, ends.right, ends.bottom + 21 + LABEL_CAP, 'end'))
  parts.push(`<path d="M${ends.left} ${ends.bottom}H${ends.right}" stroke="${FAINT}" stroke-width="1"/>`)
  if (panel.level) {
    const at = px(y(panel.level.y))
    parts.push(
      `<path d="M${ends.left} ${at}H${ends.right}" stroke="${FAINT}" stroke-width="1.2" stroke-dasharray="5 4"/>`,
    )
  }
  const drawn = lines.map(({ points, ...line }) =>
    lineSvg({ ...line, points: log ? points.filter(([, y]) => y > 0) : points }, x, y),
  )
  parts.push(`<g clip-path="url(#plot)">${drawn.join('')}</g>`)
  if (panel.level) parts.push(label(panel.level.name, ends.right, px(y(panel.level.y)) - 4, 'end', INK))
  const heading = log ? `${panel.title} (logarithmic)` : panel.title
  parts.push(
    letterSvg({ text: heading, x: ends.left, baseline: HEADING_CAP + 4, capPx: HEADING_CAP, colour: INK, bold: true }),
    legendSvg(panel, ends.left),
  )
  return parts.join('')
}

function lineSvg({ points, colour, faint }: Line, x: Scale, y: Scale): string {
  const places = points.map(([a, b]) => `${px(x(a))} ${px(y(b))}`)
  const stroke = faint ? 'stroke-width="1" stroke-opacity="0.3"' : 'stroke-width="2"'
  if (places.length === 1) {
    const [cx, cy] = places[0]!.split(' ')
    return `<circle cx="${cx}" cy="${cy}" r="${faint ? 1.5 : 3}" fill="${colour}"/>`
  }
  return places.length === 0
    ? ''
    : `<path d="M${places.join('L')}" fill="none" stroke="${colour}" ${stroke} stroke-linejoin="round" stroke-linecap="round"/>`
}

/** Name and last value of each line that is not faint. */
function legendSvg({ lines, unit = '' }: Panel, left: number): string {
  const baseline = HEADING_CAP + 4 + 20
  let at = left
  return lines
    .filter(({ faint, points }) => !faint && points.length > 0)
    .map(({ name, colour, points }) => {
      const text = `${name} ${numberText(points.at(-1)![1], 3)}${unit}`
      const svg = `<path d="M${px(at)} ${baseline - LABEL_CAP / 2}h14" stroke="${colour}" stroke-width="3" stroke-linecap="round"/>${label(text, at + 20, baseline, 'start', INK)}`
      at += 20 + textWidth(text, LABEL_CAP) + 18
      return svg
    })
    .join('')
}

/** Powers of ten alone where there are enough of them. */
function yTicks(y: Scale, log: boolean): number[] {
  if (!log) return y.ticks(5)
  const all = y.ticks(8)
  const powers = all.filter(tick => Number.isInteger(Math.round(Math.log10(tick) * 1e9) / 1e9))
  const chosen = powers.length >= 3 ? powers : all.filter(tick => /^[125]/.test(tick.toExponential()))
  return chosen.filter((_, i) => i % Math.ceil(chosen.length / 8) === 0)
}

/** Means of neighbours, so that a long training draws as fast as a short one; the last point stays what it is. */
function thin(points: readonly Point[]): readonly Point[] {
  if (points.length <= POINTS) return points
  const size = Math.ceil(points.length / POINTS)
  const means: Point[] = []
  for (let from = 0; from < points.length - 1; from += size) {
    const some = points.slice(from, Math.min(from + size, points.length - 1))
    const mean = (axis: 0 | 1) => some.reduce((sum, point) => sum + point[axis], 0) / some.length
    means.push([mean(0), mean(1)])
  }
  return [...means, points.at(-1)!]
}

const label = (
  text: string,
  x: number,
  baseline: number,
  anchor: 'start' | 'middle' | 'end',
  colour = FAINT,
): string => {
  const width = textWidth(text, LABEL_CAP)
  const left = anchor === 'start' ? x : anchor === 'end' ? x - width : x - width / 2
  return letterSvg({ text, x: px(left), baseline: px(baseline), capPx: LABEL_CAP, colour })
}

/** Hundredths of a pixel are enough, and keep the file small. */
const px = (value: number): number => Math.round(100 * value) / 100

/** A number as an axis or a legend shows it: 0.0002, 12.5, 3e-7, 120k. */
function numberText(value: number, digits = 6): string {
  const size = Math.abs(value)
  const short = (number: number): string => String(Number(number.toPrecision(digits)))
  if (size >= 1e6 || (size > 0 && size < 1e-4))
    return Number(value.toPrecision(Math.min(digits, 3)))
      .toExponential()
      .replace('e+', 'e')
  return size >= 1e4 ? `${short(value / 1e3)}k` : short(value)
}
