/** `prep failures`: what a run left out, counted by class, with examples. */
import { Command } from 'commander'
import { PrepError } from '../errors.js'
import { type FailureGroup, groupFailures } from '../pipeline/failures.js'
import { readRecords } from '../pipeline/why.js'
import { parseClasses } from './failure-class-list.js'
import { wholeNumber } from './numbers.js'
import { printLine, printTable } from './render.js'
import { failureText } from './render-lines.js'

interface FailuresFlags {
  readonly class?: ReadonlySet<string>
  readonly examples: number
  readonly json?: boolean
}

export function failuresCommand(): Command {
  return new Command('failures')
    .description('Show which photos a run left out, counted by class of failure, with examples')
    .argument('<run>', 'output folder of a run')
    .option('--class <classes>', 'only these, separated by commas, and every photo of them', parseClasses)
    .option('--examples <n>', 'examples of each class', wholeNumber, 3)
    .option('--json', 'print the groups with all their photos as JSON')
    .addHelpText(
      'after',
      `
Examples:
  prep failures runs/photos
  prep failures runs/photos --class http_4xx
  prep failures runs/photos --json | jq -r '.[] | select(.class == "http_429") | .failures[].source'`,
    )
    .action(async (run: string, flags: FailuresFlags) => {
      const records = await readRecords(run)
      if (!records.length)
        throw new PrepError('FILE_MISSING', `${run} holds no run`, { hint: 'name the output folder of a run' })
      const groups = groupFailures(records).filter(group => flags.class?.has(group.class) ?? true)
      if (flags.json) printLine(JSON.stringify(groups, null, 2))
      else printGroups(run, groups, flags)
    })
}

function printGroups(run: string, groups: readonly FailureGroup[], flags: FailuresFlags): void {
  if (!groups.length) {
    printLine(flags.class ? 'no such failures' : 'no failures')
    return
  }
  printTable(
    groups.map(({ class: name, count, transient, failures }) => [
      name,
      String(count),
      [...new Set(failures.map(({ stage }) => stage))].join(', '),
      transient ? 'tried again by prep run' : 'stands until asked for',
    ]),
  )
  for (const { class: name, count, failures } of groups) {
    printLine(`\n${name}`)
    const shown = flags.class ? failures : failures.slice(0, flags.examples)
    for (const failure of shown) printLine(`  ${failureText(failure)}`)
    if (shown.length < count) printLine(`  and ${count - shown.length} more (--class ${name})`)
  }
  printLine(`\ntry again: prep retry ${run} --class ${groups.map(({ class: name }) => name).join(',')}`)
}
