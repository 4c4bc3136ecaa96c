/** Which checkpoint training goes on from, and whether it may: nothing but the length of the training can have changed. */
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { fileError, PrepError, systemCode } from '../errors.js'
import { makeFolder } from '../files.js'
import { type Checkpoint, type CheckpointState, listCheckpoints, readCheckpoint } from './checkpoint.js'
import type { TrainOptions } from './options.js'

/** What a run wants to train; a checkpoint must agree to be gone on from. */
export type Identity = Pick<
  CheckpointState,
  'seed' | 'random' | 'options' | 'model' | 'paletteHash' | 'dataset' | 'initial'
>

/** Options that do not change what a step does, so a resumed run may have others. */
const FREE_OPTIONS: readonly (keyof TrainOptions)[] = [
  'epochs',
  'max_steps',
  'max_minutes',
  'checkpoint_every',
  'keep_last',
  'keep_every',
  'keep_best',
  'eval_every',
  'eval_rows',
  'sample_every',
  'sample_rows',
  'dropout_at_inference',
  'log_every',
  'tensorboard',
  'threads',
  'engine',
  'resume',
  // bound by its content
  'init_from',
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
function checkIdentity({ file, state }: Checkpoint, identity: Identity): void {
  const found = differences(traitsOf(identity), traitsOf(state))
  // an option that differs explains why the nets do; alone, the nets differ by the size of the images
  const all =
    found.length > 0 ? found : differences(prefixed('model.', identity.model), prefixed('model.', state.model))
  if (all.length === 0) return
  throw new PrepError('CHECKPOINT_MISMATCH', [`${file} belongs to another training:`, ...all].join('\n  '), {
    hint: 'set resume: never to start over (what is there is kept beside the new one), or train into another output',
  })
}

type Traits = ReadonlyMap<string, unknown>

const prefixed = (prefix: string, fields: object): Traits =>
  new Map(Object.entries(fields).map(([name, value]) => [prefix + name, value]))

function traitsOf({ options, seed, random, paletteHash, dataset, initial }: Identity): Traits {
  const bound = Object.entries(options).filter(([name]) => !FREE_OPTIONS.includes(name as keyof TrainOptions))
  return new Map([
    ...prefixed('dataset.', dataset),
    ...Object.entries({ paletteHash, seed, random, init_from: initial }),
    ...bound,
  ])
}

const differences = (wanted: Traits, stored: Traits): string[] =>
  [...new Set([...wanted.keys(), ...stored.keys()])]
    .filter(name => !isDeepStrictEqual(wanted.get(name), stored.get(name)))
    .map(name => `${name}: the checkpoint has ${show(stored.get(name))}, this run ${show(wanted.get(name))}`)

const show = (value: unknown): string => JSON.stringify(value) ?? 'none'

/** What a training leaves in its folder. */
export const OUTPUTS = ['checkpoints', 'samples', 'metrics.jsonl', 'tensorboard', 'curves.png', 'progress.png'] as const

/**
 * Make room for a training from the beginning: an earlier one goes to `previous/`, `previous-2/`, ...; what one left
 * that never came to a checkpoint is removed.
 *
 * @returns where the earlier training is kept, if there was one
 */
export async function setAside(output: string): Promise<string | undefined> {
  const [checkpoints] = OUTPUTS
  const worthKeeping = (await listCheckpoints(join(output, checkpoints))).length > 0
  const previous = freeFolder(join(output, 'previous'))
  if (worthKeeping) makeFolder(previous)
  for (const name of OUTPUTS) {
    const path = join(output, name)
    await (worthKeeping ? rename(path, join(previous, name)) : rm(path, { recursive: true, force: true })).catch(
      error => {
        if (systemCode(error) !== 'ENOENT') throw fileError(error, path, 'set aside')
      },
    )
  }
  return worthKeeping ? previous : undefined
}

function freeFolder(path: string): string {
  let free = path
  for (let number = 2; existsSync(free); number++) free = `${path}-${number}`
  return free
}
