/** How good the best and the last checkpoint are on rows that they were not trained on. */
import { figureName, figureText, metricsOf } from '../../trainer/figures.js'
import type { EvaluationFacts, MeasuredCheckpoint, MeasuredRow, RunFacts } from '../facts.js'
import { figureHtml } from '../figure.js'
import { type Html, html } from '../html.js'
import type { Pictures } from '../pictures.js'
import { sourceTable } from '../source-table.js'
import { tableHtml } from '../table.js'
import { bestBy } from '../training.js'
import { count } from '../words.js'

export function evaluationSection({ evaluation, training }: RunFacts, pictures: Pictures): Html | undefined {
  if (!training || (!evaluation && training.evaluations.length === 0)) return undefined
  return html`<section id="evaluation" aria-labelledby="evaluation-title"><h2 id="evaluation-title">Evaluation</h2>
${overTime(training)}
${evaluation ? measured(evaluation, pictures) : html`<p class="muted">No checkpoint was measured for this report.</p>`}</section>`
}

function overTime({ evaluations }: NonNullable<RunFacts['training']>): Html | undefined {
  const last = evaluations.at(-1)
  if (!last) return undefined
  return tableHtml(
    `During training, on ${last.split} rows: the best and the last of each figure`,
    [
      { heading: 'figure', cell: metric => figureName(metric) },
      {
        heading: 'best',
        kind: 'n',
        cell: metric => {
          const best = bestBy(metric, evaluations)
          return best && `${figureText(metric, best.figures[metric])} (epoch ${best.epoch})`
        },
      },
      {
        heading: 'last',
        kind: 'n',
        cell: metric => `${figureText(metric, last.figures[metric])} (epoch ${last.epoch})`,
      },
    ],
    metricsOf(evaluations),
  )
}

function measured(evaluation: EvaluationFacts, pictures: Pictures): Html {
  const { split, rows, of, checkpoints, ceiling, unlabelled, by } = evaluation
  const metrics = metricsOf(checkpoints)
  const lines: Pick<MeasuredCheckpoint, 'file' | 'role' | 'figures'>[] = [...checkpoints]
  const which =
    rows < of ? `${count(rows)} of ${count(of)} ${split} rows, evenly spread` : `all ${count(rows)} ${split} rows`
  const ranked = (title: string, list: readonly MeasuredRow[]): Html | undefined =>
    list.length === 0
      ? undefined
      : html`<h3>${title} by ${figureName(by)}</h3>${list.map(row => rowPart(row, split, pictures))}${sourceTable(
          `${title}: their files`,
          list.flatMap(({ source }) => source ?? []),
        )}`
  return html`<h3>Checkpoints measured</h3>
${tableHtml(
  `Measured for this report on ${which}`,
  [
    { heading: 'checkpoint', kind: 'path', cell: ({ file }) => file },
    { heading: '', cell: ({ role }) => role },
    ...metrics.map(metric => ({
      heading: figureName(metric),
      kind: 'n' as const,
      cell: ({ figures }: (typeof lines)[number]) => figureText(metric, figures[metric]),
    })),
  ],
  lines,
)}
<p class="muted">L1 is in [-1, 1], as in the losses.${ceiling.miou !== undefined && html` Labels found again in the photos themselves come to ${figureText('pixel_accuracy', ceiling.pixel_accuracy)} of the pixels and a mean IoU of ${figureText('miou', ceiling.miou)}: more cannot be expected of paintings.`}${unlabelled && html` Labels are left out: ${unlabelled}.`}</p>
${ranked('Worst rows', evaluation.worst)}
${ranked('Best rows', evaluation.best)}`
}

function rowPart({ row, name, figures, picture }: MeasuredRow, split: string, pictures: Pictures): Html {
  const said = metricsOf([{ figures }]).map(metric => `${figureName(metric)} ${figureText(metric, figures[metric])}`)
  return figureHtml(
    pictures,
    picture,
    `${name}: input labels, true photo and painting`,
    html`<strong>${name}</strong> (${split} row ${row}): ${said.join(', ')}`,
  )
}
