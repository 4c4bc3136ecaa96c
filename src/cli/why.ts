/** `prep why`: what became of a photo, step by step, and why each step was last made. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { PrepError } from '../errors.js'
import { suggest } from '../pipeline/suggest.js'
import { explainSample, readRecords } from '../pipeline/why.js'
import { printLine } from './render.js'

export function whyCommand(): Command {
  return new Command('why')
    .description(
      'Explain what became of a photo: each step, its split, its row, or why it was left out; and why steps reran',
    )
    .argument('[sample]', 'name, file name or the start of its sha256; without it: the steps alone')
    .option('--run <folder>', 'output folder of the run (default: the newest below runs/)')
    .action(async (sample: string | undefined, { run }: { run?: string }) => {
      const output = run ?? (await newestRun())
      const records = await readRecords(output)
      if (!records.length)
        throw new PrepError('FILE_MISSING', `${output} holds no run`, {
          hint: 'name the output folder of a run with --run',
        })
      if (sample === undefined) {
        for (const { from, reason, at } of records) printLine(`${from.stage}: last made ${at}: ${reason}`)
        return
      }
      const explanation = await explainSample(output, records, sample)
      if ('names' in explanation) {
        const near = suggest(sample, explanation.names)
        throw new PrepError('SAMPLE_UNKNOWN', `${output} has seen no photo called ${sample}`, {
          hint: near ? `did you mean ${near}?` : `it has, for example, ${explanation.names.slice(0, 5).join(', ')}`,
        })
      }
      for (const line of explanation.lines) printLine(line)
    })
}

async function newestRun(): Promise<string> {
  const names = await readdir('runs').catch(() => [])
  const seen: { path: string; at: number }[] = []
  for (const name of names) {
    const info = await stat(join('runs', name, 'run.jsonl')).catch(() => undefined)
    if (info) seen.push({ path: join('runs', name), at: info.mtimeMs })
  }
  const newest = seen.sort((a, b) => b.at - a.at)[0]
  if (!newest)
    throw new PrepError('FILE_MISSING', 'there is no run below runs/', { hint: 'name the output folder with --run' })
  return newest.path
}
