/** Decisions of people about a palette, one kind after the other: each checked against the palette as it then is. */
import type { Palette } from './palette.js'
import { checkId, editPalette, invalid, type PaletteEdit, type PaletteEdits } from './palette-edits.js'

/** A palette on the desk. */
export interface Draft {
  /** As the next run has it without edits. */
  readonly base: Palette
  /** What people have decided, by the ids of `base`. */
  readonly edits: PaletteEdits
}

/** The palette with all that is decided. @throws {PrepError} `PALETTE_EDIT_INVALID` */
export const draftPalette = ({ base, edits }: Draft): Palette => editPalette(base, new Map(), edits).palette

/**
 * The id of a cluster by id or name.
 * @throws {PrepError} `PALETTE_EDIT_INVALID` when there is no such cluster
 */
export function findCluster({ clusters, ...palette }: Palette, reference: string): number {
  if (/^\d+$/.test(reference)) {
    checkId({ clusters, ...palette }, Number(reference))
    return Number(reference)
  }
  const found = clusters.find(({ name }) => name?.toLowerCase() === reference.toLowerCase())
  if (found) return found.id
  const names = clusters.flatMap(({ name }) => name ?? [])
  throw invalid(
    `no cluster is called ${reference}`,
    names.length ? `the names are ${names.join(', ')}` : 'use its id: prep palette show lists them',
  )
}

/**
 * Name clusters, all at once; an empty name takes the decision back.
 * @throws {PrepError} `PALETTE_EDIT_INVALID` for an unknown or a merged cluster, or a name that is used twice
 */
export function nameClusters(draft: Draft, names: ReadonlyMap<number, string>): Draft {
  const { clusters } = draftPalette(draft)
  for (const [id, name] of names) {
    checkId(draft.base, id)
    const { into } = clusters[id]!
    if (into !== undefined && name)
      throw invalid(`cluster ${id} is merged into ${into}`, `name ${into}, or take ${id} out with prep palette unmerge`)
  }
  return checked(
    change(
      draft,
      [...names].map(([id, name]) => [id, { name: name || undefined }] as const),
    ),
  )
}

/** Give clusters display colours, `#rrggbb`; an empty one takes the decision back. @throws as `nameClusters` */
export function colourClusters(draft: Draft, colours: ReadonlyMap<number, string>): Draft {
  for (const [id, colour] of colours) {
    checkId(draft.base, id)
    if (colour && !/^#[0-9a-f]{6}$/i.test(colour))
      throw invalid(
        `expected a colour as #rrggbb, found ${colour}`,
        'write 3=#804080, in quotes where # starts a comment',
      )
  }
  return checked(
    change(
      draft,
      [...colours].map(([id, display]) => [id, { display: display.toLowerCase() || undefined }] as const),
    ),
  )
}

/**
 * Merge clusters into another one: their pixels get its id. What was merged into them goes along.
 * @throws {PrepError} `PALETTE_EDIT_INVALID` for an unknown cluster, one into itself, or into one that is merged itself
 */
export function mergeClusters(draft: Draft, ids: readonly number[], into: number): Draft {
  const { clusters } = draftPalette(draft)
  for (const id of [...ids, into]) checkId(draft.base, id)
  if (ids.includes(into)) throw invalid(`cluster ${into} cannot be merged into itself`, 'name another cluster')
  const beyond = clusters[into]!.into
  if (beyond !== undefined)
    throw invalid(
      `cluster ${into} is itself merged into ${beyond}`,
      `merge into ${beyond}, or take ${into} out first with prep palette unmerge`,
    )
  const along = clusters.filter(({ into: to }) => to !== undefined && ids.includes(to)).map(({ id }) => id)
  return checked(
    change(
      draft,
      [...ids, ...along].map(id => [id, { into }] as const),
    ),
  )
}

/** Take merged clusters out again. @throws {PrepError} `PALETTE_EDIT_INVALID` for one that is not merged by hand */
export function unmergeClusters(draft: Draft, ids: readonly number[]): Draft {
  for (const id of ids) {
    checkId(draft.base, id)
    if (draft.edits.edits.get(id)?.into !== undefined) continue
    const given = draft.base.clusters[id]!.into
    throw given === undefined
      ? invalid(`cluster ${id} is not merged`, 'prep palette show lists what is')
      : invalid(`cluster ${id} is merged into ${given} in the palette that the pipeline names`, 'edit that file')
  }
  return checked(
    change(
      draft,
      ids.map(id => [id, { into: undefined }] as const),
    ),
  )
}

type Change = readonly [id: number, edit: { readonly [field in keyof PaletteEdit]: PaletteEdit[field] | undefined }]

function change({ base, edits }: Draft, changes: readonly Change[]): Draft {
  const all = new Map(edits.edits)
  for (const [id, edit] of changes) {
    const kept = Object.entries({ ...all.get(id), ...edit }).filter(([, value]) => value !== undefined)
    if (kept.length) all.set(id, Object.fromEntries(kept))
    else all.delete(id)
  }
  return { base, edits: { ...edits, edits: all } }
}

function checked(draft: Draft): Draft {
  draftPalette(draft)
  return draft
}
