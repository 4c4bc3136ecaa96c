/**
 * Filter gradients as two thin factors. Where a convolution's image has few positions, as at the bottom of the U-Net,
 * the gradient is a huge matrix of low rank: Adam multiplies it out as it goes, and it is never written to memory.
 */
import type { Node, Value } from './graph.js'
import { imageShape } from './ops.js'

/** Up to so many positions multiplying out was measured to cost less than writing the gradient and reading it. */
export const MOST_POSITIONS = 16

/** The matrix rows [O, rank] times columns [rank, width], in the order of the filters [O,I,h,w]. */
export interface Product {
  readonly rank: number
  readonly width: number
  readonly rows: Float32Array
  readonly columns: Float32Array
}

/** Whether a gradient is worth leaving in factors, which are the two inputs of its node. */
export function isThin(value: Value): value is Node<'convFilter'> {
  if (value.kind !== 'convFilter') return false
  const [image, g] = [value.inputs[0]!, value.inputs[1]!]
  const [n, , height, width] = imageShape(g.shape)
  const computed = [image, g].every(({ kind }) => kind !== 'input' && kind !== 'weight')
  return computed && n === 1 && height * width <= MOST_POSITIONS
}

/** The factors of a thin gradient from the numbers of its inputs. */
export function productOf({ attributes, inputs }: Node<'convFilter'>, x: Float32Array, g: Float32Array): Product {
  const { stride, pad, kernel } = attributes
  const [, channels, height, width] = imageShape(inputs[0]!.shape)
  const [, , h, w] = imageShape(inputs[1]!.shape)
  const taps = kernel[0] * kernel[1]
  const columns = new Float32Array(h * w * channels * taps)
  let at = 0
  for (let y = 0; y < h; y++)
    for (let x0 = 0; x0 < w; x0++)
      for (let c = 0; c < channels; c++)
        for (let ky = 0; ky < kernel[0]; ky++)
          for (let kx = 0; kx < kernel[1]; kx++, at++) {
            const [row, column] = [y * stride - pad + ky, x0 * stride - pad + kx]
            if (row >= 0 && row < height && column >= 0 && column < width)
              columns[at] = x[(c * height + row) * width + column]!
          }
  return { rank: h * w, width: channels * taps, rows: g, columns }
}
