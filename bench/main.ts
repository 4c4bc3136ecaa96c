/** `npm run bench -- prep|labels|coherence|train|scale|download|dedupe [--json]`: ratios against peers, measured in the same run. */
import type { BenchRow } from './row.js'

const BENCHES: Readonly<Record<string, () => Promise<readonly BenchRow[]>>> = {
  prep: async () => (await import('./prep.js')).benchPrep(),
  labels: async () => (await import('./labels.js')).benchLabels(),
  coherence: async () => (await import('./coherence.js')).benchCoherence(),
  scale: async () => (await import('./scale.js')).benchScale(),
  train: async () => (await import('./train.js')).benchTrain(),
  download: async () => (await import('./download.js')).benchDownload(),
  dedupe: async () => (await import('./dedupe.js')).benchDedupe(),
}

const words = process.argv.slice(2)
const names = words.filter(word => !word.startsWith('--'))
const unknown = names.filter(name => !BENCHES[name])
if (unknown.length) {
  console.error(`unknown bench ${unknown.join(', ')}; the benches are ${Object.keys(BENCHES).join(', ')}`)
  process.exit(2)
}
for (const name of names.length ? names : Object.keys(BENCHES)) {
  const rows = await BENCHES[name]!()
  if (words.includes('--json')) for (const row of rows) console.log(JSON.stringify(row))
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
