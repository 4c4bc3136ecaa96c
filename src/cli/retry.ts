/** `prep retry`: the pipeline of a run again, with another try at failures of chosen classes and no others. */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { PrepError } from '../errors.js'
import { groupFailures } from '../pipeline/failures.js'
import { readOrigin } from '../pipeline/output.js'
import { parseOverride } from '../pipeline/overrides.js'
import { readPipeline } from '../pipeline/read.js'
import { readRecords } from '../pipeline/why.js'
import { parseClasses } from './failure-class-list.js'
import { printLine } from './render.js'
import { collect, jobCount, runOne } from './run.js'

interface RetryFlags {
  readonly class: ReadonlySet<string>
  readonly set: readonly string[]
  readonly jobs: number
  readonly json?: boolean
  readonly quiet?: boolean
}

export function retryCommand(): Command {
  return new Command('retry')
    .description('Run a pipeline again and try failures of these classes again; all others keep their verdict')
    .argument('<run>', 'output folder of a run')
    .requiredOption('--class <classes>', 'classes, separated by commas; prep failures RUN shows them', parseClasses)
    .option('--set <path=value>', 'override a value, besides those of the run itself (repeatable)', collect, [])
    .option('-j, --jobs <n>', 'worker processes; 1 takes the least memory', jobCount, availableParallelism())
    .option('--json', 'print events as JSON, one a line')
    .option('-q, --quiet', 'print warnings and errors only')
    .addHelpText(
      'after',
      `
The pipeline file, --set values and environment variables are those of the run.

Examples:
  prep retry runs/photos --class http_429,stall
  prep retry runs/photos --class http_4xx --set steps.download.host.rate=2`,
    )
    .action(async (run: string, flags: RetryFlags) => {
      const origin = await readOrigin(run)
      const groups = groupFailures(await readRecords(run))
      if (!groups.some(group => flags.class.has(group.class)))
        throw new PrepError('USAGE', `${run} has no failures of the class ${[...flags.class].join(', ')}`, {
          hint: groups.length ? `it has ${groups.map(group => group.class).join(', ')}` : 'it has none at all',
        })
      const output = resolve(run)
      // Paths in the pipeline are relative to where it was run.
      process.chdir(origin.folder)
      const pipeline = await readPipeline(origin.file, {
        overrides: [...origin.overrides, ...flags.set].map(parseOverride),
        environment: { ...process.env, ...origin.environment },
      })
      if (resolve(pipeline.output) !== output)
        throw new PrepError('OUTPUT_FOREIGN', `${origin.file} now writes ${pipeline.output}, not ${run}`, {
          hint: `run it with prep run ${origin.file} --set output=${run}`,
        })
      if (!flags.json && !flags.quiet) printLine(`${origin.file} again, for ${[...flags.class].join(', ')}`)
      await runOne(pipeline, { ...flags, retry: flags.class })
    })
}
