/** What people see of label maps: each in colours, and a contact sheet of photos beside their labels. */
import { join } from 'node:path'
import { readFileChecked, replaceFileUnsynced, writeFileAtomic } from '../files.js'
import { type Colour, colourise } from '../images/colour.js'
import { encodeIndexedPng } from '../images/png.js'
import { drawContactSheet } from '../images/sheet.js'
import type { Palette } from '../labels/palette.js'
import { fingerprint } from '../pipeline/fingerprint.js'
import { folderIsWhole } from '../pipeline/output-folder.js'
import { seedFor } from '../pipeline/random.js'
import type { Artefact, FolderItem, StageContext, TaskOutput, TaskTools } from '../pipeline/stage.js'
import { contentKey, type ImageRef, type Sample } from '../sample.js'
import { paletteColours } from './palette-file.js'

const SHEET_PAIRS = 24
export const CONTACT_SHEET = 'contact-sheet.png'

interface DrawingInput {
  readonly label: ImageRef
  readonly colours: readonly Colour[]
  readonly path: string
}

/** Task: one label map as an indexed PNG. */
export async function drawLabels({ label, colours, path }: DrawingInput, { load }: TaskTools): Promise<TaskOutput> {
  const { data: ids, width, height } = await load(label)
  replaceFileUnsynced(path, [encodeIndexedPng(ids, width, height, colours)])
  return {}
}

interface SheetInput {
  readonly pairs: readonly { readonly photo: ImageRef; readonly label: ImageRef; readonly name: string }[]
  readonly colours: readonly Colour[]
  readonly path: string
}

/** Task: the contact sheet. */
export async function drawPairs(
  { pairs, colours, path }: SheetInput,
  { load, release }: TaskTools,
): Promise<TaskOutput> {
  const drawn = []
  for (const { photo, label, name } of pairs) {
    const ids = await load(label)
    drawn.push({ photo: await load(photo), label: colourise(ids, colours), caption: name })
    release(ids)
  }
  await writeFileAtomic(path, await drawContactSheet({ pairs: drawn, title: 'photos and their label maps' }))
  return {}
}

/** The file of a sample's coloured map, and what it is made from. */
export const drawingOf = (
  name: string,
  label: string,
  colours: readonly Colour[],
): Pick<FolderItem, 'file' | 'key'> => ({ file: `${name}.png`, key: { label, colours } })

/** Are palette.json and the folder of label maps as they were left? */
export const labelsAreWhole = async (palette: Artefact | undefined, folder: string): Promise<boolean> =>
  palette !== undefined &&
  (await readFileChecked(palette.path).then(
    text => fingerprint(text.toString('utf8')) === palette.key,
    () => false,
  )) &&
  folderIsWhole(folder)

/** Every file of the folder of label maps, the contact sheet first: it takes longest, and goes beside the drawings. */
export function labelDrawings(
  samples: readonly Sample[],
  palette: Palette,
  { maps, folder }: { readonly maps: boolean; readonly folder: string },
  { output, seed }: StageContext,
): FolderItem[] {
  const colours = paletteColours(palette)
  const drawings = samples.map((sample): FolderItem => {
    const label = { ...sample.label! }
    const drawing = drawingOf(sample.name, contentKey(label), colours)
    return {
      ...drawing,
      task: 'draw',
      call: { sample, input: { label, colours, path: join(output, folder, drawing.file) } },
    }
  })
  const pairs = contactSheetSamples(samples, seed).map(({ name, photo, label }) => ({
    name,
    photo: { ...photo! },
    label: { ...label! },
  }))
  const sheet: FolderItem = {
    file: CONTACT_SHEET,
    task: 'sheet',
    key: { pairs, colours },
    call: { input: { pairs, colours, path: join(output, folder, CONTACT_SHEET) } },
  }
  return [sheet, ...(maps ? drawings : [])]
}

/** Those that the contact sheet shows, in its order. @param seed  of the pipeline */
export const contactSheetSamples = (samples: readonly Sample[], seed: number): Sample[] =>
  [...samples]
    .sort((a, b) => seedFor(seed, 'sheet', a.sha256) - seedFor(seed, 'sheet', b.sha256))
    .slice(0, SHEET_PAIRS)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
