/**
 * PNG and JPEG bytes. Label maps have an encoder of our own: the ids are the file's palette indices, which image
 * libraries lose, and it is many times as fast on this hot path. The same input always gives the same bytes.
 */
import { endianness } from 'node:os'
import { constants, deflateSync } from 'node:zlib'
import sharp, { type Sharp } from 'sharp'
import type { Pixels } from '../sample.js'
import type { Colour } from './colour.js'

export const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')

/** PNG's colour type of palette images. */
export const INDEXED = 3

/** CRC-32 as in PNG (ISO 3309), by a table: Node has its own only from 20.15 on. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let i = 0; i < bytes.length; i += 1) crc = CRC_TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

/**
 * A label map as an indexed PNG: pixel value = id, palette = colours. Any viewer shows the colours; any reader of
 * palette PNGs gets the ids back.
 *
 * @param ids      0..K-1, length width * height, row-major
 * @param colours  K colours, 1..256; the bit depth is the least of 1, 2, 4, 8 that holds K
 * @throws {RangeError} an id without a colour, or a length that is not width * height: a bug of the caller's
 */
export function encodeIndexedPng(
  ids: Uint8Array,
  width: number,
  height: number,
  colours: readonly Colour[],
): Uint8Array<ArrayBuffer> {
  const count = colours.length
  if (ids.length !== width * height) throw new RangeError(`${ids.length} ids for ${width}x${height} pixels`)
  if (count < 1 || count > 256) throw new RangeError(`${count} colours, expected 1..256`)
  const depth = count <= 2 ? 1 : count <= 4 ? 2 : count <= 16 ? 4 : 8
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([depth, INDEXED], 8)
  const rows = packRows(ids, width, height, depth, count)
  return Buffer.concat([
    PNG_SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', Uint8Array.from(colours.flat())),
    // Runs are what label maps are made of: faster here than level 1's matches, and smaller.
    chunk('IDAT', deflateSync(rows, { level: 1, strategy: constants.Z_RLE })),
    chunk('IEND', new Uint8Array(0)),
  ])
}

/** PNG's filter by which a row says how it differs from the one above: label maps mostly do not. */
const UP = 2

/** Ids packed into bytes, first id in the highest bits; each row starts with its filter byte and is less the one above. */
function packRows(ids: Uint8Array, width: number, height: number, depth: number, count: number): Uint8Array {
  const stride = 1 + Math.ceil((width * depth) / 8)
  const rows = new Uint8Array(stride * height)
  let inRange: boolean
  if (depth === 4 && width % 4 === 0 && ids.byteOffset % 4 === 0 && endianness() === 'LE') {
    inRange = packNibbles(ids, width, rows, count)
  } else {
    inRange = packBits(ids, width, rows, depth, count)
    for (let i = rows.length - 1; i >= stride; i -= 1) rows[i]! -= rows[i - stride]!
  }
  if (!inRange) throw new RangeError(`a label id beyond the ${count} colours`)
  for (let start = 0; start < rows.length; start += stride) rows[start] = UP
  return rows
}

/** Any width and depth. @returns false when an id is beyond `count` */
function packBits(ids: Uint8Array, width: number, rows: Uint8Array, depth: number, count: number): boolean {
  let highest = 0
  for (let from = 0, to = 0; from < ids.length; ) {
    to += 1
    let packed = 0
    let bits = 0
    for (const end = from + width; from < end; from += 1) {
      const id = ids[from]!
      if (id > highest) highest = id
      packed = (packed << depth) | id
      bits += depth
      if (bits === 8) {
        rows[to] = packed
        to += 1
        packed = 0
        bits = 0
      }
    }
    if (bits > 0) {
      rows[to] = packed << (8 - bits)
      to += 1
    }
  }
  return highest < count
}

/** Four ids a word, two to a byte: the common case of 5 to 16 classes, many times as fast as `packBits`. */
function packNibbles(ids: Uint8Array, width: number, rows: Uint8Array, count: number): boolean {
  const words = new Uint32Array(ids.buffer, ids.byteOffset, ids.length / 4)
  const above = width / 4
  // Lifts an id of count or more to 128 or more, in each byte of a word.
  const lift = (128 - count) * 0x01010101
  let seen = 0
  for (let from = 0, to = 0; from < words.length; ) {
    to += 1
    for (const end = from + above; from < end; from += 1, to += 2) {
      const word = words[from]!
      const before = from < above ? 0 : words[from - above]!
      if (word === before) continue
      seen |= word | (word + lift)
      const pairs = pairUp(word)
      const pairsBefore = pairUp(before)
      rows[to] = pairs - pairsBefore
      rows[to + 1] = (pairs >>> 16) - (pairsBefore >>> 16)
    }
  }
  return (seen & 0x80808080) === 0
}

/** Two ids to a byte, in bits 0 to 7 and 16 to 23; what lies above them is to be ignored. */
const pairUp = (word: number): number => ((word & 0x00ff00ff) << 4) | ((word >>> 8) & 0x00ff00ff)

function chunk(type: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + data.length)
  bytes.writeUInt32BE(data.length, 0)
  bytes.write(type, 4, 'latin1')
  bytes.set(data, 8)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length)
  return bytes
}

/** @param pixels  3 channels, or 1 (ids or grey values, written as grey) */
export function encodePng(pixels: Pixels): Promise<Uint8Array> {
  return rawImage(pixels)
    .png({ compressionLevel: 6, adaptiveFiltering: pixels.channels === 3 })
    .toBuffer()
}

/** @param quality  1..100; 4:2:0 below 90, 4:4:4 from there */
export function encodeJpeg(pixels: Pixels, quality: number): Promise<Uint8Array> {
  return rawImage(pixels)
    .jpeg({ quality, chromaSubsampling: quality >= 90 ? '4:4:4' : '4:2:0' })
    .toBuffer()
}

function rawImage({ data, width, height, channels }: Pixels): Sharp {
  const image = sharp(data, { raw: { width, height, channels } })
  return channels === 1 ? image.toColourspace('b-w') : image
}
