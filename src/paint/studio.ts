/** What painting needs of a run: the checkpoint and its palette, and of its data set, if it is still there, maps and blocks. */
import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { PrepError } from '../errors.js'
import { type Colour, hexColour } from '../images/colour.js'
import { parsePalette } from '../labels/palette.js'
import { SPLITS, type Split } from '../sample.js'
import { centreWindow, cropLabel, planFraming } from '../trainer/augment.js'
import { type CheckpointState, readCheckpointState } from '../trainer/checkpoint.js'
import { type Corpus, displayColours, openCorpus } from '../trainer/corpus.js'
import { type CutMap, cutBlocks } from './cut-blocks.js'
import type { BlockRecord, Manifest, PaintClass } from './manifest.js'

/** Training maps that blocks are cut out of. */
const MAPS_FOR_BLOCKS = 48

export interface Studio {
  readonly checkpoint: string
  readonly state: CheckpointState
  readonly colours: readonly Colour[]
  readonly manifest: Omit<Manifest, 'model'>
  /** The ids of a map that the manifest names, at the size of the net. */
  readMap(split: Split, row: number): Promise<Uint8Array>
  blocks(): Promise<readonly BlockRecord[]>
  close(): Promise<void>
}

/**
 * @param dataset  the folder of the data set; default: that of the run in which the checkpoint lies; null: none
 * @throws {PrepError} as `readCheckpointState` does; `PALETTE_INVALID` for a checkpoint without display colours
 */
export async function openStudio(checkpoint: string, given: string | null | undefined = undefined): Promise<Studio> {
  const state = await readCheckpointState(checkpoint)
  const colours = displayColours(state.palette, checkpoint)
  const dataset = given === undefined ? datasetBeside(checkpoint) : given
  const corpus = dataset === null || dataset === undefined ? undefined : await fittingCorpus(dataset, state)
  try {
    const names = corpus ? await mapNames(corpus) : []
    const { width, height } = state.model
    let blocks: Promise<readonly BlockRecord[]> | undefined
    const readMap = async (split: Split, row: number): Promise<Uint8Array> => {
      const { label } = await corpus!.reader(split)(row)
      const framing = planFraming(corpus!.size, state.options.augment)
      return cropLabel(label, framing, centreWindow(framing))
    }
    return {
      checkpoint,
      state,
      colours,
      manifest: {
        title: basename(resolve(dirname(checkpoint), '../..')),
        trained: state.engine === 'pytorch' ? 'imported' : `epoch ${state.epoch}`,
        width,
        height,
        palette: state.paletteHash,
        classes: classesOf(state.palette, colours),
        maps: names.map(({ split, row, name }) => ({ name, split, url: `maps/${split}-${row}.ids` })),
        photos: labelsPhotos(state.palette),
      },
      readMap,
      blocks: () =>
        (blocks ??= findBlocks(corpus, colours.length, { width, height, readMap }).catch(error => {
          // a disk that failed once may not the next time
          blocks = undefined
          throw error
        })),
      close: async () => corpus?.close(),
    }
  } catch (error) {
    await corpus?.close()
    throw error
  }
}

/** OUT/dataset of OUT/train/checkpoints/NAME, if there. */
function datasetBeside(checkpoint: string): string | undefined {
  const folder = join(dirname(resolve(checkpoint)), '../../dataset')
  return existsSync(join(folder, 'index.json')) ? folder : undefined
}

/** The data set, unless its labels or sizes are not those of the net. */
async function fittingCorpus(dataset: string, { paletteHash, model, options }: CheckpointState): Promise<Corpus> {
  const corpus = await openCorpus(dataset)
  const { crop } = planFraming(corpus.size, options.augment)
  const sizesFit = crop.width === model.width && crop.height === model.height
  if (corpus.paletteHash === paletteHash && sizesFit) return corpus
  await corpus.close()
  throw new PrepError(
    sizesFit ? 'PALETTE_MISMATCH' : 'CHECKPOINT_MISMATCH',
    `${dataset} is not what the checkpoint was trained on: its ${sizesFit ? 'palette' : 'size'} differs`,
    { hint: 'name the data set that it was trained on with --dataset, or leave it out with --no-dataset' },
  )
}

/** Or why not. */
function labelsPhotos(palette: unknown): true | string {
  try {
    const parsed = parsePalette(JSON.stringify(palette), 'palette.json')
    return parsed.fit
      ? true
      : 'The classes of this model were given, not found in photos, so photos cannot be labelled.'
  } catch (error) {
    if (!(error instanceof PrepError)) throw error
    return 'The palette of this model has no centroids, so photos cannot be labelled.'
  }
}

interface Told {
  readonly name?: string
  readonly mean?: Colour
  readonly share?: number
}

function classesOf(palette: unknown, colours: readonly Colour[]): PaintClass[] {
  const told = (palette as { readonly clusters: readonly Told[] }).clusters
  return colours.map((colour, id) => {
    const { name = `class ${id}`, mean = colour, share = 0 } = told[id]!
    return { id, name, display: hexColour(colour), mean: hexColour(mean), share }
  })
}

interface NamedRow {
  readonly split: Split
  readonly row: number
  readonly name: string
}

async function mapNames(corpus: Corpus): Promise<NamedRow[]> {
  const found: NamedRow[] = []
  for (const split of SPLITS) {
    const rows = Array.from({ length: corpus.rows[split] }, (_, row) => row)
    const names = await corpus.names(split, rows)
    for (const row of rows) found.push({ split, row, name: names.get(row) ?? `${split} ${row}` })
  }
  // what the model has never seen comes first
  return found.sort((a, b) => Number(a.split === 'train') - Number(b.split === 'train'))
}

/** `most` of 0..count-1, evenly. */
const spread = (count: number, most: number): number[] =>
  Array.from({ length: Math.min(count, most) }, (_, i) => Math.floor((i * count) / Math.min(count, most)))

async function findBlocks(
  corpus: Corpus | undefined,
  classes: number,
  { width, height, readMap }: { width: number; height: number; readMap: Studio['readMap'] },
): Promise<readonly BlockRecord[]> {
  if (!corpus) return []
  const rows = spread(corpus.rows.train, MAPS_FOR_BLOCKS)
  const names = await corpus.names('train', rows)
  const maps: CutMap[] = []
  for (const row of rows)
    maps.push({ ids: await readMap('train', row), width, height, name: names.get(row) ?? `train ${row}` })
  return cutBlocks(maps, classes)
}
