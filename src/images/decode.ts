/**
 * Photos in, 8-bit sRGB pixels out. One header read and one decode per photo, on the way of which JPEGs are shrunk while
 * they are loaded; what had to be converted is noted, what cannot be shown is refused. This folder alone knows sharp.
 */
import sharp, { type Metadata, type OutputInfo, type Sharp } from 'sharp'
import { PrepError } from '../errors.js'
import type { ByteRange, FileRef, Pixels } from '../sample.js'
import type { Colour } from './colour.js'
import { type Format, formatOfName, sniffFormat } from './format.js'
import { type Fit, type Placement, type Position, placeWithin, positionFor, type Size } from './geometry.js'
import { readPhotoFile } from './photo-file.js'

/** Part of every cache key: another decoder may give other pixels. */
export const CODEC_VERSION = `sharp-${sharp.versions.sharp ?? 'unknown'} libvips-${sharp.versions.vips}`

/** 268 Mpx, 16383 x 16383: what is larger is a mistake or an attack. */
export const MAX_PIXELS = 0x3fff * 0x3fff

/** One decoding thread and no operation cache: for worker threads, which share the cores among themselves. */
export function useOneThread(): void {
  sharp.concurrency(1)
  sharp.cache(false)
}

/** What was converted or left out on the way to 8-bit sRGB, and what else is odd; notes come in this order. */
export const NOTES = [
  'wrong-extension',
  'exif-orientation',
  'cmyk',
  'lab',
  '16-bit',
  'float',
  'grey',
  'alpha',
  'palette',
  'animated',
  'multi-page',
  'icc',
] as const
export type Note = (typeof NOTES)[number]

export interface DecodeOptions {
  /** The part of the file that is the photo. */
  readonly range?: ByteRange | undefined
  /** Of a pair drawn side by side: the half that is wanted. */
  readonly half?: 'left' | 'right' | undefined
  /** Absent: the photo's own size, after orientation. */
  readonly size?: Size | undefined
  readonly fit: Fit
  readonly position: Position
  /** Behind transparent parts and, with `contain`, around the photo. */
  readonly background: Colour
  /** Largest width x height accepted, such as MAX_PIXELS. */
  readonly maxPixels: number
  /** Fewest pixels accepted on the shorter side. */
  readonly minSize?: number | undefined
}

export interface DecodedImage {
  /** 3 channels. */
  readonly pixels: Pixels
  readonly notes: Note[]
  /** What the file holds; the size is as shown, that is after orientation. */
  readonly source: Size & { readonly format: Format }
  /** EXIF's, 1..8; it has been applied. */
  readonly orientation: number
  /** Where in `pixels` the whole photo lies. */
  readonly placement: Placement
}

/**
 * Decode a photo to 8-bit sRGB, upright, resized (Lanczos 3) when a size is given.
 *
 * EXIF orientation is applied; CMYK, Lab, grey, palette, 16-bit and ICC-profiled colours become sRGB; transparency is
 * flattened onto `background`; of animations and multi-page files the first frame is taken. The format is told from the
 * content, not from the name.
 *
 * @param input  a path (links are followed), or a file's bytes
 * @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`, `NOT_A_FILE` (folders, pipes and devices are never opened),
 *   `EMPTY_FILE`, `NOT_AN_IMAGE`, `UNSUPPORTED_FORMAT` (HEIC, BMP, SVG, ...), `DECODE_FAILED` (truncated or damaged: a
 *   decoder's warning is enough), `TOO_MANY_PIXELS`, `TOO_SMALL` (shorter side below `minSize`)
 */
export async function decodeImage(input: string | Uint8Array, options: DecodeOptions): Promise<DecodedImage> {
  const path = typeof input === 'string' ? input : undefined
  const name = path ?? 'the photo'
  const { data, head } =
    typeof input === 'string' ? await readPhotoFile(input, options.range) : { data: input, head: input }
  const format = checkFormat(head, name)
  // The limit is checked below, where the size can be named.
  const metadata = await sharp(data, { limitInputPixels: false })
    .metadata()
    .catch((error: unknown) => {
      throw decodeFailed(error, name)
    })
  const { width, height } = halfOf(metadata.autoOrient, options)
  if (metadata.compression === 'hevc') throw unsupported(name, 'HEIC (HEVC)')
  checkSize({ width, height }, options, name)

  const { data: bytes, info } = await sharpPipeline(data, metadata, options)
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw decodeFailed(error, name)
    })
  if (info.channels !== 3) throw unsupported(name, `a ${format.toUpperCase()} of ${metadata.channels} channels`)
  return {
    pixels: { data: bytes, width: info.width, height: info.height, channels: 3 },
    notes: noteConversions(metadata, format, path),
    source: { width, height, format },
    orientation: metadata.orientation ?? 1,
    placement: placementOf({ width, height }, options, info),
  }
}

/** sharp says where it cropped when the pixels decided; its offsets are negative. */
function placementOf(source: Size, { size = source, fit, position }: DecodeOptions, info: OutputInfo): Placement {
  const { cropOffsetLeft: left, cropOffsetTop: top } = info
  const crop = left === undefined || top === undefined ? undefined : { left: Math.abs(left), top: Math.abs(top) }
  return placeWithin(source, size, { fit, position: positionFor(position, fit) }, crop)
}

