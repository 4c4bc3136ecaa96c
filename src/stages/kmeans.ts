/** Makes label maps: one palette for the whole data set (or for each image), then the nearest colour of each pixel. */
import { join, resolve } from 'node:path'
import { PrepError } from '../errors.js'
import { replaceFileUnsynced } from '../files.js'
import type { Colour } from '../images/colour.js'
import { encodeIndexedPng } from '../images/png.js'
import { type Assigner, createAssigner } from '../labels/assign.js'
import { countAndEncode, encodeHistogram } from '../labels/histogram.js'
import { labelImage } from '../labels/image.js'
import { formatPalette, type Palette, paletteHash, parsePalette } from '../labels/palette.js'
import { fingerprint, type Json } from '../pipeline/fingerprint.js'
import { seedFor } from '../pipeline/random.js'
import { defineStage, type StageContext, type TaskCall, type TaskResult } from '../pipeline/stage.js'
import { contentKey, type ImageRef, type Sample } from '../sample.js'
import { checkNames, DEFAULT_CLUSTERS, type KmeansOptions, options } from './kmeans-options.js'
import {
  countCall,
  engineOf,
  fitForAll,
  imageOf,
  meanPalette,
  readGivenPalette,
  sumHistograms,
} from './kmeans-palette.js'
import { drawingOf, drawLabels, drawPairs, labelDrawings, labelsAreWhole } from './label-drawings.js'
import { EDITS_FILE, paletteColours, writePaletteFile } from './palette-file.js'
import { withEdits } from './palette-refit.js'

interface AssignInput {
  readonly photo: ImageRef
  /** The text of palette.json. */
  readonly palette: string
  /** Where to write the coloured map, if anywhere: the ids are at hand, and so it needs no second reading. */
  readonly drawing?: string
}

const AUTO_FOR_ALL = {
  message: 'clusters: auto finds a number for all photos together, and scope is image',
  hint: 'set a number, or scope: dataset',
}

interface FitInput {
  readonly photo: ImageRef
  readonly clusters: number
  readonly seed: number
  readonly options: Pick<KmeansOptions, 'space' | 'restarts' | 'engine'>
}

export const kmeans = defineStage({
  name: 'kmeans',
  version: 2,
  summary: 'Make label maps by clustering colours (K-means)',
  details:
    'Finds one palette for all photos from exact integer colour counts, so that it does not depend on order or on the number of workers, then gives each pixel the id of its nearest colour. Ids go from dark to light. With `refit: drift` the palette stays while it fits when photos are added; names, colours and merges made with `prep palette` stay in any case. Leaves palette.json, coloured maps and a contact sheet in OUT/labels.',
  options,
  needs: ['photo'],
  gives: ['label', 'palette'],
  fields: ({ of }) => ({ needs: [of] }),
  files: ({ palette }) => (palette ? [palette] : []),
  edits: ({ folder }) => [join(folder, EDITS_FILE)],
  plan: ({ clusters, palette, scope, folder }) => [
    palette
      ? `uses the classes of ${palette}`
      : `finds ${clusters === 'auto' ? 'so many classes as pay' : `${clusters ?? DEFAULT_CLUSTERS} classes`} for ${scope === 'dataset' ? 'all photos together' : 'each photo'}`,
    `writes OUT/${folder}: palette.json, coloured maps, contact sheet`,
  ],
  check: ({ palette, names, clusters, scope }, { output }) => [
    ...checkNames({ names, clusters }),
    ...(clusters === 'auto' && scope === 'image'
      ? [
          {
            option: 'clusters',
            code: 'OPTION_OUT_OF_RANGE' as const,
            ...AUTO_FOR_ALL,
          },
        ]
      : []),
    ...(palette && resolve(palette).startsWith(`${resolve(output)}/`)
      ? [
          {
            option: 'palette',
            code: 'INPUT_CYCLE' as const,
            message: `${palette} is made by this pipeline itself`,
            hint: 'copy it out of the output folder first',
          },
        ]
      : []),
  ],
  intact: (result, { folder }, output) => labelsAreWhole(result.artefacts.palette, join(output, folder)),
  ahead: {
    task: 'count',
    wanted: ({ palette, scope, of }) => (scope === 'dataset' && palette === undefined ? of : undefined),
    call: photo => countCall(photo),
  },
  tasks: {
    /** Colour counts of one photo. */
    async count({ photo }: { photo: ImageRef }, { load }) {
      return { bytes: countAndEncode((await load(photo)).data) }
    },
    /** Colour counts of many photos. */
    async sum({ keys }: { keys: readonly string[] }, { bytes }) {
      return { bytes: encodeHistogram(sumHistograms(keys, bytes)) }
    },
    async assign({ photo, palette, drawing }: AssignInput, tools) {
      const { data, width, height } = await tools.load(photo)
      const { assign, colours } = labellerOf(palette)
      const ids = assign(data)
      if (drawing) replaceFileUnsynced(drawing, [encodeIndexedPng(ids, width, height, colours)])
      return { image: { data: ids, width, height, channels: 1 }, facts: { width, height } }
    },
    /** Palette and labels of one photo alone. */
    async label({ photo, clusters, seed, options }: FitInput, { load }) {
      const { data, width, height } = await load(photo)
      const { space, restarts, engine } = options
      const { labels, palette } = labelImage(data, { clusters, space, restarts, seed }, await engineOf(engine))
      return {
        image: { data: labels, width, height, channels: 1 },
        facts: { width, height, means: palette.clusters.map(({ mean, share }) => [...mean, share]) },
      }
    },
    draw: drawLabels,
    sheet: drawPairs,
  },
  async run(set, options, context) {
    const path = join(context.output, options.folder, 'palette.json')
    const { samples, palette, drawn } =
      options.scope === 'image'
        ? await labelEach(set.samples, options, context)
        : await labelAll(set.samples, options, context)
    if (!palette) return { samples, artefacts: set.artefacts }
    const text = formatPalette(palette)
    const kept = await writePaletteFile(path, text, context.cache)
    if (kept)
      context.warn(
        `${path} was changed by hand; that is kept in ${kept}: use prep palette to name, colour and merge, or palette: to label by a palette of your own`,
      )
    await context.folder(options.folder, labelDrawings(samples, palette, options, context), drawn)
    return { samples, artefacts: { ...set.artefacts, palette: { path, key: fingerprint(text) } } }
  },
})

