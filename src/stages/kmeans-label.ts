/** How a kmeans step labels photos: all by one palette, or each by its own. */
import { join } from 'node:path'
import { PrepError } from '../errors.js'
import { replaceFileUnsynced } from '../files.js'
import type { Colour } from '../images/colour.js'
import { encodeIndexedPng } from '../images/png.js'
import { makeCoherent } from '../labels/coherence.js'
import { labelImage, labelImageBySuperpixels } from '../labels/image.js'
import { createLabeller, type Labeller, type Labelling } from '../labels/labeller.js'
import { lookAt } from '../labels/measure.js'
import { formatPalette, type Palette, paletteHash, parsePalette } from '../labels/palette.js'
import { seedFor } from '../pipeline/random.js'
import type { SampleSet, StageContext, TaskCall, TaskOutput, TaskResult, TaskTools } from '../pipeline/stage.js'
import { contentKey, type ImageRef, type Sample } from '../sample.js'
import { engineOf } from './kmeans-material.js'
import { DEFAULT_CLUSTERS, examplesOf, type KmeansOptions } from './kmeans-options.js'
import { fitForAll, imageOf, meanPalette, readGivenPalette } from './kmeans-palette.js'
import { drawingOf } from './label-drawings.js'
import { nameFromExamples } from './names-from-examples.js'
import { paletteColours } from './palette-file.js'
import { withEdits } from './palette-refit.js'
import { gateFacts } from './quality-gate.js'
import { labellingOf } from './scene-options.js'

export const AUTO_FOR_ALL = {
  message: 'clusters: auto finds a number for all photos together, and scope is image',
  hint: 'set a number, or scope: dataset',
}

interface AssignInput {
  readonly photo: ImageRef
  /** The text of palette.json. */
  readonly palette: string
  readonly labelling: Labelling
  readonly of: KmeansOptions['of']
  /** Where to write the coloured map, if anywhere: the ids are at hand, and so it needs no second reading. */
  readonly drawing?: string
}

/** Task: the labels of one photo by a palette. */
export async function assignLabels(
  { photo, palette, labelling, of, drawing }: AssignInput,
  { load }: TaskTools,
): Promise<TaskOutput> {
  const pixels = await load(photo)
  const { data, width, height } = pixels
  const { label, colours, beyondColour } = labellerOf(palette, labelling)
  const ids = label(data, width, height)
  if (drawing) replaceFileUnsynced(drawing, [encodeIndexedPng(ids, width, height, colours)])
  const quality = gateFacts({ ids, pixels, classes: colours.length, beyondColour, isPhoto: of === 'photo' })
  return { image: { data: ids, width, height, channels: 1 }, facts: { width, height, ...quality } }
}

interface FitInput {
  readonly photo: ImageRef
  readonly clusters: number
  readonly seed: number
  readonly of: KmeansOptions['of']
  readonly labelling: Labelling
  readonly options: Pick<KmeansOptions, 'space' | 'restarts' | 'engine'>
}

/** Task: palette and labels of one photo alone. */
export async function labelAlone(
  { photo, clusters, seed, of, labelling, options }: FitInput,
  { load }: TaskTools,
): Promise<TaskOutput> {
  const pixels = await load(photo)
  const { data, width, height } = pixels
  const { space, restarts, engine } = options
  const fit = { clusters, space, restarts, seed }
  const { superpixels } = labelling
  const seen = lookAt(data, width, height, labelling)
  const { labels, palette } =
    superpixels === undefined
      ? labelImage(seen, fit, await engineOf(engine))
      : labelImageBySuperpixels(seen, pixels, superpixels, fit, await engineOf(engine))
  const ids = makeCoherent(labels, seen, pixels, clusters, labelling)
  return {
    image: { data: ids, width, height, channels: 1 },
    facts: {
      width,
      height,
      ...gateFacts({ ids, pixels, classes: clusters, isPhoto: of === 'photo' }),
      means: palette.clusters.map(({ mean, share }) => [...mean, share]),
    },
  }
}

/** What a process needs to label by a palette; the labeller prepares tables, so it is kept. */
interface Kept {
  readonly key: string
  readonly label: Labeller
  readonly colours: readonly Colour[]
  readonly beyondColour: boolean
}
let kept: Kept | undefined
function labellerOf(text: string, labelling: Labelling): Kept {
  const key = JSON.stringify([text, labelling])
  if (kept?.key === key) return kept
  const palette = parsePalette(text, 'palette')
  const colours = paletteColours(palette)
  kept = { key, label: createLabeller(palette, labelling), colours, beyondColour: palette.features !== undefined }
  return kept
}

