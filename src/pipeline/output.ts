/** The output folder of a run: whose it is, and that only one run writes it at a time. */
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileError, PrepError, systemCode } from '../errors.js'
import { makeFolder, temporaryPath, writeFileAtomic } from '../files.js'
import type { Pipeline } from './parse.js'

/** What a run writes, besides pipeline.json, which says whose folder it is. */
const OURS = [
  'dataset',
  'downloads',
  'labels',
  'export',
  'webdataset',
  'tfrecord',
  'mnist',
  'train',
  'run.jsonl',
  'report.json',
  'report.html',
]

export const cacheFolder = (output: string): string => join(output, '.cache')

/** OUT/pipeline.json: whose folder it is, and from what it was last made. */
export interface Origin {
  readonly madeBy: 'prep'
  readonly pipeline: string
  /** Path of the pipeline file, relative to `folder`; empty for a pipeline made in TypeScript. */
  readonly file: string
  /** The working directory. */
  readonly folder: string
  readonly overrides: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/**
 * From what a run was made.
 * @throws {PrepError} `FILE_MISSING` for what is no output of a run, or of one whose pipeline is not known
 */
export async function readOrigin(output: string): Promise<Origin> {
  const path = join(output, 'pipeline.json')
  const origin = parseOrigin(await readFile(path, 'utf8').catch(() => ''))
  if (origin?.file) return origin as Origin
  throw new PrepError(
    'FILE_MISSING',
    `${output} ${origin ? 'does not say from which pipeline file it was made' : 'holds no run'}`,
    {
      hint: origin ? 'run its pipeline once with `prep run`' : 'name the output folder of a run',
    },
  )
}

/** An output folder in use; `release` lets the next run in. */
export interface Claim {
  release(): Promise<void>
}

/**
 * Make the folder if need be and take it for this run.
 *
 * @throws {PrepError} `OUTPUT_FOREIGN` when another pipeline or program made it, `OUTPUT_BUSY` while another run writes
 *         it, `OUTPUT_READ_ONLY` when it cannot be written
 */
export async function claimOutput({ output, name, file, overrides = [], environment }: Pipeline): Promise<Claim> {
  const lock = join(cacheFolder(output), 'lock')
  try {
    makeFolder(cacheFolder(output))
  } catch (error) {
    throw outputError(error, output)
  }
  await checkOwner(output, name)
  await takeLock(lock, output)
  try {
    const origin: Origin = { madeBy: 'prep', pipeline: name, file, folder: process.cwd(), overrides, environment }
    await writeFileAtomic(join(output, 'pipeline.json'), `${JSON.stringify(origin)}\n`)
  } catch (error) {
    await rm(lock, { force: true })
    throw error instanceof PrepError && error.code === 'FILE_UNREADABLE'
      ? outputError({ code: 'EACCES' }, output)
      : error
  }
  return { release: () => rm(lock, { force: true }) }
}

function outputError(error: unknown, output: string): Error {
  const code = systemCode(error)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOENT')
    return new PrepError('OUTPUT_READ_ONLY', `cannot write to the output folder ${output}`, {
      hint: 'choose another place with output: in the pipeline or --set output=DIR',
      cause: error,
    })
  if (code === 'EEXIST' || code === 'ENOTDIR')
    return new PrepError('OUTPUT_FOREIGN', `the output ${output} is a file, not a folder`, {
      hint: 'choose another place with output: in the pipeline or --set output=DIR',
    })
  return fileError(error, output, 'make the output folder')
}

async function checkOwner(output: string, pipeline: string): Promise<void> {
  const hint = 'choose another place with --set output=DIR, or move that folder away'
  const text = await readFile(join(output, 'pipeline.json'), 'utf8').catch(() => undefined)
  if (text === undefined) {
    const theirs = (await readdir(output)).filter(name => OURS.includes(name))
    if (theirs.length)
      throw new PrepError('OUTPUT_FOREIGN', `${output} has ${theirs.join(', ')}, which no prep pipeline made`, { hint })
    return
  }
  const owner = parseOrigin(text)?.pipeline
  if (owner !== pipeline)
    throw new PrepError(
      'OUTPUT_FOREIGN',
      `${output} was made by the pipeline ${owner ?? '(unreadable)'}, not by ${pipeline}`,
      { hint },
    )
}

function parseOrigin(text: string): Partial<Origin> | undefined {
  try {
    return JSON.parse(text) as Partial<Origin>
  } catch {
    return undefined
  }
}

/** The lock names host and process; a lock left by a dead process of this host is taken over. */
async function takeLock(lock: string, output: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      // Written whole under another name first: whoever finds the lock finds its holder in it.
      const own = temporaryPath(lock)
      await writeFile(own, JSON.stringify({ host: hostname(), pid: process.pid }))
      await link(own, lock).finally(() => rm(own, { force: true }))
      return
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw outputError(error, output)
    }
    const text = await readFile(lock, 'utf8').catch(() => '')
    const holder = parseHolder(text)
    if (holder && (holder.host !== hostname() || (holder.pid !== process.pid && isAlive(holder.pid))))
      throw new PrepError('OUTPUT_BUSY', `${output} is being written by process ${holder.pid} on ${holder.host}`, {
        hint: `wait for it; if it is gone for sure, remove ${lock}`,
      })
    await rm(lock, { force: true })
  }
  throw new PrepError('OUTPUT_BUSY', `another run keeps taking ${output}`, { hint: 'start one run at a time' })
}

/** Is a run writing this folder now, as far as this host can tell? */
export async function isClaimed(output: string): Promise<boolean> {
  const holder = parseHolder(await readFile(join(cacheFolder(output), 'lock'), 'utf8').catch(() => ''))
  return holder !== undefined && (holder.host !== hostname() || isAlive(holder.pid))
}

function parseHolder(text: string): { host: string; pid: number } | undefined {
  try {
    return JSON.parse(text) as { host: string; pid: number }
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}
