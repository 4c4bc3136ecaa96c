/** Notes on a photo: what is converted on the way to 8-bit sRGB, what is left out, what else is odd. */
import type { Metadata } from 'sharp'
import { type Format, formatOfName } from './format.js'

/** Notes come in this order. */
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
  'damaged',
] as const
export type Note = (typeof NOTES)[number]

/** What there is to note about a decoded photo. @param path  absent: it came as bytes, without a name */
export function noteOddities(
  metadata: Metadata,
  format: Format,
  { path, damaged }: { readonly path: string | undefined; readonly damaged: boolean },
): Note[] {
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
    damaged,
  }
  return NOTES.filter(note => holds[note])
}
