/** Reading safetensors: the whole file at once, or single tensors and parts of them. */
import { type FileHandle, open } from 'node:fs/promises'
import { fileError } from '../../errors.js'
import { headerLength, invalid, parseHeader } from './header.js'
import { DTYPES, type Dtype, elementCount, type Layout, type Metadata, type Tensor, type Tensors } from './layout.js'
import { readFully } from './transfer.js'

/** Enough for most headers, so that opening takes one read. */
const FIRST_READ = 16384

/** An open safetensors file; its header has been checked. */
export interface SafetensorsFile extends Layout {
  readonly path: string
  /** The tensor, in memory of its own. @throws {PrepError} `SAFETENSORS_INVALID` when there is none of this name */
  read(name: string): Promise<Tensor>
  /** Fill `into` from this file offset. @throws {PrepError} `SAFETENSORS_INVALID` when the file ends before */
  readBytes<T extends Uint8Array>(into: T, position: number): Promise<T>
  close(): Promise<void>
}

/**
 * Open a file and check its header; the caller closes it.
 * @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`, `SAFETENSORS_INVALID`
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await open(path, 'r').catch(error => {
    throw fileError(error, path, 'open')
  })
  try {
    const layout = await readHeader(file, path)
    const readBytes = async <T extends Uint8Array>(into: T, position: number): Promise<T> => {
      const found = await readFully(file, into, position)
      if (found < into.length) {
        throw invalid(path, `expected ${into.length} bytes at ${position}, found ${found}: the file was cut while open`)
      }
      return into
    }
    const read = async (name: string): Promise<Tensor> => {
      const place = layout.tensors.get(name)
      if (!place) throw invalid(path, `expected a tensor ${name}, found ${[...layout.tensors.keys()].join(', ')}`)
      const buffer = new ArrayBuffer(place.bytes)
      await readBytes(new Uint8Array(buffer), place.start)
      return asTensor(place.dtype, place.shape, buffer)
    }
    return { ...layout, path, read, readBytes, close: () => file.close() }
  } catch (error) {
    await file.close()
    throw fileError(error, path, 'read')
  }
}

/**
 * Read all tensors into memory.
 * @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`, `SAFETENSORS_INVALID`
 */
export async function readSafetensors(path: string): Promise<{ metadata: Metadata; tensors: Tensors }> {
  const file = await openSafetensors(path)
  try {
    const entries: [string, Tensor][] = []
    for (const name of file.tensors.keys()) entries.push([name, await file.read(name)])
    return { metadata: file.metadata, tensors: Object.fromEntries(entries) }
  } finally {
    await file.close()
  }
}

/** Tensors of a file that is in memory, each copied out so that it is aligned. @throws {PrepError} `SAFETENSORS_INVALID` */
export function decodeSafetensors(bytes: Uint8Array, name?: string): { metadata: Metadata; tensors: Tensors } {
  const { metadata, tensors } = parseHeader(bytes, bytes.length, name)
  const decoded = [...tensors].map(([name, { dtype, shape, start, bytes: length }]) => {
    const buffer = new ArrayBuffer(length)
    new Uint8Array(buffer).set(bytes.subarray(start, start + length))
    return [name, asTensor(dtype, shape, buffer)] as const
  })
  return { metadata, tensors: Object.fromEntries(decoded) }
}

async function readHeader(file: FileHandle, path: string): Promise<Layout> {
  const { size } = await file.stat()
  let head = new Uint8Array(Math.min(size, FIRST_READ))
  await readFully(file, head, 0)
  const length = headerLength(head, size, path)
  if (length > head.length) {
    head = new Uint8Array(length)
    await readFully(file, head, 0)
  }
  return parseHeader(head, size, path)
}

const asTensor = (dtype: Dtype, shape: readonly number[], buffer: ArrayBuffer): Tensor =>
  ({ dtype, shape, data: new DTYPES[dtype](buffer, 0, elementCount(shape)) }) as Tensor
