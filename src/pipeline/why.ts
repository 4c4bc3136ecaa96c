/** What became of a photo, told from the records of the steps. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageRef, Sample } from '../sample.js'
import { cacheFolder } from './output.js'
import type { StepRecord } from './step-record.js'

/** The records of all steps of a run, in order. */
export async function readRecords(output: string): Promise<StepRecord[]> {
  const folder = join(cacheFolder(output), 'steps')
  const files = (await readdir(folder).catch(() => [])).filter(file => file.endsWith('.json')).sort()
  const records: StepRecord[] = []
  for (const file of files) {
    const text = await readFile(join(folder, file), 'utf8')
    try {
      records.push(JSON.parse(text) as StepRecord)
    } catch {
      // A torn record is a step that will be made again.
    }
  }
  return records
}

export type Explanation = { readonly lines: readonly string[] } | { readonly names: readonly string[] }

/**
 * @param wanted  a sample's name, its file name, or the start of its sha256
 * @returns lines that tell its way, or the names that there are when nobody is called so
 */
export async function explainSample(
  output: string,
  records: readonly StepRecord[],
  wanted: string,
): Promise<Explanation> {
  const matches = ({ name, source, sha256 = '' }: { name: string; source: string; sha256?: string }): boolean =>
    name === wanted ||
    source === wanted ||
    source.endsWith(`/${wanted}`) ||
    (wanted.length >= 6 && sha256.startsWith(wanted))
  const lines: string[] = []
  const names = new Set<string>()
  let before: Sample | undefined
  for (const { from, reason, at, result, failures } of records) {
    for (const { name } of result.samples) names.add(name)
    const failure = failures.find(({ sample, source }) => matches({ name: sample, source }))
    if (failure) {
      lines.push(`${from.stage}: left out, ${failure.code}: ${failure.message}`)
      break
    }
    const sample = result.samples.find(matches)
    if (!sample) {
      if (before) lines.push(`${from.stage}: not in its result`)
      continue
    }
    if (!before) lines.push(`${sample.name}`, `  file ${sample.source}`, `  sha256 ${sample.sha256}`)
    lines.push(`${from.stage}: ${describeChange(before, sample)}`, `  step last made ${at}: ${reason}`)
    before = sample
  }
  if (!before && !lines.length) return { names: [...names] }
  if (before) lines.push(...(await qualityLines(output, records, before)), ...(await datasetLines(output, before)))
  return { lines }
}

function describeChange(before: Sample | undefined, now: Sample): string {
  if (!before) return 'found'
  const parts: string[] = []
  if (JSON.stringify(before.photo) !== JSON.stringify(now.photo) && now.photo)
    parts.push(`photo ${describeRef(now.photo)}`)
  if (JSON.stringify(before.label) !== JSON.stringify(now.label) && now.label)
    parts.push(`labels ${describeRef(now.label)}`)
  if (before.split !== now.split && now.split) parts.push(`goes to ${now.split}`)
  if (now.notes && !before.notes) parts.push(`converted: ${now.notes.join(', ')}`)
  return parts.join(', ') || 'passed on'
}

const describeRef = (ref: ImageRef): string =>
  ref.kind === 'stored' ? `${ref.width}x${ref.height}, key ${ref.key.slice(0, 12)}` : ref.path

/** What the quality gate of a step that makes labels said of a sample that passed it. */
async function qualityLines(output: string, records: readonly StepRecord[], { name }: Sample): Promise<string[]> {
  const lines: string[] = []
  for (const { from } of records) {
    const { quality, folder } = from.options
    if (!quality || typeof folder !== 'string') continue
    const text = await readFile(join(output, folder, 'quality.json'), 'utf8').catch(() => '')
    const line = text.split('\n').find(line => line.startsWith(`  {"name":${JSON.stringify(name)},`))
    if (!line) continue
    const { verdict, reasons } = JSON.parse(line.replace(/,$/, '')) as {
      verdict: string
      reasons: readonly { code: string; found: number; limit: number; of?: string }[]
    }
    const why = reasons.map(
      ({ code, found, limit, of }) => `${code} ${found}, limit ${limit}${of ? `, like ${of}` : ''}`,
    )
    lines.push(`quality: ${verdict}${why.length ? ` (${why.join('; ')})` : ''}`)
  }
  return lines
}

async function datasetLines(output: string, { name }: Sample): Promise<string[]> {
  const text = await readFile(join(output, 'dataset', 'samples.jsonl'), 'utf8').catch(() => '')
  for (const line of text.split('\n')) {
    if (!line) continue
    const row = JSON.parse(line) as { name: string; split?: string; row?: number }
    if (row.name === name && row.row !== undefined) return [`data set: ${row.split} row ${row.row}`]
  }
  return []
}
