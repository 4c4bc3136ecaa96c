/** Which checkpoint is meant by the output of a run: its best one when training chose one, else its newest. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { PrepError } from '../errors.js'
import { listCheckpoints } from '../trainer/checkpoint.js'
import { readBest } from '../trainer/retention.js'

/** @param path  the output of a run, its checkpoints, or a checkpoint @throws {PrepError} `FILE_MISSING` */
export async function newestCheckpoint(path: string): Promise<string> {
  if (!existsSync(path))
    throw new PrepError('FILE_MISSING', `${path} does not exist`, { hint: 'name the output of a run, or a checkpoint' })
  if (statSync(path).isFile()) return path
  for (const folder of [join(path, 'train/checkpoints'), join(path, 'checkpoints'), path]) {
    const [newest] = await listCheckpoints(folder)
    if (!newest) continue
    const best = await readBest(folder)
    return best ? join(folder, best.file) : newest.path
  }
  throw new PrepError('FILE_MISSING', `${path}: expected checkpoints in train/checkpoints, found none`, {
    hint: 'train first: a run writes a checkpoint after its first epoch',
  })
}
