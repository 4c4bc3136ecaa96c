/** `prep label`: label maps for custom photos in one line, without a pipeline file. */
import { availableParallelism } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import { PrepError, PrepErrors } from '../errors.js'
import { commandLine } from '../pipeline/command-line.js'
import { type Pipeline, parsePipeline } from '../pipeline/parse.js'
import { runPipeline } from '../pipeline/run.js'
import { stagesByName } from '../stages/index.js'
import { interruptible } from './interrupt.js'
import { wholeNumber } from './numbers.js'
import { makeRenderer, printLine, renderMode } from './render.js'
import { jobCount } from './run.js'

interface LabelFlags {
  readonly clusters?: number | 'auto'
  readonly out: string
  readonly palette?: string
  readonly scope?: string
  readonly space?: string
  readonly features?: string
  readonly regions?: string
  readonly regionSize?: number | 'auto'
  readonly smooth?: string
  readonly minRegion?: number | 'auto'
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
    .option('-k, --clusters <n>', 'number of classes, or auto (default: 8)', countOrAuto)
    .option('-o, --out <folder>', 'where to write', 'labels')
    .option('--palette <palette.json>', 'use the classes of an earlier run instead of finding new ones')
    .addOption(
      new Option('--scope <scope>', 'one palette for all photos, or one for each').choices(['dataset', 'image']),
    )
    .addOption(new Option('--space <space>', 'colour space').choices(['oklab', 'rgb']))
    .addOption(
      new Option(
        '--features <what>',
        'what classes are told apart by: colour alone, or scene: colour, height in the photo and texture (default: scene)',
      ).choices(['scene', 'colour']),
    )
    .addOption(
      new Option(
        '--regions <what>',
        'what gets a class as a whole: each pixel, or each superpixel (slic) (default: pixels)',
      ).choices(['pixels', 'slic']),
    )
    .option('--region-size <pixels>', 'of a superpixel, or auto (with --regions slic; default: auto)', countOrAuto)
    .addOption(
      new Option('--smooth <how>', 'smooth photos before they are labelled (default: none)').choices([
        'none',
        'median3',
        'median5',
        'sigma',
      ]),
    )
    .option(
      '--min-region <pixels>',
      'smaller regions join a neighbour; 0: off, or auto, 64 at 512x512 (default: auto)',
      pixelsOrAuto,
    )
    .option(
      '--size <pixels>',
      'resize photos to a square of this side first (default: label at full size)',
      wholeNumber,
    )
    .option('--seed <n>', 'start of the randomness', Number, 42)
    .option('-j, --jobs <n>', 'worker processes; 1 takes the least memory', jobCount, availableParallelism())
    .option('--json', 'print events as JSON, one a line')
    .option('-q, --quiet', 'print warnings and errors only')
    .addHelpText('after', EXAMPLES)
    .action(async (patterns: string[], flags: LabelFlags) => {
      const { clusters, out, palette, scope, space, size, jobs, seed, quiet, json } = flags
      const { features, regions, regionSize: region_size, smooth, minRegion: min_region } = flags
      const how = { clusters, palette, scope, space, features, regions, region_size, smooth, min_region }
      const steps = [
        { stage: 'glob', patterns },
        ...(size ? [{ stage: 'resize', size }] : []),
        { stage: 'kmeans', ...how, folder: '.' },
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

const EXAMPLES = `
Examples:
  prep label 'my/*.jpg' --clusters 8 --out labels/
  prep label 'my/*.jpg' -k auto --size 512                   as many classes as pay
  prep label 'my/*.jpg' -k 12 --regions slic                 calmer maps, without thin things
  prep label 'noisy/*.jpg' --smooth median5                  labels that do not follow noise
  prep label 'art/*.png' --features colour --min-region 0    by colour alone, small regions kept
  prep label 'new/*.jpg' --palette labels/palette.json       the same classes for other photos

In a pipeline these are options of the step kmeans, with some more: prep stages kmeans`

const countOrAuto = (text: string): number | 'auto' => (text === 'auto' ? text : wholeNumber(text))

const pixelsOrAuto = (text: string): number | 'auto' => {
  if (text === 'auto') return text
  if (/^\d+$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a whole number or auto')
}

/** Checked as a pipeline file is; what is wrong is said of the flags, for there is no file to point into. */
function pipelineOf(raw: object): Pipeline {
  try {
    return parsePipeline(JSON.stringify(raw), { file: 'command line', environment: {}, stages: stagesByName })
  } catch (error) {
    if (!(error instanceof PrepErrors)) throw error
    const flag = (message: string): string =>
      message.replace(/^steps\[\d+\]\.(\w+)/, (_, option: string) => `--${option.replaceAll('_', '-')}`)
    throw new PrepErrors(error.errors.map(({ code, message, hint }) => new PrepError(code, flag(message), { hint })))
  }
}
