/** `prep palette`: look at the classes that kmeans found, name them, colour them, merge them. */
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import pc from 'picocolors'
import { PrepError } from '../errors.js'
import type { Palette } from '../labels/palette.js'
import {
  colourClusters,
  type Draft,
  draftPalette,
  findCluster,
  mergeClusters,
  nameClusters,
  unmergeClusters,
} from '../labels/palette-changes.js'
import { readOrigin } from '../pipeline/output.js'
import { readRecords } from '../pipeline/why.js'
import type { KmeansOptions } from '../stages/kmeans-options.js'
import { notEditable, type RunDraft, readDraft, writeDraft } from '../stages/palette-draft.js'
import { readPaletteFile } from '../stages/palette-file.js'
import { printLine, printNotice, printTable } from './render.js'

export function paletteCommand(): Command {
  const command = new Command('palette').description('Show, name, colour and merge the classes of a run').addHelpText(
    'after',
    `
What is decided is kept in palette-edits.json beside the run's palette.json and holds for all later runs, also when
photos are added and when the palette is fitted again. The next prep run applies it: names and colours redraw the
coloured maps, merges label again.

Examples:
  prep palette show runs/streets
  prep palette name runs/streets 3=road 5=sky
  prep palette merge runs/streets 7 9 --into road
  prep palette unmerge runs/streets 7
  prep palette colour runs/streets road=#804080`,
  )
  command
    .command('show')
    .description('The classes of a run, a data set or a palette.json')
    .argument('<palette>', 'output folder of a run, data set folder, or palette.json')
    .option('--json', 'print the palette as JSON')
    .action(showPalette)
  command
    .command('name')
    .description('Give classes names; an empty one (3=) takes a name back')
    .argument('<run>', 'output folder of a run')
    .argument('<names...>', 'ID=NAME')
    .action((run: string, words: string[]) =>
      edit(run, draft => nameClusters(draft, assignments(draftPalette(draft), words, 'ID=NAME'))),
    )
  command
    .command('colour')
    .alias('color')
    .description('Give classes colours; an empty one (3=) takes a colour back')
    .argument('<run>', 'output folder of a run')
    .argument('<colours...>', 'ID=#rrggbb, or NAME=#rrggbb')
    .action((run: string, words: string[]) =>
      edit(run, draft => colourClusters(draft, assignments(draftPalette(draft), words, 'ID=#rrggbb'))),
    )
  command
    .command('merge')
    .description('Merge classes into another one; all other ids stay as they are')
    .argument('<run>', 'output folder of a run')
    .argument('<classes...>', 'ids or names of the classes to merge')
    .requiredOption('--into <class>', 'id or name of the class that they become part of')
    .action((run: string, words: string[], { into }: { into: string }) =>
      edit(run, draft => {
        const palette = draftPalette(draft)
        return mergeClusters(
          draft,
          words.map(word => findCluster(palette, word)),
          findCluster(palette, into),
        )
      }),
    )
  command
    .command('unmerge')
    .description('Take merged classes out again')
    .argument('<run>', 'output folder of a run')
    .argument('<classes...>', 'ids or names')
    .action((run: string, words: string[]) =>
      edit(run, draft =>
        unmergeClusters(
          draft,
          words.map(word => findCluster(draftPalette(draft), word)),
        ),
      ),
    )
  return command
}

/** `3=road` by id. @throws {PrepError} `USAGE`, and as `findCluster` */
function assignments(palette: Palette, words: readonly string[], form: string): Map<number, string> {
  const found = new Map<number, string>()
  for (const word of words) {
    const [, reference, value = ''] = /^([^=]+)=(.*)$/.exec(word) ?? []
    if (reference === undefined)
      throw new PrepError('USAGE', `expected ${form}, found ${word}`, { hint: 'as in 3=road' })
    const id = findCluster(palette, reference)
    if (found.has(id)) throw new PrepError('USAGE', `cluster ${id} is named twice`, { hint: 'name each once' })
    found.set(id, value.trim())
  }
  return found
}

async function edit(run: string, change: (draft: Draft) => Draft): Promise<void> {
  const { draft, file, warnings } = await openRun(run)
  const changed = change(draft)
  await writeDraft(file, changed)
  for (const warning of warnings) printNotice(warning)
  printPalette(draftPalette(changed))
  const { file: pipeline, folder } = await readOrigin(run)
  const again = existsSync(resolve(folder, pipeline)) ? `prep run ${pipeline}` : 'the same command again'
  printLine(`\nwritten to ${file}; ${again} applies it`)
}

async function openRun(run: string): Promise<RunDraft> {
  const origin = await readOrigin(run)
  const record = (await readRecords(run)).findLast(({ from }) => ['kmeans', 'classes'].includes(from.stage))
  if (record?.from.stage !== 'kmeans') throw notEditable(run)
  return readDraft(run, record.from.options as unknown as KmeansOptions, origin.folder)
}

async function showPalette(path: string, { json }: { json?: boolean }): Promise<void> {
  const shown = await openShown(path)
  if (json) {
    printLine(JSON.stringify({ ...shown.palette, pending: shown.pending }, null, 2))
    return
  }
  for (const warning of shown.warnings) printNotice(warning)
  printPalette(shown.palette)
  if (shown.pending) printLine('\nedited since the last run: the next run applies it')
}

/** A run with its edits, else the palette.json that is named or lies in the folder. */
async function openShown(path: string): Promise<{ palette: Palette; pending: boolean; warnings: readonly string[] }> {
  const folder = (await stat(path).catch(() => undefined))?.isDirectory()
  const ofRun = folder && (await readRecords(path)).some(({ from }) => from.stage === 'kmeans')
  if (ofRun) {
    const { draft, pending, warnings } = await openRun(path)
    return { palette: draftPalette(draft), pending, warnings }
  }
  const files = folder
    ? ['palette.json', 'labels/palette.json', 'dataset/palette.json'].map(file => join(path, file))
    : [path]
  for (const file of files)
    if (file === files.at(-1) || (await stat(file).catch(() => undefined)))
      return { palette: await readPaletteFile(file), pending: false, warnings: [] }
  throw notEditable(path)
}

function printPalette({ clusters }: Palette): void {
  printTable([
    ['id', 'name', 'share', 'mean', 'colour', 'merged', ''],
    ...clusters.map(({ id, name = '-', share, mean, display, into }) => [
      String(id),
      name,
      `${(100 * share).toFixed(1)}%`,
      mean.map(Math.round).join(' '),
      display,
      into === undefined ? '-' : `into ${into}${clusters[into]?.name ? ` ${clusters[into].name}` : ''}`,
      swatch(display),
    ]),
  ])
}

/** The colour itself, where the terminal shows colours. */
function swatch(display: string): string {
  if (!pc.isColorSupported) return ''
  const [r, g, b] = [1, 3, 5].map(at => Number.parseInt(display.slice(at, at + 2), 16))
  return `\u001b[48;2;${r};${g};${b}m      \u001b[0m`
}
