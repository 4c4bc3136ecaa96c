/** Says which content files on disk have: sha256 by path, read once and remembered; what cannot be read is left out with its reason. */
import { sha256File } from '../files.js'
import type { StageContext, TaskOutput } from '../pipeline/stage.js'
import type { Sample } from '../sample.js'
import { HashMemo } from './hash-memo.js'

export interface NamedFile {
  /** Of the sample that the file belongs to. */
  readonly name: string
  readonly path: string
  /** What it is instead of a regular file, where that is known: `a folder`. */
  readonly special?: string | undefined
  /** Where the file was named, for messages. */
  readonly mention?: string | undefined
}

/** Task `hash` of every stage that calls `identifyFiles`. */
export async function hashFile({ path }: { path: string }): Promise<TaskOutput> {
  return { facts: { sha256: sha256File(path) } }
}

/**
 * The sha256 of each file by path. Files that are missing, empty or unreadable are counted as failures of their sample
 * and are not in the result.
 */
export async function identifyFiles(
  files: readonly NamedFile[],
  context: StageContext,
): Promise<ReadonlyMap<string, string>> {
  const memo = await HashMemo.read(context.cache)
  const known = new Map<string, string>()
  const unknown = new Map<string, Sample>()
  for (const { name, path, special, mention } of files) {
    const problem = special ? { code: 'NOT_A_FILE', message: `is ${special}, not a file` } : memo.check(path)
    if (typeof problem === 'string') known.set(path, problem)
    else if (!problem) unknown.set(path, { name, source: path, sha256: '' })
    else {
      const message = mention ? `${problem.message} (${mention})` : problem.message
      context.fail({ sample: name, source: path, code: problem.code, message })
    }
  }
  const samples = [...unknown.values()]
  const results = await context.map(
    'hash',
    samples.map(sample => ({ sample, input: { path: sample.source } })),
    'identify',
  )
  for (const [index, result] of results.entries()) {
    if (result.status !== 'done') continue
    const path = samples[index]!.source
    known.set(path, String(result.facts.sha256))
    memo.learn(path, String(result.facts.sha256))
  }
  await memo.write(new Set(files.map(({ path }) => path)))
  return known
}
