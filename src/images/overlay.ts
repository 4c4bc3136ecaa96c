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
  const line = tintTable(LINE, COVER)
  const tints = colours.map(colour => tintTable(colour, TINT))
  const plain = tintTable(LINE, 0)
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const id = ids[i]!
      const edge = (x + thick < width && ids[i + thick] !== id) || (y + thick < height && ids[i + thick * width] !== id)
      const tint = edge ? line : (tints[id] ?? plain)
      const at = 3 * i
      data[at] = tint[rgb[at]!]!
      data[at + 1] = tint[256 + rgb[at + 1]!]!
      data[at + 2] = tint[512 + rgb[at + 2]!]!
    }
  return { data, width, height, channels: 3 }
}

/** What each value of red, green and blue (256 each) becomes under so much of a colour. */
function tintTable(colour: Colour, share: number): Uint8Array {
  const table = new Uint8Array(3 * 256)
  for (let at = 0; at < table.length; at++) {
    const value = at & 255
    table[at] = Math.round(value + share * (colour[at >> 8]! - value))
  }
  return table
}
