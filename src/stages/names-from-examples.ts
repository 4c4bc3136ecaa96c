/**
 * Names for the clusters of a kmeans step from a few label maps that people have made: which files they are, what their
 * ids or colours mean, and how they overlap the clusters of the same photos.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { PrepError, systemCode } from '../errors.js'
import { sha256File } from '../files.js'
import { unknownClasses } from '../labels/class-coding.js'
import { classEntry } from '../labels/class-table.js'
import { applyNames, type Naming, nameClusters } from '../labels/name-clusters.js'
import type { Palette } from '../labels/palette.js'
import type { Json } from '../pipeline/fingerprint.js'
import type { StageContext, TaskCall } from '../pipeline/stage.js'
import { contentKey, type FileRef, type PhotoGeometry, type Sample } from '../sample.js'
import { codeExamples, type ExampleCoding } from './example-classes.js'
import type { OverlapFacts } from './example-overlap.js'
import { pairFiles, type Side } from './pairing.js'

const name = z.string().min(1)

export const namesFrom = z.strictObject({
  from: name.describe('Folder of label maps of a few of the photos, as ids or in colours, called as the photos are'),
  table: z
    .union([name, z.array(classEntry).min(1)])
    .optional()
    .describe(
      'What their ids or colours mean: a JSON file, or a list of {id, name, colour}. Default: what the source says, else every id is a class; colours need one',
    ),
  ignore: z
    .array(z.union([z.int().min(0), name]))
    .default(['unlabelled', 'unlabeled', 'void', 255])
    .describe('Ids and names of classes that name nothing; letter case does not matter'),
  min_overlap: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe('A cluster has the name of a class that at least this part of its labelled pixels in the examples have'),
  merge: z
    .boolean()
    .default(true)
    .describe('Make clusters of one class one id; false keeps all of them apart, as road, road 2, ...'),
  photo_suffix: z.string().default('').describe('End of the photos’ names that the examples do not have'),
  label_suffix: z
    .string()
    .default('')
    .describe('End of the examples’ names that photos do not have, such as _labelIds'),
})
export type NamesFrom = z.output<typeof namesFrom>

/** Label maps in the folder and below it, in order of path; the folder itself where it is missing, to be missed. */
export function exampleFiles(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => !entry.isDirectory() && /\.(png|jpe?g|webp|gif|tiff?|avif)$/i.test(entry.name))
      .map(entry => join(entry.parentPath, entry.name))
      .filter(path => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false)
      .sort()
  } catch (error) {
    if (systemCode(error)) return [folder]
    throw error
  }
}

/** What the step around it lends. */
export interface Lent {
  /** Of the source, for examples without a table of their own. */
  readonly table: string | undefined
  /** Samples with label maps by the palette as it came, without those that cannot be labelled. */
  label(samples: readonly Sample[]): Promise<Sample[]>
}

interface Example {
  readonly sample: Sample
  readonly file: FileRef
}

/**
 * The palette with names from examples, and with clusters of one class merged where the options ask for it. Notes say
 * which cluster is which class and by how much, what stays without a name, and how well the clusters as named agree
 * with the examples.
 *
 * Only pixels of the examples count, laid as their photos were by resize. The counts are whole numbers: order and
 * number of workers change nothing.
 *
 * @throws {PrepError} `NO_MATCHES` when no example is called as a photo is, `CLASS_UNKNOWN` when none has a pixel of a
 *   class, `OPTION_MISSING` for colours without a table; of any example `SIZES_DIFFER` and what reading it throws
 */
export async function nameFromExamples(
  samples: readonly Sample[],
  palette: Palette,
  options: NamesFrom,
  context: StageContext,
  { table, label }: Lent,
): Promise<Palette> {
  const examples = findExamples(samples, options, context)
  const coding = await codeExamples(
    examples.map(({ file }) => file),
    { ...options, table: options.table ?? table },
    context,
  )
  const labelled = new Map((await label(examples.map(({ sample }) => sample))).map(sample => [sample.name, sample]))
  const pairs = examples.flatMap(({ sample, file }) => {
    const found = labelled.get(sample.name)
    return found ? [{ sample: found, file }] : []
  })
  const clusters = palette.clusters.length
  const matrix = await overlapAll(pairs, clusters, coding, context)
  const names = coding.coding.classes.map(({ name }) => name)
  const naming = nameClusters(matrix, clusters, names.length, options.min_overlap)
  const { miou, pixelAccuracy } = naming.score
  context.note(
    `names from ${pairs.length} ${pairs.length === 1 ? 'example' : 'examples'} of ${options.from}: mIoU ${miou.toFixed(3)}, pixel accuracy ${pixelAccuracy.toFixed(3)} on them`,
  )
  for (const line of describeNaming(naming, names)) context.note(line)
  return applyNames(palette, naming, names, options)
}

