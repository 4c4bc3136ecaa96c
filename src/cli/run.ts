/** `prep run`: one or several pipelines, one after the other. */
import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { Command, InvalidArgumentError } from 'commander'
import { PrepError } from '../errors.js'
import { commandLine } from '../pipeline/command-line.js'
import { parseOverride } from '../pipeline/overrides.js'
import type { Pipeline } from '../pipeline/parse.js'
import { readPipeline } from '../pipeline/read.js'
import { runPipeline } from '../pipeline/run.js'
import { suggest } from '../pipeline/suggest.js'
import { interruptible } from './interrupt.js'
import { wholeNumber } from './numbers.js'
import { makeRenderer, renderMode } from './render.js'
import { reportAtEnd } from './report.js'

export interface RunFlags {
  readonly set: readonly string[]
  readonly from?: string
  readonly until?: string
  readonly jobs: number
  readonly json?: boolean
  readonly quiet?: boolean
  readonly fresh?: boolean
  /** Write OUT/report.html at the end. */
  readonly report?: boolean
  /** Classes of failures to try again. */
  readonly retry?: ReadonlySet<string>
}

export const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value]

/** Each job is a process; more than this only costs memory. */
const MOST_JOBS = 256

export function jobCount(text: string): number {
  const jobs = wholeNumber(text)
  if (jobs > MOST_JOBS) throw new InvalidArgumentError(`expected at most ${MOST_JOBS}`)
  return jobs
}

export function runCommand(): Command {
  return new Command('run')
    .description('Run pipelines: photos in, data sets and trained models out. Finished work is kept and reused.')
    .argument('<pipelines...>', 'pipeline files (YAML), run one after the other')
    .option(
      '--set <path=value>',
      'override a value, e.g. steps.train.epochs=50 or output=runs/second (repeatable)',
      collect,
      [],
    )
    .option('--from <stage>', 'make this step and all after it anew')
    .option('--until <stage>', 'stop after this step')
    .option('-j, --jobs <n>', 'worker processes; 1 takes the least memory', jobCount, availableParallelism())
    .option('--json', 'print events as JSON, one a line')
    .option('-q, --quiet', 'print warnings and errors only')
    .option('--fresh', 'take nothing from earlier runs; earlier training is moved aside, not deleted')
    .option('--report', 'write OUT/report.html at the end, however the run ends; prep report makes it at any time')
    .addHelpText(
      'after',
      `
Ctrl-C once finishes the photo or training step in hand, writes everything down and says how to continue;
twice stops at once. Nothing finished is lost either way.

Examples:
  prep run pipelines/quickstart.yaml
  prep run pipelines/cityscapes.yaml --set steps.train.epochs=50
  PHOTOS=~/holiday prep run pipelines/cityscapes.yaml --until pack
  prep run a.yaml b.yaml --quiet && echo both done`,
    )
    .action(async (files: string[], flags: RunFlags) => {
      const overrides = flags.set.map(parseOverride)
      // Every file is checked before the first one runs: a slip in the second costs no night.
      const pipelines: Pipeline[] = []
      for (const file of files) pipelines.push(await readPipeline(file, { overrides }))
      for (const pipeline of pipelines) await runOne(pipeline, flags)
    })
}

export async function runOne(pipeline: Pipeline, flags: RunFlags): Promise<void> {
  // Collect rubbish sooner: the heap of a run over very many photos is otherwise mostly that (`npm run bench -- scale`).
  setFlagsFromString('--heap-growing-percent=25')
  const from = stepIndex(pipeline, '--from', flags.from)
  const until = stepIndex(pipeline, '--until', flags.until)
  if (from !== undefined && until !== undefined && from > until)
    throw new PrepError('USAGE', `--from ${flags.from} comes after --until ${flags.until}`, { hint: 'swap them' })
  const renderer = await makeRenderer(renderMode(flags))
  let training = false
  const work = interruptible(
    () => continuation(pipeline, training),
    renderer,
    signal =>
      runPipeline(pipeline, {
        jobs: flags.jobs,
        signal,
        onEvent: event => {
          training ||= event.type === 'train'
          renderer.event(event)
        },
        ...(flags.fresh && { fresh: true }),
        ...(flags.retry && { retry: flags.retry }),
        ...(from !== undefined && { from }),
        ...(until !== undefined && { until }),
      }),
  )
  if (!flags.report) return void (await work)
  const failed = await work.then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  // a folder that could not be claimed is another run's, and so is its report
  const claimed = !(failed?.error instanceof PrepError && failed.error.code.startsWith('OUTPUT_'))
  // who stopped a run wants it to end: nothing is measured then
  if (claimed) await reportAtEnd(pipeline.output, { measured: !failed, said: !flags.json && !flags.quiet })
  if (failed) throw failed.error
}

/**
 * The command that continues: as typed, with the variables that the file used. What starts over (--fresh, resume: never)
 * is dropped once the training that it started is under way.
 */
function continuation({ environment, steps }: Pipeline, training: boolean): string {
  const words = process.argv.slice(2).filter(word => !(training && word === '--fresh'))
  const never = steps.some(({ options }) => (options as { resume?: string }).resume === 'never')
  return commandLine(environment, [...words, ...(training && never ? ['--set', 'steps.train.resume=auto'] : [])])
}

function stepIndex({ steps, file }: Pipeline, flag: string, name: string | undefined): number | undefined {
  if (name === undefined) return undefined
  const names = steps.map(({ stage }) => stage.name)
  const index = flag === '--until' ? names.lastIndexOf(name) : names.indexOf(name)
  if (index >= 0) return index
  const near = suggest(name, names)
  throw new PrepError('USAGE', `${flag} ${name}: ${file} has no such step`, {
    hint: near ? `did you mean ${near}?` : `its steps are ${names.join(', ')}`,
  })
}
