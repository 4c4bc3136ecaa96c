/** What the classes of a data set look like and how common they are: integer sums, the same in any order. */
import type { ClassCoding } from '../labels/class-coding.js'
import { okLab, type Rgb } from '../labels/oklab.js'
import type { Palette } from '../labels/palette.js'
import type { Json } from '../pipeline/fingerprint.js'

/** Of the unknown values of one label map, so many are named. */
const MOST_NAMED = 32
/** Of those of all maps. */
const MOST_SHOWN = 8

/**
 * The facts of one label map.
 * @returns for each class the sums of r, g, b and the pixels; unknown values, most frequent first, and their pixels
 */
export function sumByClass(
  ids: Uint8Array,
  rgb: Uint8Array,
  classes: number,
  unknown: ReadonlyMap<number, number>,
): { sums: number[]; unknown: [number, number][]; unknownPixels: number } {
  const sums = new Float64Array(4 * 256)
  for (let pixel = 0, at = 0; pixel < ids.length; pixel += 1, at += 3) {
    const to = 4 * ids[pixel]!
    sums[to]! += rgb[at]!
    sums[to + 1]! += rgb[at + 1]!
    sums[to + 2]! += rgb[at + 2]!
    sums[to + 3]! += 1
  }
  return {
    sums: [...sums.subarray(0, 4 * classes)],
    unknown: byCount(unknown).slice(0, MOST_NAMED),
    unknownPixels: [...unknown.values()].reduce((sum, count) => sum + count, 0),
  }
}

const byCount = (counts: ReadonlyMap<number, number>): [number, number][] =>
  [...counts].sort(([a, m], [b, n]) => n - m || a - b)

/** The facts of all label maps together. */
export class ClassTally {
  readonly #sums: Float64Array
  readonly #unknown = new Map<number, number>()
  #pixels = 0
  #unknownPixels = 0
  #unknownSamples = 0

  constructor(classes: number) {
    this.#sums = new Float64Array(4 * classes)
  }

  add(facts: { readonly [name: string]: Json }): void {
    const { sums, unknown, unknownPixels, width, height } = facts as unknown as ReturnType<typeof sumByClass> & {
      width: number
      height: number
    }
    for (const [i, value] of sums.entries()) this.#sums[i]! += value
    for (const [value, count] of unknown) this.#unknown.set(value, (this.#unknown.get(value) ?? 0) + count)
    this.#pixels += width * height
    this.#unknownPixels += unknownPixels
    if (unknownPixels) this.#unknownSamples += 1
  }

  get unknown(): { pixels: number; share: number; samples: number } {
    return {
      pixels: this.#unknownPixels,
      share: this.#unknownPixels / (this.#pixels || 1),
      samples: this.#unknownSamples,
    }
  }

  /** Unknown ids as numbers or colours as #rrggbb, the most frequent ones first. */
  mostUnknown(kind: 'label' | 'drawing'): [string, number][] {
    const text = (value: number): string => (kind === 'label' ? `${value}` : `#${value.toString(16).padStart(6, '0')}`)
    return byCount(this.#unknown)
      .slice(0, MOST_SHOWN)
      .map(([value, count]) => [text(value), count])
  }

  /** Names and colours of the coding, mean colours and shares of the photos; a class without a pixel has its own colour. */
  palette({ classes }: ClassCoding): Palette {
    const taken = new Set<string>()
    return {
      version: 2,
      space: 'oklab',
      clusters: classes.map(({ name, display }, id) => {
        const [r, g, b, count] = this.#sums.subarray(4 * id, 4 * id + 4) as unknown as [number, number, number, number]
        const round = (value: number): number => Math.round(value * 100) / 100
        const mean: Rgb = count ? [round(r / count), round(g / count), round(b / count)] : coloursOf(display)
        return {
          id,
          name,
          centroid: distinct(mean, taken),
          display,
          mean,
          share: Math.round((count / (this.#pixels || 1)) * 1e6) / 1e6,
        }
      }),
    }
  }
}

const coloursOf = (display: string): Rgb =>
  [1, 3, 5].map(at => Number.parseInt(display.slice(at, at + 2), 16)) as unknown as Rgb

/** In OKLab, moved by a millionth where another class has exactly this colour: centroids tell classes apart. */
function distinct(mean: Rgb, taken: Set<string>): readonly [number, number, number] {
  const [L, a, b] = okLab(...mean).map(value => Math.round(value * 1e6)) as [number, number, number]
  for (let step = 0; ; step += 1) {
    const centroid = [(L + step) / 1e6, a / 1e6, b / 1e6] as const
    if (taken.has(String(centroid))) continue
    taken.add(String(centroid))
    return centroid
  }
}