/** Examples and their samples, by name with folders, or, where no name agrees so, without. */
function findExamples(samples: readonly Sample[], options: NamesFrom, context: StageContext): Example[] {
  const { from, photo_suffix, label_suffix } = options
  const paths = exampleFiles(from)
  const byPath = new Map(samples.map(sample => [`${sample.name}.photo`, sample]))
  const pairBy = (match: Side['match']) =>
    pairFiles(
      { files: [...byPath.keys()].map(path => ({ path })), bases: ['.'], suffix: photo_suffix, match },
      { files: paths.map(path => ({ path })), bases: [from], suffix: label_suffix, match },
    )
  const exact = pairBy('path')
  const { pairs, labels, doubles } = exact.pairs.length ? exact : pairBy('name')
  if (!pairs.length)
    throw new PrepError(
      'NO_MATCHES',
      `none of the ${paths.length} label maps in ${from} is called as a photo is: found ${list(paths)}, expected names such as ${list(samples.map(({ name }) => `${name}.png`))}`,
      {
        hint: 'call each example as its photo, or say what the names have besides with photo_suffix: and label_suffix:',
      },
    )
  const twice = doubles.filter(({ path }) => !byPath.has(path))
  if (labels.length)
    context.note(
      `${labels.length} of ${paths.length} label maps in ${from} have no photo here: ${list(labels.map(({ path }) => path))}`,
    )
  if (twice.length) context.warn(`label maps of the same name are left out: ${list(twice.map(({ path }) => path))}`)
  return pairs.map(({ photo, label }) => ({
    sample: byPath.get(photo.path)!,
    file: { kind: 'file', path: label.path, sha256: sha256File(label.path) },
  }))
}

/** Pixels that clusters and classes share, over all examples. @throws {PrepError} `CLASS_UNKNOWN` */
async function overlapAll(
  examples: readonly Example[],
  clusters: number,
  { coding, kind, ignored }: ExampleCoding,
  context: StageContext,
): Promise<Float64Array> {
  const calls = examples.map(({ sample, file }): TaskCall => {
    const labels = sample.label!
    const how = {
      coding: coding as unknown as Json,
      kind,
      ignored,
      clusters,
      geometry: geometryOf(sample) as unknown as Json,
    }
    return {
      keyed: { example: contentKey(file), labels: contentKey(labels), ...how },
      input: { example: { ...file }, labels: { ...labels }, ...how },
    }
  })
  const matrix = new Float64Array(clusters * coding.classes.length)
  const unknown = new Map<string, number>()
  let [pixels, unknownPixels, affected] = [0, 0, 0]
  for (const result of await context.map('overlap', calls, 'compare with examples')) {
    if (result.status !== 'done') continue
    const facts = result.facts as unknown as OverlapFacts
    for (const [at, count] of facts.overlap.entries()) matrix[at]! += count
    for (const [value, count] of facts.unknown) unknown.set(value, (unknown.get(value) ?? 0) + count)
    pixels += facts.pixels
    unknownPixels += facts.unknownPixels
    if (facts.unknownPixels) affected += 1
  }
  const found = [...unknown].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, MOST_LISTED)
  const total = { pixels: unknownPixels, share: unknownPixels / (pixels || 1), samples: affected }
  const problem = unknownClasses(found, total, kind === 'label' ? 'ids' : 'colours')
  if (matrix.every(count => count === 0)) {
    if (found.length) throw problem
    throw new PrepError('CLASS_UNKNOWN', 'the examples have no pixel that is in a class and in their photo', {
      hint: 'see what ignore: leaves out',
    })
  }
  if (found.length) context.warn(`${problem.message}; they name nothing`)
  return matrix
}

/** Where no step has resized the photo, the example is to have its shape. */
function geometryOf({ geometry, label }: Sample): PhotoGeometry {
  if (geometry) return geometry
  const { width, height } = label as { width: number; height: number }
  const size = { width, height }
  return { source: size, orientation: 1, placement: { left: 0, top: 0, ...size }, size }
}

const MOST_LISTED = 8
const list = (names: readonly string[]): string =>
  `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`

const percent = (share: number): string => `${Math.round(100 * share)}%`

/** Lines such as `road: 3 (83%), 5 (71%); sky: 11 (95%)`. */
function describeNaming({ evidence, classOf, score }: Naming, names: readonly string[]): string[] {
  const clusters = [...classOf.keys()]
  const named = names.flatMap((name, kind) => {
    const own = clusters.filter(id => classOf[id] === kind)
    return own.length ? [`${name}: ${own.map(id => `${id} (${percent(evidence[id]!.share)})`).join(', ')}`] : []
  })
  const unnamed = clusters.filter(id => classOf[id]! < 0)
  const best = unnamed.map(id => {
    const { kind, share } = evidence[id]!
    return kind < 0 ? `${id} (not in the examples)` : `${id} (${names[kind]} ${percent(share)})`
  })
  const missed = names.filter((_, kind) => !Number.isNaN(score.iou[kind]) && !classOf.includes(kind))
  return [
    named.length ? named.join('; ') : 'no cluster is mostly one class: lower min_overlap, or use more clusters',
    ...(best.length ? [`clusters without a name: ${best.join(', ')}`] : []),
    ...(missed.length ? [`classes without a cluster: ${missed.join(', ')}`] : []),
  ]
}
