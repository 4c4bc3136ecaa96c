/**
 * Checkpoints: one safetensors file with all that training needs to go on, and all that others need to use the nets.
 * Its metadata says how they were made; checksums tell an intact file from a damaged one.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileError, PrepError, systemCode } from '../errors.js'
import { sha256Hex } from '../files.js'
import { crc32c } from '../formats/crc32c.js'
import type { Metadata, Tensor as StoredTensor } from '../formats/safetensors/layout.js'
import { openSafetensors, type SafetensorsFile } from '../formats/safetensors/read.js'
import { writeSafetensors } from '../formats/safetensors/write.js'
import type { Framing } from './augment.js'
import type { EngineName, Tensors } from './engines/engine.js'
import { describeNotFinite } from './finite.js'
import type { RunningMeans } from './metrics.js'
import { type TrainOptions, trainOptions } from './options.js'
import { type Pix2PixConfig, pix2pixConfig } from './pix2pix/model.js'
import type { Versions } from './versions.js'

/** Written as `format`; another number there is a file that this version does not read. */
export const CHECKPOINT_FORMAT = 'prep-checkpoint/1'

/** All of a checkpoint but its tensors; each field is one JSON entry of the file's metadata. */
export interface CheckpointState {
  /** Epochs completed and steps done; all random numbers follow from these, the seed and the scheme. */
  readonly epoch: number
  readonly step: number
  readonly seed: number
  readonly random: string
  readonly options: TrainOptions
  /** The nets' shapes, from which they can be built without the data set. */
  readonly model: Pix2PixConfig
  readonly engine: EngineName
  /** palette.json of the data set, and its hash. */
  readonly palette: unknown
  readonly paletteHash: string
  readonly dataset: { readonly fingerprint: string; readonly rows: number }
  /** Losses of the epoch at hand so far, and where metrics.jsonl goes on. */
  readonly means: RunningMeans
  readonly metricsBytes: number
  /** Training was stopped before the evaluation that follows this step was through. */
  readonly evaluationDue: boolean
  /** Sizes of a pair as stored, loaded and cropped; absent from checkpoints of before it was written. */
  readonly framing?: Framing
  /** What wrote the checkpoint; absent as `framing` is. */
  readonly versions?: Versions
}
const FIELDS: readonly (keyof CheckpointState)[] = [
  'epoch',
  'step',
  'seed',
  'random',
  'options',
  'model',
  'engine',
  'palette',
  'paletteHash',
  'dataset',
  'means',
  'metricsBytes',
  'evaluationDue',
  'framing',
  'versions',
]

export interface Checkpoint {
  readonly file: string
  readonly state: CheckpointState
  /** `G.*`, `D.*`, `adam.m.*`, `adam.v.*`, `adam.t`, as a session gives and takes them. */
  readonly tensors: Tensors
}

/** `epoch-0007` after 7 epochs, `epoch-0007-step-00000123` within the eighth: what files of that moment are called. */
export function checkpointStem({ epoch, step }: { epoch: number; step: number }, stepsPerEpoch: number): string {
  const within = step === epoch * stepsPerEpoch ? '' : `-step-${String(step).padStart(8, '0')}`
  return `epoch-${String(epoch).padStart(4, '0')}${within}`
}

/**
 * Write a checkpoint atomically; the same state and tensors give the same bytes.
 *
 * @throws {PrepError} `TRAIN_DIVERGED` for a tensor that is not finite (nothing is written), `DISK_FULL`, `OUTPUT_READ_ONLY`
 */
export async function writeCheckpoint(file: string, state: CheckpointState, tensors: Tensors): Promise<void> {
  const bad = describeNotFinite(tensors)
  if (bad !== undefined)
    throw new PrepError('TRAIN_DIVERGED', `${bad}, after step ${state.step}`, {
      hint: 'lower learning_rate; checkpoints written before hold good weights',
    })
  const stored: Record<string, StoredTensor> = {}
  const checksums: Record<string, number> = {}
  for (const name of Object.keys(tensors).sort()) {
    const { shape, data } = tensors[name]!
    // engines give memory of their own, never shared
    stored[name] = { dtype: 'F32', shape, data: data as Float32Array<ArrayBuffer> }
    checksums[name] = crc32c(bytesOf(data))
  }
  const fields = Object.fromEntries(
    FIELDS.flatMap(field => (state[field] === undefined ? [] : [[field, JSON.stringify(state[field])]])),
  )
  const described = { format: CHECKPOINT_FORMAT, ...fields, crc32c: JSON.stringify(checksums) }
  const shapes = Object.entries(stored).map(([name, { shape }]) => [name, shape] as const)
  await writeSafetensors(file, stored, { ...described, digest: digestOf(described, shapes) })
}

