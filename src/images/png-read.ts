/** Reading label maps: ids as they are stored, where image libraries would give colours. */
import { inflateSync } from 'node:zlib'
import { PrepError } from '../errors.js'
import type { Pixels } from '../sample.js'
import type { Colour } from './colour.js'
import { crc32, INDEXED, PNG_SIGNATURE } from './png.js'

const GREY = 0

export interface IndexedPng {
  /** 1 channel: the stored values, palette indices or grey values. */
  readonly labels: Pixels
  /** The palette; empty for a grey file. */
  readonly colours: readonly Colour[]
}

/**
 * Read the ids of a label map: palette indices, or the plain values of a grey PNG of at most 8 bits.
 *
 * @param name  for messages
 * @throws {PrepError} `NOT_AN_IMAGE`, `UNSUPPORTED_FORMAT` (true colour, 16-bit or interlaced), `DECODE_FAILED`
 */
export function decodeIndexedPng(bytes: Uint8Array, name = 'the label map'): IndexedPng {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (!file.subarray(0, 8).equals(PNG_SIGNATURE)) throw new PrepError('NOT_AN_IMAGE', `${name} is not a PNG`)
  try {
    const chunks = readChunks(file)
    const all = (type: string) => chunks.filter(chunk => chunk.type === type).map(chunk => chunk.data)
    const header = Buffer.concat(all('IHDR'))
    const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
    const [depth, kind, interlaced] = [header.readUInt8(8), header.readUInt8(9), header.readUInt8(12)]
    if ((kind !== GREY && kind !== INDEXED) || depth > 8 || interlaced)
      throw new PrepError('UNSUPPORTED_FORMAT', `${name} is not a palette or grey PNG of at most 8 bits`, {
        hint: 'store class ids as an 8-bit PNG of one channel, not interlaced',
      })
    const stride = Math.ceil((width * depth) / 8)
    const rows = inflateSync(Buffer.concat(all('IDAT')), { maxOutputLength: (stride + 1) * height })
    const data = unpackRows(rows, width, height, depth)
    const palette = Buffer.concat(kind === INDEXED ? all('PLTE') : [])
    const colours = Array.from({ length: palette.length / 3 }, (_, i): Colour => {
      const [red, green, blue] = palette.subarray(3 * i)
      return [red!, green!, blue!]
    })
    return { labels: { data, width, height, channels: 1 }, colours }
  } catch (error) {
    if (error instanceof PrepError) throw error
    throw new PrepError('DECODE_FAILED', `${name} is truncated or damaged: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

function readChunks(file: Buffer): { type: string; data: Buffer }[] {
  const chunks: { type: string; data: Buffer }[] = []
  for (let at = 8; at < file.length; ) {
    const end = at + 8 + file.readUInt32BE(at)
    const type = file.toString('latin1', at + 4, at + 8)
    if (file.readUInt32BE(end) !== crc32(file.subarray(at + 4, end))) throw new Error(`wrong checksum of ${type}`)
    chunks.push({ type, data: file.subarray(at + 8, end) })
    at = end + 4
  }
  if (chunks.at(-1)?.type !== 'IEND') throw new Error('the end is missing')
  return chunks
}

/** Undo the filters (PNG specification, section 9) and the bit packing. */
function unpackRows(rows: Uint8Array, width: number, height: number, depth: number): Uint8Array {
  const stride = Math.ceil((width * depth) / 8)
  if (rows.length !== (stride + 1) * height) throw new Error('pixels are missing')
  const ids = new Uint8Array(width * height)
  const mask = 2 ** depth - 1
  let above = new Uint8Array(stride)
  for (let y = 0; y < height; y += 1) {
    const filter = rows[y * (stride + 1)]!
    const row = rows.slice(y * (stride + 1) + 1, (y + 1) * (stride + 1))
    for (let i = 0; i < stride && filter > 0; i += 1) {
      const left = i > 0 ? row[i - 1]! : 0
      row[i] = row[i]! + predict(filter, left, above[i]!, i > 0 ? above[i - 1]! : 0)
    }
    for (let x = 0; x < width; x += 1) {
      const bit = x * depth
      ids[y * width + x] = (row[bit >> 3]! >> (8 - depth - (bit & 7))) & mask
    }
    above = row
  }
  return ids
}

function predict(filter: number, left: number, up: number, upLeft: number): number {
  if (filter === 1) return left
  if (filter === 2) return up
  if (filter === 3) return (left + up) >> 1
  if (filter !== 4) throw new Error(`unknown filter ${filter}`)
  const estimate = left + up - upLeft
  const [dLeft, dUp, dUpLeft] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - upLeft)]
  return dLeft <= dUp && dLeft <= dUpLeft ? left : dUp <= dUpLeft ? up : upLeft
}
