import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeUnpaired, pairFiles, type Side } from '../../src/stages/pairing.js'

const side = (base: string, files: readonly string[], more: Partial<Side> = {}): Side => ({
  files: files.map(file => ({ path: `${base}/${file}` })),
  bases: [base],
  suffix: '',
  match: 'path',
  ...more,
})

describe('files are paired', () => {
  test('by their path below the folder, whatever the extension', () => {
    const { pairs, photos, labels } = pairFiles(
      side('in/photos', ['a/1.jpg', 'b/1.JPG']),
      side('in/labels', ['b/1.png', 'a/1.png']),
    )
    expect(pairs.map(({ name, photo, label }) => [name, photo.path, label.path])).toEqual([
      ['a/1', 'in/photos/a/1.jpg', 'in/labels/a/1.png'],
      ['b/1', 'in/photos/b/1.JPG', 'in/labels/b/1.png'],
    ])
    expect([photos, labels]).toEqual([[], []])
  })

  test('without their suffixes; files that lack them are left aside', () => {
    const { pairs, labels } = pairFiles(
      side('x', ['s_leftImg8bit.png'], { suffix: '_leftImg8bit' }),
      side('x', ['s_gtFine_labelIds.png', 's_gtFine_color.png'], { suffix: '_gtFine_labelIds' }),
    )
    expect(pairs.map(({ name }) => name)).toEqual(['s'])
    expect(labels).toEqual([])
  })

  test.each([
    ['', '_mask', ['s.png', 's_mask.png']],
    ['_rgb', '', ['s_rgb.png', 's.png']],
    ['_rgb', '_mask', ['s_rgb.png', 's_mask.png']],
  ])('in one folder, told by the suffixes "%s" and "%s"', (photo, label, files) => {
    const { pairs, photos, labels } = pairFiles(
      side('x', files, { suffix: photo }),
      side('x', files, { suffix: label }),
    )
    expect(pairs.map(pair => [pair.photo.path, pair.label.path])).toEqual([files.map(file => `x/${file}`)])
    expect([...photos, ...labels]).toEqual([])
  })

  test('never with themselves', () => {
    const { pairs, labels } = pairFiles(side('x', ['s.png']), side('x', ['s.png']))
    expect(pairs).toEqual([])
    expect(labels.map(({ path }) => path)).toEqual(['x/s.png'])
  })

  test('by name alone when folders differ', () => {
    const found = pairFiles(side('p', ['one/1.jpg'], { match: 'name' }), side('l', ['two/1.png'], { match: 'name' }))
    expect(found.pairs.map(({ name }) => name)).toEqual(['1'])
  })
})

test('every mismatch is named: no label, no photo, the same name twice', () => {
  const found = pairFiles(side('p', ['1.jpg', '2.jpg', '3.jpg', '3.png']), side('l', ['1.png', '3.png', '4.png']))
  expect(found.pairs.map(({ name }) => name)).toEqual(['1'])
  expect(found.photos.map(({ path }) => path)).toEqual(['p/2.jpg'])
  expect(found.labels.map(({ path }) => path)).toEqual(['l/4.png'])
  expect(found.doubles.map(({ path }) => path)).toEqual(['p/3.jpg', 'p/3.png'])
  const text = describeUnpaired(found)
  expect(describeUnpaired(found, 1)).toMatch(/\nand \d more$/)
  for (const path of ['p/2.jpg', 'l/4.png', 'p/3.jpg', 'p/3.png']) expect(text).toContain(path)
})

test('no file is lost: each is paired, alone, a double, or the partner of doubles', () => {
  const names = fc.array(fc.constantFrom('a.jpg', 'a.png', 'b.jpg', 'c/b.jpg', 'c/d.png', 'e.x.png'), { maxLength: 6 })
  fc.assert(
    fc.property(names, names, (photos, labels) => {
      const [p, l] = [[...new Set(photos)], [...new Set(labels)]]
      const found = pairFiles(side('p', p), side('l', l))
      const stem = (file: string) => file.replace(/\.[^./]+$/, '')
      const count = (files: readonly string[], name: string) => files.filter(file => stem(file) === name).length
      for (const name of new Set([...p, ...l].map(stem))) {
        const [m, n] = [count(p, name), count(l, name)]
        expect(found.pairs.some(pair => pair.name === name)).toBe(m === 1 && n === 1)
        const listed = [...found.photos, ...found.labels, ...found.doubles].filter(
          ({ path }) => stem(path).slice(2) === name,
        )
        expect(listed.length).toBe(
          m === 1 && n === 1 ? 0 : (m > 1 ? m : n === 0 ? m : 0) + (n > 1 ? n : m === 0 ? n : 0),
        )
      }
    }),
  )
})
