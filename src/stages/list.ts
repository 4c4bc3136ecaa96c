/** Takes photos from a list: CSV, TSV, JSON lines or bare lines of file names, with whatever else the list says of them. */
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { readTable, TABLE_FORMATS, type Table, type TableRow, throwProblems } from '../formats/table/read.js'
import { defineStage } from '../pipeline/stage.js'
import type { Split } from '../sample.js'
import { hash } from './identity.js'
import { type ListedPhoto, samplesOf } from './listed.js'
import { isInside } from './patterns.js'
import { SPLIT_WORDS, splitOfWord } from './split-names.js'

/** Where file names stand when nobody says so, first match first. */
const FILE_COLUMNS = ['file_name', 'filename', 'path', 'image', 'file']

const options = z.strictObject({
  file: z.string().min(1).describe('The list: .csv, .tsv, .jsonl, or .txt with one file name a line'),
  base: z
    .string()
    .min(1)
    .optional()
    .describe('Folder that the names are relative to (default: the folder of the list)'),
  column: z
    .string()
    .min(1)
    .optional()
    .describe(`Column of the photos’ files (default: the first there is of ${FILE_COLUMNS.join(', ')})`),
  label_map_column: z.string().min(1).optional().describe('Column of files with label ids, one for each photo'),
  drawing_column: z
    .string()
    .min(1)
    .optional()
    .describe('Column of files with labels drawn in colours, one for each photo'),
  split_column: z.string().min(1).optional().describe('Column that says train, val or test (or usual words for them)'),
  group_column: z
    .string()
    .min(1)
    .optional()
    .describe('Column of a scene, person or recording: photos of one group land in the same split'),
  format: z.enum(TABLE_FORMATS).optional().describe('What kind of list it is (default: by its extension)'),
  delimiter: z
    .string()
    .length(1)
    .optional()
    .describe('What stands between cells, such as ";" (default: a comma; a tab in TSV)'),
  limit: z.int().min(1).optional().describe('Take only the first so many'),
})
type ListOptions = z.output<typeof options>

export const list = defineStage({
  name: 'list',
  version: 1,
  summary: 'Take photos from a CSV, TSV or JSONL list',
  details:
    'Each line names a file; all other columns are kept with the sample (a class name needs no option). A file that is missing is left out and counted; malformed lines are all told by number before anything is made.',
  options,
  needs: [],
  gives: ['photo', 'label', 'drawing'],
  source: true,
  tasks: { hash },
  preview: async options => ({
    count: readEntries(await readTable(options.file, options), options).slice(0, options.limit).length,
  }),
  plan: ({ file, base = dirname(file) }) => [`reads ${file}, files in ${base}`],
  check: ({ file }, { output }) =>
    isInside(file, output)
      ? [
          {
            option: 'file',
            code: 'INPUT_CYCLE' as const,
            message: `${file} is in the pipeline's own output ${output}`,
            hint: 'keep the list outside the output folder, or set another output:',
          },
        ]
      : [],
  async run(_set, options, context) {
    const { file, limit } = options
    const table = await readTable(file, options)
    const entries = readEntries(table, options)
    if (!entries.length)
      throw new PrepError('NO_MATCHES', `${file} lists no photo`, {
        hint: 'check the file; its first line is the header',
      })
    return { samples: await samplesOf(entries.slice(0, limit), context), artefacts: {} }
  },
})

/** @throws {PrepError} `LIST_INVALID` for a column that is not there, and for lines without a file or with a strange split */
function readEntries(table: Table, options: ListOptions): ListedPhoto[] {
  const { file, base = dirname(file), label_map_column, drawing_column, split_column, group_column } = options
  const column = fileColumn(table, options)
  for (const name of [label_map_column, drawing_column, split_column, group_column]) requireColumn(table, name, file)
  const problems: { line: number; text: string }[] = []
  const named = new Set([column, label_map_column, drawing_column, split_column, group_column])
  const entries = table.rows.flatMap(({ line, values }: TableRow): ListedPhoto[] => {
    const pathOf = (name: string | undefined): string | undefined => {
      const value = name === undefined ? undefined : values[name]
      if (name !== undefined && value === undefined) problems.push({ line, text: `nothing in the column ${name}` })
      else if (value && /^[a-z][a-z0-9+.-]+:\/\//i.test(value))
        problems.push({ line, text: `expected a file, found the address ${value}: the download stage takes those` })
      return value && (resolve(value) === value ? value : join(base, value))
    }
    const photo = pathOf(column)
    const [label, drawing] = [pathOf(label_map_column), pathOf(drawing_column)]
    const word = split_column && values[split_column]
    const split: Split | undefined = word ? splitOfWord(word) : undefined
    if (word && !split)
      problems.push({
        line,
        text: `expected a split (${SPLIT_WORDS.join(', ')}) in the column ${split_column}, found ${word}`,
      })
    if (!photo) return []
    const columns = Object.fromEntries(Object.entries(values).filter(([name]) => !named.has(name)))
    const group = group_column && values[group_column]
    return [{ photo, label, drawing, split, group, columns, mention: `${file} line ${line}` }]
  })
  throwProblems(file, problems)
  return entries
}

function fileColumn({ columns }: Table, { column, file }: ListOptions): string {
  const found = column ?? FILE_COLUMNS.find(name => columns.includes(name))
  if (found !== undefined && columns.includes(found)) return found
  throw new PrepError(
    'LIST_INVALID',
    `${file}: expected ${column ? `a column ${column}` : `one of the columns ${FILE_COLUMNS.join(', ')}`}, found ${columns.join(', ') || 'none'}`,
    { hint: 'say which column has the files: column: NAME; other cell separators: delimiter: ";"' },
  )
}

function requireColumn({ columns }: Table, name: string | undefined, file: string): void {
  if (name === undefined || columns.includes(name)) return
  throw new PrepError('LIST_INVALID', `${file}: expected a column ${name}, found ${columns.join(', ')}`, {
    hint: 'its first line names the columns',
  })
}
