/**
 * Where the members of a tar file lie. Nothing is unpacked: photos are later read from their place.
 *
 * @see POSIX.1-2017, pax: ustar Interchange Format and pax Interchange Format; GNU tar manual, Basic Tar Format
 */
import { PrepError } from '../../errors.js'
import type { ArchiveFile } from '../archive-file.js'

const BLOCK = 512
/** Longer extended headers are damage. */
const MAX_EXTENSION_BYTES = 1 << 20

/** Type flags of regular files: ustar's, the old one, contiguous ones. */
const REGULAR = ['0', '\0', '7']
/** Links, devices, folders, pipes: their size says nothing. */
const WITHOUT_CONTENT = ['1', '2', '3', '4', '5', '6']

export interface TarMember {
  readonly name: string
  /** Where its content begins. */
  readonly offset: number
  readonly bytes: number
  /** The archive ends within it: an error follows. */
  readonly cut?: true
}

/**
 * The regular files of an archive, in order; folders, links and devices are passed over. ustar, pax and GNU long names
 * and sizes are understood.
 *
 * @throws {PrepError} `ARCHIVE_DAMAGED` at the first member that is cut or torn, and when the end mark is missing: what
 *   was yielded before is whole, but for a member marked as cut
 */
export function* readTar(file: ArchiveFile): Generator<TarMember> {
  let extended: Extended = {}
  let global: Extended = {}
  let last = ''
  for (let at = 0; ; ) {
    const header = file.read(at, BLOCK)
    if (header.length === 0) throw endMissing(file, last)
    if (header.length < BLOCK) throw damaged(file, at, `a header is cut${afterName(last)}`)
    if (isZero(header)) return
    checkHeader(file, header, at, last)
    const kind = String.fromCharCode(header[156]!)
    const given = { ...global, ...extended }
    const meta = kind === 'x' || kind === 'g' || kind === 'L' || kind === 'K'
    const name = meta ? `the extended header${afterName(last)}` : (given.path ?? nameOf(header))
    const bytes = meta ? sizeOf(header) : (given.size ?? sizeOf(header))
    const offset = at + BLOCK
    if (!Number.isSafeInteger(bytes)) throw damaged(file, at, `${name} has no sensible size`)
    const end = WITHOUT_CONTENT.includes(kind) ? offset : offset + bytes
    if (end > file.bytes) {
      if (!meta) yield { name, offset, bytes, cut: true }
      throw damaged(file, offset, `${name} is cut: expected ${bytes} bytes, found ${file.bytes - offset}`)
    }
    if (meta) {
      if (bytes > MAX_EXTENSION_BYTES) throw damaged(file, at, `${name} has ${bytes} bytes`)
      const content = Uint8Array.from(file.read(offset, bytes))
      if (kind === 'g') global = { ...global, ...parsePax(file, at, content) }
      else if (kind === 'x') extended = { ...extended, ...parsePax(file, at, content) }
      else if (kind === 'L') extended = { ...extended, path: textOf(content) }
    } else {
      if (kind === 'S')
        throw new PrepError('UNSUPPORTED_FORMAT', `${file.path}: ${name} is stored sparse (GNU)`, {
          hint: 'write the archive again without --sparse',
        })
      if (REGULAR.includes(kind) && !name.endsWith('/')) yield { name, offset, bytes }
      extended = {}
      last = name
    }
    at = offset + Math.ceil((end - offset) / BLOCK) * BLOCK
  }
}

interface Extended {
  readonly path?: string
  readonly size?: number
}

function endMissing(file: ArchiveFile, last: string): PrepError {
  return damaged(file, file.bytes, `the end mark is missing${afterName(last)}: members may be lost`)
}

const afterName = (last: string): string => (last ? ` after ${last}` : '')

const damaged = (file: ArchiveFile, offset: number, problem: string): PrepError =>
  new PrepError('ARCHIVE_DAMAGED', `${file.path}: at byte ${offset}, ${problem}`, {
    hint: 'fetch or write the archive again; whole members before this place are used',
  })

function checkHeader(file: ArchiveFile, header: Uint8Array, at: number, last: string): void {
  const stored = octal(header.subarray(148, 156))
  let sum = 8 * 0x20
  // Some old tars add signed bytes up.
  let signed = sum
  for (let i = 0; i < BLOCK; i += 1) {
    if (i >= 148 && i < 156) continue
    const byte = header[i]!
    sum += byte
    signed += byte < 128 ? byte : byte - 256
  }
  if (stored === sum || stored === signed) return
  if (at === 0 && header[0] === 0x1f && header[1] === 0x8b)
    throw new PrepError('UNSUPPORTED_FORMAT', `${file.path} is compressed with gzip, expected a plain tar`, {
      hint: 'unpack it with gunzip: photos are compressed already',
    })
  if (at === 0) throw damaged(file, at, 'there is no tar header: it is no tar file')
  throw damaged(file, at, `expected a header${afterName(last)}, found other bytes`)
}

const isZero = (block: Uint8Array): boolean => block.every(byte => byte === 0)

/** Up to the first NUL. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8')
}

function nameOf(header: Uint8Array): string {
  const name = textOf(header.subarray(0, 100))
  // Only ustar has a prefix; GNU's own format keeps times there.
  const posix = textOf(header.subarray(257, 263)) === 'ustar' && header[262] === 0
  const prefix = posix ? textOf(header.subarray(345, 500)) : ''
  return prefix ? `${prefix}/${name}` : name
}

/** Octal digits, or base 256 when the highest bit is set (GNU, for 8 GiB and more). */
function sizeOf(header: Uint8Array): number {
  const field = header.subarray(124, 136)
  if (!(field[0]! & 0x80)) return octal(field)
  return field.reduce((size, byte, i) => size * 256 + (i === 0 ? byte & 0x7f : byte), 0)
}

function octal(field: Uint8Array): number {
  const digits = textOf(field).trim()
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : Number.NaN
}

/** Records `LENGTH KEY=VALUE\n`, the length counting itself. */
function parsePax(file: ArchiveFile, at: number, content: Uint8Array): Extended {
  const bytes = Buffer.from(content)
  const found: { path?: string; size?: number } = {}
  for (let start = 0; start < bytes.length && bytes[start] !== 0; ) {
    const space = bytes.indexOf(0x20, start)
    const length = Number(bytes.toString('latin1', start, space))
    const record = bytes.toString('utf8', space + 1, start + length - 1)
    const equals = record.indexOf('=')
    if (space < 0 || !Number.isInteger(length) || length < 5 || start + length > bytes.length || equals < 1)
      throw damaged(file, at, 'an extended header is torn')
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)]
    if (key === 'path') found.path = value
    if (key === 'size') found.size = Number(value)
    start += length
  }
  return found
}
