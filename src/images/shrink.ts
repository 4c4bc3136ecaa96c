/** Pictures for pages: scaled down and coded small. */
import sharp from 'sharp'
import type { Pixels } from '../sample.js'
import type { Size } from './geometry.js'

export interface Shrunk extends Size {
  readonly webp: Uint8Array
}

export interface Shrinking {
  /** Wider pictures are scaled to this; none grows. */
  readonly maxWidthPx: number
  /** 1..100. */
  readonly quality: number
}

/** WebP is no higher than this. */
const MOST_PX = 16_383

/**
 * @param from  path or bytes of a picture
 * @returns undefined for what is missing or no picture
 */
export async function shrinkPicture(from: string | Uint8Array, options: Shrinking): Promise<Shrunk | undefined> {
  const { maxWidthPx, quality } = options
  try {
    const { data, info } = await sharp(from, { limitInputPixels: 1 << 28 })
      .resize({ width: maxWidthPx, height: MOST_PX, fit: 'inside', withoutEnlargement: true })
      .webp({ quality, effort: 4, smartSubsample: true })
      .toBuffer({ resolveWithObject: true })
    return { webp: data, width: info.width, height: info.height }
  } catch {
    return undefined
  }
}

/** Pictures of one size in a row, as a PNG. @param gapPx  between them */
export async function besideEachOther(pictures: readonly Pixels[], gapPx = 4): Promise<Uint8Array> {
  const { width, height } = pictures[0]!
  const whole = pictures.length * (width + gapPx) - gapPx
  const canvas = new Uint8Array(3 * whole * height).fill(255)
  for (const [i, { data }] of pictures.entries())
    for (let y = 0; y < height; y++)
      canvas.set(data.subarray(3 * y * width, 3 * (y + 1) * width), 3 * (y * whole + i * (width + gapPx)))
  return sharp(canvas, { raw: { width: whole, height, channels: 3 } })
    .png({ compressionLevel: 3 })
    .toBuffer()
}
