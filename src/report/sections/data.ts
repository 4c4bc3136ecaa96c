/** What became of the photos, and what the labels are like. */
import { commandLine } from '../../pipeline/command-line.js'
import { bytesText } from '../../words.js'
import type {
  ContactSheetFacts,
  DataFacts,
  PaletteEntry,
  QualityFacts,
  RunFacts,
  SkipFacts,
  SplitFacts,
} from '../facts.js'
import { figureHtml } from '../figure.js'
import { type Html, html } from '../html.js'
import type { Pictures } from '../pictures.js'
import { sourceTable } from '../source-table.js'
import { tableHtml, tilesHtml } from '../table.js'
import { count, countOf, percent } from '../words.js'

/** What happens to a rejected photo, by `on_reject`. */
const REJECTED = new Map([
  ['skip', 'is left out'],
  ['keep', 'is kept'],
  ['fail', 'stops the run'],
])

export function dataSection({ data, run }: RunFacts, pictures: Pictures): Html {
  return html`<section id="data" aria-labelledby="data-title"><h2 id="data-title">Data</h2>
${tilesHtml([
  ['Found', count(data.found)],
  ['Used', count(data.used)],
  ['Left out', count(data.leftOut)],
  ['Pairs', data.packed && `${data.packed.width} × ${data.packed.height} px`],
  ['Stored as', data.packed && `${data.packed.photo}, ${bytesText(data.packed.bytes)}`],
])}
${skipsPart(data.skips)}
${palettePart(data.palette)}
${data.split && splitPart(data.split, data, run)}
${data.quality.map(qualityPart)}
${data.sheets.length > 0 && html`<h3>Contact sheets</h3>`}
${data.sheets.map(sheet => sheetPart(sheet, pictures))}</section>`
}

function skipsPart(skips: readonly SkipFacts[]): Html {
  if (skips.length === 0) return html`<h3>Left out</h3><p>No photo was left out.</p>`
  return html`<h3>Left out</h3>${skips.map(
    ({
      stage,
      code,
      class: name,
      count: number,
      wanted,
      meaning,
      advice,
      retry,
      examples,
    }) => html`<details${skips.length < 6 && html` open`}>
<summary>${countOf(number, 'photo')}: ${code} <span class="muted">(class ${name}, in ${stage}${wanted && ', as the pipeline asks'})</span></summary>
${meaning && html`<p>${meaning}</p>`}${advice && html`<p>What to do: ${advice}</p>`}
${!wanted && html`<p>To try them again: <code>${retry}</code></p>`}
${tableHtml(
  examples.length < number ? `The first ${examples.length} of ${count(number)}` : `${code}, in ${stage}`,
  [
    { heading: 'photo', kind: 'words', cell: row => row.name },
    { heading: 'file or address', kind: 'path', cell: row => row.source },
    { heading: 'reason', kind: 'words', cell: row => row.message },
  ],
  examples,
)}</details>`,
  )}`
}

const swatch = (colour: string, says: string): Html =>
  html`<svg class="swatch" viewBox="0 0 2 1" preserveAspectRatio="none" role="img" aria-label="${says} ${colour}"><rect width="2" height="1" fill="${colour}"/></svg>`

function palettePart(palette: readonly PaletteEntry[]): Html | undefined {
  if (palette.length === 0) return undefined
  const most = Math.max(...palette.map(({ share }) => share), Number.MIN_VALUE)
  return html`<h3>Palette</h3>${tableHtml(
    countOf(palette.length, 'class', 'classes'),
    [
      { heading: 'label', kind: 'n', cell: ({ id }) => id },
      {
        heading: 'name',
        kind: 'words',
        cell: ({ name, into }) => `${name ?? '–'}${into === undefined ? '' : `, merged into ${into}`}`,
      },
      { heading: 'shown as', cell: ({ display }) => html`${swatch(display, 'shown as')} <code>${display}</code>` },
      { heading: 'mean of the photos', cell: ({ mean }) => html`${swatch(mean, 'mean colour')} <code>${mean}</code>` },
      { heading: 'share', kind: 'n', cell: ({ share }) => percent(share, 1) },
      {
        heading: '',
        cell: ({ share, display }) =>
          html`<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect width="${(100 * share) / most}" height="1" fill="${display}"/></svg>`,
      },
    ],
    palette,
  )}`
}

