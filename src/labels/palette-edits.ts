/**
 * What people have decided about a palette: names, colours, merges. Kept beside the palette and never written by a run,
 * so that a decision outlives reruns and new fits: with the edits stands the palette that they were made on, and when
 * another is fitted each goes to the cluster that matches.
 */
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { okLab } from './oklab.js'
import { formatPalette, type Palette, type PaletteCluster, parsePalette } from './palette.js'
import { matchClusters } from './palette-match.js'

/** Decided about one cluster. */
export type PaletteEdit = Partial<Pick<PaletteCluster, 'name' | 'display' | 'into'>>

export interface PaletteEdits {
  /** By id in `palette`. */
  readonly edits: ReadonlyMap<number, PaletteEdit>
  /** As it was when the last of them was made. */
  readonly palette: Palette
}

const editsFile = z.strictObject({
  version: z.literal(1),
  edits: z.array(
    z.strictObject({
      id: z.int().min(0),
      name: z.string().min(1).optional(),
      display: z
        .string()
        .regex(/^#[0-9a-f]{6}$/i, 'expected a colour as #rrggbb')
        .optional(),
      into: z.int().min(0).optional(),
    }),
  ),
  palette: z.unknown(),
})

/**
 * @param file  its name, for messages
 * @throws {PrepError} `PALETTE_EDIT_INVALID`, `PALETTE_INVALID` with every reason found
 */
export function parseEdits(text: string, file: string): PaletteEdits {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw invalid(`${file} does not hold edits of a palette: not JSON: ${(cause as Error).message}`, MEND, cause)
  }
  const { success, data, error } = editsFile.safeParse(json)
  if (!success) throw invalid(`${file} does not hold edits of a palette:\n${z.prettifyError(error)}`, MEND)
  const palette = parsePalette(JSON.stringify(data.palette), `${file}, palette`)
  const edits = new Map<number, PaletteEdit>()
  for (const { id, name, display, into } of data.edits) {
    checkId(palette, id)
    if (into !== undefined) checkId(palette, into)
    edits.set(id, {
      ...edits.get(id),
      ...(name !== undefined && { name }),
      ...(display !== undefined && { display: display.toLowerCase() }),
      ...(into !== undefined && { into }),
    })
  }
  return { edits, palette }
}

const MEND = 'mend what is listed, or remove the file and make the edits again with prep palette'

/** The edits as JSON, one a line; the same bytes for the same edits. */
export function formatEdits({ edits, palette }: PaletteEdits): string {
  const lines = [...edits]
    .filter(([, edit]) => Object.keys(edit).length)
    .sort(([a], [b]) => a - b)
    .map(([id, { name, display, into }]) => `    ${JSON.stringify({ id, name, display, into })}`)
  const list = lines.length ? `[\n${lines.join(',\n')}\n  ]` : '[]'
  const inside = formatPalette(palette).trimEnd().replaceAll('\n', '\n  ')
  return `{\n  "version": 1,\n  "edits": ${list},\n  "palette": ${inside}\n}\n`
}

/** The edits with another decision about one cluster; `undefined` takes a decision back. */
export function withEdit(
  edits: PaletteEdits,
  id: number,
  change: { readonly [field in keyof PaletteEdit]: PaletteEdit[field] | undefined },
): PaletteEdits {
  const edit = Object.fromEntries(
    Object.entries({ ...edits.edits.get(id), ...change }).filter(([, value]) => value !== undefined),
  ) as PaletteEdit
  return { ...edits, edits: new Map([...edits.edits, [id, edit]]) }
}

export interface Edited {
  readonly palette: Palette
  /** What became of edits that do not fit any more, as sentences. */
  readonly warnings: readonly string[]
}

/** A cluster whose mean colour has moved further than this in OKLab may well be another thing. */
const MOVED = 0.15

