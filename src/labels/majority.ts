/** Majority filtering of label maps: single pixels and frayed borders give way to what surrounds them. */
import { instantiate } from '../kernels/instantiate.js'
import majorityKernel from '../kernels/majority.wasm.js'

interface Majority {
  majority(
    ids: number,
    width: number,
    height: number,
    k: number,
    radius: number,
    columns: number,
    stride: number,
    out: number,
  ): void
}

const kernel = instantiate<Majority>(majorityKernel)

/** The largest whose counts fit a byte: 15 * 15 pixels. */
export const MAX_MAJORITY_RADIUS = 7

/**
 * Give each pixel the most frequent id of the window of (2 * radius + 1)^2 pixels about it: its own if none is more
 * frequent, else the lowest of the most frequent. At the image's edges the window is what there is of it.
 *
 * Its time grows with k, and little with the radius.
 *
 * @param ids  label ids, `Uint8Array` of length H*W, row-major; those from `k` on, and 255 (unlabelled) in any case, are
 *   never given to others, and stay
 * @param k  number of ids, 1..255
 * @param radius  pixels, a whole number 1..7; 0 changes nothing
 * @returns new ids, length H*W
 */
export function majority(
  ids: Uint8Array,
  width: number,
  height: number,
  k: number,
  radius: number,
): Uint8Array<ArrayBuffer> {
  if (ids.length !== width * height) throw new RangeError(`${ids.length} ids are not ${width}x${height}`)
  if (!(k >= 1 && k <= 255)) throw new RangeError(`k: expected 1 to 255, found ${k}`)
  if (!(radius >= 0 && radius <= MAX_MAJORITY_RADIUS)) throw new RangeError(`radius: expected 0 to 7, found ${radius}`)
  if (radius === 0) return ids.slice()
  // the kernel's memory in bytes; src/kernels/majority.as.ts says what lies there
  const idsAt = 16
  const out = idsAt + ids.length + 16
  const columns = out + ids.length + 16
  const stride = 16 * Math.ceil(width / 16) + 32
  const buffer = kernel.reserve(columns + k * stride)
  new Uint8Array(buffer, idsAt, ids.length).set(ids)
  new Uint8Array(buffer, columns, k * stride).fill(0)
  kernel.run.majority(idsAt, width, height, k, radius, columns, stride, out)
  return new Uint8Array(buffer, out, ids.length).slice()
}
