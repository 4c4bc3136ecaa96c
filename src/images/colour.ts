/** Colours as people see them on a label map: class ids to display colours. */
import type { Pixels } from '../sample.js'

/** sRGB, each 0..255. */
export type Colour = readonly [red: number, green: number, blue: number]

/** `#rrggbb`, as SVG and CSS take it. */
export const hexColour = (colour: Colour): string =>
  `#${colour.map(value => Math.round(value).toString(16).padStart(2, '0')).join('')}`

/** @param hex  `#rrggbb`; anything else is a bug of the caller's and throws a RangeError */
export function parseColour(hex: string): Colour {
  if (!/^#[0-9a-f]{6}$/i.test(hex)) throw new RangeError(`expected #rrggbb, found ${hex}`)
  const value = Number.parseInt(hex.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}

/**
 * Show a label map in colours.
 *
 * @param labels   1 channel, ids 0..K-1
 * @param colours  K display colours; an id beyond them is a bug of the caller's and throws a RangeError
 * @returns 3 channels of the same size
 */
export function colourise(labels: Pixels, colours: readonly Colour[]): Pixels {
  const { data: ids, width, height } = labels
  const table = new Uint8Array(3 * colours.length)
  for (const [id, colour] of colours.entries()) table.set(colour, 3 * id)
  const data = new Uint8Array(3 * ids.length)
  let highest = 0
  for (let pixel = 0, at = 0; pixel < ids.length; pixel += 1, at += 3) {
    const id = ids[pixel]!
    if (id > highest) highest = id
    data[at] = table[3 * id]!
    data[at + 1] = table[3 * id + 1]!
    data[at + 2] = table[3 * id + 2]!
  }
  if (highest >= colours.length) throw new RangeError(`label id ${highest}, but there are ${colours.length} colours`)
  return { data, width, height, channels: 3 }
}
