/**
 * From the palette that was fitted last time to the one that labels this time: kept as long as it fits, so that a photo
 * added does not relabel all others, and edited as people want it.
 */
import { join } from 'node:path'
import { spreadColours } from '../labels/display-colours.js'
import { type Drift, driftOf, type Quantisation } from '../labels/drift.js'
import type { Palette } from '../labels/palette.js'
import { editPalette, invalid } from '../labels/palette-edits.js'
import { numberLike } from '../labels/palette-match.js'
import type { StageContext } from '../pipeline/stage.js'
import { type KmeansOptions, namesById } from './kmeans-options.js'
import { EDITS_FILE, readEditsFile, readPaletteFile } from './palette-file.js'

export interface FitJob {
  readonly photos: number
  /** Digest of the options of the fit. */
  readonly options: string
  /** Make a new palette of the photos. */
  fit(): Promise<Palette>
  /** How a palette stands to the photos. */
  measure(palette: Palette): Promise<Quantisation>
}

/**
 * The palette in OUT/FOLDER/palette.json when it was fitted with the same options and `refit` lets it stay, else a new
 * one; both without edits. Says which, and why.
 *
 * A new one keeps the ids as far as its clusters match those of the last one, or of the one that people edited. Without
 * either (`refit: always`, a first run, --fresh) ids and all else depend on the photos alone.
 */
export async function keepOrFit(
  job: FitJob,
  { refit, drift_limit, folder }: Pick<KmeansOptions, 'refit' | 'drift_limit' | 'folder'>,
  context: StageContext,
): Promise<Palette> {
  const last = refit === 'always' || context.fresh ? undefined : await lastPalette(join(context.output, folder), job)
  if (last && refit === 'never') {
    if (last.fit!.photos !== job.photos)
      context.note(`palette kept from ${last.fit!.photos} photos (refit: never; --fresh fits again)`)
    return last
  }
  const drift = last && driftOf(last, await job.measure(last))
  if (last && drift && drift.error <= drift_limit && drift.shares <= drift_limit) {
    if (drift.error !== 0 || drift.shares !== 0)
      context.note(`palette kept: ${driftText(drift)} since it was fitted; refit: always fits again`)
    return last
  }
  const fitted = bare(await job.fit())
  const { error } = await job.measure(fitted)
  const palette = { ...fitted, fit: { photos: job.photos, error, options: job.options } }
  if (drift) context.note(`palette fitted again: ${driftText(drift)}, drift_limit is ${drift_limit}`)
  const model = last ?? (await readEditsFile(join(context.output, folder, EDITS_FILE)))?.palette
  return model ? bare(numberLike(palette, model)) : palette
}

const driftText = ({ error, shares }: Drift): string =>
  `error ${error < 0 ? '' : '+'}${(100 * error).toFixed(1)}%, shares moved ${(100 * shares).toFixed(1)}%`

/** One that cannot be read is as good as none: it can be made again. */
async function lastPalette(folder: string, { options }: FitJob): Promise<Palette | undefined> {
  const palette = await readPaletteFile(join(folder, 'palette.json')).catch(() => undefined)
  return palette?.fit?.options === options ? bare(palette) : undefined
}

/** As the photos alone make it: without names and merges, in colours that stay apart. */
export function bare(palette: Palette): Palette {
  const displays = spreadColours(palette.clusters.map(({ mean }) => mean))
  return {
    ...palette,
    clusters: palette.clusters.map(({ name: _name, into: _into, ...cluster }, id) => ({
      ...cluster,
      display: displays[id]!,
    })),
  }
}

/**
 * With `names` of the options, and what people have decided with `prep palette`.
 * @throws {PrepError} `PALETTE_EDIT_INVALID`
 */
export async function withEdits(
  palette: Palette,
  { names, folder, scope }: Pick<KmeansOptions, 'names' | 'folder' | 'scope'>,
  context: StageContext,
): Promise<Palette> {
  const edits = await readEditsFile(join(context.output, folder, EDITS_FILE))
  const named = new Map(Object.entries(namesById(names)).map(([id, name]) => [Number(id), name]))
  const { palette: edited, warnings } = editPalette(palette, named, edits)
  for (const warning of warnings) context.warn(warning)
  if (scope === 'image' && edited.clusters.some(({ into }) => into !== undefined))
    throw invalid(
      'clusters can be merged only where one palette labels all photos, and scope is image',
      'set scope: dataset, or take merges back with prep palette unmerge',
    )
  return edited
}
