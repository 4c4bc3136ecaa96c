/** `prep generate`: photos for many label maps by a trained generator. */
import { statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, extname, join, relative, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import fastGlob from 'fast-glob'
import { PrepError } from '../errors.js'
import { decodeImage, MAX_PIXELS } from '../images/decode.js'
import { drawContactSheet } from '../images/sheet.js'
import { commandLine } from '../pipeline/command-line.js'
import { takeFoldersLiterally } from '../stages/patterns.js'
import { type GeneratedFile, type GenerateInput, generatePhotos } from '../trainer/generate.js'
import { readGenerated } from '../trainer/generate-record.js'
import { INPUT_KINDS, type InputKind } from '../trainer/label-source.js'
import { PADDINGS, type Padding } from '../trainer/padding.js'
import { chooseCheckpoint } from './choose-checkpoint.js'
import { interruptible } from './interrupt.js'
import { wholeNumber } from './numbers.js'
import { makeRenderer, printLine, printNotice } from './render.js'

interface GenerateFlags {
  readonly out: string
  readonly checkpoint: string
  readonly input: InputKind | 'auto'
  readonly pad: Padding
  readonly resize?: boolean
  readonly noise?: number
  readonly force?: boolean
  readonly sheet?: boolean
  readonly engine: string
  readonly threads: number
  readonly json?: boolean
}

/** Pairs on the sheet; the photos themselves have no limit. */
const SHEET_PAIRS = 48
const SHEET_FILE = 'sheet.png'

export function generateCommand(): Command {
  return new Command('generate')
    .description('Make photos of label maps with a trained generator')
    .argument('<run>', 'output folder of a run, or a checkpoint')
    .argument('<patterns...>', 'label maps or photos, as files or quoted glob patterns')
    .requiredOption('-o, --out <folder>', 'where to write the photos, as PNG under the names of the label maps')
    .option('--checkpoint <which>', 'of a run: best (the newest where none is known), latest, or a name', 'best')
    .addOption(
      new Option('--input <what>', 'ids, display colours, or photos to be labelled; auto tells them apart by content')
        .choices(['auto', ...INPUT_KINDS])
        .default('auto'),
    )
    .addOption(
      new Option('--pad <how>', 'what goes on beyond maps whose sides the net cannot halve; it is cut off again')
        .choices(PADDINGS)
        .default('reflect'),
    )
    .option('--resize', 'bring maps of other sizes to that of training, instead of painting them in theirs')
    .option('--noise <seed>', 'paint with dropout, as in training; default: none', seed)
    .option('--force', 'replace files in the folder that prep generate has not made')
    .option('--sheet', `write sheet.png as well: the first ${SHEET_PAIRS} inputs beside their photos`)
    .option('--engine <name>', 'what computes, as in the train step', 'auto')
    .option('--threads <n>', 'cores to compute with', wholeNumber, availableParallelism())
    .option('--json', 'print an object a file, one a line')
    .addHelpText(
      'after',
      `
Ids are 8-bit grey or palette PNGs, as labels/ of a run has them. The same inputs give the same photos; a second run makes
only what is missing or has changed (generated.json in the folder knows). Exit code 3: some inputs failed, the rest is done.

Examples:
  prep generate runs/streets 'labels/*.png' --out photos/
  prep generate runs/streets 'drawings/*.png' --input colours --sheet --out photos/
  prep generate runs/streets 'fresh/*.jpg' --noise 7 --out photos/        photos, labelled by the palette of the run`,
    )
    .action(generate)
}

function seed(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number')
  return Number(text)
}

async function generate(run: string, patterns: string[], flags: GenerateFlags): Promise<void> {
  const checkpoint = await chooseCheckpoint(run, flags.checkpoint)
  const inputs = await findInputs(patterns, flags.out)
  const renderer = await makeRenderer('quiet')
  const counts = { made: 0, kept: 0, failed: 0 }
  let said = performance.now()
  const files = await interruptible(
    () => commandLine({}, process.argv.slice(2)),
    renderer,
    signal =>
      generatePhotos({
        ...flags,
        checkpoint,
        inputs,
        padding: flags.pad,
        resize: flags.resize === true,
        force: flags.force === true,
        sheet: flags.sheet ? { file: SHEET_FILE, draw: drawSheet } : undefined,
        signal,
        onFile: file => {
          counts[file.status] += 1
          if (flags.json) printLine(JSON.stringify(described(file)))
          if (flags.json || performance.now() - said < 3000) return
          said = performance.now()
          printNotice(`${counts.made + counts.kept + counts.failed} of ${inputs.length} files`)
        },
      }),
  )
  if (!flags.json)
    printLine(`${counts.made} photos made, ${counts.kept} kept, by ${checkpoint}; they are in ${flags.out}`)
  if (counts.failed > 0) throw failuresOf(files)
}

const described = ({ error, ...file }: GeneratedFile): object =>
  error ? { ...file, code: error.code, message: error.message } : file

/** Files of the patterns, sorted; their photos lie as they do below the folder that all have in common. */
async function findInputs(patterns: readonly string[], out: string): Promise<GenerateInput[]> {
  const generated = await readGenerated(out)
  // by where they are: a file may be named in two ways
  const found = new Map<string, string>()
  for (const pattern of patterns) {
    // a file of that very name is meant, whatever its characters mean in patterns
    if (statSync(pattern, { throwIfNoEntry: false })?.isFile()) {
      found.set(resolve(pattern), pattern)
      continue
    }
    for (const path of await fastGlob(takeFoldersLiterally(pattern), { followSymbolicLinks: false }))
      if (!generated.has(relative(resolve(out), resolve(path))) && !found.has(resolve(path)))
        found.set(resolve(path), path)
  }
  const paths = [...found.values()].sort()
  if (paths.length === 0)
    throw new PrepError('NO_MATCHES', `no file matches ${patterns.join(', ')}`, {
      hint: `quote patterns; relative ones start at ${process.cwd()}`,
    })
  const base = paths.map(path => dirname(resolve(path))).reduce(commonFolder)
  const stemOf = (path: string): string => relative(base, resolve(path)).slice(0, -extname(path).length || undefined)
  const stems = paths.map(stemOf)
  const counts = new Map<string, number>()
  for (const stem of stems) counts.set(stem, (counts.get(stem) ?? 0) + 1)
  return paths.map((path, i) => ({
    path,
    // a.jpg and a.png cannot both be a.png
    output: `${counts.get(stems[i]!)! > 1 ? join(dirname(stems[i]!), basename(path)) : stems[i]}.png`,
  }))
}

function commonFolder(a: string, b: string): string {
  const [one, other] = [a.split('/'), b.split('/')]
  const differ = one.findIndex((part, i) => part !== other[i])
  return differ < 0 ? a : one.slice(0, differ).join('/') || '/'
}

async function drawSheet(files: readonly GeneratedFile[]): Promise<Uint8Array | undefined> {
  const show = async (file: string) => {
    const options = { fit: 'fill', position: 'centre', background: [0, 0, 0], maxPixels: MAX_PIXELS } as const
    return (await decodeImage(file, options)).pixels
  }
  const pairs = []
  for (const { input, output } of files.filter(({ status }) => status !== 'failed').slice(0, SHEET_PAIRS))
    pairs.push({ photo: await show(input), label: await show(output), caption: basename(input) })
  return pairs.length > 0 ? drawContactSheet({ pairs, cellPx: 256 }) : undefined
}

function failuresOf(files: readonly GeneratedFile[]): PrepError {
  const failed = files.filter(file => file.error !== undefined)
  const codes = [...new Set(failed.map(({ error }) => error!.code))].sort()
  const lines = codes.flatMap(code => {
    const group = failed.filter(({ error }) => error!.code === code)
    const shown = group.slice(0, 3).map(({ error }) => `  ${error!.message}`)
    return [`${group.length} ${code}`, ...shown, ...(group.length > 3 ? [`  and ${group.length - 3} more`] : [])]
  })
  return new PrepError(
    'TOO_MANY_FAILURES',
    [`${failed.length} of ${files.length} inputs failed`, ...lines].join('\n'),
    {
      hint: failed[0]!.error!.hint,
    },
  )
}