/** The image at its own size on black, as `decodeImage` gives it. @throws {PrepError} as `decodeImage` */
export async function decodeAsIs(input: Uint8Array | FileRef, maxPixels = MAX_PIXELS): Promise<Pixels> {
  const asIs = { fit: 'cover', position: 'centre', background: [0, 0, 0], maxPixels } as const
  if (input instanceof Uint8Array) return (await decodeImage(input, asIs)).pixels
  return (await decodeImage(input.path, { ...asIs, range: input.range, half: input.half })).pixels
}

/** Of an odd width the column in the middle belongs to neither half. */
const halfOf = ({ width, height }: Size, { half }: Pick<DecodeOptions, 'half'>): Size => ({
  width: half ? Math.max(1, Math.floor(width / 2)) : width,
  height,
})

function sharpPipeline(data: Uint8Array | string, metadata: Metadata, options: DecodeOptions): Sharp {
  const { size, fit, position, maxPixels } = options
  const [r, g, b] = options.background
  // failOn 'warning': a bit-flipped JPEG may decode to garbage with nothing but a warning.
  const image = sharp(data, { autoOrient: true, failOn: 'warning', limitInputPixels: maxPixels })
  if (needsRgbFirst(metadata, options)) image.pipelineColourspace('srgb')
  if (options.half) {
    const { width, height } = halfOf(metadata.autoOrient, options)
    image.extract({ left: options.half === 'left' ? 0 : metadata.autoOrient.width - width, top: 0, width, height })
  }
  if (metadata.hasAlpha) image.flatten({ background: { r, g, b } })
  if (size) {
    const { width, height } = size
    image.resize({ width, height, fit, position: positionFor(position, fit), background: { r, g, b } })
  }
  return image.toColourspace('srgb').raw()
}

/**
 * sharp works in the photo's own kind of pixels until the end: on grey ones a coloured background would become grey, and
 * profiled 16-bit ones would be left in Display P3. The others go without, for it forbids shrinking on load.
 */
function needsRgbFirst({ space, hasAlpha, hasProfile }: Metadata, { background, size, fit }: DecodeOptions): boolean {
  if (space === 'rgb16') return hasProfile
  const coloured = new Set(background).size > 1
  return (space === 'b-w' || space === 'grey16') && coloured && (hasAlpha || (size !== undefined && fit === 'contain'))
}

function checkFormat(head: Uint8Array, name: string): Format {
  if (head.length === 0) throw new PrepError('EMPTY_FILE', `${name} is empty, expected a photo`)
  const sniffed = sniffFormat(head)
  if (sniffed.kind === 'other')
    throw new PrepError('NOT_AN_IMAGE', `${name} is not an image: it holds ${sniffed.looksLike}`)
  if (sniffed.kind === 'unsupported') throw unsupported(name, sniffed.name)
  return sniffed.format
}

function checkSize({ width, height }: Size, { maxPixels, minSize = 1 }: DecodeOptions, name: string): void {
  if (width * height > maxPixels)
    throw new PrepError(
      'TOO_MANY_PIXELS',
      `${name} is ${width}x${height}, ${megapixels(width * height)}; expected at most ${megapixels(maxPixels)}`,
      { hint: 'make it smaller, or raise the limit on pixels if the file is trusted' },
    )
  if (Math.min(width, height) < minSize)
    throw new PrepError('TOO_SMALL', `${name} is ${width}x${height}, expected at least ${minSize} on each side`)
}

const megapixels = (pixels: number): string => `${(pixels / 1e6).toFixed(pixels < 1e7 ? 1 : 0)} Mpx`

const unsupported = (name: string, found: string): PrepError =>
  new PrepError('UNSUPPORTED_FORMAT', `${name} is ${found}, expected JPEG, PNG, WebP, GIF, TIFF or AVIF`, {
    hint: 'convert it to JPEG or PNG first',
  })

function decodeFailed(error: unknown, name: string): PrepError {
  const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  return new PrepError('DECODE_FAILED', `cannot decode ${name}, it is truncated or damaged: ${reason.trim()}`, {
    hint: 'fetch or export the photo again',
    cause: error,
  })
}

function noteConversions(metadata: Metadata, format: Format, path: string | undefined): Note[] {
  const { space, depth, orientation = 1, pages = 1 } = metadata
  const promised = path === undefined ? undefined : formatOfName(path)
  const animates = format === 'gif' || format === 'webp' || format === 'png'
  const holds: Record<Note, boolean> = {
    'wrong-extension': promised !== undefined && promised !== format,
    'exif-orientation': orientation > 1,
    cmyk: space === 'cmyk',
    lab: space === 'lab' || space === 'labs',
    '16-bit': (depth === 'ushort' || depth === 'short') && space !== 'labs',
    float: depth === 'float' || depth === 'double',
    grey: space === 'b-w' || space === 'grey16',
    alpha: metadata.hasAlpha,
    palette: metadata.isPalette,
    animated: pages > 1 && animates,
    'multi-page': pages > 1 && !animates,
    icc: metadata.hasProfile,
  }
  return NOTES.filter(note => holds[note])
}
