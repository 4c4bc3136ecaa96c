/** `prep eval`: how good checkpoints are on rows that they were not trained on. */
import { basename } from 'node:path'
import { Command, Option } from 'commander'
import { PrepError } from '../errors.js'
import { SPLITS, type Split } from '../sample.js'
import { type CheckpointEvaluation, evaluateCheckpoint } from '../trainer/evaluate-checkpoint.js'
import { figureName, figureText, metricsOf } from '../trainer/figures.js'
import { HELD_OUT_METRICS, type HeldOutMetric } from '../trainer/options.js'
import { isBetter } from '../trainer/retention.js'
import { datasetBeside, findCheckpoints } from './choose-checkpoint.js'
import { wholeNumber, wholeOrZero } from './numbers.js'
import { printLine, printNotice, printTable } from './render.js'
import { datasetFolder } from './verify.js'

interface EvalFlags {
  readonly split: Split
  readonly rows: number | 'all'
  readonly dataset?: string
  readonly all?: boolean
  readonly worst: number
  readonly by: HeldOutMetric
  readonly engine: string
  readonly json?: boolean
}

export function evalCommand(): Command {
  return new Command('eval')
    .description('Measure checkpoints on held-out rows: L1, PSNR, SSIM, and labels found again in what G paints')
    .argument('<paths...>', 'outputs of runs (the newest checkpoint, and the best one), or checkpoint files')
    .addOption(new Option('--split <split>', 'rows to paint').choices(SPLITS).default('test'))
    .option('--rows <n>', 'rows at most, spread evenly over the split, or all', rowCount, 'all')
    .option('--dataset <folder>', 'data set to measure on; default: the one of the run that the checkpoint lies in')
    .option('--all', 'every checkpoint of a run')
    .option('--worst <n>', 'worst rows listed of each checkpoint; 0: none', wholeOrZero, 5)
    .addOption(new Option('--by <figure>', 'what makes a row the worst').choices(HELD_OUT_METRICS).default('l1'))
    .option('--engine <name>', 'what computes, as in the train step', 'auto')
    .option('--json', 'print an object a checkpoint, one a line, with the figures of every row')
    .addHelpText(
      'after',
      `
L1 is in [-1, 1] as in the losses; the labels are those that the palette of the data set finds in the paintings, held
against the true ones. The line "photos" says what it finds in the photos themselves: more cannot be expected.

Examples:
  prep eval runs/cityscapes
  prep eval runs/cityscapes --split val --all
  prep eval runs/*/train/checkpoints/epoch-0100.safetensors --rows 50 --json | jq .figures.ssim`,
    )
    .action(async (paths: string[], flags: EvalFlags) => {
      const table: CheckpointEvaluation[] = []
      for (const path of paths) {
        for (const checkpoint of await checkpointsOf(path, flags.all === true)) {
          const dataset = await datasetOf(checkpoint, flags.dataset)
          const onRow = progressOf(checkpoint)
          const { split, rows, engine } = flags
          const found = await evaluateCheckpoint({ checkpoint, dataset, split, rows, engine, onRow })
          table.push(found)
          if (flags.json) printLine(JSON.stringify(found))
          if (found.otherDataset) printNotice(`${dataset} has changed since ${checkpoint} was trained`)
        }
      }
      if (!flags.json) printEvaluations(table, flags)
    })
}

function rowCount(text: string): number | 'all' {
  return text === 'all' ? text : wholeNumber(text)
}

/** A checkpoint as given; of a run all, or its newest and its best. */
async function checkpointsOf(path: string, all: boolean): Promise<string[]> {
  const { files, best = files[0]! } = await findCheckpoints(path)
  return all ? [...files] : [...new Set([files[0]!, best])]
}

/** The data set that is named, or that of the run that a checkpoint lies in. */
async function datasetOf(checkpoint: string, given: string | undefined): Promise<string> {
  if (given !== undefined) return datasetFolder(given)
  const { folder, found } = datasetBeside(checkpoint)
  if (found !== undefined) return found
  throw new PrepError('DATASET_MISSING', `${checkpoint}: found no data set in ${folder}`, {
    hint: 'name it with --dataset',
  })
}

/** How far the painting is, now and then. */
function progressOf(checkpoint: string): (done: number, of: number) => void {
  let said = performance.now()
  return (done, of) => {
    if (performance.now() - said < 3000) return
    said = performance.now()
    printNotice(`${basename(checkpoint)}: ${done} of ${of} rows`)
  }
}

function printEvaluations(table: readonly CheckpointEvaluation[], { worst, by }: EvalFlags): void {
  const shown = metricsOf(table)
  const cells = (figures: CheckpointEvaluation['figures']): string[] =>
    shown.map(metric => figureText(metric, figures[metric]))
  printTable([
    ['checkpoint', 'epoch', 'step', 'rows', ...shown.map(figureName)],
    ...table.map(({ checkpoint, epoch, step, split, rows, figures }) => [
      checkpoint,
      String(epoch),
      String(step),
      `${rows.length} ${split}`,
      ...cells(figures),
    ]),
    ...(Object.keys(table[0]!.ceiling).length > 0 ? [['photos', '', '', '', ...cells(table[0]!.ceiling)]] : []),
  ])
  for (const reason of new Set(table.flatMap(({ unlabelled = [] }) => unlabelled)))
    printLine(`\nlabels are left out: ${reason}`)
  if (worst === 0) return
  for (const { checkpoint, split, rows } of table) {
    const measured = rows.filter(({ figures }) => figures[by] !== undefined)
    measured.sort((a, b) => {
      const [one, other] = [a.figures[by]!, b.figures[by]!]
      return one === other ? a.row - b.row : isBetter(by, one, other) ? 1 : -1
    })
    printLine(`\nworst by ${figureName(by)}: ${basename(checkpoint)}`)
    printTable([
      ['  row', ...shown.map(figureName)],
      ...measured
        .slice(0, worst)
        .map(({ row, name, figures }) => [`  ${name ?? `${split} row ${row}`}`, ...cells(figures)]),
    ])
  }
}
