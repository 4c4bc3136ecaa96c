/** What a file is by its first bytes: decoders see only the formats that they are meant for, and a refusal can name the rest. */
import { extname } from 'node:path'

/** The formats that are decoded; all else is refused by name. */
export const FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const
export type Format = (typeof FORMATS)[number]

/** What `sniffFormat` looks at. */
export const HEAD_BYTES = 512

export type Sniffed =
  | { readonly kind: 'photo'; readonly format: Format }
  /** An image, but of a format that is not decoded. */
  | { readonly kind: 'unsupported'; readonly name: string }
  /** No image at all; `looksLike` says what instead. */
  | { readonly kind: 'other'; readonly looksLike: string }

const EXTENSIONS: Readonly<Record<string, Format>> = {
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.jpe': 'jpeg',
  '.jfif': 'jpeg',
  '.png': 'png',
  '.webp': 'webp',
  '.gif': 'gif',
  '.tif': 'tiff',
  '.tiff': 'tiff',
  '.avif': 'avif',
}

/** The format that a file name promises, if any. */
export const formatOfName = (path: string): Format | undefined => EXTENSIONS[extname(path).toLowerCase()]

/** Leading bytes as hex pairs, `..` for any byte; tried in order. */
const MAGIC: readonly (readonly [pattern: string, format: Format | string])[] = [
  ['ffd8ff', 'jpeg'],
  ['89504e470d0a1a0a', 'png'],
  ['52494646........57454250', 'webp'],
  ['474946383761', 'gif'],
  ['474946383961', 'gif'],
  ['49492a00........4352', 'Canon raw (CR2)'],
  ['49492a00', 'tiff'],
  ['4d4d002a', 'tiff'],
  ['49492b00', 'tiff'],
  ['4d4d002b', 'tiff'],
  ['424d........00000000', 'BMP'],
  ['0000000c6a5020200d0a870a', 'JPEG 2000'],
  ['ff4fff51', 'JPEG 2000'],
  ['0000000c4a584c200d0a870a', 'JPEG XL'],
  ['ff0a', 'JPEG XL'],
  ['44445320', 'DirectDraw Surface (DDS)'],
  ['38425053', 'Photoshop (PSD)'],
  ['762f3101', 'OpenEXR'],
  ['233f52414449414e4345', 'Radiance HDR'],
  ['00000100', 'Windows icon (ICO)'],
  ['46554a4946494c4d', 'Fujifilm raw (RAF)'],
  ['49495500', 'Panasonic raw (RW2)'],
  ['4949524f', 'Olympus raw (ORF)'],
  ['25504446', 'PDF'],
]

const isFormat = (name: string): name is Format => (FORMATS as readonly string[]).includes(name)

/** @param bytes  the file's start, `HEAD_BYTES` of it are enough */
export function sniffFormat(bytes: Uint8Array): Sniffed {
  const head = bytes.subarray(0, HEAD_BYTES)
  const hex = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 16)).toString('hex')
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1')
  const found = MAGIC.find(([pattern]) => new RegExp(`^${pattern}`).test(hex))
  if (found) return isFormat(found[1]) ? { kind: 'photo', format: found[1] } : { kind: 'unsupported', name: found[1] }
  if (text.slice(4, 8) === 'ftyp') return sniffHeif(text)
  if (/^(\xef\xbb\xbf)?\s*<(svg|\?xml|!doctype|!--)/i.test(text) && /<svg[\s>]|<!doctype svg/i.test(text))
    return { kind: 'unsupported', name: 'SVG (vector)' }
  return { kind: 'other', looksLike: describe(text) }
}

/** ISO base media: brands tell AVIF (decoded) from HEIC (patented codec, not in the decoder) and from video. */
function sniffHeif(text: string): Sniffed {
  const brands = text.slice(8, Math.min(text.charCodeAt(2) * 256 + text.charCodeAt(3), text.length))
  const major = brands.slice(0, 4)
  if (/^(hei[cxms]|hev[cxms])$/.test(major)) return { kind: 'unsupported', name: 'HEIC (HEVC)' }
  if (major === 'avis') return { kind: 'unsupported', name: 'AVIF sequence' }
  if (brands.includes('avif')) return { kind: 'photo', format: 'avif' }
  if (/hei[cxms]/.test(brands)) return { kind: 'unsupported', name: 'HEIC (HEVC)' }
  if (major === 'mif1') return { kind: 'photo', format: 'avif' }
  if (major === 'crx ') return { kind: 'unsupported', name: 'Canon raw (CR3)' }
  return { kind: 'other', looksLike: 'a video or other media file' }
}

function describe(text: string): string {
  if (/^\s*<(!doctype html|html)/i.test(text)) return 'an HTML page, perhaps a failed download'
  if (/^\0*$/.test(text)) return 'zeros only'
  if (text.startsWith('PK\x03\x04')) return 'a ZIP archive'
  if (/^[\t\n\r\x20-\x7e\x80-\xff]*$/.test(text)) return 'text'
  return 'no known image format'
}
