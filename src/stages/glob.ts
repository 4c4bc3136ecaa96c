/** Finds photos on disk: patterns in, one sample per file out, ordered by path, identified by content. */
import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import fastGlob from 'fast-glob'
import { z } from 'zod'
import { fileError, PrepError, systemCode } from '../errors.js'
import { sha256File } from '../files.js'
import { defineStage, type StageContext } from '../pipeline/stage.js'
import type { Sample } from '../sample.js'
import { HashMemo } from './hash-memo.js'
import { commonFolder, namesFor } from './names.js'
import { isInside, OutputFinder, staticBase, takeFoldersLiterally } from './patterns.js'

const options = z.strictObject({
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
})
type GlobOptions = z.output<typeof options>

export const glob = defineStage({
  name: 'glob',
  version: 1,
  summary: 'Find photos by glob patterns',
  details:
    'Directory links are not followed. Each file becomes a sample whose identity is the sha256 of its bytes; a copy of a photo under another name is a sample of its own that always lands in the same split.',
  options,
  needs: [],
  gives: ['photo'],
  source: true,
  tasks: {
    async hash({ path }: { path: string }) {
      return { facts: { sha256: sha256File(path) } }
    },
  },
  preview: previewPhotos,
  plan: ({ patterns }) => [`reads ${patterns.join(', ')}`],
  check: ({ patterns }, { output }) =>
    patterns.flatMap((pattern, i) =>
      isInside(staticBase(pattern), output)
        ? [
            {
              option: `patterns[${i}]`,
              code: 'INPUT_CYCLE' as const,
              message: `${pattern} reads the pipeline's own output ${output}`,
              hint: 'read the photos from outside the output folder, or set another output:',
            },
          ]
        : [],
    ),
  async run(_set, options, context) {
    const { files, warning } = await findPhotos(options, context.output)
    if (warning) context.warn(warning)
    const samples = await identify(files, context)
    return { samples, artefacts: {} }
  },
})

interface Found {
  readonly path: string
  /** Known not to be a regular file. */
  readonly special: string | undefined
}

interface Listing {
  readonly files: readonly Found[]
  /** Said when the fallback had to serve. */
  readonly warning?: string
}

/** For `prep plan`: how many photos a run would find. @throws {PrepError} `NO_MATCHES`, `FILE_UNREADABLE` */
async function previewPhotos(options: GlobOptions, output: string): Promise<{ count: number; note?: string }> {
  const { files, warning } = await findPhotos(options, output)
  return { count: files.length, ...(warning && { note: warning }) }
}

async function findPhotos(options: GlobOptions, output: string): Promise<Listing> {
  const { patterns, fallback, limit } = options
  const found = await list(patterns, options, output)
  if (found.length) return { files: found.slice(0, limit) }
  const spare = fallback.length ? await list(fallback, options, output) : []
  if (!spare.length) throw await noMatches(options)
  return {
    files: spare.slice(0, limit),
    warning: `no photo matches ${patterns.join(', ')}: using ${fallback.join(', ')} instead`,
  }
}

async function list(patterns: readonly string[], { ignore }: GlobOptions, output: string): Promise<Found[]> {
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
  const found = entries.flatMap(({ path, dirent }): Found[] => {
    if (outputs.holds(path)) return []
    if (dirent.isFile() || dirent.isSymbolicLink()) return [{ path, special: undefined }]
    if (!dirent.isDirectory()) return [{ path, special: 'a device, pipe or socket' }]
    // Folders match `**` all the time; only one that is named like a photo deserves a word.
    return /^\.(jpe?g|png|webp|tiff?|gif|avif|heic|bmp)$/i.test(extname(path)) ? [{ path, special: 'a folder' }] : []
  })
  return found.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}

async function noMatches({ patterns }: GlobOptions): Promise<PrepError> {
  const bases = [...new Set(patterns.map(staticBase))]
  const absent: string[] = []
  for (const base of bases) if (!(await stat(base).catch(() => undefined))) absent.push(base)
  return new PrepError('NO_MATCHES', `no photo matches ${patterns.join(', ')}`, {
    hint: absent.length
      ? `there is no folder ${absent.join(', ')} in ${process.cwd()}: put your photos there or change the patterns`
      : 'check the patterns and the file name extensions',
  })
}

async function identify(files: readonly Found[], context: StageContext): Promise<Sample[]> {
  const names = namesFor(
    files.map(({ path }) => path),
    commonFolder(files.map(({ path }) => path)),
  )
  const memo = await HashMemo.read(context.cache)
  const known = new Map<string, string>()
  const unknown: Sample[] = []
  for (const [index, { path, special }] of files.entries()) {
    const blank: Sample = { name: names[index]!, source: path, sha256: '' }
    const problem = special ? { code: 'NOT_A_FILE', message: `is ${special}, not a file` } : memo.check(path)
    if (typeof problem === 'string') known.set(path, problem)
    else if (problem) context.fail({ sample: blank.name, source: path, ...problem })
    else unknown.push(blank)
  }
  const results = await context.map(
    'hash',
    unknown.map(sample => ({ sample, input: { path: sample.source } })),
    'identify',
  )
  for (const [index, result] of results.entries()) {
    const path = unknown[index]!.source
    if (result.status !== 'done') continue
    known.set(path, String(result.facts.sha256))
    memo.learn(path, String(result.facts.sha256))
  }
  await memo.write(new Set(files.map(({ path }) => path)))
  return files.flatMap(({ path }, index): Sample[] => {
    const sha256 = known.get(path)
    return sha256 ? [{ name: names[index]!, source: path, sha256, photo: { kind: 'file', path, sha256 } }] : []
  })
}
