/** Reads a pipeline file with the stages that it brings along. */
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PrepError } from '../errors.js'
import { readFileChecked, sha256File } from '../files.js'
import { stagesByName } from '../stages/index.js'
import type { Override } from './overrides.js'
import { customStageNames, type ParseInput, type Pipeline, parsePipeline, type StageModule } from './parse.js'
import type { Stage } from './stage.js'

export interface ReadOptions {
  readonly overrides?: readonly Override[]
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/**
 * @param file  path of the YAML file; paths inside it are relative to the working directory, custom stages to the file
 * @throws {PrepErrors} every problem of the file; {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`
 */
export async function readPipeline(file: string, options: ReadOptions = {}): Promise<Pipeline> {
  const text = (await readFileChecked(file, 'read the pipeline')).toString('utf8')
  const modules: ParseInput['modules'] & Map<string, unknown> = new Map()
  for (const name of customStageNames(text)) modules.set(name, await loadStage(name, file))
  return parsePipeline(text, {
    file,
    environment: options.environment ?? process.env,
    overrides: options.overrides ?? [],
    stages: stagesByName,
    modules,
  })
}

function isStage(value: unknown): value is Stage {
  const { name, run, options, needs, gives } = (value ?? {}) as Partial<Stage>
  const known = Array.isArray(needs) && Array.isArray(gives)
  return known && typeof name === 'string' && typeof run === 'function' && typeof options?.safeParse === 'function'
}

async function loadStage(name: string, file: string): Promise<{ stage: Stage; module: StageModule } | PrepError> {
  const path = resolve(dirname(file), name)
  const hint = 'a stage file exports defineStage({...}) as its default'
  try {
    const sha256 = sha256File(path)
    const url = pathToFileURL(path).href
    const { default: stage } = (await import(url)) as { default?: unknown }
    if (isStage(stage)) return { stage, module: { url, sha256 } }
    return new PrepError('STAGE_MODULE', `${name}: expected a stage as its default export, found ${typeof stage}`, {
      hint,
    })
  } catch (error) {
    return new PrepError('STAGE_MODULE', `${name}: ${(error as Error).message}`, { hint, cause: error })
  }
}
