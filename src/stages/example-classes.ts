/** What the ids or colours of example label maps mean, found out from the files and the table that goes with them. */
import { PrepError } from '../errors.js'
import { readLabelIds } from '../images/label-ids.js'
import { type ClassCoding, checkColours, codeClasses } from '../labels/class-coding.js'
import { type ClassEntry, type ClassTable, listEntries } from '../labels/class-table.js'
import { classOf, idAt, MAX_ID } from '../labels/recode.js'
import type { StageContext, TaskOutput } from '../pipeline/stage.js'
import { contentKey, type FileRef } from '../sample.js'
import { readClassTable } from './class-table-file.js'
import type { NamesFrom } from './names-from-examples.js'

export interface ExampleCoding {
  readonly coding: ClassCoding
  readonly kind: 'label' | 'drawing'
  /** The new id of classes that name nothing; -1 where there are none. */
  readonly ignored: number
}

/** Stands for all classes that name nothing. */
const IGNORED = 'ignored'
/** So many classes there can be. */
const MOST_IDS = 255

/** Task: are these ids or colours, and which ids? */
export async function lookAtExample({ example }: { readonly example: FileRef }): Promise<TaskOutput> {
  const found = await readLabelIds(example).catch((error: unknown) => {
    if (error instanceof PrepError && error.code === 'LABELS_NOT_IDS') return undefined
    throw error
  })
  if (!found) return { facts: { kind: 'drawing', ids: [] } }
  const { data, channels } = found.labels
  const ids = new Set<number>()
  for (let at = 0; at < data.length && ids.size <= MOST_IDS; at += channels)
    ids.add(channels === 1 ? data[at]! : idAt(data, at))
  return { facts: { kind: 'label', ids: [...ids].sort((a, b) => a - b) } }
}

/**
 * Number the classes of the examples 0..K-1, with those to ignore as one of them.
 *
 * @throws {PrepError} `LABELS_NOT_IDS` when some are ids and some colours, `OPTION_MISSING` for colours without a table,
 *   `CLASS_UNKNOWN` for too many ids without one, `CLASS_TABLE_INVALID`, `FILE_MISSING`
 */
export async function codeExamples(
  files: readonly FileRef[],
  options: Pick<NamesFrom, 'table' | 'ignore'>,
  context: StageContext,
): Promise<ExampleCoding> {
  const calls = files.map(file => ({ keyed: { example: contentKey(file) }, input: { example: { ...file } } }))
  const looks = (await context.map('look', calls, 'look at examples')).flatMap(result =>
    result.status === 'done' ? [result.facts as unknown as { kind: ExampleCoding['kind']; ids: number[] }] : [],
  )
  const kind = looks[0]?.kind ?? 'label'
  const other = looks.findIndex(look => look.kind !== kind)
  if (other >= 0)
    throw new PrepError(
      'LABELS_NOT_IDS',
      `${files[0]!.path} has ${what(kind)}, ${files[other]!.path} has ${what(looks[other]!.kind)}: expected one kind`,
      { hint: 'keep examples of one kind in the folder' },
    )
  const { table, file } = await findTable(kind, new Set(looks.flatMap(({ ids }) => ids)), options.table)
  const entries = withoutIgnored(table, options.ignore, kind)
  const known = { ...table, entries }
  const coding = codeClasses(known, { unknown: unknownOf(table, options.ignore) }, file)
  if (kind === 'drawing') checkColours(coding, known, file)
  return { coding, kind, ignored: coding.classes.findIndex(({ name }) => name === IGNORED) }
}

const what = (kind: ExampleCoding['kind']): string => (kind === 'label' ? 'ids' : 'colours')

/** The table of the options or of the source, else the ids that occur. */
async function findTable(
  kind: ExampleCoding['kind'],
  ids: ReadonlySet<number>,
  table: NamesFrom['table'],
): Promise<{ table: ClassTable; file: string }> {
  if (typeof table === 'string') return { table: await readClassTable(table), file: table }
  if (table) return { table: { entries: listEntries(table, 'names.table') }, file: 'names.table' }
  if (kind === 'drawing')
    throw new PrepError('OPTION_MISSING', 'names needs table: for examples drawn in colours', {
      hint: 'list the classes with their colours: table: [{name: road, colour: "#804080"}, ...]',
    })
  if (ids.size > MOST_IDS)
    throw new PrepError(
      'CLASS_UNKNOWN',
      `the examples have more than ${MOST_IDS} different ids: too many to be classes`,
      {
        hint: 'list the classes with table:',
      },
    )
  const found = [...ids].sort((a, b) => a - b).map(id => ({ id, name: `class ${id}` }))
  return { table: { entries: listEntries(found, 'ids') }, file: 'the list of ids found' }
}

const isNamed = (ignore: NamesFrom['ignore'], name: string): boolean =>
  ignore.some(one => String(one).toLowerCase() === name.toLowerCase())

/** The entries with one name for all that are ignored, and ids to ignore that the table does not have. */
function withoutIgnored(
  { entries, divisor = MAX_ID }: ClassTable,
  ignore: NamesFrom['ignore'],
  kind: ExampleCoding['kind'],
): ClassEntry[] {
  const isIgnored = ({ id, name }: ClassEntry): boolean => ignore.includes(id) || isNamed(ignore, name)
  const missing = ignore.filter(
    (id): id is number =>
      typeof id === 'number' && id === classOf(id, divisor) && !entries.some(entry => entry.id === id),
  )
  return [
    ...entries.flatMap(entry => {
      if (!isIgnored(entry)) return [entry]
      // Of drawings, what has no colour cannot be met.
      return kind === 'label' || entry.colour ? [{ ...entry, name: IGNORED }] : []
    }),
    ...(kind === 'label' ? missing.map(id => ({ id, name: IGNORED })) : []),
  ].sort((a, b) => a.id - b.id)
}

/** What ids that are not listed count as. */
function unknownOf({ unknown }: ClassTable, ignore: NamesFrom['ignore']): string {
  if (unknown === undefined) return 'fail'
  return isNamed(ignore, unknown) ? IGNORED : unknown
}
