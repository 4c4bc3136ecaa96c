/** Finds photos in one folder and their labels in another, paired by name; whatever has no partner is said first. */
import { statSync } from 'node:fs'
import { z } from 'zod'
import { defineStage } from '../pipeline/stage.js'
import type { Sample } from '../sample.js'
import { hash } from './identity.js'
import { findCycles, findFiles } from './listing.js'
import { type Pairing, pairFiles, type Side } from './pairing.js'
import { leaveOut, previewPairs, samplesOfPairs, unpairedOption } from './pairs-of-files.js'
import { staticBase } from './patterns.js'

const place = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)])

const options = z.strictObject({
  photos: place.describe('Folder of the photos, or glob patterns'),
  labels: place.describe('Folder of the labels, or glob patterns'),
  labels_are: z
    .enum(['ids', 'colours'])
    .default('ids')
    .describe('ids: PNG whose values are class ids; colours: labels drawn in colours, also as JPEG'),
  photo_suffix: z
    .string()
    .default('')
    .describe('End of the photos’ names that labels do not have, such as _leftImg8bit'),
  label_suffix: z.string().default('').describe('End of the labels’ names that photos do not have, such as _labelIds'),
  match: z
    .enum(['path', 'name'])
    .default('path')
    .describe('path: also the folders below the two must agree; name: the file name alone counts'),
  unpaired: unpairedOption,
  ignore: z.array(z.string().min(1)).default([]).describe('Patterns to leave out; the output folder always is'),
  limit: z.int().min(1).optional().describe('Take only the first so many pairs, in order of name'),
})
type FoldersOptions = z.output<typeof options>

export const folders = defineStage({
  name: 'folders',
  version: 1,
  summary: 'Find photos and labels in two folders, paired by name',
  details:
    'photos/a/1.jpg and labels/a/1.png are a pair. Names are compared without extension and suffix; letter case counts. Files whose names lack the suffix are not looked at.',
  options,
  needs: [],
  gives: ['photo', 'label', 'drawing'],
  fields: ({ labels_are }) => ({ gives: ['photo', labels_are === 'ids' ? 'label' : 'drawing'] }),
  source: true,
  tasks: { hash },
  preview: async (options, output) => previewPairs(await findPairs(options, output)),
  plan: ({ photos, labels, labels_are }) => [`pairs ${[photos].flat()} with ${[labels].flat()} (${labels_are})`],
  check: ({ photos, labels }, { output }) => [
    ...findCycles('photos', photos, output),
    ...findCycles('labels', labels, output),
  ],
  async run(_set, options, context) {
    const { pairs, ...unpaired } = await findPairs(options, context.output)
    await leaveOut({ pairs, ...unpaired }, options.unpaired, context)
    const field = options.labels_are === 'ids' ? 'label' : 'drawing'
    const samples: readonly Sample[] = await samplesOfPairs(pairs, field, context)
    context.note(`${pairs.length} pairs of ${[options.photos].flat()} and ${[options.labels].flat()}`)
    return { samples, artefacts: {} }
  },
})

async function findPairs(options: FoldersOptions, output: string): Promise<Pairing> {
  const { photos, labels, photo_suffix, label_suffix, match, ignore, limit } = options
  const side = async (what: string, place: string | readonly string[], suffix: string): Promise<Side> => {
    const patterns = [place].flat().map(patternOf)
    const { files } = await findFiles({ patterns, ignore, what }, output)
    return { files, bases: patterns.map(staticBase), suffix, match }
  }
  const found = pairFiles(await side('photo', photos, photo_suffix), await side('label map', labels, label_suffix))
  return { ...found, pairs: found.pairs.slice(0, limit) }
}

/** A folder stands for the images in it. */
const patternOf = (place: string): string =>
  statSync(place, { throwIfNoEntry: false })?.isDirectory()
    ? `${place.replace(/\/+$/, '')}/**/*.{jpg,jpeg,png,webp,gif,tif,tiff,avif}`
    : place