/** What a process needs to label by a palette; the assigner prepares tables, so it is kept. */
interface Labeller {
  readonly text: string
  readonly assign: Assigner
  readonly colours: readonly Colour[]
}
let labeller: Labeller | undefined
function labellerOf(text: string): Labeller {
  if (labeller?.text === text) return labeller
  const palette = parsePalette(text, 'palette')
  labeller = { text, assign: createAssigner(palette), colours: paletteColours(palette) }
  return labeller
}

interface Labelled {
  readonly samples: Sample[]
  /** Absent when no photo could be labelled. */
  readonly palette?: Palette
  /** Coloured maps that were written on the way. */
  readonly drawn?: ReadonlySet<string>
}

/** One palette for all: fitted or read, then each photo by it. */
async function labelAll(found: readonly Sample[], options: KmeansOptions, context: StageContext): Promise<Labelled> {
  const { palette: base, samples } = options.palette
    ? { palette: await readGivenPalette(options.palette, options), samples: found }
    : await fitForAll(found, options, context)
  const palette = await withEdits(base, options, context)
  const text = formatPalette(palette)
  const colours = paletteColours(palette)
  const keyOf = (sample: Sample): Json => ({
    photo: contentKey(imageOf(sample, options)),
    palette: paletteHash(palette),
  })
  const drawings = samples.map(sample => drawingOf(sample.name, context.key('assign', keyOf(sample)), colours))
  const stale: ReadonlySet<string> = options.maps ? await context.stale(options.folder, drawings) : new Set()
  const calls = samples.map((sample, index): TaskCall => {
    const { file } = drawings[index]!
    const drawing = stale.has(file) ? { drawing: join(context.output, options.folder, file) } : {}
    return {
      sample,
      keyed: keyOf(sample),
      input: { photo: { ...imageOf(sample, options) }, palette: text, ...drawing },
    }
  })
  const drawn = new Set<string>()
  const labelled = await labelWith('assign', samples, calls, context, ({ cached }, index) => {
    if (!cached) drawn.add(drawings[index]!.file)
  })
  return { samples: labelled, palette, drawn }
}

/** Each photo by its own classes; the palette shown is their mean, id by id (0 is the darkest of each photo). */
async function labelEach(samples: readonly Sample[], options: KmeansOptions, context: StageContext): Promise<Labelled> {
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
    const input = { clusters, seed, options: { space, restarts, engine } }
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
  if (!means.length) return { samples: labelled }
  return { samples: labelled, palette: await withEdits(meanPalette(means, clusters, space), options, context) }
}

async function labelWith(
  task: 'assign' | 'label',
  samples: readonly Sample[],
  calls: readonly TaskCall[],
  context: StageContext,
  onResult: (result: Extract<TaskResult, { status: 'done' }>, index: number) => void,
): Promise<Sample[]> {
  const results = await context.map(task, calls, 'label')
  return samples.flatMap((sample, index): Sample[] => {
    const result = results[index]!
    if (result.status !== 'done') return []
    const { key, facts } = result
    onResult(result, index)
    return [{ ...sample, label: { kind: 'stored', key, width: Number(facts.width), height: Number(facts.height) } }]
  })
}
