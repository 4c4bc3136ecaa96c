/**
 * Photos in, 8-bit sRGB pixels out. One header read and one decode per photo, on the way of which JPEGs are shrunk while
 * they are loaded; what had to be converted is noted, what cannot be shown is refused. This folder alone knows sharp.
 */
import sharp, { type FailOnOptions as FailOn, type Metadata, type OutputInfo, type Sharp } from 'sharp'
import { PrepError } from '../errors.js'
import type { ByteRange, FileRef, Pixels } from '../sample.js'
import type { Colour } from './colour.js'
import { showsAnything } from './damaged.js'
import { bytesToDecode, UNRESERVED_BYTES } from './decode-memory.js'
import { type Format, HEIC } from './format.js'
import {
  type Fit,
  type Placement,
  type Position,
  placeWithin,
  positionFor,
  type Size,
  shiftEnlarged,
} from './geometry.js'
import { type Note, noteOddities } from './notes.js'
import { readPhotoFile } from './photo-file.js'
import { checkFormat, checkSize, decodeFailed, type SizeLimits, unsupported } from './refusal.js'

/** Part of every cache key: another decoder may give other pixels. */
export const CODEC_VERSION = `sharp-${sharp.versions.sharp ?? 'unknown'} libvips-${sharp.versions.vips}`

/** 268 Mpx, 16383 x 16383: what is larger is a mistake or an attack. */
export const MAX_PIXELS = 0x3fff * 0x3fff

/** What decoding one photo may take. Only hostile files come near it. */
export const MAX_SECONDS = 60

/** One decoding thread and no operation cache: for worker processes, which share the cores among themselves. */
export function useOneThread(): void {
  sharp.concurrency(1)
  sharp.cache(false)
}

