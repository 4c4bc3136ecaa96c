/** The only place that prints: errors, tables, and a run as it goes, for a terminal, a pipe or a program. */
import pc from 'picocolors'
import { formatError, PrepError, PrepErrors } from '../errors.js'
import type { RunEvent } from '../pipeline/events.js'
import { endLines, eventLine } from './render-lines.js'
import { TrainMeter } from './train-meter.js'

export type RenderMode = 'live' | 'plain' | 'json' | 'quiet'

/** How to show a run, from the flags and from where the output goes. */
export function renderMode({ json, quiet }: { readonly json?: boolean; readonly quiet?: boolean }): RenderMode {
  if (json) return 'json'
  if (quiet) return 'quiet'
  const { isTTY, rows, columns } = process.stdout
  return isTTY && rows > 0 && columns > 0 && !process.env.CI ? 'live' : 'plain'
}

/** Shows a run. */
export interface Renderer {
  event(event: RunEvent): void
  /** Ctrl-C was pressed once. */
  stopping(): void
  close(): void
}

export const printLine = (line: string): void => void process.stdout.write(`${escapeControls(line)}\n`)
export const printNotice = (line: string): void => void process.stderr.write(`${escapeControls(line)}\n`)

/** Names of files and answers of servers may hold what moves the cursor; only colours reach the terminal. JSON stays JSON. */
const escapeControls = (text: string): string =>
  text.replace(
    /(?![\n\t])\p{Cc}(?!\[[\d;]*m)/gu,
    control => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** Columns padded to their widest cell; the last one runs on. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows.reduce<number[]>(
    (max, row) => row.map((cell, i) => Math.max(max[i] ?? 0, Math.min(cell.length, 44))),
    [],
  )
  for (const row of rows)
    printLine(
      row
        .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
}

export function printError(error: Error): void {
  if (error instanceof PrepErrors) printNotice(error.errors.map(formatError).join('\n\n'))
  else if (error instanceof PrepError)
    printNotice(error.code === 'INTERRUPTED' ? interruptedText(error) : formatError(error))
  else
    printNotice(
      `${error.stack ?? error}\n\nThis is a bug in prep, not in your input. Please report it with the lines above.`,
    )
}

const interruptedText = ({ message, hint }: PrepError): string => `${message}\n${hint ?? ''}`

export async function makeRenderer(mode: RenderMode): Promise<Renderer> {
  if (mode === 'json') return { event: event => printLine(JSON.stringify(event)), stopping() {}, close() {} }
  if (mode === 'quiet')
    return {
      event: event => {
        if (event.type === 'warning' || (event.type === 'train' && event.event.type === 'warning'))
          printNotice(eventLine(event)!)
      },
      stopping: sayStopping,
      close() {},
    }
  // Loaded only where it is needed: it is slow to start.
  return mode === 'live' ? new (await import('./render-live.js')).LiveRenderer() : new PlainRenderer()
}

const sayStopping = (): void => printNotice('Stopping after what is in hand; press Ctrl-C again to stop at once.')

/** One line per thing worth knowing; progress at most every few seconds. */
class PlainRenderer implements Renderer {
  #said = performance.now()
  #failed = 0
  readonly #meter = new TrainMeter()

  event(event: RunEvent): void {
    if (event.type === 'train') this.#meter.add(event.event, performance.now())
    if (event.type === 'progress' || (event.type === 'train' && event.event.type === 'step')) {
      if (performance.now() - this.#said < PLAIN_TICK_MS) return
    }
    if (event.type === 'skip' && ++this.#failed > PLAIN_SKIPS) return
    const line = this.#lineOf(event)
    if (line) {
      this.#said = performance.now()
      const print = event.type === 'warning' ? printNotice : printLine
      const warning = event.type === 'warning' || (event.type === 'train' && event.event.type === 'warning')
      print(warning ? pc.yellow(line) : line)
    }
    if (event.type === 'run-end') for (const text of endLines(event)) printLine(text)
  }

  #lineOf(event: RunEvent): string | undefined {
    if (event.type !== 'train' || event.event.type !== 'step') return eventLine(event)
    const { place, losses, accuracy } = this.#meter
    return `  ${[place, losses, accuracy, this.#meter.speed(performance.now())].join('  ')}`
  }

  stopping(): void {
    sayStopping()
  }

  close(): void {}
}

const PLAIN_TICK_MS = 3000
/** Skipped photos named one by one; the rest are in report.json. */
const PLAIN_SKIPS = 10
