/**
 * A palette: what a label id means. It is made once for a data set, kept beside it, and given to whoever labels more
 * photos, paints labels or checks them.
 */
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { sha256Hex } from '../files.js'
import { spreadColours } from './display-colours.js'
import { type Features, weightsOf } from './features.js'
import { okLabToRgb, type Rgb } from './oklab.js'
import { type Coordinates, SPACES, type Space } from './points.js'

export { distinctColours, hex } from './display-colours.js'

export interface PaletteCluster {
  /** The label, 0.., the index in `clusters`. */
  readonly id: number
  /** What people call it: `road`. */
  readonly name?: string
  /**
   * In the palette's space: `[L, a, b]` or `[r, g, b]`, then what else is clustered; all of one length. A pixel has the
   * label of the nearest one.
   */
  readonly centroid: Coordinates
  /** The colour that shows this label, `#rrggbb`, no two the same. */
  readonly display: string
  /** The mean colour of the photos' pixels, `[r, g, b]`, each 0..255. */
  readonly mean: Rgb
  /** The part of all pixels of the photos it was fitted to, 0..1. */
  readonly share: number
  /** Merged by hand into this one: its pixels get that label. Never to one that is merged itself. */
  readonly into?: number
}

/** What a palette was fitted to: the measure of whether it still fits. */
export interface PaletteFit {
  readonly photos: number
  /** Mean squared distance of a pixel to its centroid. */
  readonly error: number
  /** Digest of the options of the fit: a palette of other options is not gone on from. */
  readonly options: string
}

export interface Palette {
  /** Files of version 1 (no `into`, no `fit`) are read as well. */
  readonly version: 2
  readonly space: Space
  /** What besides the colours of pixels centroids tell apart; absent: nothing. */
  readonly features?: Features
  /** Absent from palettes that were not fitted to photos. */
  readonly fit?: PaletteFit
  /** From dark to bright when made by us; ids are what counts. */
  readonly clusters: readonly PaletteCluster[]
}

/** Labels are bytes, and 255 is left to mean "none". */
export const MAX_CLUSTERS = 255
export const MIN_CLUSTERS = 2

