/** The palette of a run as its next run would have it, to be looked at and edited. */
import { join, resolve } from 'node:path'
import { PrepError } from '../errors.js'
import { readFileChecked, writeFileAtomic } from '../files.js'
import { formatPalette, parsePalette } from '../labels/palette.js'
import { type Draft, draftPalette } from '../labels/palette-changes.js'
import { editPalette, formatEdits, moveEdits } from '../labels/palette-edits.js'
import { examplesOf, type KmeansOptions, namesById } from './kmeans-options.js'
import { EDITS_FILE, readEditsFile, readPaletteFile } from './palette-file.js'
import { bare } from './palette-refit.js'

export interface RunDraft {
  readonly draft: Draft
  /** The edits' own file. */
  readonly file: string
  /** Does palette.json say something else still? The next run writes it. */
  readonly pending: boolean
  /** What became of edits that were made on another palette. */
  readonly warnings: readonly string[]
}

/**
 * @param output   of the run
 * @param options  of its kmeans step
 * @param started  folder that the run was started in: paths in options are relative to it
 * @throws {PrepError} `FILE_MISSING`, `FILE_UNREADABLE`, `PALETTE_INVALID`, `PALETTE_EDIT_INVALID`
 */
export async function readDraft(
  output: string,
  { folder, palette: given, names }: Pick<KmeansOptions, 'folder' | 'palette' | 'names'>,
  started: string,
): Promise<RunDraft> {
  const path = join(output, folder, 'palette.json')
  const file = join(output, folder, EDITS_FILE)
  const text = (await readFileChecked(path, 'read the palette')).toString('utf8')
  const last = parsePalette(text, path)
  // what examples have named and merged is known from the palette alone
  const found = given ? await readPaletteFile(resolve(started, given)) : examplesOf(names) ? last : bare(last)
  const named = new Map(Object.entries(namesById(names)).map(([id, name]) => [Number(id), name]))
  const base = editPalette(found, named).palette
  const { moved, warnings } = moveEdits(await readEditsFile(file), base)
  const draft = { base, edits: moved }
  return { draft, file, warnings, pending: formatPalette(draftPalette(draft)) !== text }
}

/** @throws {PrepError} as files are written */
export async function writeDraft(file: string, { edits }: Draft): Promise<void> {
  await writeFileAtomic(file, formatEdits(edits))
}

/** For a run whose labels do not come from k-means. */
export const notEditable = (output: string): PrepError =>
  new PrepError('PALETTE_EDIT_INVALID', `${output} has no palette that was made by kmeans`, {
    hint: 'classes of your own labels get their names and colours from table: of the classes step',
  })
