/** Which checkpoints are meant by the output of a run. */
import { existsSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { PrepError } from '../errors.js'
import { listCheckpoints } from '../trainer/checkpoint.js'
import { readBest } from '../trainer/retention.js'

export interface FoundCheckpoints {
  /** Newest first; one at least. */
  readonly files: readonly string[]
  /** The one that training chose (keep_best). */
  readonly best?: string
  /** Where they are; of a checkpoint that was named itself there is none. */
  readonly folder?: string
}

/**
 * @param path  the output of a run, a folder of checkpoints, or a checkpoint, which is taken as it is
 * @throws {PrepError} `FILE_MISSING`
 */
export async function findCheckpoints(path: string): Promise<FoundCheckpoints> {
  if (!existsSync(path))
    throw new PrepError('FILE_MISSING', `${path} does not exist`, { hint: 'name the output of a run, or a checkpoint' })
  if (statSync(path).isFile()) return { files: [path] }
  for (const folder of [join(path, 'train/checkpoints'), join(path, 'checkpoints'), path]) {
    const files = (await listCheckpoints(folder)).map(file => file.path)
    if (files.length === 0) continue
    const best = await readBest(folder)
    return { files, folder, ...(best && { best: join(folder, best.file) }) }
  }
  throw new PrepError('FILE_MISSING', `${path}: expected checkpoints in train/checkpoints, found none`, {
    hint: 'train first: a run writes a checkpoint after its first epoch',
  })
}

/**
 * @param which  `best`: the one that training chose, else the newest; `latest`: the newest; else the name of one there
 * @throws {PrepError} `FILE_MISSING`
 */
export async function chooseCheckpoint(path: string, which = 'best'): Promise<string> {
  const { files, best, folder } = await findCheckpoints(path)
  if (which === 'best') return best ?? files[0]!
  if (which === 'latest' || folder === undefined) return files[0]!
  const named = [join(folder, which), join(folder, `${which}.safetensors`), which].find(file =>
    statSync(file, { throwIfNoEntry: false })?.isFile(),
  )
  if (named) return named
  throw new PrepError('FILE_MISSING', `${path} has no checkpoint ${which}`, {
    hint: `it has ${files.map(file => file.slice(folder.length + 1)).join(', ')}`,
  })
}

/** Where the run that a checkpoint lies in, OUT/train/checkpoints/NAME, has its data set, and that one if it is there. */
export function datasetBeside(checkpoint: string): { readonly folder: string; readonly found: string | undefined } {
  const folder = join(dirname(resolve(checkpoint)), '../../dataset')
  return { folder, found: existsSync(join(folder, 'index.json')) ? folder : undefined }
}
