/** A panel of lines as inline SVG that grows with the page, is read with a pointer or the keyboard, and prints. */
import { scaleLinear, scaleLog } from 'd3-scale'
import type { Panel, Point } from '../images/chart.js'
import { type Html, html, scriptData } from './html.js'
import { number } from './words.js'

const SIZE = { width: 560, height: 260 } as const
const ROOM = { left: 56, right: 12, top: 10, bottom: 30 } as const
/** Positive values that span more than this factor have a logarithmic axis, as in curves.png. */
const LOG_FROM = 30

/** What the page's script needs to read a chart: where each x lies, and what the lines are there. */
interface Readings {
  readonly xs: readonly number[]
  /** In the units of the drawing. */
  readonly at: readonly number[]
  readonly said: readonly string[]
}

/** @param id  unique on the page */
export function chartHtml(panel: Panel, id: string): Html {
  const bold = panel.lines.filter(({ faint, points }) => !faint && points.length > 0)
  const { x, y, log } = scalesOf(panel)
  const readings = readingsOf(panel, bold, x)
  const right = SIZE.width - ROOM.right
  const bottom = SIZE.height - ROOM.bottom
  const heading = log ? `${panel.title} (logarithmic)` : panel.title
  const grid = ticksOf(y, log).map(
    tick =>
      html`<path class="grid" d="M${ROOM.left} ${px(y(tick))}H${right}"/><text x="${ROOM.left - 6}" y="${px(y(tick) + 4)}" text-anchor="end">${number(tick)}${panel.unit ?? ''}</text>`,
  )
  const xTicks = x
    .ticks(6)
    .filter(Number.isInteger)
    .map(tick => html`<text x="${px(x(tick))}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`)
  const level =
    panel.level &&
    html`<path class="level" d="M${ROOM.left} ${px(y(panel.level.y))}H${right}"/><text class="level-name" x="${right}" y="${px(y(panel.level.y) - 4)}" text-anchor="end">${panel.level.name}</text>`
  const lines = panel.lines.map(({ points, colour, faint }) => {
    const shown = log ? points.filter(([, value]) => value > 0) : points
    if (shown.length === 0) return ''
    const places = shown.map(([a, b]) => `${px(x(a))} ${px(y(b))}`)
    if (places.length === 1)
      return html`<circle cx="${px(x(shown[0]![0]))}" cy="${px(y(shown[0]![1]))}" r="${faint ? 1.5 : 3.5}" fill="${colour}"/>`
    return html`<path d="M${places.join('L')}" fill="none" stroke="${colour}" stroke-width="${faint ? 1 : 2.2}" stroke-opacity="${faint ? 0.3 : 1}" stroke-linejoin="round" clip-path="url(#${id}-clip)"/>`
  })
  const legend = bold.map(
    ({ name, colour, points }) =>
      html`<li><svg class="key" viewBox="0 0 16 4" aria-hidden="true"><path d="M0 2h16" stroke="${colour}" stroke-width="4"/></svg>${name} <strong>${number(points.at(-1)![1], 3)}${panel.unit ?? ''}</strong></li>`,
  )
  return html`<figure class="chart" id="${id}">
<figcaption><h4 id="${id}-title">${heading}</h4><ul class="legend">${legend}</ul></figcaption>
<svg class="plot" viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-label="${`${heading}, over epochs; ${bold.map(({ name, points }) => `${name} ends at ${number(points.at(-1)![1], 3)}${panel.unit ?? ''}`).join(', ')}`}">
<clipPath id="${id}-clip"><rect x="${ROOM.left - 2}" y="${ROOM.top - 2}" width="${right - ROOM.left + 4}" height="${bottom - ROOM.top + 4}"/></clipPath>
${grid}<path class="axis" d="M${ROOM.left} ${bottom}H${right}"/>${xTicks}<text x="${right}" y="${bottom + 28}" text-anchor="end">epoch</text>${level}${lines}
<path class="cursor" d="M${ROOM.left} ${ROOM.top}V${bottom}" visibility="hidden"/></svg>
<div class="reading js"><label for="${id}-at">Epoch</label> <input id="${id}-at" type="range" min="0" max="${Math.max(0, readings.xs.length - 1)}" value="${Math.max(0, readings.xs.length - 1)}" step="1"> <output for="${id}-at"></output></div>
<script type="application/json">${scriptData(readings)}</script>
</figure>`
}

function readingsOf(panel: Panel, bold: Panel['lines'], x: (value: number) => number): Readings {
  const xs = [...new Set(bold.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b)
  const tables = bold.map(({ name, points }) => ({ name, values: new Map(points) }))
  const said = xs.map(at => {
    const values = tables.flatMap(({ name, values }) => {
      const value = values.get(at)
      return value === undefined ? [] : [`${name} ${number(value)}${panel.unit ?? ''}`]
    })
    return `${number(at, 5)}: ${values.join(', ')}`
  })
  return { xs, at: xs.map(at => px(x(at))), said }
}

function scalesOf({ lines, range, fromZero = false, level }: Panel) {
  const ends = [SIZE.height - ROOM.bottom, ROOM.top]
  const points = lines.flatMap(line => line.points)
  const [first, last] = extent(points.map(([at]) => at))
  const x = scaleLinear(first === last ? [first - 0.5, last + 0.5] : [first, last], [
    ROOM.left,
    SIZE.width - ROOM.right,
  ])
  if (range) return { x, y: scaleLinear(range, ends), log: false }
  const bold = lines.filter(({ faint }) => !faint).flatMap(line => valuesOf(line.points))
  const [low, high] = extent([...bold, ...(level ? [level.y] : []), ...(fromZero ? [0] : [])])
  const log = low > 0 && high > LOG_FROM * low
  const pad = low === high ? Math.abs(low) * 0.1 || 1 : 0
  const domain = [low - pad, high + pad]
  return { x, y: (log ? scaleLog(domain, ends) : scaleLinear(domain, ends)).nice(), log }
}

const valuesOf = (points: readonly Point[]): number[] => points.map(([, value]) => value)

function extent(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1]
  return values.reduce<[number, number]>(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [values[0]!, values[0]!])
}

function ticksOf(y: { ticks(count: number): number[] }, log: boolean): number[] {
  const ticks = y.ticks(5)
  return log ? ticks.filter(tick => /^[125]/.test(tick.toExponential())) : ticks
}

const px = (value: number): number => Math.round(10 * value) / 10
