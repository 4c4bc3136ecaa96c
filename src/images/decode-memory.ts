/** How much memory decoding a photo takes, told from its header: large ones wait for it. */
import type { Metadata } from 'sharp'
import type { Format } from './format.js'
import type { Size } from './geometry.js'

/** Below this no photo has to wait for memory. */
export const UNRESERVED_BYTES = 32 * 2 ** 20

/**
 * What a decoder holds of the photo at a time, roughly (measured with libvips 8.18). Baseline JPEGs and plain PNGs come
 * row by row; progressive JPEGs are kept as coefficients, and what else there is as pixels.
 */
export function bytesToDecode(
  metadata: Metadata,
  format: Format,
  { size }: { readonly size?: Size | undefined },
): number {
  const { width, height, channels, depth, isProgressive, chromaSubsampling } = metadata
  const pixels = width * height
  const output = size ? 0 : 3 * pixels
  const perSample = depth === 'uchar' ? 1 : depth === 'ushort' || depth === 'short' ? 2 : 4
  if (format === 'jpeg')
    return output + (isProgressive ? 2 * pixels * (chromaSubsampling === '4:2:0' ? 1.5 : channels) : 0)
  if (format === 'png' && !isProgressive) return output
  const copies = format === 'gif' || format === 'avif' ? 2 : 1
  return output + copies * pixels * channels * perSample
}
