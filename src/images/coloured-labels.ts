/** Label ids out of maps that are drawn in display colours. */
import { PrepError } from '../errors.js'
import type { Pixels } from '../sample.js'
import { type Colour, hexColour } from './colour.js'

const keyOf = (r: number, g: number, b: number): number => (r << 16) | (g << 8) | b

/** The share of the pixels whose colour is one of `colours`, 0..1. */
export function shareOfColours({ data }: Pixels, colours: readonly Colour[]): number {
  const known = new Set(colours.map(([r, g, b]) => keyOf(r, g, b)))
  let found = 0
  for (let at = 0; at < data.length; at += 3) if (known.has(keyOf(data[at]!, data[at + 1]!, data[at + 2]!))) found++
  return (3 * found) / data.length
}

/**
 * The id of each pixel's colour; of equal colours the first.
 *
 * @param pixels  3 channels
 * @param name    for messages
 * @throws {PrepError} `CLASS_UNKNOWN` naming the most frequent unknown colour, and the one that is nearest to it
 */
export function idsOfColours({ data, width, height }: Pixels, colours: readonly Colour[], name: string): Uint8Array {
  const idOf = new Map<number, number>()
  for (const [id, [r, g, b]] of colours.entries()) if (!idOf.has(keyOf(r, g, b))) idOf.set(keyOf(r, g, b), id)
  const unknown = new Map<number, number>()
  const ids = new Uint8Array(width * height)
  for (let pixel = 0, at = 0; pixel < ids.length; pixel++, at += 3) {
    const colour = keyOf(data[at]!, data[at + 1]!, data[at + 2]!)
    const id = idOf.get(colour)
    if (id === undefined) unknown.set(colour, (unknown.get(colour) ?? 0) + 1)
    else ids[pixel] = id
  }
  if (unknown.size === 0) return ids
  const [[most]] = [...unknown].sort(([a, n], [b, m]) => m - n || a - b) as [[number, number]]
  const rgb: Colour = [most >> 16, (most >> 8) & 255, most & 255]
  const distance = (to: Colour): number => to.reduce((sum, value, c) => sum + (value - rgb[c]!) ** 2, 0)
  const nearest = colours.reduce((best, colour) => (distance(colour) < distance(best) ? colour : best))
  const pixels = [...unknown.values()].reduce((sum, count) => sum + count)
  throw new PrepError(
    'CLASS_UNKNOWN',
    `${name}: ${pixels} pixels have colours of no class, most often ${hexColour(rgb)}; nearest is ${hexColour(nearest)}`,
    { hint: 'draw in the display colours of palette.json, without smooth edges and not as JPEG' },
  )
}
