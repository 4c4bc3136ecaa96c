/** `prep label`: label maps for custom photos in one line, without a pipeline file. */
import { availableParallelism } from 'node:os'
import { Command, Option } from 'commander'
import { PrepError, PrepErrors } from '../errors.js'
import { type Pipeline, parsePipeline } from '../pipeline/parse.js'
import { runPipeline } from '../pipeline/run.js'
import { stagesByName } from '../stages/index.js'
import { commandLine } from './command-line.js'
import { interruptible } from './interrupt.js'
import { makeRenderer, printLine, renderMode } from './render.js'
import { jobCount, wholeNumber } from './run.js'

interface LabelFlags {
  readonly clusters?: number | 'auto'
  readonly out: string
  readonly palette?: string
  readonly scope?: string
  readonly space?: string
  readonly size?: number
  readonly jobs: number
  readonly seed: number
  readonly quiet?: boolean
  readonly json?: boolean
}

export function labelCommand(): Command {
  return new Command('label')
    .description('Make label maps for photos: NAME.png in colours, palette.json and a contact sheet')
    .argument('<patterns...>', 'photos, as files or quoted glob patterns')
    .option('-k, --clusters <n>', 'number of classes, or auto (default: 8)', clusterCount)
    .option('-o, --out <folder>', 'where to write', 'labels')
    .option('--palette <palette.json>', 'use the classes of an earlier run instead of finding new ones')
    .addOption(
      new Option('--scope <scope>', 'one palette for all photos, or one for each').choices(['dataset', 'image']),
    )
    .addOption(new Option('--space <space>', 'colour space').choices(['oklab', 'rgb']))
    .option(
      '--size <pixels>',
      'resize photos to a square of this side first (default: label at full size)',
      wholeNumber,
    )
    .option('--seed <n>', 'start of the randomness', Number, 42)
    .option('-j, --jobs <n>', 'worker processes; 1 takes the least memory', jobCount, availableParallelism())
    .option('--json', 'print events as JSON, one a line')
    .option('-q, --quiet', 'print warnings and errors only')
    .addHelpText('after', "\nExample:\n  prep label 'my/*.jpg' --clusters 8 --out labels/")
    .action(async (patterns: string[], flags: LabelFlags) => {
      const { clusters, out, palette, scope, space, size, jobs, seed, quiet, json } = flags
      const steps = [
        { stage: 'glob', patterns },
        ...(size ? [{ stage: 'resize', size }] : []),
        { stage: 'kmeans', clusters, palette, scope, space, folder: '.' },
      ]
      const output = out.replace(/\/+$/, '') || '.'
      const pipeline = pipelineOf({ name: 'label', seed, output, steps })
      const renderer = await makeRenderer(renderMode(flags))
      const { set } = await interruptible(
        () => commandLine({}, process.argv.slice(2)),
        renderer,
        signal => runPipeline(pipeline, { jobs, signal, onEvent: event => renderer.event(event) }),
      )
      if (!quiet && !json)
        printLine(`${set.samples.length} label maps, palette.json and contact-sheet.png are in ${output}`)
    })
}

const clusterCount = (text: string): number | 'auto' => (text === 'auto' ? text : wholeNumber(text))

/** Checked as a pipeline file is; what is wrong is said of the flags, for there is no file to point into. */
function pipelineOf(raw: object): Pipeline {
  try {
    return parsePipeline(JSON.stringify(raw), { file: 'command line', environment: {}, stages: stagesByName })
  } catch (error) {
    if (!(error instanceof PrepErrors)) throw error
    const flag = (message: string): string => message.replace(/^steps\[\d+\]\./, '--')
    throw new PrepErrors(error.errors.map(({ code, message, hint }) => new PrepError(code, flag(message), { hint })))
  }
}
