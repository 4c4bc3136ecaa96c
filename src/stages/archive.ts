/**
 * Samples out of archives (WebDataset, TFRecord): each file is gone through once in a worker process, which says what lies
 * where; photos are later decoded from their place, so that nothing is copied.
 */
import { existsSync } from 'node:fs'
import fastGlob from 'fast-glob'
import { type ErrorCode, PrepError } from '../errors.js'
import { sha256Hex } from '../files.js'
import { ArchiveFile } from '../formats/archive-file.js'
import type { Json } from '../pipeline/fingerprint.js'
import type { StageContext, TaskCall, TaskOutput } from '../pipeline/stage.js'
import type { ByteRange, FileRef, Sample, Split } from '../sample.js'
import { settledStamp } from './hash-memo.js'
import { distinct, isReserved, shorten } from './names.js'
import { OutputFinder, staticBase, takeFoldersLiterally } from './patterns.js'
import { splitsOfPaths } from './split-names.js'

/** An image's place and its content. */
export interface Piece extends ByteRange {
  readonly sha256: string
}

export interface ArchiveEntry {
  readonly name: string
  readonly photo: Piece
  readonly label?: Piece
  /** sha256 of the photo that this one was made from, where the archive tells. */
  readonly identity?: string
  readonly split?: Split
  readonly group?: string
  readonly columns?: Readonly<Record<string, string>>
}

export interface ArchiveProblem {
  /** The sample at fault; absent: the archive itself. */
  readonly name?: string
  readonly code: ErrorCode
  readonly message: string
}

export type Found = ArchiveEntry | ArchiveProblem

/** What the task `list` gets. */
export interface ListInput<O> {
  readonly path: string
  readonly options: O
  /** Is the result stored? If not it travels back as a fact. */
  readonly stored: boolean
}

/** Task `list` of a stage that reads archives: all that `scan` finds, as JSON; what is wrong with the file comes last. */
export function listArchive(
  { path, stored }: Pick<ListInput<unknown>, 'path' | 'stored'>,
  scan: (file: ArchiveFile) => Iterable<Found>,
): TaskOutput {
  const found: Found[] = []
  const file = new ArchiveFile(path)
  try {
    for (const entry of scan(file)) found.push(entry)
  } catch (error) {
    if (!(error instanceof PrepError)) throw error
    found.push({ code: error.code, message: error.message })
  } finally {
    file.close()
  }
  const listing = JSON.stringify(found)
  return stored ? { bytes: Buffer.from(listing) } : { facts: { listing } }
}

/** A piece of an archive with the hash of its bytes. */
export function pieceOf(file: ArchiveFile, { offset, bytes }: ByteRange): Piece {
  return { offset, bytes, sha256: sha256Hex(file.read(offset, bytes)) }
}

export interface Archives {
  /** Files that are there, in order. */
  readonly paths: readonly string[]
  /** Named by a brace range, but not there. */
  readonly missing: readonly string[]
}

/**
 * The files that patterns name. Brace ranges such as {000..012} promise every file.
 * @throws {PrepError} `NO_MATCHES`
 */
export async function findArchives(patterns: readonly string[], output: string): Promise<Archives> {
  const literal = patterns.map(takeFoldersLiterally)
  const outputs = new OutputFinder(output, patterns.map(staticBase))
  const found = await fastGlob(literal, { followSymbolicLinks: false, unique: true })
  const paths = found.filter(path => !outputs.holds(path)).sort()
  if (!paths.length)
    throw new PrepError('NO_MATCHES', `no file matches ${patterns.join(', ')}`, {
      hint: `check the patterns; they start at ${process.cwd()}`,
    })
  const promised = fastGlob
    .generateTasks(literal)
    .flatMap(({ dynamic, patterns }) => (dynamic ? [] : patterns.map(path => path.replace(/\\(.)/g, '$1'))))
  return { paths, missing: promised.filter(path => !existsSync(path)) }
}

/** For `prep plan`. */
export async function previewArchives(
  patterns: readonly string[],
  output: string,
): Promise<{ count: number; note: string }> {
  const { paths, missing } = await findArchives(patterns, output)
  const lacking = missing.length ? `, ${missing.length} missing` : ''
  return { count: 0, note: `the run looks into ${paths.length} file${paths.length > 1 ? 's' : ''}${lacking}` }
}

export interface ReadArchives extends Archives {
  /** What the task `list` gets besides the path. */
  readonly options: { readonly [name: string]: Json }
  readonly limit?: number | undefined
}

/**
 * The samples of archives, in order of path and place. Damaged archives give what is whole in them and are counted;
 * where some samples have a label, those without are left out and counted.
 */
export async function samplesOfArchives(
  { paths, missing, options, limit }: ReadArchives,
  context: StageContext,
): Promise<Sample[]> {
  for (const path of missing)
    context.fail({ sample: path, source: path, code: 'FILE_MISSING', message: 'does not exist' })
  const calls = paths.map((path): TaskCall => {
    // A file of this very moment may change again unseen: what is found in it is not stored.
    const stamp = settledStamp(path)
    return { ...(stamp && { keyed: { path, stamp, options } }), input: { path, options, stored: stamp !== undefined } }
  })
  const results = await context.map('list', calls, 'look into archives')
  const entries: Located[] = []
  for (const [i, result] of results.entries()) {
    if (result.status !== 'done') continue
    const path = paths[i]!
    const listing = calls[i]!.keyed ? Buffer.from(context.bytes(result.key)).toString() : String(result.facts.listing)
    for (const found of JSON.parse(listing) as Found[]) {
      if ('photo' in found) entries.push({ path, ...found })
      else {
        const { name, code, message } = found
        context.fail({ sample: name ?? path, source: name ? `${path}:${name}` : path, code, message })
      }
    }
  }
  return toSamples(withLabels(entries, context), splitsOfPaths(paths)).slice(0, limit)
}

type Located = ArchiveEntry & { readonly path: string }

/** A set of photos of which only some have labels would fail later, and further from the cause. */
function withLabels(entries: readonly Located[], context: StageContext): readonly Located[] {
  const labelled = entries.filter(({ label }) => label)
  if (!labelled.length || labelled.length === entries.length) return entries
  for (const { path, name, label } of entries)
    if (!label)
      context.fail({
        sample: name,
        source: `${path}:${name}`,
        code: 'FILE_MISSING',
        message: `has no label, while ${labelled.length} others have`,
      })
  return labelled
}

function toSamples(entries: readonly Located[], splitOf: (path: string) => Split | undefined): Sample[] {
  const names = distinct(entries.map(({ name }) => safeName(name)))
  return entries.map(({ path, name, photo, label, identity, split = splitOf(path), group, columns }, i): Sample => {
    const refOf = ({ sha256, offset, bytes }: Piece): FileRef => ({
      kind: 'file',
      path,
      sha256,
      range: { offset, bytes },
    })
    return {
      name: names[i]!,
      source: `${path}:${name}`,
      sha256: identity ?? photo.sha256,
      photo: refOf(photo),
      ...(label && { label: refOf(label) }),
      ...(split && { split }),
      ...(group && { group }),
      ...(columns && Object.keys(columns).length && { columns }),
    }
  })
}

/** A name from an archive becomes names of files: it stays below its folder and within what file systems take. */
function safeName(name: string): string {
  const parts = name
    .split(/[/\\]/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    .map(part => part.replace(/[\0-\x1f\x7f]/g, '_'))
    .filter(part => part !== '' && part !== '.' && part !== '..')
  const safe = parts.map(shorten).join('/') || 'unnamed'
  return isReserved(safe) ? `${safe}-1` : safe
}
