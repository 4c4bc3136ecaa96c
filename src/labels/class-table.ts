/**
 * What the values of other people's labels mean: ids or colours with names. Tables come in many forms; this reads the
 * usual ones into one.
 */
import { z } from 'zod'
import { PrepError } from '../errors.js'
import type { Rgb } from './oklab.js'

export interface ClassEntry {
  /** As in the label files; of a table of colours alone, the place in it. */
  readonly id: number
  readonly name: string
  readonly colour?: Rgb
}

export interface ClassTable {
  /** In order of id, no id twice. Entries of one name are one class. */
  readonly entries: readonly ClassEntry[]
  /** An id of this or more is class * divisor + number of the instance. */
  readonly divisor?: number | undefined
  /** The class that ids not listed become. */
  readonly unknown?: string | undefined
  /** The class of pixels where two ids meet. */
  readonly edges?: string | undefined
}

const channel = z.int().min(0).max(255)
const colour = z
  .union([
    z.tuple([channel, channel, channel], channel).transform(([r, g, b]): Rgb => [r, g, b]),
    z
      .string()
      .regex(/^#[0-9a-f]{6}$/i, '#rrggbb')
      .transform((hex): Rgb => [1, 3, 5].map(at => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb),
  ])
  .describe('[r, g, b] or #rrggbb')
const id = z.int().min(0).max(0xffffff)
const name = z.string().min(1)

const members = {
  id: id.optional(),
  ids: z.array(id).min(1).optional(),
  name: name.optional(),
  colour: colour.optional(),
  color: colour.optional(),
}
const nameAlone = name.transform(name => ({ name }))

/** One class as pipelines list it; a plain text is a name. */
export const classEntry = z.union([nameAlone, z.strictObject(members)])
/** One class in a file, which may say more of it than is read here. */
const fileEntry = z.union([nameAlone, z.looseObject(members)])

interface WrittenEntry {
  readonly id?: number | undefined
  readonly ids?: readonly number[] | undefined
  readonly name?: string | undefined
  readonly colour?: Rgb | undefined
  readonly color?: Rgb | undefined
}

const settings = {
  divisor: z.int().min(2).optional(),
  unknown: name.optional(),
  edges: name.optional(),
}
const list = z.array(fileEntry).min(1)
const forms = [
  list.transform(classes => ({ classes })),
  z.looseObject({ classes: list, ...settings }),
  z.looseObject({ labels: list, ...settings }).transform(({ labels, ...rest }) => ({ ...rest, classes: labels })),
  z.looseObject({ categories: list }).transform(({ categories }) => ({ classes: categories })),
  // the palette.json of a data set
  z
    .looseObject({ clusters: z.array(z.looseObject({ id, name: name.optional(), display: colour.optional() })).min(1) })
    .transform(({ clusters }) => ({
      classes: clusters.map(({ id, name, display }) => ({ id, name, colour: display })),
    })),
  // names and colours in two lists
  z
    .looseObject({ ids: z.array(name).min(1), colours: z.array(colour).optional(), colors: z.array(colour).optional() })
    .transform(({ ids, colours, colors }) => ({
      classes: ids.map((name, id) => ({ id, name, colour: (colours ?? colors)?.[id] })),
    })),
  // { "0": "road" }
  z.record(z.string().regex(/^\d+$/), name.regex(/^[^#]/)).transform(names => ({
    classes: Object.entries(names).map(([id, name]) => ({ id: Number(id), name })),
  })),
  // { "road": 0 }
  z.record(z.string(), id).transform(ids => ({ classes: Object.entries(ids).map(([name, id]) => ({ id, name })) })),
  // { "road": [128, 64, 128] }
  z.record(z.string(), colour).transform(colours => ({
    classes: Object.entries(colours).map(([name, colour]) => ({ name, colour })),
  })),
] as const

/**
 * Read a table's JSON: a list of names or of `{id, name, colour}`, such a list under `classes`, `labels` or
 * `categories`, a `palette.json`, `{ids: [name, ...], colours: [...]}`, `{id: name}`, `{name: id}` or
 * `{name: colour}`.
 *
 * @param file  its name, for messages
 * @throws {PrepError} `CLASS_TABLE_INVALID`
 */
export function parseClassTable(text: string, file: string): ClassTable {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw invalid(file, `not JSON: ${(cause as Error).message}`, cause)
  }
  for (const form of forms) {
    const parsed = form.safeParse(json)
    if (!parsed.success) continue
    const { classes, divisor, unknown, edges } = parsed.data as { classes: z.output<typeof list> } & Omit<
      ClassTable,
      'entries'
    >
    return { entries: listEntries(classes, file), divisor, unknown, edges }
  }
  const reason = Array.isArray(json) ? describeFirst(json) : 'expected a list of classes with id, name and colour'
  throw invalid(file, reason)
}

const describeFirst = (json: readonly unknown[]): string => {
  const at = json.findIndex(entry => !fileEntry.safeParse(entry).success)
  return at < 0
    ? 'expected at least one class'
    : `entry ${at}: expected {id, name, colour}, found ${JSON.stringify(json[at])?.slice(0, 80)}`
}

/** Entries with every id, name and colour filled in or found wanting. @throws {PrepError} `CLASS_TABLE_INVALID` */
export function listEntries(classes: readonly WrittenEntry[], file: string): ClassEntry[] {
  const entries = classes.flatMap((given, index): ClassEntry[] => {
    const ids = given.ids ?? [given.id ?? index]
    const colour = given.colour ?? given.color
    const name = given.name ?? `class ${ids[0]}`
    return ids.map(id => ({ id, name, ...(colour && { colour }) }))
  })
  const seen = new Map<number, string>()
  for (const { id, name } of entries) {
    const other = seen.get(id)
    if (other !== undefined) throw invalid(file, `the id ${id} is that of ${other} and of ${name}`)
    seen.set(id, name)
  }
  return entries.sort((a, b) => a.id - b.id)
}

export const invalid = (file: string, reason: string, cause?: unknown): PrepError =>
  new PrepError('CLASS_TABLE_INVALID', `${file} is no table of classes: ${reason}`, {
    hint: 'write a JSON list such as [{"id": 0, "name": "road", "colour": [128, 64, 128]}]',
    cause,
  })
