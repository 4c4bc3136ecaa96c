/** Finds photos and labels in the folder layout of Cityscapes, and says what its ids mean. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { writeFileAtomic } from '../files.js'
import { fingerprint } from '../pipeline/fingerprint.js'
import { defineStage } from '../pipeline/stage.js'
import type { Split } from '../sample.js'
import { cityscapesClasses, UNLABELLED } from './cityscapes-classes.js'
import { hash } from './identity.js'
import { findCycles, findFiles } from './listing.js'
import { type FilePair, type Pairing, pairFiles, type Side } from './pairing.js'
import { leaveOut, previewPairs, samplesOfPairs, unpairedOption } from './pairs-of-files.js'

/** An id of an instance is 1000 * class + its number. */
const DIVISOR = 1000

const options = z.strictObject({
  folder: z
    .string()
    .min(1)
    .describe(
      'Folder that holds leftImg8bit/SPLIT/CITY and gtFine/SPLIT/CITY, or photos and labels of those names side by side',
    ),
  splits: z
    .array(z.enum(['train', 'train_extra', 'val', 'test']))
    .min(1)
    .default(['train', 'val'])
    .describe('Which folders to read; each sample keeps its split. The labels published for test are empty'),
  labels: z.enum(['gtFine', 'gtCoarse']).default('gtFine').describe('Fine or coarse labels'),
  ids: z
    .enum(['train', 'all'])
    .default('train')
    .describe('train: the 19 classes of the benchmark as 0..18 and the rest as unlabelled; all: the 34 of the files'),
  edges: z
    .boolean()
    .default(false)
    .describe('Read instanceIds and give the pixels where two instances meet a class of their own, boundary'),
  unpaired: unpairedOption,
  limit: z.int().min(1).optional().describe('Take only the first so many pairs, in order of name'),
})
type CityscapesOptions = z.output<typeof options>

interface CityscapesPair extends FilePair {
  readonly split?: Split
}

export const cityscapes = defineStage({
  name: 'cityscapes',
  version: 1,
  summary: 'Find photos and labels in the folders of Cityscapes',
  details:
    'Reads labelIds (with `edges`, instanceIds). Leaves the names and colours of the classes in OUT/classes.json, from which a `classes` step without a table takes them. train, val and test of the folders are kept, also by a split step, which then warns of leaks between them.',
  options,
  needs: [],
  gives: ['photo', 'label'],
  source: true,
  tasks: { hash },
  preview: async (options, output) => previewPairs(await findPairs(options, output)),
  plan: ({ folder, splits, edges }) => [
    `reads ${folder}: ${splits.join(', ')}; ${edges ? 'instanceIds' : 'labelIds'}`,
    'writes OUT/classes.json',
  ],
  check: ({ folder }, { output }) => findCycles('folder', `${folder}/*`, output),
  async run(_set, options, context) {
    const { pairs, ...unpaired } = await findPairs(options, context.output)
    await leaveOut({ pairs, ...unpaired }, options.unpaired, context)
    const samples = await samplesOfPairs(pairs, 'label', context)
    context.note(`${pairs.length} pairs`)
    const table = {
      classes: cityscapesClasses(options.ids),
      unknown: UNLABELLED,
      ...(options.edges && { divisor: DIVISOR, edges: 'boundary' }),
    }
    const text = `${JSON.stringify(table, null, 1)}\n`
    const path = join(context.output, 'classes.json')
    await writeFileAtomic(path, text)
    return { samples, artefacts: { classes: { path, key: fingerprint(text) } } }
  },
})

async function findPairs(
  options: CityscapesOptions,
  output: string,
): Promise<Omit<Pairing, 'pairs'> & { pairs: CityscapesPair[] }> {
  const { folder, splits, labels, edges, limit } = options
  const root = folder.replace(/(.)\/+$/, '$1')
  const inSplits = statSync(join(root, 'leftImg8bit'), { throwIfNoEntry: false })?.isDirectory() ?? false
  const side = async (what: string, kind: string, suffix: string, extensions: string): Promise<Side> => {
    const base = inSplits ? `${root}/${kind}` : root
    const below = inSplits ? splits.map(split => `${base}/${split}/*/*`) : [`${base}/**/*`]
    const { files } = await findFiles(
      { patterns: below.map(path => path + suffix + extensions), ignore: [], what },
      output,
    )
    return { files, bases: [base], suffix, match: inSplits ? 'path' : 'name' }
  }
  const found = pairFiles(
    await side('photo', 'leftImg8bit', '_leftImg8bit', '.{png,jpg,jpeg,webp}'),
    await side('label map', labels, `_${labels}_${edges ? 'instanceIds' : 'labelIds'}`, '.png'),
  )
  const pairs = found.pairs.slice(0, limit).map((pair): CityscapesPair => {
    const split = inSplits ? splitOf(pair.name) : undefined
    return split ? { ...pair, split } : pair
  })
  return { ...found, pairs }
}

/** Names start with the folder's split: train/aachen/aachen_000000_000019. */
const splitOf = (name: string): Split => (name.startsWith('val/') ? 'val' : name.startsWith('test/') ? 'test' : 'train')
