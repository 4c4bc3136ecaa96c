/** Lists in text files: CSV (RFC 4180), TSV, JSON lines or bare lines become rows of named values; every broken line is told by number. */
import { createReadStream } from 'node:fs'
import { basename, extname } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { CsvError, parse } from 'csv-parse'
import { fileError, PrepError, systemCode } from '../../errors.js'

export const TABLE_FORMATS = ['csv', 'tsv', 'jsonl', 'lines'] as const
export type TableFormat = (typeof TABLE_FORMATS)[number]

export interface TableRow {
  /** 1-based, of the row's first line. */
  readonly line: number
  /** Cells by column; empty ones and JSON's null are left out. */
  readonly values: Readonly<Record<string, string>>
}

export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly TableRow[]
}

export interface TableOptions {
  /** Default: by the file's extension. */
  readonly format?: TableFormat | undefined
  /** One character between cells; default: a comma, in TSV a tab. */
  readonly delimiter?: string | undefined
}

/** The column that a file of bare lines has. */
export const LINE_COLUMN = 'file'

/** A longer record is a quote that was never closed. */
const MAX_RECORD_BYTES = 1 << 20
const SHOWN_PROBLEMS = 10

const EXTENSIONS: { readonly [extension: string]: TableFormat } = {
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.tab': 'tsv',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.txt': 'lines',
  '.lst': 'lines',
}

interface Problem {
  readonly line: number
  readonly text: string
}

/**
 * Read a list whole. A byte order mark is skipped, LF and CRLF are both line ends, blank lines say nothing; of JSON
 * values other than text the JSON text is taken.
 *
 * @throws {PrepError} `LIST_INVALID` with the numbers of all malformed lines; `FILE_MISSING`, `FILE_UNREADABLE`
 */
export async function readTable(path: string, { format, delimiter }: TableOptions = {}): Promise<Table> {
  const kind = format ?? EXTENSIONS[extname(path).toLowerCase()]
  if (!kind)
    throw new PrepError('LIST_INVALID', `${path}: cannot tell what kind of list ${basename(path)} is`, {
      hint: `say so: format: ${TABLE_FORMATS.join(' | ')}`,
    })
  const problems: Problem[] = []
  const table = await readAs(kind, path, delimiter, problems).catch(error => {
    throw systemCode(error)?.startsWith('E') ? fileError(error, path, 'read the list') : error
  })
  throwProblems(path, problems)
  return table
}

/** @throws {PrepError} `LIST_INVALID` when there is a problem, with the first ones in words */
export function throwProblems(path: string, problems: readonly Problem[]): void {
  const [first] = problems
  if (!first) return
  const shown = problems.slice(0, SHOWN_PROBLEMS).map(({ line, text }) => `line ${line}: ${text}`)
  const more = problems.length - shown.length
  throw new PrepError(
    'LIST_INVALID',
    `${path}: ${problems.length} malformed line${problems.length > 1 ? 's' : ''}\n${shown.join('\n')}${more ? `\nand ${more} more` : ''}`,
    { hint: 'mend the lines; nothing was made from this list', at: { file: path, line: first.line, column: 1 } },
  )
}

function readAs(kind: TableFormat, path: string, delimiter: string | undefined, problems: Problem[]): Promise<Table> {
  if (kind === 'jsonl') return readJsonLines(path, problems)
  if (kind === 'lines') return readLines(path, problems)
  return readDelimited(path, delimiter ?? (kind === 'tsv' ? '\t' : ','), problems)
}

