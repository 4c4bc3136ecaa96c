/** Runs a pipeline through the command line and gives the samples that came out of its last step. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Failure } from '../../src/pipeline/stage.js'
import type { Sample } from '../../src/sample.js'
import { type Finished, prep } from '../helpers.js'

export interface Outcome extends Finished {
  readonly samples: readonly Sample[]
  /** Of the first step. */
  readonly failures: readonly Failure[]
}

export async function runSamples(
  cwd: string,
  name: string,
  steps: readonly object[],
  ...args: string[]
): Promise<Outcome> {
  await writeFile(join(cwd, `${name}.yaml`), JSON.stringify({ name, max_failures: 100, steps }))
  const finished = await prep(['run', `${name}.yaml`, ...args], { cwd })
  const folder = join(cwd, 'runs', name, '.cache/steps')
  const records = []
  for (const file of (await readdir(folder).catch(() => [])).sort())
    records.push(JSON.parse(await readFile(join(folder, file), 'utf8')))
  return { ...finished, samples: records.at(-1)?.result.samples ?? [], failures: records[0]?.failures ?? [] }
}
