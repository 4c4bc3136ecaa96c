/** The output folder of a run: whose it is, and that only one run writes it at a time. */
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileError, PrepError, systemCode } from '../errors.js'
import { makeFolder, temporaryPath, writeFileAtomic } from '../files.js'

/** What a run writes, besides pipeline.json, which says whose folder it is. */
const OURS = ['dataset', 'labels', 'export', 'webdataset', 'tfrecord', 'mnist', 'train', 'run.jsonl', 'report.json']

export const cacheFolder = (output: string): string => join(output, '.cache')

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
export async function claimOutput(output: string, pipeline: string): Promise<Claim> {
  const lock = join(cacheFolder(output), 'lock')
  try {
    makeFolder(cacheFolder(output))
  } catch (error) {
    throw outputError(error, output)
  }
  await checkOwner(output, pipeline)
  await takeLock(lock, output)
  try {
    await writeFileAtomic(join(output, 'pipeline.json'), `${JSON.stringify({ madeBy: 'prep', pipeline })}\n`)
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
  const owner = ownerOf(text)
  if (owner !== pipeline)
    throw new PrepError(
      'OUTPUT_FOREIGN',
      `${output} was made by the pipeline ${owner ?? '(unreadable)'}, not by ${pipeline}`,
      { hint },
    )
}

function ownerOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { pipeline?: string }).pipeline
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
