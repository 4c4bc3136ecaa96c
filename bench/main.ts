/**
 * `npm run bench -- prep|labels|goodness|choices|train|learning|scale|download|dedupe|quality|coherence [--json]`: ratios
 * against peers, measured in the same run. `goodness` and `choices` take `--part all|tune|heldout` (default: heldout, the
 * photos that nothing is tuned on).
 */
import { parseArgs } from 'node:util'
import type { BenchRow } from './row.js'
import { PARTS, type Part } from './truth.js'

interface Settings {
  readonly part: Part
}

const BENCHES: Readonly<Record<string, (settings: Settings) => Promise<readonly BenchRow[]>>> = {
  prep: async () => (await import('./prep.js')).benchPrep(),
  labels: async () => (await import('./labels.js')).benchLabels(),
  goodness: async settings => (await import('./goodness.js')).benchGoodness(settings),
  choices: async settings => (await import('./goodness.js')).benchChoices(settings),
  coherence: async () => (await import('./coherence.js')).benchCoherence(),
  scale: async () => (await import('./scale.js')).benchScale(),
  learning: async () => (await import('./learning.js')).benchLearning(),
  train: async () => (await import('./train.js')).benchTrain(),
  download: async () => (await import('./download.js')).benchDownload(),
  dedupe: async () => (await import('./dedupe.js')).benchDedupe(),
  quality: async () => (await import('./quality.js')).benchQuality(),
}

const { positionals: names, values } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, part: { type: 'string', default: 'heldout' } },
})
const part = PARTS.find(name => name === values.part)
if (!part) {
  console.error(`unknown part ${values.part}; the parts are ${PARTS.join(', ')}`)
  process.exit(2)
}
const unknown = names.filter(name => !BENCHES[name])
if (unknown.length) {
  console.error(`unknown bench ${unknown.join(', ')}; the benches are ${Object.keys(BENCHES).join(', ')}`)
  process.exit(2)
}
for (const name of names.length ? names : Object.keys(BENCHES)) {
  const rows = await BENCHES[name]!({ part })
  if (values.json) for (const row of rows) console.log(JSON.stringify(row))
  else printTable(name, rows)
}

function printTable(name: string, rows: readonly BenchRow[]): void {
  const width = Math.max(...rows.map(row => row.name.length))
  console.log(`\n${name}`.padEnd(width + 2), 'ours'.padStart(10), 'peer'.padStart(10), 'ratio'.padStart(8))
  for (const { name, ours, peer, ratio, unit, note } of rows)
    console.log(
      name.padEnd(width + 1),
      figure(ours).padStart(10),
      figure(peer).padStart(10),
      figure(ratio).padStart(8),
      `${unit}${note ? `  ${note}` : ''}`,
    )
}

function figure(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '-'
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(3)
}
