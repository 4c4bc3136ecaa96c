/** Makes label maps: one palette for the whole data set (or for each image), then the nearest colour of each pixel. */
import { join } from 'node:path'
import { countAndEncode, encodeHistogram } from '../labels/histogram.js'
import { type Looking, lookAt, measureScene } from '../labels/measure.js'
import { formatPalette } from '../labels/palette.js'
import { fingerprint } from '../pipeline/fingerprint.js'
import { defineStage } from '../pipeline/stage.js'
import type { ImageRef } from '../sample.js'
import { lookAtExample } from './example-classes.js'
import { overlapExample } from './example-overlap.js'
import { AUTO_FOR_ALL, assignLabels, labelAll, labelAlone, labelEach } from './kmeans-label.js'
import { sumHistograms } from './kmeans-material.js'
import { checkNames, DEFAULT_CLUSTERS, examplesOf, type KmeansOptions, options } from './kmeans-options.js'
import { fitAmong, measureCall, measureTask } from './kmeans-palette.js'
import { drawLabels, drawPairs, labelDrawings, labelsAreWhole } from './label-drawings.js'
import { exampleFiles } from './names-from-examples.js'
import { EDITS_FILE, paletteColours, writePaletteFile } from './palette-file.js'
import { isInside } from './patterns.js'
import { applyGate, looksForTwins } from './quality-gate.js'
import { hasQualityReport } from './quality-report.js'
import { drawQuality } from './quality-sheet.js'
import { checkScene, lookingOf, usesScenes } from './scene-options.js'
import { signAhead, signatureShared, signatureTask } from './signatures.js'

export const kmeans = defineStage({
  name: 'kmeans',
  version: 5,
  summary: 'Make label maps by clustering (K-means): what looks alike, and lies alike, becomes a class',
  details:
    'Finds one palette for all photos from exact integers, so that it does not depend on order or on the number of workers, then gives each pixel the id of its nearest class. Ids go from dark to light. With `refit: drift` the palette stays while it fits when photos are added; names, colours and merges made with `prep palette` stay in any case. Leaves palette.json, coloured maps and a contact sheet in OUT/labels, and the verdict on each photo and its labels in quality.json and quality-sheet.png.',
  options,
  needs: ['photo'],
  gives: ['label', 'palette'],
  fields: ({ of }) => ({ needs: [of] }),
  files: ({ palette, names }) => [...(palette ? [palette] : []), ...namingFiles(names)],
  edits: ({ folder }) => [join(folder, EDITS_FILE)],
  plan: ({ clusters, palette, scope, folder }) => [
    palette
      ? `uses the classes of ${palette}`
      : `finds ${clusters === 'auto' ? 'so many classes as pay' : `${clusters ?? DEFAULT_CLUSTERS} classes`} for ${scope === 'dataset' ? 'all photos together' : 'each photo'}`,
    `writes OUT/${folder}: palette.json, coloured maps, contact sheet, quality.json and quality-sheet.png`,
  ],
  check: ({ palette, names, clusters, scope, ...options }, { output }) => {
    const own = (option: string, path: string | undefined, hint: string) =>
      path !== undefined && isInside(path, output)
        ? [{ option, code: 'INPUT_CYCLE' as const, message: `${path} is made by this pipeline itself`, hint }]
        : []
    return [
      ...checkNames({ names, clusters }),
      ...checkScene({ scope, ...options }),
      ...(clusters === 'auto' && scope === 'image'
        ? [{ option: 'clusters', code: 'OPTION_OUT_OF_RANGE' as const, ...AUTO_FOR_ALL }]
        : []),
      ...own('palette', palette, 'copy it out of the output folder first'),
      ...own('names.from', examplesOf(names)?.from, 'copy the examples out of the output folder first'),
      ...(examplesOf(names) && scope === 'image'
        ? [
            {
              option: 'names.from',
              code: 'OPTION_OUT_OF_RANGE' as const,
              message:
                'names: an id has one meaning in all photos only where one palette labels all, and scope is image',
              hint: 'set scope: dataset, or remove from',
            },
          ]
        : []),
    ]
  },
  intact: async (result, { folder }, output) =>
    (await labelsAreWhole(result.artefacts.palette, join(output, folder))) && hasQualityReport(join(output, folder)),
  ahead: [
    {
      task: measureTask,
      wanted: ({ palette, scope, of }) => (scope === 'dataset' && palette === undefined ? of : undefined),
      among: (samples, options) =>
        usesScenes(options) ? new Set(fitAmong(samples, options).map(({ sha256 }) => sha256)) : undefined,
      details: options => ({ ...lookingOf(options) }),
      call: measureCall,
    },
    signAhead<KmeansOptions>(({ of, quality }) => of === 'photo' && looksForTwins(quality)),
  ],
  shared: signatureShared,
  tasks: {
    /** Colour counts of one photo. */
    async count({ photo, ...looking }: Looking & { photo: ImageRef }, { load }) {
      const { data, width, height } = await load(photo)
      return { bytes: countAndEncode(lookAt(data, width, height, looking)) }
    },
    /** Colour, place and texture of one photo's cells, or of its superpixels. */
    async cells({ photo, ...looking }: Looking & { photo: ImageRef }, { load }) {
      const { data, width, height } = await load(photo)
      return { bytes: measureScene(data, width, height, looking) }
    },
    /** Colour counts of many photos. */
    async sum({ keys }: { keys: readonly string[] }, { bytes }) {
      return { bytes: encodeHistogram(sumHistograms(keys, bytes)) }
    },
    assign: assignLabels,
    label: labelAlone,
    look: lookAtExample,
    overlap: overlapExample,
    draw: drawLabels,
    sheet: drawPairs,
    quality: drawQuality,
    signature: signatureTask,
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
      : await labelAll(set, options, context)
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

/** Files that decide names: they enter the step's key. */
function namingFiles(names: KmeansOptions['names']): string[] {
  const examples = examplesOf(names)
  if (!examples) return []
  return [...(typeof examples.table === 'string' ? [examples.table] : []), ...exampleFiles(examples.from)]
}