/**
 * A palette as people want it: as it was fitted or read, then names from the pipeline, then the edits.
 *
 * @param names  by id in `base`
 * @throws {PrepError} `PALETTE_EDIT_INVALID` when they contradict each other or the palette
 */
export function editPalette(base: Palette, names: ReadonlyMap<number, string>, edits?: PaletteEdits): Edited {
  const all = new Map<number, PaletteEdit>()
  for (const [id, name] of names) {
    checkId(base, id)
    all.set(id, { name })
  }
  const { moved, warnings } = edits ? moveEdits(edits, base) : { moved: new Map<number, PaletteEdit>(), warnings: [] }
  for (const [id, edit] of moved) all.set(id, { ...all.get(id), ...edit })
  const clusters = base.clusters.map(cluster => ({ ...cluster, ...all.get(cluster.id) }))
  const palette = { ...base, clusters }
  checkTogether(palette)
  return { palette, warnings }
}

/** The edits by the ids of a palette that has been fitted since. */
function moveEdits(
  { edits, palette }: PaletteEdits,
  to: Palette,
): { moved: Map<number, PaletteEdit>; warnings: string[] } {
  const idOf = matchClusters(palette, to)
  const moved = new Map<number, PaletteEdit>()
  const warnings: string[] = []
  const call = (id: number): string => {
    const name = edits.get(id)?.name
    return name ? `${id} (${name})` : `${id}`
  }
  for (const [id, { into, ...edit }] of edits) {
    const now = idOf[id]
    const target = into === undefined ? undefined : idOf[into]
    if (now === undefined || (into !== undefined && target === undefined)) {
      warnings.push(`an edit of cluster ${call(id)} is left out: the palette now has ${to.clusters.length} clusters`)
      continue
    }
    moved.set(now, { ...edit, ...(target !== undefined && { into: target }) })
    const way = distance(palette.clusters[id]!, to.clusters[now]!)
    if (way > MOVED)
      warnings.push(
        `cluster ${call(id)} was ${palette.clusters[id]!.display} when it was edited, and now has the mean colour ${colourText(to.clusters[now]!)}: look whether the edit still fits`,
      )
  }
  return { moved, warnings }
}

function distance({ mean: p }: PaletteCluster, { mean: q }: PaletteCluster): number {
  const [a, b] = [okLab(...p), okLab(...q)]
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])
}
const colourText = ({ mean }: PaletteCluster): string => `rgb(${mean.map(Math.round).join(', ')})`

/** @throws {PrepError} `PALETTE_EDIT_INVALID` */
export function checkId({ clusters }: Palette, id: number): void {
  if (Number.isInteger(id) && id >= 0 && id < clusters.length) return
  throw invalid(
    `there is no cluster ${id}: the palette has 0 to ${clusters.length - 1}`,
    'prep palette show lists them',
  )
}

function checkTogether({ clusters }: Palette): void {
  const seen = { name: new Map<string, number>(), display: new Map<string, number>() }
  for (const { id, into, ...cluster } of clusters) {
    if (into === id) throw invalid(`cluster ${id} cannot be merged into itself`, 'name another cluster')
    const beyond = into === undefined ? undefined : clusters[into]?.into
    if (beyond !== undefined)
      throw invalid(
        `cluster ${id} goes into ${into}, which is itself merged into ${beyond}`,
        `merge ${id} into ${beyond}`,
      )
    for (const key of ['name', 'display'] as const) {
      const value = cluster[key]?.toLowerCase()
      if (value === undefined) continue
      const other = seen[key].get(value)
      if (other !== undefined)
        throw invalid(
          `${key === 'name' ? 'the name' : 'the colour'} ${cluster[key]} is given to ${other} and to ${id}`,
          key === 'name' ? `use another name, or merge ${id} into ${other}` : 'use another colour',
        )
      seen[key].set(value, id)
    }
  }
}

export const invalid = (message: string, hint: string, cause?: unknown): PrepError =>
  new PrepError('PALETTE_EDIT_INVALID', message, { hint, cause })
