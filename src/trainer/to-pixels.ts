/** What a net gives as pixels; without any other import, since pages in the browser use it, too. */
import type { Pixels } from '../sample.js'
import type { Tensor } from './engines/engine.js'

/** The first image of an NCHW tensor in [-1, 1] as RGB bytes. */
export function toPixels({ shape, data }: Tensor): Pixels {
  const [, , height, width] = shape as readonly [number, number, number, number]
  const plane = height * width
  const bytes = new Uint8ClampedArray(3 * plane)
  for (let i = 0; i < plane; i++)
    for (let channel = 0; channel < 3; channel++) bytes[3 * i + channel] = (data[channel * plane + i]! + 1) * 127.5
  return { data: new Uint8Array(bytes.buffer), width, height, channels: 3 }
}
