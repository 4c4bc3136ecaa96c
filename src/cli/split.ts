/** `prep split --check`: finds held-out photos that lie in another split as well, the same or nearly so. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { DEFAULT_THRESHOLD, MAX_THRESHOLD } from '../duplicates/signature-set.js'
import { PrepError } from '../errors.js'
import { checkDataset, checkRun, type LeakReport, type NamedLeak } from '../pipeline/leak-check.js'
import { describeSplits, SPLITS } from '../sample.js'
import { printLine, printNotice, printTable } from './render.js'
import { datasetFolder } from './verify.js'

interface SplitFlags {
  readonly check: string
  readonly threshold: number
  readonly json?: boolean
  readonly all?: boolean
}

/** Pairs printed without --all. */
const MOST_ROWS = 30

export function splitCommand(): Command {
  return new Command('split')
    .description('Check a split for leaks: held-out photos that look like photos of another split; exit code 2 if any')
    .requiredOption('--check <folder>', 'data set folder, or output of a run (also one that packs nothing)')
    .option(
      '--threshold <bits>',
      `bits of 64 in which the hashes of near-duplicates may differ, 0 to ${MAX_THRESHOLD}`,
      thresholdBits,
      DEFAULT_THRESHOLD,
    )
    .option('--all', `print every pair; without it the ${MOST_ROWS} nearest`)
    .option('--json', 'print the findings as JSON')
    .addHelpText(
      'after',
      `
Each held-out photo is listed with the most similar photo of each split before its own (train, val, test).

Examples:
  prep split --check runs/cityscapes
  prep split --check some/dataset --threshold 6 --json | jq '.leaks | length'`,
    )
    .action(async ({ check, threshold, json, all }: SplitFlags) => {
      const folder = await datasetFolder(check)
      const packed = await stat(join(folder, 'index.json')).catch(() => undefined)
      const options = { threshold, onProgress: progressOf(folder) }
      const report = packed ? await checkDataset(folder, options) : await checkRun(check, options)
      if (json) printLine(JSON.stringify({ folder, threshold, ...report }))
      else printReport(folder, report, threshold, all ? Number.POSITIVE_INFINITY : MOST_ROWS)
      if (report.leaks.length)
        throw new PrepError('SPLIT_LEAKS', `${leakingPhotos(report)} look like photos of another split`, {
          hint: 'split with group: near-duplicates, or put a dedupe step before; --threshold sets how alike is alike',
        })
    })
}

function thresholdBits(text: string): number {
  const bits = Number(text)
  if (text.trim() === '' || !Number.isInteger(bits) || bits < 0 || bits > MAX_THRESHOLD)
    throw new InvalidArgumentError(`expected a whole number from 0 to ${MAX_THRESHOLD}`)
  return bits
}

/** `3 of 40 test photos and 1 of 12 val photos` */
function leakingPhotos({ pictures, leaks }: LeakReport): string {
  const parts = SPLITS.toReversed().flatMap(split => {
    const held = new Set(leaks.filter(leak => leak.held.split === split).map(({ held }) => held.sha256 ?? held.name))
    return held.size ? [`${held.size} of ${pictures[split]} ${split} photos`] : []
  })
  return parts.join(' and ')
}

function printReport(folder: string, report: LeakReport, threshold: number, most: number): void {
  const { leaks, pictures } = report
  if (!leaks.length) {
    printLine(`${folder}: no leaks; ${describeSplits(pictures)}; threshold ${threshold} of 64 bits`)
    return
  }
  const nearest = leaks.toSorted((a, b) => a.distance - b.distance)
  printTable([
    ['bits', 'held out', '', 'looks like', ''],
    ...nearest
      .slice(0, most)
      .map(({ held, twin, distance, copy }: NamedLeak) => [
        copy ? 'copy' : String(distance),
        held.split,
        held.name,
        twin.split,
        twin.name,
      ]),
  ])
  if (leaks.length > most) printLine(`... and ${leaks.length - most} more (--all or --json)`)
}

/** A line on a terminal that says how far the reading is. */
function progressOf(folder: string): (progress: { done: number; total: number }) => void {
  let said = performance.now()
  return ({ done, total }) => {
    if (performance.now() - said < 2000) return
    said = performance.now()
    printNotice(`${folder}: ${done} of ${total} photos read`)
  }
}