const channel = z.number().min(0).max(255)
const cluster = {
  id: z.int(),
  name: z.string().min(1).optional(),
  display: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i, 'expected a colour as #rrggbb')
    .optional(),
  mean: z.tuple([channel, channel, channel]).optional(),
  share: z.number().min(0).max(1).optional(),
}
const clustersOf = <C extends z.ZodType>(one: C) => z.array(one).min(MIN_CLUSTERS).max(MAX_CLUSTERS)
const number = z.number()
const weight = z.number().min(0)
const features = z.strictObject({
  chroma: z.number().positive(),
  position: weight,
  texture: weight,
  exposure: z.number().min(0).max(1),
  detail: z.number().positive(),
})
const versions = {
  1: z.strictObject({
    version: z.literal(1),
    space: z.enum(SPACES),
    clusters: clustersOf(z.strictObject({ ...cluster, centroid: z.tuple([number, number, number]) })),
  }),
  2: z.strictObject({
    version: z.literal(2),
    space: z.enum(SPACES),
    features: features.optional(),
    fit: z.strictObject({ photos: z.int().min(1), error: z.number().min(0), options: z.string() }).optional(),
    clusters: clustersOf(
      z.strictObject({ ...cluster, centroid: z.array(number).min(3), into: z.int().min(0).optional() }),
    ),
  }),
}

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
  const version = (json as { version?: unknown } | null)?.version
  if (version !== 1 && version !== 2)
    throw invalid(file, [`version: expected 1 or 2, found ${JSON.stringify(version) ?? 'none'}`], undefined, version)
  const parsed: z.ZodSafeParseResult<ParsedPalette> = versions[version].safeParse(json)
  if (!parsed.success) {
    throw invalid(
      file,
      parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'file'}: ${message}`),
    )
  }
  const { space, features, fit, clusters } = parsed.data
  const reasons = [...contradictions(clusters), ...(features ? misfits(features, space, clusters) : [])]
  if (reasons.length > 0) throw invalid(file, reasons)
  const means = clusters.map(({ centroid: [x = 0, y = 0, z = 0], mean }): Rgb => {
    if (mean) return mean
    return space === 'oklab' ? okLabToRgb([x, y, z]) : [clipChannel(x), clipChannel(y), clipChannel(z)]
  })
  const displays = spreadColours(
    means,
    clusters.map(({ display }) => display?.toLowerCase()),
  )
  return {
    version: 2,
    space,
    ...(features && { features }),
    ...(fit && { fit }),
    clusters: clusters.map(({ id, name, centroid, share = 0, into }) => ({
      id,
      ...(name !== undefined && { name }),
      centroid: centroid as unknown as Coordinates,
      display: displays[id]!,
      mean: means[id]!,
      share,
      ...(into !== undefined && { into }),
    })),
  }
}

type ParsedCluster = Pick<PaletteCluster, 'id'> & { readonly centroid: readonly number[] } & {
  readonly [field in 'name' | 'display' | 'mean' | 'share' | 'into']?: PaletteCluster[field] | undefined
}
interface ParsedPalette {
  readonly space: Space
  readonly features?: Features | undefined
  readonly fit?: PaletteFit | undefined
  readonly clusters: readonly ParsedCluster[]
}

/** What does not hold together: ids out of order, the same thing twice, merges that lead nowhere. */
function contradictions(clusters: readonly ParsedCluster[]): string[] {
  const reasons: string[] = []
  const seen = {
    name: new Map<string, number>(),
    display: new Map<string, number>(),
    centroid: new Map<string, number>(),
  }
  const length = clusters[0]!.centroid.length
  clusters.forEach((cluster, index) => {
    const at = `clusters.${index}`
    const { id, centroid, into } = cluster
    if (id !== index) reasons.push(`${at}.id: expected ${index}, found ${id}`)
    if (centroid.length !== length)
      reasons.push(`${at}.centroid: expected ${length} numbers, as in cluster 0, found ${centroid.length}`)
    const target = into === undefined ? undefined : clusters[into]
    if (into === index) reasons.push(`${at}.into: a cluster cannot be merged into itself`)
    else if (into !== undefined && !target)
      reasons.push(`${at}.into: expected an id below ${clusters.length}, found ${into}`)
    else if (target?.into !== undefined) reasons.push(`${at}.into: ${into} is itself merged into ${target.into}`)
    for (const key of ['name', 'display', 'centroid'] as const) {
      const value = cluster[key] === undefined ? undefined : String(cluster[key]).toLowerCase()
      if (value === undefined) continue
      const other = seen[key].get(value)
      if (other !== undefined) reasons.push(`${at}.${key}: ${value} is that of cluster ${other} too`)
      else seen[key].set(value, index)
    }
  })
  return reasons
}

/** Where centroids are not made of what the features say. */
function misfits(features: Features, space: Space, [cluster]: readonly ParsedCluster[]): string[] {
  const [expected, found] = [weightsOf(features).length, cluster!.centroid.length]
  return [
    ...(space === 'oklab' ? [] : ['features: expected space oklab']),
    ...(found === expected
      ? []
      : [`clusters.0.centroid: expected ${expected} numbers for these features, found ${found}`]),
  ]
}

function invalid(file: string, reasons: readonly string[], cause?: unknown, version?: unknown): PrepError {
  return new PrepError('PALETTE_INVALID', [`${file} is not a palette:`, ...reasons.map(r => `- ${r}`)].join('\n'), {
    hint:
      typeof version === 'number'
        ? 'update prep to read palettes of newer versions, or let kmeans make a new one'
        : 'use the palette.json of a data set, or mend what is listed',
    cause,
  })
}

/** The palette as JSON, one cluster a line; the same bytes for the same palette. */
export function formatPalette({ version, space, features, fit, clusters }: Palette): string {
  const lines = clusters.map(
    ({ id, name, centroid, display, mean, share, into }) =>
      `    ${JSON.stringify({ id, name, centroid, display, mean, share, into })}`,
  )
  const head = Object.entries({ version, space, ...(features && { features }), ...(fit && { fit }) }).map(
    ([field, value]) => `  "${field}": ${JSON.stringify(value)},\n`,
  )
  return `{\n${head.join('')}  "clusters": [\n${lines.join(',\n')}\n  ]\n}\n`
}

/**
 * sha256, 64 hex digits, of what decides labels: the space, the features, the centroids and what is merged. Names and colours are free
 * to change.
 */
export const paletteHash = ({ space, features, clusters }: Palette): string =>
  sha256Hex(
    JSON.stringify([
      space,
      clusters.map(({ centroid, into }) => (into === undefined ? centroid : [centroid, into])),
      ...(features ? [features] : []),
    ]),
  )

/** The centroids with each coordinate times its weight: plain distances between them are those that labels go by. */
export function weightedCentroids({ features, clusters }: Palette): number[][] {
  const weights = features ? weightsOf(features) : [1, 1, 1]
  return clusters.map(({ centroid }) => centroid.map((value, axis) => value * weights[axis]!))
}

/** The label of the pixels nearest to each cluster: its id, or that of the one it is merged into. */
export const labelIds = ({ clusters }: Palette): readonly number[] => clusters.map(({ id, into = id }) => into)

/** The display colours as bytes, 3 for each id: what a painted label map or an indexed PNG needs. */
export const displayColours = ({ clusters }: Palette): Uint8Array =>
  Uint8Array.from(
    clusters.flatMap(({ display }) => [1, 3, 5].map(at => Number.parseInt(display.slice(at, at + 2), 16))),
  )

const clipChannel = (value: number): number => Math.min(255, Math.max(0, value))
