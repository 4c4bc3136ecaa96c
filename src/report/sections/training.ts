/** How the training went: curves, held-out figures, sheets over time, the health of D, speed, what was chosen. */

import { figureName, figureText, metricsOf } from '../../trainer/figures.js'
import { spread } from '../../trainer/strip.js'
import { bytesText } from '../../words.js'
import { chartHtml } from '../chart.js'
import type { HealthFacts, RunFacts, SpeedFacts, TrainingFacts } from '../facts.js'
import { figureHtml, imageHtml } from '../figure.js'
import { type Html, html } from '../html.js'
import type { Pictures } from '../pictures.js'
import { sourceTable } from '../source-table.js'
import { tableHtml, tilesHtml } from '../table.js'
import { count, countOf, number, percent } from '../words.js'

export function trainingSection({ training }: RunFacts, pictures: Pictures): Html | undefined {
  if (!training) return undefined
  const { size, parameters, speed, memoryBytes } = training
  return html`<section id="training" aria-labelledby="training-title"><h2 id="training-title">Training</h2>
${tilesHtml([
  ['Epochs', `${count(training.epochsDone)} of ${count(training.epochs)}`],
  [
    'Steps',
    training.totalSteps === undefined
      ? count(training.step)
      : `${count(training.step)} of ${count(training.totalSteps)}`,
  ],
  ['Images', size && `${size.width} × ${size.height} px`],
  ['Parameters', parameters && `G ${count(parameters.G)}, D ${count(parameters.D)}`],
  ['Speed', speed && `${number(speed.imagesPerSecond, 3)} images/s`],
  ['Wait for data', speed?.dataWait !== undefined && percent(speed.dataWait, 1)],
  ['Engine', training.engine],
  ['Machine', training.device],
  ['Memory, estimated', memoryBytes !== undefined && bytesText(memoryBytes)],
])}
${speed && html`<p class="muted">${speedText(speed)}</p>`}
<h3>Curves</h3>
<div class="charts">${training.panels.map((panel, i) => chartHtml(panel, `chart-${i + 1}`))}</div>
${epochTable(training)}
<h3>Health of the discriminator</h3>${healthPart(training.health)}
${heldOutTable(training)}
${sheetsPart(training, pictures)}
${training.strip && html`<h3>Progress</h3>${figureHtml(pictures, training.strip, 'The same rows painted at several epochs, side by side after input and truth', 'What G made of the same rows as training went on')}`}
<h3>Options changed from their defaults</h3>
${
  tableHtml(
    'Options of the train step',
    [
      { heading: 'option', cell: ({ option }) => html`<code>${option}</code>` },
      { heading: 'here', kind: 'words', cell: ({ value }) => html`<code>${value}</code>` },
      { heading: 'default', kind: 'words', cell: ({ byDefault }) => html`<code>${byDefault}</code>` },
    ],
    training.changed,
  ) ?? html`<p>None: every option has its default.</p>`
}
${tableHtml(
  'Checkpoints that are there',
  [
    { heading: 'file', kind: 'path', cell: ({ file }) => file },
    { heading: 'epoch', kind: 'n', cell: ({ epoch }) => epoch },
    { heading: 'size', kind: 'n', cell: ({ bytes: size }) => bytesText(size) },
    { heading: '', cell: ({ file }) => file === training.best?.file && `best by ${figureName(training.best.metric)}` },
  ],
  training.checkpoints,
)}</section>`
}

function speedText({ epochs, from, stepMs }: SpeedFacts): string {
  if (from === 'epochs')
    return `Median over ${countOf(epochs, 'epoch')} from when each ended: sheets, evaluations and checkpoints are counted in.`
  return `Medians over ${countOf(epochs, 'epoch')}: a step takes ${number(stepMs!, 3)} ms, the wait for its rows included.`
}

const TABLE_METRICS: readonly (readonly [name: string, heading: string, show: (value: number) => string])[] = [
  ['loss_D', 'D loss', value => number(value)],
  ['acc_real', 'D right on real', value => percent(value)],
  ['acc_fake', 'D right on fake', value => percent(value)],
  ['loss_G', 'G loss', value => number(value)],
  ['loss_G_GAN', 'G GAN', value => number(value)],
  ['loss_G_L1', 'G L1, weighted', value => number(value)],
  ['rates/G', 'rate of G', value => number(value)],
]

