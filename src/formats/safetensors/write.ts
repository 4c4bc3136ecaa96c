/** Writing tensors as safetensors, in the order given: the same tensors give the same bytes. */
import type { FileHandle } from 'node:fs/promises'
import { replaceFile, type WriteOptions } from '../../files.js'
import {
  elementCount,
  type Metadata,
  type PlannedLayout,
  type PlanOptions,
  planSafetensors,
  type Tensor,
  type Tensors,
} from './layout.js'
import { writeFully } from './transfer.js'

/** The bytes of a safetensors file; for files that fit in memory twice. */
export function encodeSafetensors(tensors: Tensors, metadata?: Metadata, options?: PlanOptions): Uint8Array {
  const { header, fileBytes, tensors: places } = planTensors(tensors, metadata, options)
  const file = new Uint8Array(fileBytes)
  file.set(header)
  for (const [name, { start }] of places) file.set(bytesOf(tensors[name]!), start)
  return file
}

/**
 * Write a safetensors file atomically, straight from the tensors' memory.
 * @throws {PrepError} `DISK_FULL`, `OUTPUT_READ_ONLY`, `FILE_UNREADABLE`
 */
export async function writeSafetensors(
  path: string,
  tensors: Tensors,
  metadata?: Metadata,
  { sync = true, ...options }: PlanOptions & WriteOptions = {},
): Promise<void> {
  const { header, tensors: places } = planTensors(tensors, metadata, options)
  const write = async (file: FileHandle): Promise<void> => {
    await writeFully(file, header, 0)
    for (const [name, { start }] of places) await writeFully(file, bytesOf(tensors[name]!), start)
  }
  await replaceFile(path, write, { sync })
}

function planTensors(tensors: Tensors, metadata?: Metadata, options?: PlanOptions): PlannedLayout {
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    if (elementCount(shape) !== data.length) throw new Error(`${name}: shape [${shape}] with ${data.length} elements`)
  }
  return planSafetensors(tensors, metadata, options)
}

/** The format is little-endian, as is every machine Node runs on but s390x. */
const bytesOf = ({ data }: Tensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
