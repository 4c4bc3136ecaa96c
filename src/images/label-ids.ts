/** Reading label ids from PNG as they are stored, where image libraries would give colours. */
import { readFile } from 'node:fs/promises'
import { type DecodedPng, decode } from 'fast-png'
import { PrepError } from '../errors.js'
import type { FileRef, Pixels } from '../sample.js'
import type { Colour } from './colour.js'
import { MAX_PIXELS } from './decode.js'
import { sniffFormat } from './format.js'
import { readPhotoFile } from './photo-file.js'

export interface LabelIds {
  /** 1 channel; 3 where an id is above 255: r + 256 g + 65536 b, the way of COCO's panoptic labels. */
  readonly labels: Pixels
  /** Of a palette PNG, its colours; else empty. */
  readonly colours: readonly Colour[]
}

/**
 * Read the ids of a label map: palette indices of 1 to 8 bits, grey values of 1 to 16 bits, or grey that was saved as
 * RGB.
 *
 * @param name  for messages
 * @throws {PrepError} `EMPTY_FILE`, `NOT_AN_IMAGE`, `DECODE_FAILED`, `TOO_MANY_PIXELS`; `LABELS_NOT_IDS` for colours,
 *   transparency and formats that do not keep ids
 */
export function decodeLabelIds(bytes: Uint8Array, name = 'the label map', maxPixels = MAX_PIXELS): LabelIds {
  if (bytes.length === 0) throw new PrepError('EMPTY_FILE', `${name} is empty, expected a label map`)
  const sniffed = sniffFormat(bytes)
  if (sniffed.kind === 'other')
    throw new PrepError('NOT_AN_IMAGE', `${name} is not an image: it holds ${sniffed.looksLike}`)
  const format = sniffed.kind === 'photo' ? sniffed.format : sniffed.name
  if (format !== 'png') throw notIds(name, `${format.toUpperCase()}, which does not keep ids`)
  checkSize(bytes, name, maxPixels)
  const png = decodePng(bytes, name)
  const { width, height } = png
  if (!png.palette && png.channels > 1) return { labels: { ...greyOf(png, name), width, height }, colours: [] }
  const colours = (png.palette ?? []).map(([r = 0, g = 0, b = 0]): Colour => [r, g, b])
  const data = png.depth < 8 ? unpackBits(png) : png.data
  return { labels: { ...narrow(data), width, height }, colours }
}

/** `decodeLabelIds` of a file. @throws {PrepError} as `decodeLabelIds`, and `FILE_MISSING`, `FILE_UNREADABLE` */
export async function readLabelIds({ path, range, half }: FileRef, maxPixels?: number): Promise<LabelIds> {
  if (half) throw new PrepError('LABELS_NOT_IDS', `${path} is a pair in one image: its label half is a drawing`)
  const { data } = await readPhotoFile(path, range)
  return decodeLabelIds(typeof data === 'string' ? await readFile(data) : data, path, maxPixels)
}

/** The size is in the header: what would fill the memory is refused before it is unpacked. */
function checkSize(bytes: Uint8Array, name: string, maxPixels: number): void {
  if (bytes.length < 24) throw damaged(name, 'its header is cut short')
  const header = new DataView(bytes.buffer, bytes.byteOffset)
  const [width, height] = [header.getUint32(16), header.getUint32(20)]
  if (width * height > maxPixels)
    throw new PrepError('TOO_MANY_PIXELS', `${name} is ${width}x${height}, expected at most ${maxPixels} pixels`)
}

function decodePng(bytes: Uint8Array, name: string): DecodedPng {
  try {
    return decode(bytes, { checkCrc: true })
  } catch (cause) {
    throw damaged(name, (cause as Error).message, cause)
  }
}

/** The grey behind equal channels, as programs save it that know only colour. */
function greyOf({ data, channels }: DecodedPng, name: string): Pick<Pixels, 'data' | 'channels'> {
  const colours = channels >= 3 ? 3 : 1
  const opaque = data instanceof Uint16Array ? 0xffff : 0xff
  const grey = new Uint16Array(data.length / channels)
  for (let pixel = 0, at = 0; pixel < grey.length; pixel += 1, at += channels) {
    grey[pixel] = data[at]!
    if (colours === 3 && (data[at] !== data[at + 1] || data[at] !== data[at + 2])) throw notIds(name, 'in colour')
    if (channels > colours && data[at + colours] !== opaque) throw notIds(name, 'partly transparent')
  }
  return narrow(grey)
}

/** Bytes where every id fits into one, else the wide form. */
function narrow(ids: DecodedPng['data']): Pick<Pixels, 'data' | 'channels'> {
  if (ids instanceof Uint8Array) return { data: ids, channels: 1 }
  if (ids.every(id => id < 256)) return { data: Uint8Array.from(ids), channels: 1 }
  const data = new Uint8Array(3 * ids.length)
  for (const [pixel, id] of ids.entries()) {
    data[3 * pixel] = id
    data[3 * pixel + 1] = id >> 8
  }
  return { data, channels: 3 }
}

/** Ids of 1, 2 or 4 bits, the first in a byte's highest bits, rows padded to whole bytes. */
function unpackBits({ data, width, height, depth }: DecodedPng): Uint8Array {
  const ids = new Uint8Array(width * height)
  const stride = Math.ceil((width * depth) / 8)
  const mask = 2 ** depth - 1
  for (let y = 0, to = 0; y < height; y += 1)
    for (let bit = 8 * y * stride, x = 0; x < width; x += 1, bit += depth, to += 1)
      ids[to] = (data[bit >> 3]! >> (8 - depth - (bit & 7))) & mask
  return ids
}

const notIds = (name: string, found: string): PrepError =>
  new PrepError(
    'LABELS_NOT_IDS',
    `${name} is ${found}; expected label ids: a PNG of one channel. Labels drawn in colours are read with labels_are: colours`,
    { hint: 'set labels_are: colours, and give the classes step a table of the colours' },
  )

const damaged = (name: string, reason: string, cause?: unknown): PrepError =>
  new PrepError('DECODE_FAILED', `cannot decode ${name}, it is truncated or damaged: ${reason}`, {
    hint: 'fetch or export the label map again',
    cause,
  })
