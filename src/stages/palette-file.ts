/** palette.json on disk with what people have decided about it, and its colours as images need them. */
import { PrepError } from '../errors.js'
import { readFileChecked } from '../files.js'
import { type Colour, parseColour } from '../images/colour.js'
import { type Palette, parsePalette } from '../labels/palette.js'
import { type PaletteEdits, parseEdits } from '../labels/palette-edits.js'

/** @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`, `PALETTE_INVALID` */
export async function readPaletteFile(path: string): Promise<Palette> {
  return parsePalette((await readFileChecked(path, 'read the palette')).toString('utf8'), path)
}

/** Beside palette.json: names, colours and merges made by hand. Runs read it and never write it. */
export const EDITS_FILE = 'palette-edits.json'

/** @returns undefined where there is no such file @throws {PrepError} `FILE_UNREADABLE`, `PALETTE_EDIT_INVALID` */
export async function readEditsFile(path: string): Promise<PaletteEdits | undefined> {
  const text = await readFileChecked(path, 'read the edits of the palette').catch((error: unknown) => {
    if (error instanceof PrepError && error.code === 'FILE_MISSING') return undefined
    throw error
  })
  return text && parseEdits(text.toString('utf8'), path)
}

/** Display colours in the order of ids. */
export const paletteColours = ({ clusters }: Palette): readonly Colour[] =>
  clusters.map(({ display }) => parseColour(display))
