/** Listing files by patterns, for every stage that starts a pipeline: ordered by path, the output folder left out. */
import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import fastGlob from 'fast-glob'
import { z } from 'zod'
import { fileError, PrepError, systemCode } from '../errors.js'
import type { StageContext } from '../pipeline/stage.js'
import { identifyFiles } from './identity.js'
import { commonFolder, namesFor } from './names.js'
import { isInside, OutputFinder, staticBase, takeFoldersLiterally } from './patterns.js'

/** Options that every stage has that lists files. */
export const listingOptions = {
  patterns: z
    .array(z.string().min(1))
    .min(1)
    .describe('Glob patterns, relative to the working directory; letter case does not matter'),
  ignore: z.array(z.string().min(1)).default([]).describe('Patterns to leave out; the output folder always is'),
  fallback: z
    .array(z.string().min(1))
    .default([])
    .describe('Patterns used, with a warning, when the others match nothing'),
  limit: z.int().min(1).optional().describe('Take only the first so many, in order of path'),
}

export interface ListingOptions {
  readonly patterns: readonly string[]
  readonly ignore: readonly string[]
  readonly fallback?: readonly string[]
  readonly limit?: number | undefined
  /** What is looked for, in messages; default: photo. */
  readonly what?: string
}

export interface FoundFile {
  readonly path: string
  /** Known not to be a regular file: what it is instead. */
  readonly special?: string
}

export interface Listing {
  readonly files: readonly FoundFile[]
  /** Said when the fallback had to serve. */
  readonly warning?: string
}

/** For `prep plan`: how many photos a run would find. @throws {PrepError} `NO_MATCHES`, `FILE_UNREADABLE` */
export async function previewFiles(options: ListingOptions, output: string): Promise<{ count: number; note?: string }> {
  const { files, warning } = await findFiles(options, output)
  return { count: files.length, ...(warning && { note: warning }) }
}

/** A file with the name of its sample, identified by its content. */
export interface IdentifiedFile {
  readonly name: string
  readonly path: string
  readonly sha256: string
}

/**
 * List, name and identify files, a sample each; those that cannot be read are counted as left out.
 * @throws {PrepError} `NO_MATCHES` when neither patterns nor fallback match, `FILE_UNREADABLE`
 */
export async function findIdentified(options: ListingOptions, context: StageContext): Promise<IdentifiedFile[]> {
  const { files, warning } = await findFiles(options, context.output)
  if (warning) context.warn(warning)
  const paths = files.map(({ path }) => path)
  const names = namesFor(paths, commonFolder(paths))
  const named = files.map((file, index) => ({ ...file, name: names[index]! }))
  const identities = await identifyFiles(named, context)
  return named.flatMap(({ name, path }) => {
    const sha256 = identities.get(path)
    return sha256 ? [{ name, path, sha256 }] : []
  })
}

/** @throws {PrepError} `NO_MATCHES` when neither patterns nor fallback match, `FILE_UNREADABLE` */
export async function findFiles(options: ListingOptions, output: string): Promise<Listing> {
  const { patterns, fallback = [], limit, what = 'photo' } = options
  const found = await list(patterns, options, output)
  if (found.length) return { files: found.slice(0, limit) }
  const spare = fallback.length ? await list(fallback, options, output) : []
  if (!spare.length) throw await noMatches(options)
  return {
    files: spare.slice(0, limit),
    warning: `no ${what} matches ${patterns.join(', ')}: using ${fallback.join(', ')} instead`,
  }
}

async function list(patterns: readonly string[], { ignore }: ListingOptions, output: string): Promise<FoundFile[]> {
  const literal = patterns.map(takeFoldersLiterally)
  const entries = await fastGlob(literal, {
    ignore: [...ignore],
    followSymbolicLinks: false,
    caseSensitiveMatch: false,
    onlyFiles: false,
    objectMode: true,
    unique: true,
  }).catch(error => {
    throw systemCode(error)
      ? fileError(error, (error as { path?: string }).path ?? patterns.join(', '), 'look for photos')
      : error
  })
  const outputs = new OutputFinder(output, patterns.map(staticBase))
  const found = entries.flatMap(({ path, dirent }): FoundFile[] => {
    if (outputs.holds(path)) return []
    if (dirent.isFile() || dirent.isSymbolicLink()) return [{ path }]
    if (!dirent.isDirectory()) return [{ path, special: 'a device, pipe or socket' }]
    // Folders match `**` all the time; only one that is named like a photo deserves a word.
    return /^\.(jpe?g|png|webp|tiff?|gif|avif|heic|bmp)$/i.test(extname(path)) ? [{ path, special: 'a folder' }] : []
  })
  return found.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}

async function noMatches({ patterns, what = 'photo' }: ListingOptions): Promise<PrepError> {
  const bases = [...new Set(patterns.map(staticBase))]
  const absent: string[] = []
  for (const base of bases) if (!(await stat(base).catch(() => undefined))) absent.push(base)
  return new PrepError('NO_MATCHES', `no ${what} matches ${patterns.join(', ')}`, {
    hint: absent.length
      ? `there is no folder ${absent.join(', ')} in ${process.cwd()}: put your ${what}s there or change the patterns`
      : 'check the patterns and the file name extensions',
  })
}

/**
 * Patterns that read what the pipeline writes, as a stage's `check` reports them.
 * @param option  their option; in a list each has its index
 */
export function findCycles(
  option: string,
  patterns: string | readonly string[],
  output: string,
): { option: string; code: 'INPUT_CYCLE'; message: string; hint: string }[] {
  const all = typeof patterns === 'string' ? [patterns] : patterns
  return all.flatMap((pattern, i) =>
    isInside(staticBase(pattern), output)
      ? [
          {
            option: typeof patterns === 'string' ? option : `${option}[${i}]`,
            code: 'INPUT_CYCLE' as const,
            message: `${pattern} reads the pipeline's own output ${output}`,
            hint: 'read the photos from outside the output folder, or set another output:',
          },
        ]
      : [],
  )
}
