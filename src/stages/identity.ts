/** Identifying files by content: the sha256 of each, read only when the file has changed since the last run. */
import { sha256File } from '../files.js'
import type { StageContext, TaskOutput } from '../pipeline/stage.js'
import type { Sample } from '../sample.js'
import { HashMemo } from './hash-memo.js'

/** The task `hash`, which every stage has that identifies files. */
export async function hash({ path }: { path: string }): Promise<TaskOutput> {
  return { facts: { sha256: sha256File(path) } }
}

/** A file, and the sample that fails when it cannot be read. */
export interface FileOfSample {
  readonly path: string
  /** Known not to be a regular file: what it is instead. */
  readonly special?: string | undefined
  readonly name: string
}

/**
 * @returns sha256 by path; a file that cannot be read has none, and its sample is counted as left out
 */
export async function identifyFiles(
  files: readonly FileOfSample[],
  context: StageContext,
): Promise<ReadonlyMap<string, string>> {
  const memo = await HashMemo.read(context.cache)
  const known = new Map<string, string>()
  const unknown: Sample[] = []
  for (const { path, special, name } of files) {
    const problem = special ? { code: 'NOT_A_FILE', message: `is ${special}, not a file` } : memo.check(path)
    if (typeof problem === 'string') known.set(path, problem)
    else if (problem) context.fail({ sample: name, source: path, ...problem })
    else unknown.push({ name, source: path, sha256: '' })
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
  return known
}
