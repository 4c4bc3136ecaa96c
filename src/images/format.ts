/** What a file is by its first bytes: decoders see only the formats that they are meant for, and a refusal can name the rest. */
import { extname } from 'node:path'
import { isCameraRaw } from './camera-raw.js'

/** The formats that are decoded; all else is refused by name. */
export const FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const
export type Format = (typeof FORMATS)[number]

/** What `sniffFormat` looks at. */
export const HEAD_BYTES = 4096

/** An image of a format that is not decoded. */
export interface Unsupported {
  readonly name: string
  /** How to make a JPEG or PNG of it; absent: any converter will do. */
  readonly remedy?: string
}

export type Sniffed =
  | { readonly kind: 'photo'; readonly format: Format }
  | ({ readonly kind: 'unsupported' } & Unsupported)
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

export const HEIC: Unsupported = {
  name: 'HEIC (HEVC)',
  remedy: 'convert it with `heif-convert in.heic out.jpg`, or let the phone save "most compatible"',
}
const JPEG_XL: Unsupported = { name: 'JPEG XL', remedy: 'convert it with `djxl in.jxl out.png`' }
const JPEG_2000: Unsupported = { name: 'JPEG 2000', remedy: 'convert it with `opj_decompress -i in.jp2 -o out.png`' }
const SVG: Unsupported = {
  name: 'SVG (vector)',
  remedy: 'draw it in the size you need with `rsvg-convert -w 1024 in.svg -o out.png`',
}
const pages = (name: string): Unsupported => ({ name, remedy: 'draw its pages with `pdftoppm -jpeg in.pdf out`' })
const raw = (camera: string): Unsupported => ({
  name: `${camera} raw`,
  remedy: 'develop it to JPEG or TIFF with your raw converter, such as `darktable-cli in out.jpg`',
})

/** Leading bytes as hex pairs, `..` for any byte; tried in order. */
const MAGIC: readonly (readonly [pattern: string, found: Format | Unsupported])[] = [
  ['ffd8ff', 'jpeg'],
  ['89504e470d0a1a0a', 'png'],
  ['52494646........57454250', 'webp'],
  ['474946383761', 'gif'],
  ['474946383961', 'gif'],
  ['49492a00........4352', raw('Canon (CR2)')],
  ['49492a00', 'tiff'],
  ['4d4d002a', 'tiff'],
  ['49492b00', 'tiff'],
  ['4d4d002b', 'tiff'],
  ['424d........00000000', { name: 'BMP' }],
  ['0000000c6a5020200d0a870a', JPEG_2000],
  ['ff4fff51', JPEG_2000],
  ['0000000c4a584c200d0a870a', JPEG_XL],
  ['ff0a', JPEG_XL],
  ['4949bc', { name: 'JPEG XR' }],
  ['44445320', { name: 'DirectDraw Surface (DDS)' }],
  ['38425053', { name: 'Photoshop (PSD)' }],
  ['67696d7020786366', { name: 'GIMP (XCF)' }],
  ['762f3101', { name: 'OpenEXR' }],
  ['233f52414449414e4345', { name: 'Radiance HDR' }],
  ['00000100', { name: 'Windows icon (ICO)' }],
  ['69636e73', { name: 'Apple icon (ICNS)' }],
  ['716f6966', { name: 'QOI' }],
  ['425047fb', { name: 'BPG' }],
  ['8a4d4e47', { name: 'MNG animation' }],
  ['53494d504c452020', { name: 'FITS' }],
  ['50(31|32|33|34|35|36|37)(0a|0d|20|09)', { name: 'PBM, PGM or PPM' }],
  ['46554a4946494c4d', raw('Fujifilm (RAF)')],
  ['49495500', raw('Panasonic (RW2)')],
  ['4949524f', raw('Olympus (ORF)')],
  ['4d4d4f52', raw('Olympus (ORF)')],
  ['464f5662', raw('Sigma (X3F)')],
  ['004d524d', raw('Minolta (MRW)')],
  ['25504446', pages('PDF')],
  ['25215053', pages('PostScript')],
]

/** @param bytes  the file's start, `HEAD_BYTES` of it are enough */
export function sniffFormat(bytes: Uint8Array): Sniffed {
  const head = bytes.subarray(0, HEAD_BYTES)
  const hex = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 16)).toString('hex')
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1')
  const found = MAGIC.find(([pattern]) => new RegExp(`^${pattern}`).test(hex))?.[1]
  if (found === 'tiff' && isCameraRaw(head)) return { kind: 'unsupported', ...raw('camera (DNG, NEF, ARW, ...)') }
  if (found) return typeof found === 'string' ? { kind: 'photo', format: found } : { kind: 'unsupported', ...found }
  if (text.slice(4, 8) === 'ftyp') return sniffHeif(text)
  if (/^(\xef\xbb\xbf)?\s*<(svg|\?xml|!doctype|!--)/i.test(text) && /<svg[\s>]|<!doctype svg/i.test(text))
    return { kind: 'unsupported', ...SVG }
  return { kind: 'other', looksLike: describe(text) }
}

/** ISO base media: brands tell AVIF (decoded) from HEIC (patented codec, not in the decoder) and from video. */
function sniffHeif(text: string): Sniffed {
  const brands = text.slice(8, Math.min(text.charCodeAt(2) * 256 + text.charCodeAt(3), text.length))
  const major = brands.slice(0, 4)
  if (/^(hei[cxms]|hev[cxms])$/.test(major)) return { kind: 'unsupported', ...HEIC }
  if (major === 'avis') return { kind: 'unsupported', name: 'AVIF sequence' }
  if (brands.includes('avif')) return { kind: 'photo', format: 'avif' }
  if (/hei[cxms]/.test(brands)) return { kind: 'unsupported', ...HEIC }
  if (major === 'mif1') return { kind: 'photo', format: 'avif' }
  if (major === 'crx ') return { kind: 'unsupported', ...raw('Canon (CR3)') }
  return { kind: 'other', looksLike: 'a video or other media file' }
}

const OTHERS: readonly (readonly [start: string, what: string])[] = [
  ['version https://git-lfs', 'a Git LFS pointer, the file itself was not fetched'],
  ['\0\x05\x16\x07', 'what macOS keeps beside a file, not the file'],
  ['\xd0\xcf\x11\xe0', 'an Office or Thumbs.db file'],
  ['PK\x03\x04', 'a ZIP archive'],
  ['\x1f\x8b', 'a gzip archive'],
  ['7z\xbc\xaf', 'a 7z archive'],
  ['Rar!', 'a RAR archive'],
  ['\x28\xb5\x2f\xfd', 'a Zstandard archive'],
  ['\x1a\x45\xdf\xa3', 'a video'],
]

function describe(text: string): string {
  if (/^\s*<(!doctype html|html)/i.test(text)) return 'an HTML page, perhaps a failed download'
  if (/^\0*$/.test(text)) return 'zeros only'
  const known = OTHERS.find(([start]) => text.startsWith(start))
  if (known) return known[1]
  if (/^[\t\n\r\x20-\x7e\x80-\xff]*$/.test(text)) return 'text'
  return 'no known image format'
}
