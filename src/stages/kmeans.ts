/** Makes label maps: one palette for the whole data set (or for each image), then the nearest colour of each pixel. */
import { join, resolve } from 'node:path'
import { PrepError } from '../errors.js'
import { replaceFileUnsynced } from '../files.js'
import type { Colour } from '../images/colour.js'
import { encodeIndexedPng } from '../images/png.js'
import { encodeCells } from '../labels/cells.js'
import { type Coherence, makeCoherent } from '../labels/coherence.js'
import { countAndEncode, encodeHistogram } from '../labels/histogram.js'
import { labelImage } from '../labels/image.js'
import { createLabeller, type Labeller } from '../labels/labeller.js'
import { formatPalette, type Palette, paletteHash, parsePalette } from '../labels/palette.js'
import { Scene } from '../labels/scene.js'
import { fingerprint, type Json } from '../pipeline/fingerprint.js'
import { seedFor } from '../pipeline/random.js'
import { defineStage, type StageContext, type TaskCall, type TaskResult } from '../pipeline/stage.js'
import { contentKey, type ImageRef, type Sample } from '../sample.js'
import { checkNames, DEFAULT_CLUSTERS, type KmeansOptions, options } from './kmeans-options.js'
import { engineOf, sumHistograms } from './kmeans-material.js'
import {
  countCall,
  fitAmong,
  fitForAll,
  imageOf,
  meanPalette,
  measureTask,
  readGivenPalette,
} from './kmeans-palette.js'
import { drawingOf, drawLabels, drawPairs, labelDrawings, labelsAreWhole } from './label-drawings.js'
import { EDITS_FILE, paletteColours, writePaletteFile } from './palette-file.js'
import { withEdits } from './palette-refit.js'
import { applyGate, gateFacts } from './quality-gate.js'
import { hasQualityReport } from './quality-report.js'
import { drawQuality } from './quality-sheet.js'
import { checkScene, coherenceOf, usesScenes } from './scene-options.js'

interface AssignInput {
  readonly photo: ImageRef
  /** The text of palette.json. */
  readonly palette: string
  readonly coherence: Coherence
  readonly of: KmeansOptions['of']
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
  readonly of: KmeansOptions['of']
  readonly coherence: Coherence
  readonly options: Pick<KmeansOptions, 'space' | 'restarts' | 'engine'>
}

let scene: Scene | undefined

export const kmeans = defineStage({
  name: 'kmeans',
  version: 3,
  summary: 'Make label maps by clustering (K-means): what looks alike, and lies alike, becomes a class',
  details:
    'Finds one palette for all photos from exact integer counts, so that it does not depend on order or on the number of workers, then gives each pixel the id of its nearest class. Ids go from dark to light. The palette stays while it fits when photos are added (`refit`); names, colours and merges made with `prep palette` stay in any case. Leaves palette.json, coloured maps and a contact sheet in OUT/labels, and the verdict on each photo and its labels in quality.json and quality-sheet.png.',
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
    `writes OUT/${folder}: palette.json, coloured maps, contact sheet, quality.json and quality-sheet.png`,
  ],
  check: ({ palette, names, clusters, scope, ...options }, { output }) => [
    ...checkNames({ names, clusters }),
    ...checkScene({ scope, ...options }),
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
  intact: async (result, { folder }, output) =>
    (await labelsAreWhole(result.artefacts.palette, join(output, folder))) && hasQualityReport(join(output, folder)),
  ahead: {
    task: measureTask,
    wanted: ({ palette, scope, of }) => (scope === 'dataset' && palette === undefined ? of : undefined),
    among: (samples, options) =>
      usesScenes(options) ? new Set(fitAmong(samples, options).map(({ sha256 }) => sha256)) : undefined,
    call: photo => countCall(photo),
  },
  tasks: {
    /** Colour counts of one photo. */
    async count({ photo }: { photo: ImageRef }, { load }) {
      return { bytes: countAndEncode((await load(photo)).data) }
    },
    /** Colour, place and texture of one photo's cells. */
    async cells({ photo }: { photo: ImageRef }, { load }) {
      const { data, width, height } = await load(photo)
      scene ??= new Scene()
      scene.load(data, width, height)
      return { bytes: encodeCells(scene.cells({ texture: 1 })) }
    },
    /** Colour counts of many photos. */
    async sum({ keys }: { keys: readonly string[] }, { bytes }) {
      return { bytes: encodeHistogram(sumHistograms(keys, bytes)) }
    },
    async assign({ photo, palette, coherence, of, drawing }: AssignInput, tools) {
      const pixels = await tools.load(photo)
      const { data, width, height } = pixels
      const { label, colours } = labellerOf(palette, coherence)
      const ids = label(data, width, height)
      if (drawing) replaceFileUnsynced(drawing, [encodeIndexedPng(ids, width, height, colours)])
      const quality = gateFacts({ ids, pixels, classes: colours.length, isPhoto: of === 'photo' })
      return { image: { data: ids, width, height, channels: 1 }, facts: { width, height, ...quality } }
    },
    /** Palette and labels of one photo alone. */
    async label({ photo, clusters, seed, of, coherence, options }: FitInput, { load }) {
      const pixels = await load(photo)
      const { data, width, height } = pixels
      const { space, restarts, engine } = options
      const { labels: raw, palette } = labelImage(data, { clusters, space, restarts, seed }, await engineOf(engine))
      const labels = makeCoherent(raw, data, pixels, clusters, coherence)
      return {
        image: { data: labels, width, height, channels: 1 },
        facts: {
          width,
          height,
          ...gateFacts({ ids: labels, pixels, classes: clusters, isPhoto: of === 'photo' }),
          means: palette.clusters.map(({ mean, share }) => [...mean, share]),
        },
      }
    },
    draw: drawLabels,
    sheet: drawPairs,
    quality: drawQuality,
  },
  async run(set, options, context) {
    const path = join(context.output, options.folder, 'palette.json')
    const {
      samples: labelled,
      facts,
      palette,
      drawn,
    } = options.scope === 'image'
      ? await labelEach(set.samples, options, context)
      : await labelAll(set.samples, options, context)
    if (!palette) return { samples: labelled, artefacts: set.artefacts }
    const { folder, quality } = options
    const gate = await applyGate(labelled, facts, quality, context, { folder, colours: paletteColours(palette) })
    const { samples } = gate
    const text = formatPalette(palette)
    const kept = await writePaletteFile(path, text, context.cache)
    if (kept)
      context.warn(
        `${path} was changed by hand; that is kept in ${kept}: use prep palette to name, colour and merge, or palette: to label by a palette of your own`,
      )
    await context.folder(folder, [...labelDrawings(samples, palette, options, context), ...gate.items], drawn)
    return { samples, artefacts: { ...set.artefacts, palette: { path, key: fingerprint(text) } } }
  },
})

