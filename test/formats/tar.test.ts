import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ArchiveFile } from '../../src/formats/archive-file.js'
import { readTar } from '../../src/formats/tar/read.js'
import { writeTar } from '../../src/formats/tar/write.js'
import { groupMembers } from '../../src/formats/webdataset/read.js'
import { errorCodes, temporaryFolder } from '../helpers.js'
import { findPython, runPython } from '../python.js'

const folder = temporaryFolder()
let serial = 0

/** Names and contents, and the error that ended the reading. */
function readAll(path: string): { members: [string, string][]; error?: Error } {
  const file = new ArchiveFile(path)
  const members: [string, string][] = []
  try {
    for (const { name, offset, bytes, cut } of readTar(file))
      if (!cut) members.push([name, Buffer.from(file.read(offset, bytes)).toString('latin1')])
    return { members }
  } catch (error) {
    return { members, error: error as Error }
  } finally {
    file.close()
  }
}

async function write(members: Record<string, string>): Promise<string> {
  const path = join(folder, `${++serial}.tar`)
  await writeTar(
    path,
    Object.entries(members).map(([name, text]) => ({ name, data: Buffer.from(text, 'latin1') })),
  )
  return path
}

const LONG = `${'deep/'.repeat(60)}${'x'.repeat(80)}.jpg`

describe('reading what GNU tar wrote', () => {
  test.each(['gnu', 'pax', 'ustar', 'v7'])('%s: names, contents; folders and links passed over', format => {
    const source = join(folder, format)
    const files: Record<string, string> = { 'a.jpg': 'A', 'b/grüße.txt': 'x'.repeat(600), 'b/empty.txt': '' }
    if (format === 'gnu' || format === 'pax') files[LONG] = 'long'
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(source, name)), { recursive: true })
      writeFileSync(join(source, name), text)
    }
    execFileSync('ln', ['-s', 'a.jpg', join(source, 'link.jpg')])
    const path = join(folder, `${format}.tar`)
    execFileSync('tar', [
      `--format=${format}`,
      '--sort=name',
      '-cf',
      path,
      '-C',
      source,
      ...['a.jpg', 'link.jpg', 'b'],
      ...(files[LONG] ? ['deep'] : []),
    ])
    const { members, error } = readAll(path)
    expect(error).toBeUndefined()
    expect(Object.fromEntries(members)).toEqual(files)
  })

  test('a compressed or sparse archive, and what is no tar, are told apart', () => {
    const path = join(folder, 'x.tar.gz')
    execFileSync('tar', ['-czf', path, '-C', folder, 'gnu'])
    expect(readAll(path).error).toMatchObject({ code: 'UNSUPPORTED_FORMAT' })
    writeFileSync(join(folder, 'text.tar'), 'hello '.repeat(200))
    expect(readAll(join(folder, 'text.tar')).error).toMatchObject({ code: 'ARCHIVE_DAMAGED' })
    execFileSync('truncate', ['-s', '1M', join(folder, 'hole.jpg')])
    execFileSync('tar', ['--sparse', '--format=gnu', '-cf', join(folder, 'sparse.tar'), '-C', folder, 'hole.jpg'])
    expect(readAll(join(folder, 'sparse.tar')).error).toMatchObject({ code: 'UNSUPPORTED_FORMAT' })
  })
})

describe('writing', () => {
  const python = findPython('tarfile')

  test('the same members give the same bytes, with no time and no owner in them', async () => {
    const members = { 'a.jpg': 'A', [LONG]: 'B' }
    const [a, b] = [readFileSync(await write(members)), readFileSync(await write(members))]
    expect(a.equals(b)).toBe(true)
    expect(a.toString('latin1', 136, 148)).toMatch(/^0+\0$/)
  })

  test.skipIf(!python)('Python’s tarfile reads them', async () => {
    const path = await write({ 'a.jpg': 'A', 'grüße/b.txt': 'xyz', [LONG]: 'long', 'empty.cls': '' })
    const program =
      'import json, sys, tarfile; t = tarfile.open(sys.argv[1]); print(json.dumps([[m.name, t.extractfile(m).read().decode(), m.mtime, m.uid] for m in t.getmembers()]))'
    expect(runPython(python!, program, path)).toEqual([
      ['a.jpg', 'A', 0, 0],
      ['grüße/b.txt', 'xyz', 0, 0],
      [LONG, 'long', 0, 0],
      ['empty.cls', '', 0, 0],
    ])
  })

  test('whatever is written comes back', async () => {
    const name = fc.stringMatching(/^[a-z0-9 _äß-]{1,120}(\/[a-z0-9 _-]{1,60}){0,4}\.[a-z.]{1,8}$/)
    const content = fc.string({ unit: 'binary-ascii', maxLength: 1500 })
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, content, { maxKeys: 5 }), async members => {
        const { members: found, error } = readAll(await write(members))
        expect(error).toBeUndefined()
        expect(found).toEqual(Object.entries(members))
      }),
      { numRuns: 40 },
    )
  })
})