function epochTable({ table, epochsDone }: TrainingFacts): Html | undefined {
  if (table.length === 0) return undefined
  const shown = TABLE_METRICS.filter(([name]) => table.some(({ values }) => values[name] !== undefined))
  const caption =
    table.length < epochsDone
      ? `Means of ${table.length} of ${epochsDone} epochs, evenly spread`
      : 'Means of each epoch'
  return html`<details><summary>The numbers as a table</summary>${tableHtml(
    caption,
    [
      { heading: 'epoch', kind: 'n', cell: ({ epoch }) => epoch },
      { heading: 'step', kind: 'n', cell: ({ step }) => count(step) },
      ...shown.map(([name, heading, show]) => ({
        heading,
        kind: 'n' as const,
        cell: ({ values }: TrainingFacts['table'][number]) => (values[name] === undefined ? '–' : show(values[name])),
      })),
    ],
    table,
  )}</details>`
}

function healthPart({ recent, warnings }: HealthFacts): Html {
  return html`${
    recent
      ? html`<p>Over the last ${countOf(recent.steps, 'step')} D was right about <strong>${percent(recent.real)}</strong> of the patches of photos and <strong>${percent(recent.fake)}</strong> of those of generated images; guessing would give 50% of each. ${healthWords(recent)}</p>`
      : html`<p>No epoch has ended yet.</p>`
  }
${warnings.length > 0 ? html`<ul>${warnings.map(text => html`<li class="warn">${text}</li>`)}</ul>` : recent && html`<p>The training gave no warning.</p>`}`
}

function healthWords({ real, fake }: NonNullable<HealthFacts['recent']>): string {
  const mean = (real + fake) / 2
  if (Math.abs(real - fake) >= 0.9) return 'It calls nearly everything the same: it has collapsed.'
  if (mean >= 0.97) return 'It tells them apart nearly always: it wins, and G learns from L1 alone.'
  if (Math.abs(real - 0.5) <= 0.05 && Math.abs(fake - 0.5) <= 0.05) return 'That is chance: it tells G little.'
  return 'Between chance and certainty, G has something to learn from it.'
}

/** Rows of the table at most; the curves have them all. */
const EVALUATIONS = 60

function heldOutTable({ evaluations }: TrainingFacts): Html | undefined {
  if (evaluations.length === 0) return undefined
  const metrics = metricsOf(evaluations)
  const shown = spread(evaluations, EVALUATIONS)
  const some =
    shown.length < evaluations.length ? `, ${shown.length} of ${evaluations.length} evaluations, evenly spread` : ''
  return html`<h3>Held-out figures during training</h3>${tableHtml(
    `On ${evaluations[0]!.split} rows${some}`,
    [
      { heading: 'epoch', kind: 'n', cell: ({ epoch }) => epoch },
      ...metrics.map(metric => ({
        heading: figureName(metric),
        kind: 'n' as const,
        cell: ({ figures }: TrainingFacts['evaluations'][number]) => figureText(metric, figures[metric]),
      })),
    ],
    shown,
  )}`
}

function sheetsPart({ sheets, sheetsMissing, sheetRows }: TrainingFacts, pictures: Pictures): Html | undefined {
  if (sheets.length === 0) return undefined
  const shown = sheets.flatMap(({ picture, epoch, step }) => {
    const image = pictures.byName.get(picture)
    return image ? [{ image, said: `epoch ${epoch}, step ${step}` }] : []
  })
  const rows = sheetRows.map(({ name }) => name).join(', ')
  const frames = shown.map(
    ({ image, said }) =>
      html`<figure class="frame" data-said="${said}">${imageHtml(image, `Sample sheet, ${said}: input, truth and prediction of ${rows || 'held-out rows'}`)}<figcaption>${said}</figcaption></figure>`,
  )
  const last = Math.max(0, shown.length - 1)
  return html`<h3>Sheets</h3>
${shown.length < sheets.length && html`<p class="muted">${shown.length} of ${countOf(sheets.length, 'sheet')} are shown, evenly spread: all of them would make this page too large. The others are in the folder of the training, in samples/.</p>`}
${sheetsMissing > 0 && html`<p class="muted">${countOf(sheetsMissing, 'sheet')} that the log names ${sheetsMissing === 1 ? 'is' : 'are'} no longer there.</p>`}
${shown.length > 0 && html`<div class="frames"><div class="reading js"><label for="sheet-at">Sheet</label> <input id="sheet-at" type="range" min="0" max="${last}" value="${last}" step="1"> <output for="sheet-at"></output></div>${frames}</div>`}
${sourceTable('Rows of every sheet, top to bottom; columns are input, truth, prediction', sheetRows)}`
}
