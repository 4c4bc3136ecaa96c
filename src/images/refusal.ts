/** Why a photo is refused: by its first bytes, by its size, or because it cannot be decoded. */
import { PrepError } from '../errors.js'
import { type Format, sniffFormat } from './format.js'
import type { Size } from './geometry.js'

export interface SizeLimits {
  /** Largest width x height accepted, such as MAX_PIXELS. */
  readonly maxPixels: number
  /** Fewest pixels accepted on the shorter side. */
  readonly minSize?: number | undefined
  /** Largest longer side / shorter side accepted. */
  readonly maxAspect?: number | undefined
}

/** @throws {PrepError} `EMPTY_FILE`, `NOT_AN_IMAGE`, `UNSUPPORTED_FORMAT` */
export function checkFormat(head: Uint8Array, name: string): Format {
  if (head.length === 0) throw new PrepError('EMPTY_FILE', `${name} is empty, expected a photo`)
  const sniffed = sniffFormat(head)
  if (sniffed.kind === 'other')
    throw new PrepError('NOT_AN_IMAGE', `${name} is not an image: it holds ${sniffed.looksLike}`)
  if (sniffed.kind === 'unsupported') throw unsupported(name, sniffed)
  return sniffed.format
}

/** @throws {PrepError} `TOO_MANY_PIXELS`, `TOO_SMALL`, `ASPECT` */
export function checkSize({ width, height }: Size, limits: SizeLimits, name: string): void {
  const { maxPixels, minSize = 1, maxAspect = Number.POSITIVE_INFINITY } = limits
  if (width * height > maxPixels)
    throw new PrepError(
      'TOO_MANY_PIXELS',
      `${name} is ${width}x${height}, ${megapixels(width * height)}; expected at most ${megapixels(maxPixels)}`,
      { hint: 'make it smaller, or raise the limit on pixels if the file is trusted' },
    )
  if (Math.min(width, height) < minSize)
    throw new PrepError('TOO_SMALL', `${name} is ${width}x${height}, expected at least ${minSize} on each side`)
  const aspect = Math.max(width, height) / Math.min(width, height)
  if (aspect > maxAspect)
    throw new PrepError(
      'ASPECT',
      `${name} is ${width}x${height}: one side is ${aspect.toFixed(2)} times the other, expected at most ${maxAspect}`,
      { hint: 'crop it, or raise the limit on the aspect ratio' },
    )
}

const megapixels = (pixels: number): string => `${(pixels / 1e6).toFixed(pixels < 1e7 ? 1 : 0)} Mpx`

export function unsupported(
  name: string,
  found: { readonly name: string; readonly remedy?: string | undefined },
): PrepError {
  const remedy = found.remedy ?? 'convert it to JPEG or PNG first'
  // The remedy is part of the message: lists of failures show nothing else.
  return new PrepError(
    'UNSUPPORTED_FORMAT',
    `${name} is ${found.name}, expected JPEG, PNG, WebP, GIF, TIFF or AVIF: ${remedy}`,
    { hint: remedy },
  )
}

export function decodeFailed(error: unknown, name: string): PrepError {
  const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  return new PrepError(
    'DECODE_FAILED',
    `cannot decode ${name}, it is truncated, damaged or of an uncommon kind: ${reason.trim()}`,
    {
      hint: 'fetch or export the photo again',
      cause: error,
    },
  )
}
