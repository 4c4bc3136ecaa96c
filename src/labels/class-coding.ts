/** From a table of classes to the new ids 0..K-1: which id or colour of the label files becomes which. */
import { PrepError } from '../errors.js'
import { type ClassTable, invalid } from './class-table.js'
import type { Rgb } from './oklab.js'
import { distinctColours, hex, MAX_CLUSTERS, MIN_CLUSTERS } from './palette.js'

/** A pixel whose id or colour is not in the table. */
export const UNKNOWN = 255

/** Plain data, so that it can go to worker processes and into keys. */
export interface ClassCoding {
  readonly classes: readonly { readonly name: string; readonly display: string }[]
  /** Old id and new id. */
  readonly ids: readonly (readonly [number, number])[]
  /** Colour of the drawings and new id. */
  readonly colours: readonly (readonly [Rgb, number])[]
  /** What an id or colour that is not listed becomes: a new id, UNKNOWN, or (colours alone) that of the nearest. */
  readonly unknown: number | 'nearest'
  readonly divisor: number | null
  /** New id of pixels where two old ids meet. */
  readonly edges: number | null
}

export interface CodingOptions {
  /** Old id or name to the name, or the id in the table, of the class that it is to count as. */
  readonly map?: Readonly<Record<string, string | number>> | undefined
  /** `fail`, `nearest`, or the name of a class. */
  readonly unknown: string
}

/**
 * Number the classes 0..K-1, in the order of the table, those that `map` adds after it, then the unknown and the edges.
 *
 * @param file  the table's name, for messages
 * @throws {PrepError} `CLASS_TABLE_INVALID`
 */
export function codeClasses(table: ClassTable, { map = {}, unknown }: CodingOptions, file: string): ClassCoding {
  const { entries, divisor = null, edges } = table
  const nameOfId = new Map(entries.map(({ id, name }) => [id, name]))
  const target = new Map(nameOfId)
  for (const [from, to] of Object.entries(map)) {
    const name = typeof to === 'number' ? (nameOfId.get(to) ?? `class ${to}`) : to
    const ids = /^\d+$/.test(from) ? [Number(from)] : entries.filter(entry => entry.name === from).map(({ id }) => id)
    if (!ids.length) throw invalid('map', `it names ${from}, which is neither an id nor a class of ${file}`)
    for (const id of ids) target.set(id, name)
  }
  const names = orderNames(
    [...nameOfId.values()],
    [...target].sort(([a], [b]) => a - b).map(([, name]) => name),
  )
  const indexOf = (name: string): number => {
    const found = names.indexOf(name)
    return found < 0 ? names.push(name) - 1 : found
  }
  const ids = [...target].sort(([a], [b]) => a - b).map(([id, name]) => [id, indexOf(name)] as const)
  const unknownId = unknown === 'nearest' ? 'nearest' : unknown === 'fail' ? UNKNOWN : indexOf(unknown)
  const edgesId = edges === undefined ? null : indexOf(edges)
  if (names.length < MIN_CLUSTERS || names.length > MAX_CLUSTERS)
    throw invalid(file, `it makes ${names.length} classes, expected ${MIN_CLUSTERS} to ${MAX_CLUSTERS}`)
  const same = names.find((name, i) => names.slice(0, i).some(other => other.toLowerCase() === name.toLowerCase()))
  if (same) throw invalid(file, `two classes are called ${same} but for the case of letters`)
  const colourOf = new Map(entries.flatMap(({ name, colour }) => (colour ? [[name, colour] as const] : [])).reverse())
  const displays = distinctColours(names.map((name, id) => hex(colourOf.get(name) ?? colourFor(name, id, unknown))))
  return {
    classes: names.map((name, id) => ({ name, display: displays[id]! })),
    ids,
    colours: entries.flatMap(({ id, colour }) => (colour ? [[colour, indexOf(target.get(id)!)] as const] : [])),
    unknown: unknownId,
    divisor,
    edges: edgesId,
  }
}

/** Names still in use: those of the table in its order, then new ones as they come, numbers by value. */
function orderNames(listed: readonly string[], used: readonly string[]): string[] {
  const inUse = new Set(used)
  const known = [...new Set(listed)].filter(name => inUse.has(name))
  const added = [...inUse].filter(name => !known.includes(name))
  const number = (name: string): number => Number(/^class (\d+)$/.exec(name)?.[1] ?? Number.NaN)
  return [
    ...known,
    ...(added.some(name => Number.isNaN(number(name))) ? added : added.sort((a, b) => number(a) - number(b))),
  ]
}

/** Hues a golden angle apart, so that any number of them differ; what is unknown is black. */
function colourFor(name: string, id: number, unknown: string): Rgb {
  if (name === unknown) return [0, 0, 0]
  const hue = (id * 137.508) % 360
  const lightness = [0.62, 0.45, 0.75][id % 3]!
  const wave = (n: number): number => {
    const k = (n + hue / 30) % 12
    return Math.round(
      255 * (lightness - 0.6 * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(k - 3, 9 - k, 1))),
    )
  }
  return [wave(0), wave(8), wave(4)]
}

/**
 * A coding that can read drawings: every class has its colour, and no colour stands for two.
 * @throws {PrepError} `CLASS_TABLE_INVALID`
 */
export function checkColours({ colours, ids }: ClassCoding, { entries }: ClassTable, file: string): void {
  const bare = entries.find(({ colour }) => !colour)
  if (bare || colours.length < ids.length)
    throw invalid(file, `${bare?.name ?? 'a class of map'} has no colour, which labels drawn in colours need`)
  if (colours.length > MAX_CLUSTERS)
    throw invalid(file, `it has ${colours.length} colours, expected at most ${MAX_CLUSTERS}`)
  const seen = new Map<string, (typeof entries)[number]>()
  for (const entry of entries) {
    const text = hex(entry.colour!)
    const other = seen.get(text)
    if (other && other.name !== entry.name)
      throw invalid(file, `${other.name} and ${entry.name} have the same colour ${text}`)
    seen.set(text, entry)
  }
}

/** The error for ids or colours that no class has. @param found  most frequent first, as text, with pixel counts */
export const unknownClasses = (
  found: readonly (readonly [value: string, pixels: number])[],
  total: { readonly pixels: number; readonly share: number; readonly samples: number },
  what: 'ids' | 'colours',
): PrepError =>
  new PrepError(
    'CLASS_UNKNOWN',
    `${total.pixels} pixels (${(100 * total.share).toFixed(2)}%) in ${total.samples} label maps have ${what} of no class: ${found
      .map(([value, pixels]) => `${value} (${pixels} pixels)`)
      .join(', ')}`,
    {
      hint:
        what === 'ids'
          ? 'add them to table:, map: them to a class, or make them a class of their own with unknown: NAME'
          : 'add classes, raise distance:, or set unknown: nearest, or unknown: NAME for a class of their own',
    },
  )
