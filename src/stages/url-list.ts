/** Lists of URLs: files, standard input or the pipeline itself become entries with names; what cannot be a URL is told by line. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PrepError } from '../errors.js'
import { writeFileAtomic } from '../files.js'
import { LINE_COLUMN, readTable, type Table, type TableFormat, type TableRow } from '../formats/table/read.js'
import type { DownloadOptions } from './download-options.js'
import { distinct, isReserved } from './names.js'

export interface ListedUrl {
  /** Canonical, without fragment; as listed where it is no http(s) URL. */
  readonly url: string
  /** Unique within the list. */
  readonly name: string
  readonly sha256?: string
  /** Other columns of the list. */
  readonly columns?: Readonly<Record<string, string>>
  /** Why it cannot be fetched. */
  readonly problem?: string
}

type Entry = Omit<ListedUrl, 'name'> & { readonly key?: string | undefined }

type ListOptions = Pick<DownloadOptions, 'urls' | 'format' | 'columns' | 'limit'>

const isInline = (text: string): boolean => /^https?:\/\//i.test(text)
const asList = (urls: ListOptions['urls']): readonly string[] => (typeof urls === 'string' ? [urls] : urls)

export const readsStandardInput = ({ urls }: Pick<ListOptions, 'urls'>): boolean => asList(urls).includes('-')

/**
 * @param spool  folder in which what came on standard input is kept, for later runs that get none
 * @throws {PrepError} `LIST_INVALID`, `FILE_MISSING`, `FILE_UNREADABLE`; `NO_MATCHES` for lists without any URL
 */
export async function readUrlLists(options: ListOptions, spool: string): Promise<ListedUrl[]> {
  const entries: Entry[] = []
  for (const item of asList(options.urls)) {
    if (isInline(item)) entries.push(entryOf(item, {}))
    else {
      const [path, format] = item === '-' ? await spoolStandardInput(spool, options) : [item, options.format]
      const table = await readTable(path, { format })
      for (const entry of entriesOf(table, options, item === '-' ? 'standard input' : path)) entries.push(entry)
    }
  }
  if (!entries.length)
    throw new PrepError('NO_MATCHES', `no URL in ${asList(options.urls).join(', ')}`, {
      hint: 'give one URL a line, or a table with a column of them',
    })
  return nameEntries(entries.slice(0, options.limit))
}

function* entriesOf({ columns, rows }: Table, { columns: wanted }: ListOptions, path: string): Generator<Entry> {
  const bare = columns.length === 1 && columns[0] === LINE_COLUMN
  const find = (name: string): string | undefined =>
    columns.find(column => column === name) ?? columns.find(column => column.toLowerCase() === name.toLowerCase())
  const [url, key, sha256] = [bare ? LINE_COLUMN : find(wanted.url), find(wanted.key), find(wanted.sha256)]
  if (url === undefined && rows.length)
    throw new PrepError('LIST_INVALID', `${path}: expected a column ${wanted.url}, found ${columns.join(', ')}`, {
      hint: 'say which column has the URLs: columns: {url: NAME}',
    })
  for (const { values, line } of rows) {
    const text = url === undefined ? undefined : values[url]
    if (bare && text?.startsWith('#')) continue
    const rest = Object.entries(values).filter(([name]) => name !== url && name !== key && name !== sha256)
    yield entryOf(text, {
      line,
      path,
      key: key && values[key],
      sha256: sha256 && values[sha256],
      columns: Object.fromEntries(rest),
    })
  }
}

interface Particulars extends Partial<Pick<TableRow, 'line'>> {
  readonly path?: string
  readonly key?: string | undefined
  readonly sha256?: string | undefined
  readonly columns?: Readonly<Record<string, string>>
}

function entryOf(text: string | undefined, { line, path, key, sha256, columns = {} }: Particulars): Entry {
  const sum = sha256?.trim().toLowerCase()
  const common = {
    ...(key !== undefined && { key }),
    ...(Object.keys(columns).length && { columns }),
    ...(sum && { sha256: sum }),
  }
  const at = line === undefined ? '' : ` (line ${line} of ${path})`
  const found = parseHttpUrl(text)
  if (typeof found === 'string') return { ...common, url: text ?? '', problem: `${found}${at}` }
  if (sum && !/^[0-9a-f]{64}$/.test(sum))
    return { ...common, url: found.href, problem: `expected a sha256 of 64 hex digits, found ${sha256}${at}` }
  return { ...common, url: found.href }
}

/** @returns the URL, or what is wrong with it */
export function parseHttpUrl(text: string | undefined): URL | string {
  if (!text) return 'expected a URL, found nothing'
  if (!URL.canParse(text)) return `expected an http(s) URL, found ${text.slice(0, 200)}`
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return `expected http or https, found ${url.protocol}`
  if (url.username || url.password) return 'expected a URL without user name and password'
  url.hash = ''
  return url
}

function nameEntries(entries: readonly Entry[]): ListedUrl[] {
  const names = distinct(entries.map(({ url, key }) => (key === undefined ? nameOfUrl(url) : safeName(key))))
  return entries.map(({ key: _, ...entry }, i) => ({ ...entry, name: names[i]! }))
}

/** The last part of a URL's path, without the extension of an image. */
function nameOfUrl(url: string): string {
  const path = URL.canParse(url) ? new URL(url).pathname : ''
  const last = path.split('/').findLast(part => part !== '') ?? ''
  return safeName(decoded(last).replace(/\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|avif)$/i, ''))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Longest name in bytes: file systems allow 255, and names get endings. */
const NAME_BYTES = 120

/** Letters, digits, dot, dash and underscore; no hidden file, no option of a command, never empty. */
export function safeName(text: string): string {
  let name = text
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '_')
    .replace(/^[^\p{L}\p{N}_]+/u, '')
  while (Buffer.byteLength(name) > NAME_BYTES) name = [...name].slice(0, -1).join('')
  name = name.replace(/[._]+$/, '')
  if (!name) return 'photo'
  return isReserved(name) ? `${name}-photo` : name
}

const SPOOL = 'standard-input.list'

/** Standard input can be read once: it is kept, so that `prep retry` can go on with the same list. */
async function spoolStandardInput(
  folder: string,
  { format, columns }: ListOptions,
): Promise<[path: string, format: TableFormat]> {
  const path = join(folder, SPOOL)
  const text = process.stdin.isTTY ? '' : readFileSync(0, 'utf8')
  if (text.trim()) await writeFileAtomic(path, text)
  const kept = text.trim() ? text : readKept(path)
  return [path, format ?? guessFormat(kept, columns.url)]
}

function readKept(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new PrepError('NO_MATCHES', 'no URL came on the standard input', {
      hint: 'for example: cat urls.txt | prep run pipeline.yaml',
    })
  }
}

export function guessFormat(text: string, urlColumn: string): TableFormat {
  const first = text.trimStart().split('\n', 1)[0]!.toLowerCase()
  if (first.startsWith('{')) return 'jsonl'
  const has = (delimiter: string): boolean =>
    first
      .split(delimiter)
      .map(cell => cell.trim().replace(/^"|"$/g, ''))
      .includes(urlColumn.toLowerCase())
  return has('\t') && first.includes('\t') ? 'tsv' : has(',') ? 'csv' : 'lines'
}
