/** Which checkpoint training goes on from, and whether it may: nothing but the length of the training can have changed. */
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { fileError, PrepError, systemCode } from '../errors.js'
import { type Checkpoint, type CheckpointState, listCheckpoints, readCheckpoint } from './checkpoint.js'
import type { TrainOptions } from './options.js'

/** What a run wants to train; a checkpoint must agree to be gone on from. */
export type Identity = Pick<CheckpointState, 'seed' | 'random' | 'options' | 'model' | 'paletteHash' | 'dataset'>

/** Options that do not change what a step does, so a resumed run may have others. */
const FREE_OPTIONS: readonly (keyof TrainOptions)[] = [
  'epochs',
  'max_steps',
  'checkpoint_every',
  'keep_last',
  'sample_every',
  'sample_rows',
  'log_every',
  'threads',
  'engine',
  'resume',
]

/**
 * The newest intact checkpoint of a folder, or undefined when training starts at its beginning.
 *
 * @param warn  told of each damaged checkpoint that was passed over
 * @throws {PrepError} `CHECKPOINT_MISMATCH` when it belongs to another training; with `resume: required` also
 *   `CHECKPOINT_DAMAGED` when none is intact and `FILE_MISSING` when there is none
 */
export async function findCheckpoint(
  folder: string,
  identity: Identity,
  warn: (message: string) => void,
): Promise<Checkpoint | undefined> {
  const { resume } = identity.options
  if (resume === 'never') return undefined
  const files = await listCheckpoints(folder)
  let problem: PrepError | undefined
  for (const { path } of files) {
    const found = await readCheckpoint(path).catch(error => {
      if (error instanceof PrepError && error.code === 'CHECKPOINT_DAMAGED') return error
      throw error
    })
    if (!(found instanceof PrepError)) {
      checkIdentity(found, identity)
      return found
    }
    problem ??= found
    warn(`passed over a damaged checkpoint: ${found.message}`)
  }
  if (resume !== 'required') return undefined
  throw (
    problem ??
    new PrepError('FILE_MISSING', `resume: required, but ${folder} holds no checkpoint`, {
      hint: 'set resume: auto to start at the beginning',
    })
  )
}

/** @throws {PrepError} `CHECKPOINT_MISMATCH`, naming every difference */
export function checkIdentity({ file, state }: Pick<Checkpoint, 'file' | 'state'>, identity: Identity): void {
  const { options, model, seed, random, paletteHash, dataset } = identity
  const found = [
    ...differences('', { seed, random, paletteHash }, state),
    ...differences('dataset.', dataset, state.dataset),
    ...differences('', bound(options), bound(state.options)),
  ]
  // a changed option explains a changed model; the model alone differs when the data set's size does
  const all = found.length > 0 ? found : differences('model.', model, state.model)
  if (all.length === 0) return
  throw new PrepError('CHECKPOINT_MISMATCH', [`${file} belongs to another training:`, ...all].join('\n  '), {
    hint: 'set resume: never to start over (what is there is kept in previous/), or train into another output',
  })
}

const bound = (options: TrainOptions): object =>
  Object.fromEntries(Object.entries(options).filter(([name]) => !FREE_OPTIONS.includes(name as keyof TrainOptions)))

function differences(prefix: string, wanted: object, stored: object): string[] {
  const there = new Map(Object.entries(stored))
  const names = new Set([...Object.keys(wanted), ...(prefix === '' && 'seed' in wanted ? [] : there.keys())])
  const here = new Map(Object.entries(wanted))
  return [...names]
    .filter(name => !isDeepStrictEqual(here.get(name), there.get(name)))
    .map(name => `${prefix}${name}: the checkpoint has ${show(there.get(name))}, this run ${show(here.get(name))}`)
}

const show = (value: unknown): string => JSON.stringify(value) ?? 'none'

/** What a training leaves in its folder. */
export const OUTPUTS = ['checkpoints', 'samples', 'metrics.jsonl'] as const

/**
 * Make room for a training from the beginning: what an earlier one left goes to `previous/`, replacing what was there.
 */
export async function setAside(output: string): Promise<void> {
  const previous = join(output, 'previous')
  const kept = await Promise.all(OUTPUTS.map(name => exists(join(output, name))))
  if (!kept.includes(true)) return
  await rm(previous, { recursive: true, force: true })
  await mkdir(previous, { recursive: true })
  for (const name of OUTPUTS.filter((_, i) => kept[i]))
    await rename(join(output, name), join(previous, name)).catch(error => {
      throw fileError(error, join(output, name), 'set aside')
    })
}