export interface DecodeOptions extends SizeLimits {
  /** What messages call the photo; by default its path. One that is kept for the photo's content must name no file. */
  readonly name?: string | undefined
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
  /** Take a damaged photo as far as it can be decoded, with the note `damaged`. */
  readonly keepDamaged?: boolean | undefined
  /** Waits until there is memory for a photo that cannot be decoded row by row. */
  readonly reserve?: ((bytes: number) => Promise<void>) | undefined
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
 * content, not from the name. How long it takes is not limited here: native code cannot be stopped from inside.
 *
 * @param input  a path (links are followed), or a file's bytes
 * @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`, `NOT_A_FILE` (folders, pipes and devices are never opened),
 *   `EMPTY_FILE`, `NOT_AN_IMAGE`, `UNSUPPORTED_FORMAT` (HEIC, BMP, SVG, ...), `DECODE_FAILED` (truncated or damaged: a
 *   decoder's warning is enough, unless `keepDamaged` and a tenth of it can be seen), `TOO_MANY_PIXELS`, `TOO_SMALL` (shorter side below `minSize`),
 *   `ASPECT` (longer side above `maxAspect` times the shorter)
 */
export async function decodeImage(input: string | Uint8Array, options: DecodeOptions): Promise<DecodedImage> {
  const { name = typeof input === 'string' ? input : 'the photo' } = options
  const { data, head } =
    typeof input === 'string' ? await readPhotoFile(input, options.range) : { data: input, head: input }
  const photo: Photo = { name, data, format: checkFormat(head, name) }
  const header = await readHeader(photo, options)
  const { metadata } = header
  const source = halfOf(metadata.autoOrient, options)
  checkSize(source, options, name)
  const bytes = bytesToDecode(metadata, photo.format, options)
  if (bytes > UNRESERVED_BYTES) await options.reserve?.(bytes)
  const { pixels, info, damaged } = await decodePixels(photo, header, options)
  const path = typeof input === 'string' ? input : undefined
  return {
    pixels,
    notes: noteOddities(metadata, photo.format, { path, damaged }),
    source: { ...source, format: photo.format },
    orientation: metadata.orientation ?? 1,
    placement: placementOf(source, options, info),
  }
}

interface Photo {
  readonly name: string
  readonly data: Uint8Array | string
  readonly format: Format
}

interface Header {
  readonly metadata: Metadata
  /** A decoder's complaint about the header, which was read all the same. */
  readonly complaint?: unknown
}

async function readHeader({ name, data }: Photo, { keepDamaged }: DecodeOptions): Promise<Header> {
  // The limit is checked later, where the size can be named.
  const read = (failOn: FailOn): Promise<Metadata> => sharp(data, { limitInputPixels: false, failOn }).metadata()
  const header: Header = await read('warning').then(
    metadata => ({ metadata }),
    async (complaint: unknown) => {
      if (!keepDamaged) throw decodeFailed(complaint, name)
      const metadata = await read('none').catch((error: unknown) => {
        throw decodeFailed(error, name)
      })
      return { metadata, complaint }
    },
  )
  if (header.metadata.compression === 'hevc') throw unsupported(name, HEIC)
  return header
}

interface Decoded {
  readonly pixels: Pixels
  readonly info: OutputInfo
}

async function decodePixels(
  { name, data, format }: Photo,
  { metadata, complaint }: Header,
  options: DecodeOptions,
): Promise<Decoded & { readonly damaged: boolean }> {
  // failOn 'warning': a bit-flipped JPEG may decode to garbage with nothing but a warning.
  const decode = async (failOn: FailOn): Promise<Decoded> => {
    if (!enlargesTurned(metadata, options)) return render(sharpPipeline(data, metadata, failOn, options))
    const { pixels } = await render(sharpPipeline(data, metadata, failOn, { ...options, size: undefined }))
    const { width, height, channels } = pixels
    return render(fitInto(sharp(pixels.data, { raw: { width, height, channels } }), options).raw())
  }
  const render = async (image: Sharp): Promise<Decoded> => {
    const { data: bytes, info } = await image.toBuffer({ resolveWithObject: true })
    if (info.channels !== 3)
      throw unsupported(name, { name: `a ${format.toUpperCase()} of ${metadata.channels} channels` })
    return { pixels: { data: bytes, width: info.width, height: info.height, channels: 3 }, info }
  }
  const refuse = (error: unknown): never => {
    throw error instanceof PrepError ? error : decodeFailed(error, name)
  }
  let reason = complaint
  if (reason === undefined) {
    try {
      return { ...(await decode('warning')), damaged: false }
    } catch (error) {
      if (!options.keepDamaged || error instanceof PrepError) return refuse(error)
      reason = error
    }
  }
  if (!(await showsAnything(data, options.maxPixels).catch(refuse))) return refuse(reason)
  return { ...(await decode('none').catch(refuse)), damaged: true }
}

/**
 * Photos that EXIF turns or mirrors are turned before they are enlarged: sharp would do it afterwards, and the half pixel
 * by which it shifts what it enlarges (`shiftEnlarged`) would go another way.
 */
function enlargesTurned({ autoOrient, orientation = 1 }: Metadata, options: DecodeOptions): boolean {
  const { size, fit, position } = options
  if (!size || orientation === 1) return false
  const source = halfOf(autoOrient, options)
  const { width, height } = placeWithin(source, size, { fit, position: positionFor(position, fit) })
  return width > source.width || height > source.height
}

/** sharp says where it cropped when the pixels decided; its offsets are negative. */
function placementOf(source: Size, { size = source, fit, position }: DecodeOptions, info: OutputInfo): Placement {
  const { cropOffsetLeft: left, cropOffsetTop: top } = info
  const crop = left === undefined || top === undefined ? undefined : { left: Math.abs(left), top: Math.abs(top) }
  return shiftEnlarged(source, placeWithin(source, size, { fit, position: positionFor(position, fit) }, crop))
}

/** What of `decodeImage`'s options an image at its own size may have as well. */
export type AsIsOptions = Partial<Pick<DecodeOptions, 'name' | 'maxPixels' | 'reserve'>>

/** The image at its own size on black, as `decodeImage` gives it. @throws {PrepError} as `decodeImage` */
export async function decodeAsIs(input: Uint8Array | FileRef, options: AsIsOptions = {}): Promise<Pixels> {
  const asIs = { fit: 'cover', position: 'centre', background: [0, 0, 0], maxPixels: MAX_PIXELS, ...options } as const
  if (input instanceof Uint8Array) return (await decodeImage(input, asIs)).pixels
  return (await decodeImage(input.path, { ...asIs, range: input.range, half: input.half })).pixels
}

/** Of an odd width the column in the middle belongs to neither half. */
const halfOf = ({ width, height }: Size, { half }: Pick<DecodeOptions, 'half'>): Size => ({
  width: half ? Math.max(1, Math.floor(width / 2)) : width,
  height,
})

function sharpPipeline(data: Uint8Array | string, metadata: Metadata, failOn: FailOn, options: DecodeOptions): Sharp {
  const { maxPixels } = options
  const [r, g, b] = options.background
  const image = sharp(data, { autoOrient: true, failOn, limitInputPixels: maxPixels })
  if (needsRgbFirst(metadata, options)) image.pipelineColourspace('srgb')
  if (options.half) {
    const { width, height } = halfOf(metadata.autoOrient, options)
    image.extract({ left: options.half === 'left' ? 0 : metadata.autoOrient.width - width, top: 0, width, height })
  }
  if (metadata.hasAlpha) image.flatten({ background: { r, g, b } })
  return fitInto(image, options).toColourspace('srgb').raw()
}

function fitInto(image: Sharp, { size, fit, position, background: [r, g, b] }: DecodeOptions): Sharp {
  if (!size) return image
  const { width, height } = size
  return image.resize({ width, height, fit, position: positionFor(position, fit), background: { r, g, b } })
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
