/** Pictures and the files they came from. */
import type { SourceFacts } from './facts.js'
import type { Html } from './html.js'
import { tableHtml } from './table.js'

export const sourceTable = (caption: string, cells: readonly SourceFacts[]): Html | undefined =>
  tableHtml(
    caption,
    [
      { heading: 'row', cell: ({ split, row }) => (row === undefined ? 'not packed' : `${split} ${row}`) },
      { heading: 'name', kind: 'words', cell: ({ name }) => name },
      { heading: 'file', kind: 'path', cell: ({ source }) => source },
      { heading: 'sha256 of the file', kind: 'hash', cell: ({ sha256 }) => sha256 },
      ...(cells.some(({ key, sha256 }) => key !== undefined && key !== sha256)
        ? [{ heading: 'key of the row', kind: 'hash' as const, cell: ({ key }: SourceFacts) => key }]
        : []),
    ],
    cells,
  )
