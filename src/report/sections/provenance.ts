/** From what it was made, so that others can make it again and check that they have. */
import { commandLine, quote } from '../../pipeline/command-line.js'
import { bytesText } from '../../words.js'
import type { RunFacts } from '../facts.js'
import { type Html, html } from '../html.js'
import { tableHtml, tilesHtml } from '../table.js'
import { count, countOf } from '../words.js'

export function provenanceSection({ provenance, run }: RunFacts): Html {
  const { command, folder, hidden, yaml, dataset, model, machine, versions, codec, seed, stages } = provenance
  return html`<section id="provenance" aria-labelledby="provenance-title"><h2 id="provenance-title">Provenance</h2>
<h3>To make it again</h3>
${
  command
    ? html`<pre><code>${folder && `cd ${quote(folder)}\n`}${command}</code></pre>`
    : html`<p>This run does not say from which pipeline file it was made: its pipeline was built in TypeScript, or it is older than that note.</p>`
}
${hidden.length > 0 && html`<p class="notice">${hidden.length === 1 ? 'The variable' : 'The variables'} ${hidden.join(', ')} must be set; ${hidden.length === 1 ? 'its value is' : 'their values are'} not told here.</p>`}
${yaml && html`<details open><summary>${yaml.file}, as it is now</summary><pre><code>${yaml.text}</code></pre>${yaml.cutBytes !== undefined && html`<p class="muted">Cut here: the file is longer by ${bytesText(yaml.cutBytes)}.</p>`}</details>`}
${tilesHtml([
  ['Seed', seed],
  ['Node', machine?.node ?? versions?.node],
  ['prep', versions?.prep],
  ['onnxruntime', versions?.onnxruntime],
  ['Image codec', codec],
  ['Processors', machine?.cpus],
  ['Memory', machine && bytesText(machine.memoryBytes)],
])}
${tableHtml(
  'Stages and their versions',
  [
    { heading: 'stage', cell: ({ stage }) => stage },
    { heading: 'version', kind: 'n', cell: ({ version }) => version },
    { heading: 'sha256 of its own file', kind: 'hash', cell: ({ module }) => module ?? 'built in' },
  ],
  stages,
)}
${
  dataset &&
  html`<h3>Data set</h3>
<p><span class="path">${dataset.folder}</span>, generation ${dataset.generation}, fingerprint <span class="hash">${dataset.fingerprint}</span>. <code>${commandLine({}, ['verify', run])}</code> holds every byte to it.</p>
<details><summary>${countOf(dataset.shardCount, 'shard')}</summary>${tableHtml(
    dataset.shards.length < dataset.shardCount
      ? `The first ${dataset.shards.length} of ${count(dataset.shardCount)} shards; index.json lists all`
      : 'Shards',
    [
      { heading: 'file', kind: 'path', cell: ({ file }) => file },
      { heading: 'rows', kind: 'n', cell: ({ rows }) => count(rows) },
      { heading: 'size', kind: 'n', cell: ({ bytes: size }) => bytesText(size) },
      { heading: 'sha256', kind: 'hash', cell: ({ sha256 }) => sha256 },
    ],
    dataset.shards,
  )}</details>`
}
${model && html`<h3>Model</h3><p><span class="path">${model.path}</span>, sha256 <span class="hash">${model.sha256}</span></p>`}</section>`
}