async function readDelimited(path: string, delimiter: string, problems: Problem[]): Promise<Table> {
  let columns: string[] | undefined
  const rows: TableRow[] = []
  let end = 0
  // csv-parse counts the CRLF inside quotes as two line ends.
  let surplus = 0
  const parser = parse({
    bom: true,
    delimiter,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_BYTES,
    // Records are taken here, in step with the parser: an iterator would drop those before an error.
    on_record(record: string[], { lines }) {
      surplus += record.reduce((sum, cell) => sum + count(cell, /\r\n/g), 0)
      end = lines - surplus
      const line = end - record.reduce((sum, cell) => sum + count(cell, /\r\n|\n|\r/g), 0)
      if (record.some(cell => cell.includes('\uFFFD'))) problems.push({ line, text: 'is not UTF-8' })
      else if (!columns) columns = checkHeader(record, line, problems)
      else if (record.length !== columns.length)
        problems.push({
          line,
          text: `expected ${columns.length} cells (${columns.join(delimiter)}), found ${record.length}`,
        })
      else rows.push({ line, values: valuesOf(columns, record) })
      return null
    },
  })
  try {
    await pipeline(createReadStream(path), parser.resume())
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    const opened = error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE'
    problems.push({ line: opened ? end + 1 : Number(error.lines) - surplus, text: quoteProblem(error) })
  }
  return { columns: columns ?? [], rows }
}

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0

const quoteProblem = ({ code, message }: CsvError): string =>
  code === 'CSV_QUOTE_NOT_CLOSED' || code === 'CSV_MAX_RECORD_SIZE'
    ? 'a quote is opened and never closed'
    : code === 'INVALID_OPENING_QUOTE'
      ? 'a quote within a cell that does not begin with one'
      : code === 'CSV_INVALID_CLOSING_QUOTE'
        ? 'text after the closing quote of a cell: a quote inside quotes is written twice'
        : message

function checkHeader(names: readonly string[], line: number, problems: Problem[]): string[] {
  const trimmed = names.map(name => name.trim())
  const twice = trimmed.filter((name, i) => trimmed.indexOf(name) < i)
  if (twice.length) problems.push({ line, text: `column ${twice[0]} occurs twice` })
  return trimmed
}

const valuesOf = (columns: readonly string[], cells: readonly string[]): Record<string, string> =>
  Object.fromEntries(columns.map((name, i) => [name, cells[i]!] as const).filter(([name, cell]) => name && cell))

async function readJsonLines(path: string, problems: Problem[]): Promise<Table> {
  const columns = new Set<string>()
  const rows: TableRow[] = []
  for await (const { line, text } of linesOf(path)) {
    if (!text.trim()) continue
    const object = parseObject(text)
    if (typeof object === 'string') {
      problems.push({ line, text: object })
      continue
    }
    const values = textValues(object)
    for (const name of Object.keys(values)) columns.add(name)
    rows.push({ line, values })
  }
  return { columns: [...columns], rows }
}

function parseObject(text: string): object | string {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : 'expected a JSON object'
  } catch (error) {
    return `expected a JSON object: ${(error as Error).message}`
  }
}

/** The members of a JSON object as text: strings as they are, other values as JSON; null and empty strings are left out. */
export const textValues = (object: object): Record<string, string> =>
  Object.fromEntries(
    Object.entries(object).flatMap(([name, value]: [string, unknown]) =>
      value === null || value === '' ? [] : [[name, typeof value === 'string' ? value : JSON.stringify(value)]],
    ),
  )

async function readLines(path: string, problems: Problem[]): Promise<Table> {
  const rows: TableRow[] = []
  for await (const { line, text } of linesOf(path)) {
    if (text.includes('\uFFFD')) problems.push({ line, text: 'is not UTF-8' })
    else if (text.trim()) rows.push({ line, values: { [LINE_COLUMN]: text.trim() } })
  }
  return { columns: [LINE_COLUMN], rows }
}

async function* linesOf(path: string): AsyncGenerator<{ line: number; text: string }> {
  const input = createReadStream(path, 'utf8')
  let failure: unknown
  input.on('error', error => (failure = error))
  let line = 0
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    line += 1
    yield { line, text: line === 1 ? text.replace(/^\uFEFF/, '') : text }
  }
  if (failure) throw failure
}
