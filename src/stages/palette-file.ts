/** palette.json on disk, and its colours as images need them. */
import { readFileChecked } from '../files.js'
import { type Colour, parseColour } from '../images/colour.js'
import { type Palette, parsePalette } from '../labels/palette.js'

/** @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`, `PALETTE_INVALID` */
export async function readPaletteFile(path: string): Promise<Palette> {
  return parsePalette((await readFileChecked(path, 'read the palette')).toString('utf8'), path)
}

/** Display colours in the order of ids. */
export const paletteColours = ({ clusters }: Palette): readonly Colour[] =>
  clusters.map(({ display }) => parseColour(display))
