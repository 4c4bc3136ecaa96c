/** `prep verify`: reads a data set whole and finds every changed bit. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { PrepError } from '../errors.js'
import { readIndex } from '../formats/dataset/read.js'
import { verifyDataset } from '../formats/dataset/verify.js'
import { describeSplits } from '../sample.js'
import { bytesText } from '../words.js'
import { printLine, printNotice } from './render.js'

/** A data set folder as given, or the one inside a run's output. */
export async function datasetFolder(path: string): Promise<string> {
  const inside = join(path, 'dataset')
  return (await stat(join(inside, 'index.json')).catch(() => undefined)) ? inside : path
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description('Check data sets bit by bit; exit code 2 when something is damaged')
    .argument('<folders...>', 'data set folders, or outputs of runs')
    .option('--json', 'print the findings as JSON')
    .action(async (folders: string[], { json }: { json?: boolean }) => {
      let damaged = 0
      for (const folder of folders) {
        const dataset = await datasetFolder(folder)
        const findings = await verifyDataset(dataset, { onProgress: progressOf(dataset) })
        damaged += findings.length
        if (json) printLine(JSON.stringify({ dataset, findings }))
        else if (!findings.length) {
          const { rows, shards } = await readIndex(dataset)
          const bytes = shards.reduce((sum, shard) => sum + shard.bytes, 0)
          printLine(`${dataset}: whole; pairs: ${describeSplits(rows)}; ${shards.length} shards, ${bytesText(bytes)}`)
        } else
          for (const { file, field, row, problem } of findings)
            printLine(
              `${dataset}/${file}${field ? ` ${field}` : ''}${row === undefined ? '' : ` row ${row}`}: ${problem}`,
            )
      }
      if (damaged)
        throw new PrepError('SHARD_DAMAGED', `${damaged} finding${damaged === 1 ? '' : 's'} of damage`, {
          hint: 'run the pipeline with --from pack: damaged shards are written again',
        })
    })
}

/** A line on a terminal that says how far the reading is. */
function progressOf(dataset: string): (progress: { bytes: number; totalBytes: number }) => void {
  let said = performance.now()
  return ({ bytes, totalBytes }) => {
    if (performance.now() - said < 2000) return
    said = performance.now()
    printNotice(`${dataset}: ${bytesText(bytes)} of ${bytesText(totalBytes)} read`)
  }
}