const bytesOf = (data: Float32Array): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** Covers what the tensors' checksums do not: the metadata, and the names and shapes of the tensors. */
const digestOf = (metadata: Metadata, shapes: readonly (readonly [string, readonly number[]])[]): string =>
  sha256Hex(JSON.stringify([metadata, shapes]))

/**
 * Read a checkpoint and check every byte that is read.
 *
 * @param wanted  which tensors; default: all
 * @throws {PrepError} `CHECKPOINT_DAMAGED`, `CHECKPOINT_MISMATCH` (another format version), `FILE_MISSING`, `FILE_UNREADABLE`
 */
export function readCheckpoint(file: string, wanted: (name: string) => boolean = () => true): Promise<Checkpoint> {
  return withOpen(file, async open => {
    const { state, checksums } = parseState(open)
    const tensors: Record<string, Tensors[string]> = {}
    for (const name of [...open.tensors.keys()].filter(wanted)) {
      const tensor = await open.read(name)
      if (tensor.dtype !== 'F32' || crc32c(bytesOf(tensor.data)) !== checksums[name])
        throw damaged(file, `the values of ${name} do not match their checksum`)
      tensors[name] = { shape: tensor.shape, data: tensor.data }
    }
    return { file, state, tensors }
  })
}

/** What a checkpoint is, from its header alone. @throws as `readCheckpoint` does, but tensors are not checked */
export const readCheckpointState = (file: string): Promise<CheckpointState> =>
  withOpen(file, async open => parseState(open).state)

async function withOpen<T>(file: string, use: (open: SafetensorsFile) => Promise<T>): Promise<T> {
  let open: SafetensorsFile | undefined
  try {
    open = await openSafetensors(file)
    return await use(open)
  } catch (error) {
    throw error instanceof PrepError && error.code === 'SAFETENSORS_INVALID'
      ? damaged(file, error.message.replace(`${file}: `, ''), error)
      : error
  } finally {
    await open?.close()
  }
}

function parseState({ path, metadata, tensors }: SafetensorsFile): {
  state: CheckpointState
  checksums: Readonly<Record<string, number>>
} {
  const { digest, ...described } = metadata
  const shapes = [...tensors].map(([name, { shape }]) => [name, shape] as const)
  if (digest === undefined && described.format === undefined) throw damaged(path, 'it is no checkpoint of ours')
  if (digest !== digestOf(described, shapes)) throw damaged(path, 'its metadata do not match their digest')
  if (described.format !== CHECKPOINT_FORMAT)
    throw new PrepError('CHECKPOINT_MISMATCH', `${path}: expected ${CHECKPOINT_FORMAT}, found ${described.format}`, {
      hint: 'use the version of prep that wrote it, or set resume: never to start over',
    })
  const fields = FIELDS.flatMap(field =>
    described[field] === undefined ? [] : [[field, JSON.parse(described[field])] as const],
  )
  const state = withDefaults(Object.fromEntries(fields) as unknown as CheckpointState)
  return { state, checksums: JSON.parse(described.crc32c!) }
}

/** A checkpoint of before an option or field was there was made as by its default. */
function withDefaults(state: CheckpointState): CheckpointState {
  const options = trainOptions.safeParse(state.options)
  return {
    ...state,
    options: options.success ? options.data : state.options,
    model: pix2pixConfig(state.model),
    evaluationDue: state.evaluationDue ?? false,
  }
}

const damaged = (file: string, problem: string, cause?: unknown): PrepError =>
  new PrepError('CHECKPOINT_DAMAGED', `${file}: ${problem}`, {
    hint: 'resume: auto goes on from the newest checkpoint that is intact',
    cause,
  })

export interface CheckpointFile {
  readonly path: string
  readonly epoch: number
  /** Present when training stopped within an epoch. */
  readonly step?: number
}

/** The checkpoints of a folder by their names, newest first; none when the folder does not exist. */
export async function listCheckpoints(folder: string): Promise<CheckpointFile[]> {
  const names = await readdir(folder).catch(error => {
    if (systemCode(error) === 'ENOENT') return []
    throw fileError(error, folder, 'list the checkpoints in')
  })
  return names
    .flatMap(name => {
      const found = /^epoch-(\d+)(?:-step-(\d+))?\.safetensors$/.exec(name)
      if (!found) return []
      const step = found[2] === undefined ? {} : { step: Number(found[2]) }
      return [{ path: join(folder, name), epoch: Number(found[1]), ...step }]
    })
    .sort((a, b) => b.epoch - a.epoch || (b.step ?? 0) - (a.step ?? 0))
}
