import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { downloadOptions } from '../../src/stages/download-options.js'
import { guessFormat, parseHttpUrl, readUrlLists, safeName } from '../../src/stages/url-list.js'
import { temporaryFolder } from '../helpers.js'

const read = (urls: string | string[]) => readUrlLists(downloadOptions.parse({ urls }), temporaryFolder())

const cell = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .filter(text => text.trim() !== '' && !text.includes('\uFFFD'))
const row = fc.record({
  url: fc.webUrl({ withQueryParameters: true }).map(url => new URL(url).href),
  key: cell,
  city: cell,
})
const quote = (text: string): string => `"${text.replaceAll('"', '""')}"`

test('rows come back from CSV, TSV and JSON lines as they were written, in order', async () => {
  const folder = temporaryFolder()
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 8 }), async rows => {
      const table = (delimiter: string) =>
        [['url', 'key', 'city'], ...rows.map(({ url, key, city }) => [url, key, city])]
          .map(cells => cells.map(quote).join(delimiter))
          .join('\n')
      await writeFile(join(folder, 'a.csv'), table(','))
      await writeFile(join(folder, 'a.tsv'), table('\t'))
      await writeFile(join(folder, 'a.jsonl'), rows.map(one => JSON.stringify(one)).join('\n'))
      const lists = await Promise.all(['a.csv', 'a.tsv', 'a.jsonl'].map(file => read(join(folder, file))))
      for (const list of lists) {
        expect(list.map(({ url, columns }) => ({ url, city: columns?.city }))).toEqual(
          rows.map(({ url, city }) => ({ url, city })),
        )
        expect(list).toEqual(lists[0])
      }
    }),
    { numRuns: 40 },
  )
})

test('names are unique and safe whatever the keys', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), text => {
      const name = safeName(text)
      expect(name).toMatch(/^[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}._-]*$/u)
      expect(Buffer.byteLength(name)).toBeLessThan(140)
    }),
  )
  const list = await read(['a/../../b.jpg', 'x/B.png', 'x/b', 'y/'].map(path => `http://example.org/${path}`))
  expect(list.map(({ name }) => name)).toEqual(['b', 'B-2', 'b-3', 'y'])
})

test('200,000 photos of one name are named in no time', async () => {
  const file = join(temporaryFolder(), 'a.txt')
  await writeFile(file, Array.from({ length: 200_000 }, (_, n) => `http://example.org/${n}/image.jpg`).join('\n'))
  const names = (await read(file)).map(({ name }) => name)
  expect(new Set(names).size).toBe(200_000)
  expect(names[199_999]).toBe('image-200000')
})

describe('what is no URL is told with its line', () => {
  test.each([
    'file:///etc/passwd',
    'ftp://example.org/a.jpg',
    'example.org/a.jpg',
    'http://user:pass@example.org/',
    '',
  ])('%s', text => expect(typeof parseHttpUrl(text)).toBe('string'))

  test('and the others are kept', async () => {
    const file = join(temporaryFolder(), 'a.txt')
    await writeFile(file, 'http://example.org/1.jpg\n\n# a comment\nnonsense\nhttp://example.org/2.jpg#part\n')
    const list = await read(file)
    expect(list.map(({ url }) => url)).toEqual(['http://example.org/1.jpg', 'nonsense', 'http://example.org/2.jpg'])
    expect(list[1]!.problem).toContain('line 4 of')
  })
})

test.each([
  ['{"url": "http://example.org"}', 'jsonl'],
  ['url,key\nhttp://example.org,1', 'csv'],
  ['key\tURL\n1\thttp://example.org', 'tsv'],
  ['http://example.org/a,b.jpg', 'lines'],
])('%s is %s', (text, format) => expect(guessFormat(text, 'url')).toBe(format))