describe('damage', () => {
  const members = { 'a.jpg': 'A'.repeat(700), 'b.jpg': 'B'.repeat(700), 'c.jpg': 'C' }

  test('wherever a tar is cut, whole members before the cut are given and the error says where', async () => {
    const whole = readFileSync(await write(members))
    const path = join(folder, 'cut.tar')
    // a: 0..1536, b: 1536..3072, c: 3072..4096, end mark: two blocks, of which one is enough
    for (let bytes = 0; bytes < whole.length; bytes += 37) {
      writeFileSync(path, whole.subarray(0, bytes))
      const { members: found, error } = readAll(path)
      const count = [1212, 2748, 3585].filter(end => bytes >= end).length
      expect(found, `${bytes} bytes`).toEqual(Object.entries(members).slice(0, count))
      if (bytes >= 4096 + 512) expect(error).toBeUndefined()
      else expect(error).toMatchObject({ code: 'ARCHIVE_DAMAGED', message: expect.stringMatching(/at byte \d+/) })
    }
    writeFileSync(path, whole.subarray(0, 2300))
    expect(readAll(path).error?.message).toContain('b.jpg is cut: expected 700 bytes')
  })

  test('a header with a flipped bit', async () => {
    const whole = readFileSync(await write(members))
    whole[1536 + 3]! ^= 4
    const path = join(folder, 'flipped.tar')
    writeFileSync(path, whole)
    expect(readAll(path)).toMatchObject({ members: [['a.jpg', members['a.jpg']]], error: { code: 'ARCHIVE_DAMAGED' } })
  })

  test('arbitrary bytes end in a coded error or in members, never in anything else', () => {
    const path = join(folder, 'noise.tar')
    const whole = readFileSync(join(folder, 'pax.tar'))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        changes => {
          const bytes = Buffer.from(whole)
          for (const [at, value] of changes) bytes[at] = value
          writeFileSync(path, bytes)
          const { error } = readAll(path)
          if (error) expect(error).toMatchObject({ name: 'PrepError' })
        },
      ),
      { numRuns: 200 },
    )
  })

  test('a file that is not there', async () => {
    expect(await errorCodes(() => readAll(join(folder, 'none.tar')))).toEqual(['FILE_MISSING'])
  })
})

test('WebDataset: members of a key that follow one another are a sample, up to the first dot of the base name', () => {
  const names = ['a.b/x.jpg', 'a.b/x.seg.PNG', 'a.b/y.jpg', 'a.b/x.json', 'a.b/.hidden.jpg', 'readme', 'z.jpg', 'z.jpg']
  const found = [...groupMembers(names.map((name, offset) => ({ name, offset, bytes: 1 })))]
  expect(found.map(({ key, members }) => [key, [...members.keys()]])).toEqual([
    ['a.b/x', ['jpg', 'seg.png']],
    ['a.b/y', ['jpg']],
    ['a.b/x', ['json']],
    ['z', ['jpg']],
  ])
  expect(found[3]!.members.get('jpg')!.offset).toBe(6)
})

test('WebDataset: the sample before a cut is given, the one that is cut is not', () => {
  function* cutAfter(names: string[], cut: string) {
    for (const name of names) yield { name, offset: 0, bytes: 1 }
    yield { name: cut, offset: 0, bytes: 1, cut: true as const }
    throw new Error('cut')
  }
  const keysOf = (names: string[], cut: string): string[] => {
    const keys: string[] = []
    expect(() => {
      for (const { key } of groupMembers(cutAfter(names, cut))) keys.push(key)
    }).toThrow('cut')
    return keys
  }
  expect(keysOf(['a.jpg', 'a.json', 'b.jpg'], 'c.jpg')).toEqual(['a', 'b'])
  expect(keysOf(['a.jpg', 'a.json', 'b.jpg'], 'b.json')).toEqual(['a'])
})
