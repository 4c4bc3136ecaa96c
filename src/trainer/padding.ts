/** Label maps made large enough for a net, and its paintings cut back to what was asked for. */
import type { Pixels } from '../sample.js'
import type { Size } from './augment.js'

export const PADDINGS = ['reflect', 'edge'] as const
/** What goes on beyond the border: the map mirrored at its last pixel, or that pixel. */
export type Padding = (typeof PADDINGS)[number]

/** The least size that holds `size` and that `step` divides. */
export const roundUp = ({ width, height }: Size, step: number): Size => ({
  width: Math.ceil(width / step) * step,
  height: Math.ceil(height / step) * step,
})

/** Ids of `size` in the middle of `to`; of an odd rest the larger part comes after. */
export function padIds(ids: Uint8Array, size: Size, to: Size, padding: Padding): Uint8Array {
  const columns = sources(size.width, to.width, padding)
  const out = new Uint8Array(to.width * to.height)
  let at = 0
  for (const row of sources(size.height, to.height, padding))
    for (const column of columns) out[at++] = ids[row * size.width + column]!
  return out
}

/** What lies in the place that `padIds` gave a map of `size`. */
export function cropToMiddle({ data, width, height, channels }: Pixels, size: Size): Pixels {
  const [left, top] = [(width - size.width) >> 1, (height - size.height) >> 1]
  const out = new Uint8Array(channels * size.width * size.height)
  for (let y = 0; y < size.height; y++) {
    const from = channels * ((top + y) * width + left)
    out.set(data.subarray(from, from + channels * size.width), channels * y * size.width)
  }
  return { data: out, width: size.width, height: size.height, channels }
}

/** For each position of the padded line the one that it takes. */
function sources(length: number, to: number, padding: Padding): number[] {
  const before = (to - length) >> 1
  const period = Math.max(1, 2 * (length - 1))
  return Array.from({ length: to }, (_, i) => {
    const at = i - before
    if (padding === 'edge') return Math.min(length - 1, Math.max(0, at))
    const within = ((at % period) + period) % period
    return within < length ? within : period - within
  })
}