function splitPart(split: SplitFacts, { splits }: DataFacts, run: string): Html {
  const { groups, leaks, unsearched } = split
  const sides = Object.entries(splits).map(([side, number]) => `${count(number)} ${side}`)
  return html`<h3>Split</h3>
<p>${sides.join(', ')}: by a ${split.rule} of each photo’s contents and seed ${split.seed}, asked for test ${split.test}${split.val > 0 && html`, val ${split.val}`}. Photos stay together by: <code>${split.group}</code>${split.group === 'near-duplicates' && html` (at most ${split.threshold} bits of the hash apart)`}.
${groups.count > 0 ? `${countOf(groups.count, 'group')} of more than one, with ${countOf(groups.samples, 'photo')}.` : 'No photo shares a group with another.'}</p>
${split.movedCount > 0 && html`<p>${countOf(split.movedCount, 'photo')} changed sides over all runs, lately ${split.moved.map(({ name, from, to }) => `${name} (${from} to ${to})`).join(', ')}.</p>`}
${leaks && leaksPart(leaks)}${unsearched !== undefined && html`<p class="muted">Leaks were not searched for: ${count(unsearched)} pictures take long. <code>${commandLine({}, ['split', '--check', run])}</code> looks for them.</p>`}`
}

function leaksPart({ pictures, threshold, count: found, examples }: NonNullable<SplitFacts['leaks']>): Html {
  if (found === 0)
    return html`<p class="notice good">No leaks: of ${countOf(pictures, 'picture')} no held-out one has a near-duplicate (${threshold} bits) on another side.</p>`
  return html`<p class="notice bad">${countOf(found, 'held-out picture')} with a near-duplicate on another side: figures on held-out rows are too good to be true. A <code>dedupe</code> step before the split removes them.</p>
${tableHtml(
  examples.length < found ? `The first ${examples.length} leaks of ${found}` : 'Leaks',
  [
    { heading: 'held out', kind: 'words', cell: row => row.held },
    { heading: 'looks like', kind: 'words', cell: row => row.twin },
    { heading: 'bits apart', kind: 'n', cell: row => row.distance },
  ],
  examples,
)}`
}

function qualityPart({ folder, onReject, summary: { pass, warn, reject, reasons }, examples }: QualityFacts): Html {
  const why = Object.entries(reasons).flatMap(([verdict, counts]) =>
    Object.entries(counts).map(([code, number]) => ({ verdict, code, number })),
  )
  return html`<h3>Quality of the labels</h3>
${tilesHtml([
  ['Pass', html`<span class="pass">${count(pass)}</span>`],
  ['Warn', html`<span class="warn">${count(warn)}</span>`],
  ['Reject', html`<span class="reject">${count(reject)}</span>`],
  ['What is rejected', REJECTED.get(onReject) ?? onReject],
])}
${tableHtml(
  `Reasons (${folder}/quality.json)`,
  [
    { heading: 'verdict', cell: ({ verdict }) => html`<span class="${verdict}">${verdict}</span>` },
    { heading: 'reason', cell: ({ code }) => code },
    { heading: 'photos', kind: 'n', cell: ({ number }) => count(number) },
  ],
  why,
)}
${tableHtml(
  examples.length < warn + reject ? `The first ${examples.length} of ${count(warn + reject)}` : 'Photos',
  [
    { heading: 'photo', kind: 'words', cell: ({ name }) => name },
    { heading: 'verdict', cell: ({ verdict }) => html`<span class="${verdict}">${verdict}</span>` },
    { heading: 'found', kind: 'words', cell: ({ reasons }) => reasons.join('; ') },
  ],
  examples,
)}`
}

function sheetPart({ picture, title, cells }: ContactSheetFacts, pictures: Pictures): Html {
  const names = cells.map(({ name }) => name).join(', ')
  return html`${figureHtml(pictures, picture, `${title}: ${names}`, title)}
<details><summary>Files of its ${countOf(cells.length, 'cell')}</summary>${sourceTable(`${title}: cells from left to right, top to bottom`, cells)}</details>`
}
