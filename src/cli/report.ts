/** `prep report`: a run as one HTML page that opens anywhere, offline. */
import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { PrepError } from '../errors.js'
import { commandLine } from '../pipeline/command-line.js'
import { type ReportOptions, type WrittenReport, writeRunReport } from '../report/write.js'
import { bytesText } from '../words.js'
import { interruptible } from './interrupt.js'
import { wholeOrZero } from './numbers.js'
import { makeRenderer, printLine, printNotice } from './render.js'

type Open = 'auto' | 'yes' | 'no'

interface ReportFlags {
  readonly out?: string
  readonly open: Open
  readonly rows: number
  readonly engine: string
  readonly maxMb: number
  readonly quiet?: boolean
}

const DEFAULTS = { rows: 24, maxMb: 10, engine: 'auto' } as const
const MB = 1_000_000

export function reportCommand(): Command {
  return new Command('report')
    .description(
      'Make one HTML page of a run: data, training, evaluation, provenance; it opens offline, on a phone too',
    )
    .argument('<runs...>', 'output folders of runs, finished or not')
    .option('--out <file.html>', 'where to write it, for one run; default: report.html in the run')
    .addOption(
      new Option('--open <when>', 'show it in the browser; auto: at a terminal with a screen')
        .choices(['auto', 'yes', 'no'])
        .default('auto'),
    )
    .option(
      '--rows <n>',
      'held-out rows that checkpoints are measured on, spread evenly; 0: measure nothing',
      wholeOrZero,
      DEFAULTS.rows,
    )
    .option('--engine <name>', 'what computes the measuring, as in the train step', DEFAULTS.engine)
    .option(
      '--max-mb <n>',
      'size of the page at most: pictures shrink, then sheets are thinned',
      megabytes,
      DEFAULTS.maxMb,
    )
    .option('-q, --quiet', 'print warnings and errors only')
    .addHelpText(
      'after',
      `
Everything is in the one file, and it fetches nothing. Passwords in URLs, values of variables that went into URLs, and
options called like secrets are left out of it; names of files and folders are not.

Examples:
  prep report runs/cityscapes
  prep report runs/cityscapes --out ~/cityscapes.html --open yes
  prep report runs/* --rows 0 --open no`,
    )
    .action(async (runs: string[], flags: ReportFlags) => {
      if (flags.out !== undefined && runs.length > 1)
        throw new PrepError('USAGE', `--out names one file, but ${runs.length} runs are given`, {
          hint: 'leave it out: each report then goes into its run as report.html',
        })
      // only its closing is needed: what goes on is said line by line
      const renderer = await makeRenderer('quiet')
      await interruptible(
        () => commandLine({}, process.argv.slice(2)),
        renderer,
        async signal => {
          for (const run of runs) {
            const written = await writeRunReport(run, optionsOf(flags, signal)).catch(error => {
              // what else went wrong meanwhile is told as it is
              const stopped = signal.aborted && (error === signal.reason || (error as Error).name === 'AbortError')
              throw stopped ? new PrepError('INTERRUPTED', `stopped; the report of ${run} was not written`) : error
            })
            say(written, flags.quiet !== true)
            if (shows(flags.open)) await show(written.path)
          }
        },
      )
    })
}

function optionsOf({ out, rows, engine, maxMb, quiet }: ReportFlags, signal: AbortSignal): ReportOptions {
  return {
    rows,
    engine,
    maxBytes: maxMb * MB,
    signal,
    ...(out !== undefined && { out }),
    ...(!quiet && { onProgress: progress() }),
  }
}

/** At the end of `prep run --report`. That it cannot be made, for whatever reason, does not change how the run ended. */
export async function reportAtEnd(
  run: string,
  { measured, said }: { readonly measured: boolean; readonly said: boolean },
): Promise<void> {
  const { engine, maxMb, rows } = DEFAULTS
  try {
    say(await writeRunReport(run, { engine, rows: measured ? rows : 0, leaks: measured, maxBytes: maxMb * MB }), said)
  } catch (error) {
    const bug = error instanceof PrepError ? '' : '; this is a bug in prep, please report it'
    printNotice(`no report: ${(error as Error).message}${bug}`)
  }
}

function say({ path, bytes, sheets, problems }: WrittenReport, said: boolean): void {
  for (const problem of problems) printNotice(problem)
  if (!said) return
  const thinned = sheets.shown < sheets.found ? `, ${sheets.shown} of ${sheets.found} sheets, evenly spread` : ''
  printLine(`wrote ${path} (${bytesText(bytes)}${thinned})`)
}

/** Now and then, on stderr. */
function progress(): NonNullable<ReportOptions['onProgress']> {
  let said = performance.now()
  return (what, done, of) => {
    if (performance.now() - said < 3000) return
    said = performance.now()
    printNotice(`${what}: ${done} of ${of}`)
  }
}

/** A screen to show it on, and somebody who asked for it at a terminal. */
function shows(open: Open): boolean {
  if (open !== 'auto') return open === 'yes'
  const { CI, DISPLAY, WAYLAND_DISPLAY, SSH_CONNECTION } = process.env
  const screen = process.platform === 'linux' ? Boolean(DISPLAY || WAYLAND_DISPLAY) : !SSH_CONNECTION
  return Boolean(process.stdout.isTTY) && !CI && screen
}

async function show(path: string): Promise<void> {
  const { default: open } = await import('open')
  const browser = await open(resolve(path)).catch(() => undefined)
  browser?.on('error', () => printNotice(`no browser could be started; open ${path} yourself`))
}

function megabytes(text: string): number {
  const value = Number(text)
  if (!(value >= 0.2 && value <= 1000)) throw new InvalidArgumentError('expected a number from 0.2 to 1000')
  return value
}
