/** Where the parts of a row lie in a shard: fixed strides, so that any row is found without reading the others. */
import { type PlannedLayout, planSafetensors, type TensorSpec } from '../safetensors/layout.js'

/** What all rows of a data set have in common. */
export interface RowForm {
  /** Pixels. */
  readonly height: number
  readonly width: number
  /** `raw`: RGB bytes, fixed stride. `jpeg`: files of varying length, found through `photo_offsets`. */
  readonly photo: 'raw' | 'jpeg'
}

/** One pair as it is stored. */
export interface Row {
  /** 64 hex digits that identify the row's source. */
  readonly key: string
  /** Cluster ids, H*W. */
  readonly label: Uint8Array
  /** RGB, 3*H*W; or a JPEG file's bytes. */
  readonly photo: Uint8Array
}

/** A row on its way into a shard. */
export interface RowToWrite extends Row {
  /** CRC-32C of label and photo, where they are known. */
  readonly crc?: readonly [label: number | undefined, photo: number | undefined]
  /** Told when the row's bytes are needed no longer. */
  written?(): void
}

/** The data begin at a multiple of this, the page size of most machines. */
const ALIGN = 4096
export const KEY_BYTES = 32
/** Stands for a photo_bytes of unknown length: more digits than any shard needs. */
const UNKNOWN_BYTES = 2 ** 50

type Size = number | string

/** The tensors of a shard, in file order; small ones first, so that one read gets all but pixels. */
function shardFields({ height, width, photo }: RowForm, rows: Size, offsets: Size, bytes: Size) {
  const head = [
    { name: 'crc', dtype: 'U32', shape: [rows, 2] },
    { name: 'key', dtype: 'U8', shape: [rows, KEY_BYTES] },
  ] as const
  const label = { name: 'label', dtype: 'U8', shape: [rows, height, width] } as const
  if (photo === 'raw') return [...head, label, { name: 'photo', dtype: 'U8', shape: [rows, height, width, 3] }] as const
  const offset = { name: 'photo_offsets', dtype: 'I64', shape: [offsets] } as const
  return [...head, offset, label, { name: 'photo_bytes', dtype: 'U8', shape: [bytes] }] as const
}

/** The fields as index.json describes them. */
export const describeFields = (form: RowForm): { name: string; dtype: string; shape: Size[] }[] =>
  shardFields(form, 'N', 'N+1', 'B').map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] }))

export interface ShardLayout extends PlannedLayout {
  readonly form: RowForm
  readonly rows: number
  /** Offsets of the first label and the first photo byte; what lies between `dataStart` and `labels` is the head. */
  readonly labels: number
  readonly photos: number
}

/**
 * Lay out a shard.
 *
 * @param fingerprint  kept in the header, so that the header's bytes tell whether a shard holds what is wanted
 * @param photoBytes  jpeg only: the bytes of all photos; the offsets of all else do not depend on it
 */
export function planShard(form: RowForm, rows: number, fingerprint: string, photoBytes = UNKNOWN_BYTES): ShardLayout {
  const metadata = { format: 'prep-shard', version: '1', fingerprint }
  const plan = (bytes: number, dataStart: number): PlannedLayout => {
    const specs = shardFields(form, rows, rows + 1, bytes).map(({ name, ...spec }) => [name, spec as TensorSpec])
    return planSafetensors(Object.fromEntries(specs), metadata, { align: ALIGN, dataStart })
  }
  const layout = plan(photoBytes, form.photo === 'raw' ? 0 : plan(UNKNOWN_BYTES, 0).dataStart)
  const photo = layout.tensors.get(form.photo === 'raw' ? 'photo' : 'photo_bytes')!
  return { ...layout, form, rows, labels: layout.tensors.get('label')!.start, photos: photo.start }
}

/** The small tensors of a shard, in memory: views of one buffer. */
export interface ShardHead {
  readonly bytes: Uint8Array
  /** CRC-32C of label and photo of each row, [N, 2]. */
  readonly crc: Uint32Array
  /** [N, 32] */
  readonly key: Uint8Array
  /** jpeg only: photo i is photo_bytes[offsets[i]..offsets[i+1]], [N+1]. */
  readonly offsets: BigInt64Array | undefined
}

export function makeHead({ form, rows, dataStart, labels }: ShardLayout): ShardHead {
  const bytes = new Uint8Array(labels - dataStart)
  return {
    bytes,
    crc: new Uint32Array(bytes.buffer, 0, rows * 2),
    key: new Uint8Array(bytes.buffer, rows * 8, rows * KEY_BYTES),
    offsets: form.photo === 'raw' ? undefined : new BigInt64Array(bytes.buffer, rows * (8 + KEY_BYTES), rows + 1),
  }
}

export interface Span {
  readonly start: number
  readonly bytes: number
}

export function labelSpan({ form, labels }: ShardLayout, row: number): Span {
  const bytes = form.height * form.width
  return { start: labels + row * bytes, bytes }
}

/** Where a photo lies in the file; with damaged offsets the span may lie anywhere. */
export function photoSpan({ form, photos }: ShardLayout, { offsets }: ShardHead, row: number): Span {
  if (offsets) {
    const start = Number(offsets[row]!)
    return { start: photos + start, bytes: Number(offsets[row + 1]!) - start }
  }
  const bytes = form.height * form.width * 3
  return { start: photos + row * bytes, bytes }
}

/** Whether jpeg offsets rise from 0 to the end of the file, as they must. Always true of raw photos. */
export function offsetsFit({ fileBytes, photos }: ShardLayout, { offsets }: ShardHead): boolean {
  if (!offsets) return true
  return (
    offsets[0] === 0n &&
    offsets.at(-1) === BigInt(fileBytes - photos) &&
    offsets.every((offset, i) => i === 0 || offset >= offsets[i - 1]!)
  )
}