/** What a process needs to label by a palette; the labeller prepares tables, so it is kept. */
interface Kept {
  readonly key: string
  readonly label: Labeller
  readonly colours: readonly Colour[]
}
let kept: Kept | undefined
function labellerOf(text: string, coherence: Coherence): Kept {
  const key = JSON.stringify([text, coherence])
  if (kept?.key === key) return kept
  const palette = parsePalette(text, 'palette')
  kept = { key, label: createLabeller(palette, coherence), colours: paletteColours(palette) }
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

/** One palette for all: fitted or read, then each photo by it. */
async function labelAll(found: readonly Sample[], options: KmeansOptions, context: StageContext): Promise<Labelled> {
  const { palette: base, samples } = options.palette
    ? { palette: await readGivenPalette(options.palette, options), samples: found }
    : await fitForAll(found, options, context)
  const palette = await withEdits(base, options, context)
  const text = formatPalette(palette)
  const colours = paletteColours(palette)
  const coherence = { ...coherenceOf(options) }
  const keyOf = (sample: Sample): Json => ({
    photo: contentKey(imageOf(sample, options)),
    palette: paletteHash(palette),
    coherence,
    of: options.of,
  })
  const drawings = samples.map(sample => drawingOf(sample.name, context.key('assign', keyOf(sample)), colours))
  const stale: ReadonlySet<string> = options.maps ? await context.stale(options.folder, drawings) : new Set()
  const calls = samples.map((sample, index): TaskCall => {
    const { file } = drawings[index]!
    const drawing = stale.has(file) ? { drawing: join(context.output, options.folder, file) } : {}
    return {
      sample,
      keyed: keyOf(sample),
      input: { photo: { ...imageOf(sample, options) }, palette: text, coherence, of: options.of, ...drawing },
    }
  })
  const drawn = new Set<string>()
  const labelled = await labelWith('assign', samples, calls, context, ({ cached }, index) => {
    if (!cached) drawn.add(drawings[index]!.file)
  })
  return { ...labelled, palette, drawn }
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
    const coherence = { ...coherenceOf(options) }
    const input = { clusters, seed, of: options.of, coherence, options: { space, restarts, engine } }
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
  onResult: (result: Extract<TaskResult, { status: 'done' }>, index: number) => void,
): Promise<Pick<Labelled, 'samples' | 'facts'>> {
  const results = await context.map(task, calls, 'label')
  const labelled: Sample[] = []
  const all: TaskFacts[] = []
  for (const [index, result] of results.entries()) {
    if (result.status !== 'done') continue
    const { key, facts } = result
    onResult(result, index)
    all.push(facts)
    const label = { kind: 'stored', key, width: Number(facts.width), height: Number(facts.height) } as const
    labelled.push({ ...samples[index]!, label })
  }
  return { samples: labelled, facts: all }
}
