/** Reading a safetensors header as strictly as the format asks: what this accepts, every byte of the file is accounted for. */
import { PrepError } from '../../errors.js'
import {
  DTYPES,
  type Dtype,
  elementCount,
  type Layout,
  type Metadata,
  type TensorPlace,
  tensorBytes,
} from './layout.js'

/** The format's own limit on the JSON, in bytes. */
const LARGEST_HEADER = 100_000_000

export const invalid = (file: string, problem: string, cause?: unknown): PrepError =>
  new PrepError('SAFETENSORS_INVALID', `${file}: ${problem}`, { hint: 'make or download the file again', cause })

/**
 * How many bytes the header takes with its 8-byte length, from the first 8 bytes of a file.
 * @throws {PrepError} `SAFETENSORS_INVALID`
 */
export function headerLength(first: Uint8Array, fileBytes: number, file = 'safetensors'): number {
  if (fileBytes < 8 || first.length < 8) throw invalid(file, `expected at least 8 bytes, found ${fileBytes}`)
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true)
  if (length > LARGEST_HEADER)
    throw invalid(file, `expected a header of at most ${LARGEST_HEADER} bytes, found ${length}`)
  if (8n + length > fileBytes) throw invalid(file, `the header needs ${8n + length} bytes, the file has ${fileBytes}`)
  return 8 + Number(length)
}

/**
 * Parse and check a header.
 *
 * @param bytes  the start of the file, at least the whole header
 * @param fileBytes  length of the whole file
 * @param file  its name, for messages
 * @throws {PrepError} `SAFETENSORS_INVALID`: bad JSON, doubled names, unknown dtypes, holes, overlaps, missing bytes
 */
export function parseHeader(bytes: Uint8Array, fileBytes: number, file = 'safetensors'): Layout {
  const dataStart = headerLength(bytes, fileBytes, file)
  if (bytes.length < dataStart) throw invalid(file, `the header needs ${dataStart} bytes, found ${bytes.length}`)
  const { __metadata__: metadata = {}, ...entries } = parseJson(bytes.subarray(8, dataStart), file)
  if (!isRecord(metadata)) throw invalid(file, `__metadata__: expected an object, found ${show(metadata)}`)
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') throw invalid(file, `__metadata__.${key}: expected a string, found ${show(value)}`)
  }
  const tensors = new Map<string, TensorPlace>()
  for (const [name, entry] of Object.entries(entries)) tensors.set(name, parseEntry(name, entry, dataStart, file))
  checkCover(tensors, dataStart, fileBytes, file)
  return { metadata: metadata as Metadata, tensors, dataStart, fileBytes }
}

function parseJson(bytes: Uint8Array, file: string): Record<string, unknown> {
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(text)
  } catch (error) {
    throw invalid(file, `the header is not JSON (${(error as Error).message})`, error)
  }
  if (!isRecord(value) || text[0] !== '{') throw invalid(file, `expected a header starting with {, found ${show(text)}`)
  const doubled = findDoubledKey(text, value)
  if (doubled !== undefined) throw invalid(file, `the header names ${doubled} twice`)
  return value
}

/** JSON.parse keeps the last of two equal keys, so more keys in the text than in the value means a doubled one. */
function findDoubledKey(text: string, value: unknown): string | undefined {
  const surplus = new Map<string, number>()
  for (const [, key, colon] of text.matchAll(/("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?/g)) {
    if (!colon) continue
    const name = JSON.parse(key!) as string
    surplus.set(name, (surplus.get(name) ?? 0) + 1)
  }
  const pending = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    if (Array.isArray(next)) pending.push(...next)
    else if (isRecord(next)) {
      for (const [key, child] of Object.entries(next)) {
        surplus.set(key, surplus.get(key)! - 1)
        pending.push(child)
      }
    }
  }
  for (const [name, count] of surplus) if (count > 0) return JSON.stringify(name)
  return undefined
}

function parseEntry(name: string, entry: unknown, dataStart: number, file: string): TensorPlace {
  const at = `tensor ${JSON.stringify(name)}`
  if (!isRecord(entry)) throw invalid(file, `${at}: expected an object, found ${show(entry)}`)
  const { dtype, shape, data_offsets: offsets, ...rest } = entry
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw invalid(file, `${at}: unknown member ${JSON.stringify(unknown)}`)
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPES, dtype)) {
    throw invalid(file, `${at}: expected a dtype of ${Object.keys(DTYPES).join(', ')}, found ${show(dtype)}`)
  }
  if (!isSizes(shape)) throw invalid(file, `${at}: expected a shape of whole numbers, found ${show(shape)}`)
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw invalid(file, `${at}: expected two data_offsets, found ${show(offsets)}`)
  }
  const [start, end] = offsets as [number, number]
  const spec = { dtype: dtype as Dtype, shape }
  const bytes = tensorBytes(spec)
  if (!Number.isSafeInteger(elementCount(shape)) || end - start !== bytes) {
    throw invalid(file, `${at}: ${dtype} [${shape}] takes ${bytes} bytes, found data_offsets ${start} to ${end}`)
  }
  return { ...spec, start: dataStart + start, bytes }
}

/** Tensors must follow one another without holes or overlaps from the header's end to the file's. */
function checkCover(
  tensors: ReadonlyMap<string, TensorPlace>,
  dataStart: number,
  fileBytes: number,
  file: string,
): void {
  let end = dataStart
  for (const [name, { start, bytes }] of [...tensors].sort(([, a], [, b]) => a.start - b.start || a.bytes - b.bytes)) {
    if (start !== end) {
      const problem = start > end ? 'a hole' : 'an overlap'
      throw invalid(file, `${problem} before tensor ${JSON.stringify(name)}: expected byte ${end}, found ${start}`)
    }
    end = start + bytes
  }
  if (end !== fileBytes) throw invalid(file, `expected a file of ${end} bytes, found ${fileBytes}`)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every(size => Number.isSafeInteger(size) && size >= 0)

const show = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 60)
