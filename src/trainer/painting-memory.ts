/** How large an image a net can paint in the memory that there is. */
import { inOrder, sizeOf } from './graph/graph.js'
import type { Pix2PixConfig } from './pix2pix/model.js'
import { buildGenerator } from './pix2pix/step.js'
import { memoryLimit } from './plan.js'

/** Values that engines can address in one tensor. */
const MOST_VALUES = 2 ** 31 - 1
const BYTES = 4

/** Pixels beyond which memory gives out, were all that is computed there at once, or a tensor is too large. */
export function mostPixels(model: Pix2PixConfig, limit = memoryLimit()): number {
  const side = 2 ** model.downs
  const [small, large] = [valuesOf(model, side), valuesOf(model, 2 * side)]
  // what grows with the image, which weights do not
  const perPixel = large.map((values, i) => (values - small[i]!) / (3 * side ** 2))
  const total = perPixel.reduce((sum, values) => sum + values, 0)
  return Math.floor(Math.min(limit / (BYTES * total), MOST_VALUES / Math.max(...perPixel)))
}

function valuesOf(model: Pix2PixConfig, side: number): number[] {
  const graph = buildGenerator({ ...model, width: side, height: side, dropout: false })
  return inOrder([graph.generate(1)]).map(({ shape }) => sizeOf(shape))
}