type TaskFacts = Extract<TaskResult, { status: 'done' }>['facts']

interface Labelled {
  readonly samples: Sample[]
  /** Of the tasks that labelled them. */
  readonly facts: TaskFacts[]
  /** Absent when no photo could be labelled. */
  readonly palette?: Palette
  /** Coloured maps that were written on the way. */
  readonly drawn?: ReadonlySet<string>
}

/** One palette for all: fitted or read, named by examples if there are any, edited, then each photo by it. */
export async function labelAll(set: SampleSet, options: KmeansOptions, context: StageContext): Promise<Labelled> {
  const { palette: found, samples } = options.palette
    ? { palette: await readGivenPalette(options.palette, options), samples: set.samples }
    : await fitForAll(set.samples, options, context)
  const examples = examplesOf(options.names)
  const named = examples
    ? await nameFromExamples(samples, found, examples, context, {
        table: set.artefacts.classes?.path,
        label: async few => (await labelWith('assign', few, assignCalls(few, found, options), context)).samples,
      })
    : found
  const palette = await withEdits(named, options, context)
  const colours = paletteColours(palette)
  const calls = assignCalls(samples, palette, options)
  const drawings = samples.map((sample, index) =>
    drawingOf(sample.name, context.key('assign', calls[index]!.keyed), colours),
  )
  const stale: ReadonlySet<string> = options.maps ? await context.stale(options.folder, drawings) : new Set()
  const drawn = new Set<string>()
  const labelled = await labelWith(
    'assign',
    samples,
    calls.map((call, index) => {
      const { file } = drawings[index]!
      return stale.has(file)
        ? { ...call, input: { ...call.input, drawing: join(context.output, options.folder, file) } }
        : call
    }),
    context,
    ({ cached }, index) => {
      if (!cached) drawn.add(drawings[index]!.file)
    },
  )
  return { ...labelled, palette, drawn }
}

/** Calls that label by a palette. */
function assignCalls(samples: readonly Sample[], palette: Palette, options: KmeansOptions) {
  const text = formatPalette(palette)
  const hash = paletteHash(palette)
  const labelling = { ...labellingOf(options) }
  const { of } = options
  return samples.map(sample => {
    const photo = imageOf(sample, options)
    return {
      sample,
      keyed: { photo: contentKey(photo), palette: hash, labelling, of },
      input: { photo: { ...photo }, palette: text, labelling, of },
    }
  })
}

/** Each photo by its own classes; the palette shown is their mean, id by id (0 is the darkest of each photo). */
export async function labelEach(
  samples: readonly Sample[],
  options: KmeansOptions,
  context: StageContext,
): Promise<Labelled> {
  if (options.palette)
    throw new PrepError(
      'PALETTE_MISMATCH',
      'scope: image finds the classes of each photo, palette: gives one set for all',
      {
        hint: 'remove one of the two options',
      },
    )
  const { space, restarts, engine } = options
  const { clusters = DEFAULT_CLUSTERS } = options
  if (clusters === 'auto') throw new PrepError('OPTION_OUT_OF_RANGE', AUTO_FOR_ALL.message, AUTO_FOR_ALL)
  const calls = samples.map((sample): TaskCall => {
    const seed = seedFor(context.seed, 'kmeans', sample.sha256)
    const labelling = { ...labellingOf(options) }
    const input = { clusters, seed, of: options.of, labelling, options: { space, restarts, engine } }
    return {
      sample,
      keyed: { photo: contentKey(imageOf(sample, options)), ...input },
      input: { photo: { ...imageOf(sample, options) }, ...input },
    }
  })
  const means: number[][][] = []
  const labelled = await labelWith('label', samples, calls, context, ({ facts }) =>
    means.push(facts.means as number[][]),
  )
  if (!means.length) return labelled
  return { ...labelled, palette: await withEdits(meanPalette(means, clusters, space), options, context) }
}

async function labelWith(
  task: 'assign' | 'label',
  samples: readonly Sample[],
  calls: readonly TaskCall[],
  context: StageContext,
  onResult?: (result: Extract<TaskResult, { status: 'done' }>, index: number) => void,
): Promise<Pick<Labelled, 'samples' | 'facts'>> {
  const results = await context.map(task, calls, 'label')
  const labelled: Sample[] = []
  const all: TaskFacts[] = []
  for (const [index, result] of results.entries()) {
    if (result.status !== 'done') continue
    const { key, facts } = result
    onResult?.(result, index)
    all.push(facts)
    const label = { kind: 'stored', key, width: Number(facts.width), height: Number(facts.height) } as const
    labelled.push({ ...samples[index]!, label })
  }
  return { samples: labelled, facts: all }
}
