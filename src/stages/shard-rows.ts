/** One sample as WebDataset members or as a tf.train.Example. */

import { readFileChecked } from '../files.js'
import type { NewMember } from '../formats/tar/write.js'
import { encodeExample, type Feature } from '../formats/tfrecord/example.js'
import { sniffFormat } from '../images/format.js'
import { readPhotoFile } from '../images/photo-file.js'
import { encodeJpeg, encodePng } from '../images/png.js'
import { canonicalJson } from '../pipeline/fingerprint.js'
import type { TaskTools } from '../pipeline/stage.js'
import type { FileRef, ImageRef } from '../sample.js'

export interface ShardRow {
  readonly key: string
  readonly photo: ImageRef
  readonly label?: ImageRef
  /** Columns, and what the sample is besides. */
  readonly facts: Readonly<Record<string, string>>
}

export interface Encoding {
  readonly photo: 'jpg' | 'png' | 'original'
  readonly quality: number
}

interface Encoded {
  readonly extension: 'jpg' | 'png' | 'webp'
  readonly data: Uint8Array
}

/** KEY.jpg, KEY.seg.png, KEY.json, in the order of their names within the sample. */
export async function encodeMembers(row: ShardRow, encoding: Encoding, tools: TaskTools): Promise<NewMember[]> {
  const { key, label, facts } = row
  const photo = await encodePhoto(row.photo, encoding, tools)
  return [
    { name: `${key}.${photo.extension}`, data: photo.data },
    ...(label ? [{ name: `${key}.seg.png`, data: await encodeLabel(label, tools) }] : []),
    { name: `${key}.json`, data: Buffer.from(canonicalJson(facts)) },
  ]
}

/** Features named as in TensorFlow's own data set converters (object detection, DeepLab). */
export async function encodeExampleRow(row: ShardRow, encoding: Encoding, tools: TaskTools): Promise<Uint8Array> {
  const { key, label, facts } = row
  const { split, group, sha256 = '', ...columns } = facts
  const photo = await encodePhoto(row.photo, encoding, tools)
  const features: Record<string, Uint8Array | string | undefined> = {
    ...columns,
    'image/encoded': photo.data,
    'image/format': photo.extension === 'jpg' ? 'jpeg' : photo.extension,
    'image/filename': `${key}.${photo.extension}`,
    'image/sha256': sha256,
    'image/split': split,
    'image/group': group,
    ...(label && {
      'image/segmentation/class/encoded': await encodeLabel(label, tools),
      'image/segmentation/class/format': 'png',
    }),
  }
  const bytes = (value: Uint8Array | string): Feature => ({ kind: 'bytes', values: [Buffer.from(value)] })
  return encodeExample(
    new Map(
      Object.entries(features).flatMap(([name, value]) => (value === undefined ? [] : [[name, bytes(value)] as const])),
    ),
  )
}

async function encodePhoto(
  ref: ImageRef,
  { photo, quality }: Encoding,
  { load, release }: TaskTools,
): Promise<Encoded> {
  if (photo === 'original' && ref.kind === 'file' && !ref.half) {
    const data = await readBytes(ref)
    const sniffed = sniffFormat(data)
    const format = sniffed.kind === 'photo' ? sniffed.format : undefined
    if (format === 'jpeg') return { extension: 'jpg', data }
    if (format === 'png' || format === 'webp') return { extension: format, data }
  }
  const pixels = await load(ref)
  try {
    return photo === 'jpg'
      ? { extension: 'jpg', data: await encodeJpeg(pixels, quality) }
      : { extension: 'png', data: await encodePng(pixels) }
  } finally {
    release(pixels)
  }
}

/** Ids as grey values, which every PNG reader gives back; a label file that no step has changed as it is. */
async function encodeLabel(ref: ImageRef, { load, release }: TaskTools): Promise<Uint8Array> {
  if (ref.kind === 'file') return readBytes(ref)
  const pixels = await load(ref)
  try {
    return await encodePng(pixels)
  } finally {
    release(pixels)
  }
}

async function readBytes({ path, range }: FileRef): Promise<Uint8Array> {
  const { data } = await readPhotoFile(path, range)
  return typeof data === 'string' ? readFileChecked(data, 'read the photo') : data
}
