/** Old ids or drawn colours of pixels to new ids, counting what no class has. */
import { type Assigner, createAssigner } from './assign.js'
import { type ClassCoding, UNKNOWN } from './class-coding.js'
import type { Coordinates } from './points.js'

export interface Recoded {
  readonly ids: Uint8Array
  /** Pixels of each old id, or colour as r << 16 | g << 8 | b, that is not in the table. */
  readonly unknown: ReadonlyMap<number, number>
}

export type Recoder = (data: Uint8Array) => Recoded

/** Above every id that three channels hold: as a divisor it divides nothing. */
export const MAX_ID = 1 << 24

/** The class that an id of a class or of an instance stands for. */
export const classOf = (id: number, divisor: number): number => (id >= divisor ? Math.floor(id / divisor) : id)

/** Ids from here on are looked at one by one. */
const TABLE = 1 << 16

/**
 * For label ids. @param channels  1, or 3 for ids as r + 256 g + 65536 b
 */
export function createIdRecoder({ ids, divisor, unknown }: ClassCoding, channels: 1 | 3): Recoder {
  const known = new Map(ids)
  const other = unknown === 'nearest' ? UNKNOWN : unknown
  const newId = (id: number): number | undefined => known.get(classOf(id, divisor ?? MAX_ID))
  const table = Uint8Array.from({ length: channels === 1 ? 256 : TABLE }, (_, id) => newId(id) ?? other)
  const isKnown = Uint8Array.from(table, (_, id) => (newId(id) === undefined ? 0 : 1))
  return data => {
    const result = new Uint8Array(data.length / channels)
    const missing = new Map<number, number>()
    for (let pixel = 0, at = 0; pixel < result.length; pixel += 1, at += channels) {
      const id = channels === 1 ? data[at]! : idAt(data, at)
      result[pixel] = id < table.length ? table[id]! : (newId(id) ?? other)
      if (id < table.length ? isKnown[id] : newId(id) !== undefined) continue
      missing.set(id, (missing.get(id) ?? 0) + 1)
    }
    return { ids: result, unknown: missing }
  }
}

export const idAt = (data: Uint8Array, at: number): number => data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16)

/**
 * For labels drawn in colours: each pixel has the class of the nearest colour.
 *
 * @param distance  in RGB codes, straight line: colours farther than this from all are unknown
 */
export function createColourRecoder({ colours, unknown }: ClassCoding, distance: number): Recoder {
  const table = colours.map(([colour]) => colour)
  const assign = nearestColour(table)
  const classes = Uint8Array.from(colours, ([, id]) => id)
  const flat = Uint8Array.from(table.flat())
  const reach = distance ** 2
  return data => {
    const result = assign(data)
    const missing = new Map<number, number>()
    for (let pixel = 0, at = 0; pixel < result.length; pixel += 1, at += 3) {
      const entry = result[pixel]!
      const dr = data[at]! - flat[3 * entry]!
      const dg = data[at + 1]! - flat[3 * entry + 1]!
      const db = data[at + 2]! - flat[3 * entry + 2]!
      result[pixel] = classes[entry]!
      if (dr * dr + dg * dg + db * db <= reach) continue
      const colour = (data[at]! << 16) | (data[at + 1]! << 8) | data[at + 2]!
      missing.set(colour, (missing.get(colour) ?? 0) + 1)
      if (unknown !== 'nearest') result[pixel] = unknown
    }
    return { ids: result, unknown: missing }
  }
}

const nearestColour = (colours: readonly Coordinates[]): Assigner =>
  createAssigner({
    version: 2,
    space: 'rgb',
    clusters: colours.map((centroid, id) => ({ id, centroid, display: '#000000', mean: centroid, share: 0 })),
  })

/** Give pixels whose left, right, upper or lower neighbour has another old id the new id `edge`. */
export function markEdges(
  ids: Uint8Array,
  old: Uint8Array,
  { width, height, channels }: { readonly width: number; readonly height: number; readonly channels: 1 | 3 },
  edge: number,
): void {
  const differ = (a: number, b: number): boolean => {
    for (let c = 0; c < channels; c += 1) if (old[channels * a + c] !== old[channels * b + c]) return true
    return false
  }
  for (let y = 0, at = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1, at += 1) {
      if (x + 1 < width && differ(at, at + 1)) ids[at] = ids[at + 1] = edge
      if (y + 1 < height && differ(at, at + width)) ids[at] = ids[at + width] = edge
    }
}
