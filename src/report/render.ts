/** A report as one HTML page: everything inline, nothing fetched, nothing of what was read trusted. */
import { createHash } from 'node:crypto'
import type { RunFacts } from './facts.js'
import { type Html, html, trusted } from './html.js'
import type { Pictures } from './pictures.js'
import { SCRIPT } from './script.js'
import { dataSection } from './sections/data.js'
import { evaluationSection } from './sections/evaluation.js'
import { provenanceSection } from './sections/provenance.js'
import { summarySection } from './sections/summary.js'
import { trainingSection } from './sections/training.js'
import { STYLE } from './style.js'

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** The page may run this script and no other, take its own style and pictures, and reach nothing outside itself. */
const POLICY = `default-src 'none'; img-src data:; style-src ${hashOf(STYLE)}; script-src ${hashOf(SCRIPT)}; base-uri 'none'; form-action 'none'`

/** @returns the text of the page; the same facts and pictures give the same bytes */
export function render(facts: RunFacts, pictures: Pictures): string {
  const sections: readonly (readonly [id: string, title: string, body: Html | undefined])[] = [
    ['summary', 'Summary', summarySection(facts, pictures)],
    ['data', 'Data', dataSection(facts, pictures)],
    ['training', 'Training', trainingSection(facts, pictures)],
    ['evaluation', 'Evaluation', evaluationSection(facts, pictures)],
    ['provenance', 'Provenance', provenanceSection(facts)],
  ]
  const shown = sections.filter(([, , body]) => body)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${facts.name}: report</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<a class="skip" href="#summary">Skip to the summary</a>
<header><h1>${facts.name}</h1><p class="muted">Report of the run in <span class="path">${facts.run}</span></p></header>
<nav aria-label="Sections"><ul>${shown.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
<main>
${shown.map(([, , body]) => body)}
</main>
<footer><p>Made by <code>prep report</code> from what the run left; nothing here was fetched, and nothing is sent.</p></footer>
<script>${trusted(SCRIPT)}</script>
</body>
</html>
`.text
}
