/**
 * A palette: what a label id means. It is made once for a data set, kept beside it, and given to whoever labels more
 * photos, paints labels or checks them.
 */
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { sha256Hex } from '../files.js'
import { okLabToRgb, type Rgb } from './oklab.js'
import { type Coordinates, SPACES, type Space } from './points.js'

export interface PaletteCluster {
  /** The label, 0.., the index in `clusters`. */
  readonly id: number
  /** What people call it: `road`. */
  readonly name?: string
  /** In the palette's space: `[L, a, b]` or `[r, g, b]`. A pixel has the label of the nearest one. */
  readonly centroid: Coordinates
  /** The colour that shows this label, `#rrggbb`, no two the same. */
  readonly display: string
  /** The mean colour of the photos' pixels, `[r, g, b]`, each 0..255. */
  readonly mean: Rgb
  /** The part of all pixels, 0..1. */
  readonly share: number
}

export interface Palette {
  readonly version: 1
  readonly space: Space
  /** From dark to bright when made by us; ids are what counts. */
  readonly clusters: readonly PaletteCluster[]
}

/** Labels are bytes, and 255 is left to mean "none". */
export const MAX_CLUSTERS = 255
export const MIN_CLUSTERS = 2

const coordinate = z.number()
const channel = z.number().min(0).max(255)
const paletteFile = z.strictObject({
  version: z.literal(1),
  space: z.enum(SPACES),
  clusters: z
    .array(
      z.strictObject({
        id: z.int(),
        name: z.string().min(1).optional(),
        centroid: z.tuple([coordinate, coordinate, coordinate]),
        display: z
          .string()
          .regex(/^#[0-9a-f]{6}$/i, 'expected a colour as #rrggbb')
          .optional(),
        mean: z.tuple([channel, channel, channel]).optional(),
        share: z.number().min(0).max(1).optional(),
      }),
    )
    .min(MIN_CLUSTERS)
    .max(MAX_CLUSTERS),
})

/**
 * Read a palette's JSON. Of a cluster only `id` and `centroid` are needed: `display` and `mean` default to the
 * centroid's colour, `share` to 0.
 *
 * @param file  its name, for messages
 * @throws {PrepError} `PALETTE_INVALID` with every reason found
 */
export function parsePalette(text: string, file: string): Palette {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw invalid(file, [`not JSON: ${(cause as Error).message}`], cause)
  }
  const parsed = paletteFile.safeParse(json)
  if (!parsed.success) {
    throw invalid(
      file,
      parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'file'}: ${message}`),
    )
  }
  const { version, space, clusters } = parsed.data
  const reasons: string[] = []
  const seen = {
    name: new Map<string, number>(),
    display: new Map<string, number>(),
    centroid: new Map<string, number>(),
  }
  clusters.forEach((cluster, index) => {
    if (cluster.id !== index) reasons.push(`clusters.${index}.id: expected ${index}, found ${cluster.id}`)
    for (const key of ['name', 'display', 'centroid'] as const) {
      const value = cluster[key] === undefined ? undefined : String(cluster[key]).toLowerCase()
      if (value === undefined) continue
      const other = seen[key].get(value)
      if (other !== undefined) reasons.push(`clusters.${index}.${key}: ${value} is that of cluster ${other} too`)
      else seen[key].set(value, index)
    }
  })
  if (reasons.length > 0) throw invalid(file, reasons)
  const means = clusters.map(
    ({ centroid, mean }) => mean ?? (space === 'oklab' ? okLabToRgb(centroid) : clip(centroid)),
  )
  const displays = distinctColours(clusters.map(({ display }, id) => display?.toLowerCase() ?? hex(means[id]!)))
  return {
    version,
    space,
    clusters: clusters.map(({ id, name, centroid, share = 0 }) => ({
      id,
      ...(name !== undefined && { name }),
      centroid,
      display: displays[id]!,
      mean: means[id]!,
      share,
    })),
  }
}

function invalid(file: string, reasons: readonly string[], cause?: unknown): PrepError {
  return new PrepError('PALETTE_INVALID', [`${file} is not a palette:`, ...reasons.map(r => `- ${r}`)].join('\n'), {
    hint: 'use the palette.json of a data set, or mend what is listed',
    cause,
  })
}

/** The palette as JSON, one cluster a line; the same bytes for the same palette. */
export function formatPalette({ version, space, clusters }: Palette): string {
  const lines = clusters.map(
    ({ id, name, centroid, display, mean, share }) =>
      `    ${JSON.stringify({ id, name, centroid, display, mean, share })}`,
  )
  return `{\n  "version": ${version},\n  "space": "${space}",\n  "clusters": [\n${lines.join(',\n')}\n  ]\n}\n`
}

/** sha256, 64 hex digits, of what decides labels: the space and the centroids. Names and colours are free to change. */
export const paletteHash = ({ space, clusters }: Palette): string =>
  sha256Hex(JSON.stringify([space, clusters.map(({ centroid }) => centroid)]))

/** The display colours as bytes, 3 for each id: what a painted label map or an indexed PNG needs. */
export const displayColours = ({ clusters }: Palette): Uint8Array =>
  Uint8Array.from(
    clusters.flatMap(({ display }) => [1, 3, 5].map(at => Number.parseInt(display.slice(at, at + 2), 16))),
  )

/** @param colour  each channel 0..255, rounded here */
export const hex = (colour: Rgb): string => `#${colour.map(c => Math.round(c).toString(16).padStart(2, '0')).join('')}`

const clip = ([r, g, b]: Rgb): Rgb => [clipChannel(r), clipChannel(g), clipChannel(b)]
const clipChannel = (value: number): number => Math.min(255, Math.max(0, value))

/** The colours with those changed a little that an earlier one has already, so that a colour tells its label. */
export function distinctColours(colours: readonly string[]): string[] {
  const taken = new Set<string>()
  return colours.map(colour => {
    let value = Number.parseInt(colour.slice(1), 16)
    let text = colour
    // one step of blue at a time, downwards from white
    while (taken.has(text)) {
      value = value === 0xffffff ? value - 256 : (value + 1) & 0xffffff
      text = `#${value.toString(16).padStart(6, '0')}`
    }
    taken.add(text)
    return text
  })
}
