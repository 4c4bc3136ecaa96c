/** What one wants to know first: how it ended, what it made, how long it took. */
import { figureName, figureText } from '../../trainer/figures.js'
import { duration } from '../../words.js'
import type { Attempt, OutcomeStatus, RunFacts } from '../facts.js'
import { figureHtml } from '../figure.js'
import { type Html, html } from '../html.js'
import type { Pictures } from '../pictures.js'
import { tableHtml, tilesHtml } from '../table.js'
import { count, countOf, moment } from '../words.js'

const STATUS: Readonly<Record<OutcomeStatus, string>> = {
  done: 'finished',
  failed: 'failed',
  interrupted: 'interrupted',
  running: 'running now',
  lost: 'stopped without a word (killed, or the machine went down)',
  unknown: 'not known',
}

export function summarySection(facts: RunFacts, pictures: Pictures): Html {
  const { outcome, steps, data, training, history, run } = facts
  const seconds = steps.reduce((sum, step) => sum + step.seconds, 0)
  const best = training?.best
  const last = training?.sheets.at(-1)
  return html`<section id="summary" aria-labelledby="summary-title"><h2 id="summary-title">Summary</h2>
<p><span class="status ${outcome.status}">${STATUS[outcome.status]}</span>${outcome.at && html` <span class="muted">${moment(outcome.at)}</span>`}</p>
${outcomeNotice(facts)}
${tilesHtml([
  ['Photos used', `${count(data.used)} of ${count(data.found)}`],
  ['Left out', count(data.leftOut)],
  ['Split', splitText(facts)],
  ['Time, all steps', duration(seconds)],
  ['Trained', training && `${count(training.epochsDone)} of ${countOf(training.epochs, 'epoch')}`],
  [
    best?.kept ? 'Best checkpoint' : 'Best on held-out rows',
    best && `${figureName(best.metric)} ${figureText(best.metric, best.value)}, epoch ${best.epoch}`,
  ],
])}
${best && html`<p class="muted">${best.file ? html`Best by ${figureName(best.metric)}: <span class="path">${run}/train/checkpoints/${best.file}</span>.` : html`The checkpoint of epoch ${best.epoch} was not kept; <code>keep_best: ${best.metric}</code> in the train step keeps it.`}</p>`}
${training?.hero && last && figureHtml(pictures, training.hero, `Sample sheet of epoch ${last.epoch}: input labels, true photo and prediction of ${countOf(training.sheetRows.length, 'row')}`, `Input, truth and prediction after epoch ${last.epoch}`)}
${tableHtml(
  'Steps',
  [
    { heading: 'step', cell: ({ stage }) => stage },
    { heading: 'time', kind: 'n', cell: ({ seconds }) => duration(seconds) },
    { heading: 'photos', kind: 'n', cell: ({ samples }) => count(samples) },
    { heading: 'left out', kind: 'n', cell: ({ skipped }) => count(skipped) },
    { heading: 'last made', cell: ({ at }) => moment(at) },
    { heading: 'why', kind: 'words', cell: ({ reason }) => reason },
    {
      heading: 'said',
      kind: 'words',
      cell: ({ notes, warnings }) => [
        ...warnings.map(text => html`<p class="warn">Warning: ${text}</p>`),
        ...notes.map(text => html`<p>${text}</p>`),
      ],
    },
  ],
  steps,
)}
${historyTable(history)}</section>`
}

function splitText({ data: { splits } }: RunFacts): string | undefined {
  const parts = (['train', 'val', 'test'] as const).filter(split => splits[split])
  return parts.length ? parts.map(split => `${count(splits[split]!)} ${split}`).join(', ') : undefined
}

function outcomeNotice({ outcome: { error, goOn } }: RunFacts): Html {
  return html`${error && html`<div class="notice bad"><p><strong>${error.code}</strong>: ${error.message}</p>${error.advice && html`<p>What to do: ${error.advice}</p>`}</div>`}
${goOn && html`<div class="notice"><p>What is finished is kept. To go on${error && ', once that is mended'}:</p><pre><code>${goOn}</code></pre></div>`}`
}

/** Runs shown, newest last. */
const RUNS = 20

function historyTable(history: readonly Attempt[]): Html | undefined {
  if (history.length < 2) return undefined
  const shown = history.slice(-RUNS)
  const caption = shown.length < history.length ? `The last ${RUNS} of ${history.length} runs` : 'Runs'
  return tableHtml(
    caption,
    [
      { heading: 'began', cell: ({ began }) => moment(began) },
      {
        heading: 'ended',
        cell: ({ status, code }) => html`<span class="${status}">${STATUS[status]}</span>${code && `, ${code}`}`,
      },
      { heading: 'took', kind: 'n', cell: ({ seconds }) => seconds !== undefined && duration(seconds) },
      {
        heading: 'steps made',
        kind: 'words',
        cell: ({ made, status }) => made.join(', ') || (status === 'done' ? 'none: nothing had changed' : 'none'),
      },
    ],
    shown,
  )
}
