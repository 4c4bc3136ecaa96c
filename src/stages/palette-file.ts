/** palette.json on disk with what people have decided about it, and its colours as images need them. */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PrepError } from '../errors.js'
import { readFileChecked, sha256Hex, writeFileAtomic } from '../files.js'
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

/** Where a palette.json goes that someone has changed by hand. */
const BY_HAND_FILE = 'palette-by-hand.json'

/**
 * Write palette.json. One that someone has changed since a run wrote it is kept beside it.
 * @param cache  of the run: which texts are its own is noted there
 * @returns the name of the file that is kept, if any
 */
export async function writePaletteFile(path: string, text: string, cache: string): Promise<string | undefined> {
  const notes = join(cache, 'palettes', `${sha256Hex(path).slice(0, 12)}.json`)
  const own = JSON.parse(await readFile(notes, 'utf8').catch(() => '[]')) as string[]
  const found = await readFile(path, 'utf8').catch(() => undefined)
  const foundHash = found === undefined ? undefined : sha256Hex(found)
  const foreign = own.length > 0 && foundHash !== undefined && ![...own, sha256Hex(text)].includes(foundHash)
  if (foreign) await writeFileAtomic(join(dirname(path), BY_HAND_FILE), found!)
  // noted first, and what is there stays noted: a run may be killed between the two
  const noted = foundHash === undefined || foreign ? [] : [foundHash]
  await writeFileAtomic(notes, JSON.stringify([...noted, sha256Hex(text)]), { sync: false })
  await writeFileAtomic(path, text)
  return foreign ? BY_HAND_FILE : undefined
}

/** Display colours in the order of ids. */
export const paletteColours = ({ clusters }: Palette): readonly Colour[] =>
  clusters.map(({ display }) => parseColour(display))
