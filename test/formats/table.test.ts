import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readTable } from '../../src/formats/table/read.js'
import { errorCodes, temporaryFolder } from '../helpers.js'

const folder = temporaryFolder()
let serial = 0

async function tableOf(text: string | Uint8Array, extension = 'csv', delimiter?: string) {
  const path = join(folder, `${++serial}.${extension}`)
  await writeFile(path, text)
  return readTable(path, { delimiter })
}
const rowsOf = async (...given: Parameters<typeof tableOf>) => (await tableOf(...given)).rows

/** A cell as RFC 4180 writes it, section 2, rules 5 to 7. */
const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`

describe('CSV', () => {
  test('quotes, a byte order mark, CRLF and blank lines; rows carry the number of their first line', async () => {
    const text = '\uFEFFfile,note\r\na.jpg,"says ""hi"",\r\ntwice"\r\n\r\nb.jpg,\r\n"c, d.jpg",x'
    expect(await rowsOf(text)).toEqual([
      { line: 2, values: { file: 'a.jpg', note: 'says "hi",\r\ntwice' } },
      { line: 5, values: { file: 'b.jpg' } },
      { line: 6, values: { file: 'c, d.jpg', note: 'x' } },
    ])
  })

  test('whatever is written comes back, line numbers too', async () => {
    const cell = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter(text => !text.includes('\uFFFD'))
    const awkward = fc.oneof(cell, fc.constantFrom('"', ',', '\n', '\r\n', 'a\n\nb', '""', ' x ', '\t', '__proto__'))
    const rows = fc.array(fc.tuple(awkward, awkward), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.constantFrom('\n', '\r\n'),
        fc.constantFrom(',', ';', '\t'),
        async (rows, eol, mark) => {
          const text = [['a', '__proto__'], ...rows].map(row => row.map(quoted).join(mark) + eol)
          const found = await rowsOf(text.join(''), 'csv', mark)
          expect(found.map(({ values }) => [values.a, Object.entries(values).at(-1)![1]])).toEqual(rows)
          const starts = rows.map(
            (_, i) =>
              text
                .slice(0, i + 1)
                .join('')
                .split(/\r\n|\n|\r/).length,
          )
          expect(found.map(({ line }) => line)).toEqual(starts)
        },
      ),
      { numRuns: 60 },
    )
  })

  test.each([
    ['cells missing and left over', 'a,b\n1\n1,2\n1,2,3\n', [2, 4]],
    ['text after a closing quote', 'a\n1\n\n"b"c\n', [4]],
    ['a quote within a bare cell', 'a\n1\nb"c\n', [3]],
    ['a quote that is never closed', 'a\n1\n"b\nc\nd\n', [3]],
    ['a column twice', 'a,a\n1,2\n', [1]],
    ['Latin-1 bytes', Buffer.from('a\nna\xefve\n', 'latin1'), [2]],
  ])('%s: every line is named', async (_what, text, lines) => {
    const error = await tableOf(text).then(
      () => undefined,
      error => error as { code: string; message: string },
    )
    expect(error?.code).toBe('LIST_INVALID')
    expect([...error!.message.matchAll(/^line (\d+):/gm)].map(([, line]) => Number(line))).toEqual(lines)
  })
})

test('TSV by its extension, other separators by option', async () => {
  expect(await rowsOf('a\tb\n1,5\t2\n', 'tsv')).toEqual([{ line: 2, values: { a: '1,5', b: '2' } }])
  expect(await rowsOf('a;b\n1;2\n', 'csv', ';')).toEqual([{ line: 2, values: { a: '1', b: '2' } }])
})

test('JSON lines: values as text, null left out; broken lines are named', async () => {
  const lines = ['{"file_name":"a.jpg","n":3,"box":[1,2],"none":null}', '', '{"file_name":"b.jpg"}']
  expect(await tableOf(`\uFEFF${lines.join('\r\n')}`, 'jsonl')).toEqual({
    columns: ['file_name', 'n', 'box'],
    rows: [
      { line: 1, values: { file_name: 'a.jpg', n: '3', box: '[1,2]' } },
      { line: 3, values: { file_name: 'b.jpg' } },
    ],
  })
  await expect(tableOf('{"a":1}\n[1]\n{"a"\n', 'jsonl')).rejects.toThrow(/line 2:.*line 3:/s)
})

test('bare lines, and a list of unknown kind', async () => {
  expect(await rowsOf('a b.jpg\r\n\r\nc.jpg', 'txt')).toEqual([
    { line: 1, values: { file: 'a b.jpg' } },
    { line: 3, values: { file: 'c.jpg' } },
  ])
  expect(await errorCodes(() => tableOf('a', 'xlsx'))).toEqual(['LIST_INVALID'])
  expect(await errorCodes(() => readTable(join(folder, 'none.csv')))).toEqual(['FILE_MISSING'])
  expect(await errorCodes(() => readTable(join(folder, 'none.jsonl')))).toEqual(['FILE_MISSING'])
})
