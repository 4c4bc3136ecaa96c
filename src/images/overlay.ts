/** Labels laid over their photo, so that people see what each region covers. */
import type { Pixels } from '../sample.js'
import type { Colour } from './colour.js'

/** How much of the label's colour shows. */
const TINT = 0.45
const LINE: Colour = [255, 230, 0]
/** How much of the line covers what is below: where regions are tiny, lines are everywhere. */
const COVER = 0.6
/** One px of line for so many of the longer side, so that lines are seen on a sheet. */
const SIDE_A_LINE = 400

/**
 * @param photo  3 channels
 * @param labels  1 channel of the same size, ids 0..K-1; an id beyond the colours is left as the photo is
 * @returns 3 channels: the photo tinted by the labels' colours, with a line where two of them meet
 */
export function overlayLabels(photo: Pixels, { data: ids }: Pixels, colours: readonly Colour[]): Pixels {
  const { data: rgb, width, height } = photo
  if (ids.length * 3 !== rgb.length) throw new RangeError('labels and photo differ in size')
  const data = new Uint8Array(rgb.length)
  const thick = Math.max(1, Math.round(Math.max(width, height) / SIDE_A_LINE))
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const id = ids[i]!
      const edge = (x + thick < width && ids[i + thick] !== id) || (y + thick < height && ids[i + thick * width] !== id)
      const colour = edge ? LINE : colours[id]
      const share = edge ? COVER : TINT
      for (let c = 0; c < 3; c++) {
        const value = rgb[3 * i + c]!
        data[3 * i + c] = colour ? Math.round(value + share * (colour[c]! - value)) : value
      }
    }
  return { data, width, height, channels: 3 }
}
