import { expect, test } from 'vitest'
import { commonFolder, namesFor } from '../../src/stages/names.js'
import { staticBase } from '../../src/stages/patterns.js'

test('names are paths below the common folder without extension', () => {
  const paths = ['p/a/1.jpg', 'p/a/2.png', 'p/b/1.jpg']
  expect(commonFolder(paths)).toBe('p')
  expect(namesFor(paths, 'p')).toEqual(['a/1', 'a/2', 'b/1'])
})

test('equal stems keep their extension, also when only letter case differs', () => {
  expect(namesFor(['p/1.jpg', 'p/1.png', 'p/A.jpg', 'p/a.jpg', 'p/b.jpg'], 'p')).toEqual([
    '1.jpg',
    '1.png',
    'A.jpg',
    'a.jpg-2',
    'b',
  ])
})

test.each([
  ['photos/**/*.jpg', 'photos'],
  ['/data/x/{a,b}/*.png', '/data/x'],
  ['*.jpg', '.'],
  ['a/b.jpg', 'a'],
])('the fixed folder of %s is %s', (pattern, base) => expect(staticBase(pattern)).toBe(base))

test('one name in two Unicode forms is two names, on file systems that take them for one too', () => {
  const [composed, decomposed] = ['p/é.jpg'.normalize('NFC'), 'p/é.jpg'.normalize('NFD')]
  const names = namesFor([composed, decomposed], 'p')
  expect(new Set(names.map(name => name.normalize('NFC').toLowerCase())).size).toBe(2)
})

test('very long names leave room for what files are called besides, and stay apart', () => {
  const long = 'ф'.repeat(125)
  const names = namesFor([`p/${long}a.jpg`, `p/${long}b.jpg`, `p/${long}/1.jpg`], 'p')
  expect(new Set(names).size).toBe(3)
  for (const part of names.flatMap(name => name.split('/'))) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(200)
})
