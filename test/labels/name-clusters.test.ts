import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyNames, nameClusters } from '../../src/labels/name-clusters.js'
import { formatPalette, type Palette, parsePalette } from '../../src/labels/palette.js'

const CLASSES = ['sky', 'road', 'tree']
const name = (rows: readonly (readonly number[])[], minOverlap = 0.5) =>
  nameClusters(Float64Array.from(rows.flat()), rows.length, CLASSES.length, minOverlap)

const palette = (clusters: number, more: Readonly<Record<number, object>> = {}): Palette =>
  parsePalette(
    JSON.stringify({
      version: 2,
      space: 'rgb',
      clusters: Array.from({ length: clusters }, (_, id) => ({ id, centroid: [id, id, id], ...more[id] })),
    }),
    'test',
  )
const shown = ({ clusters }: Palette) =>
  clusters.map(({ name, into }) => name ?? (into === undefined ? '-' : `> ${into}`))

describe('finding classes', () => {
  test('a cluster is the class of most of its pixels, if they are enough of them', () => {
    const { classOf, evidence } = name([
      [8, 2, 0],
      [4, 3, 3],
      [0, 5, 5],
    ])
    expect([...classOf]).toEqual([0, -1, 1])
    expect(evidence).toEqual([
      { pixels: 10, kind: 0, share: 0.8 },
      { pixels: 10, kind: 0, share: 0.4 },
      { pixels: 10, kind: 1, share: 0.5 },
    ])
  })

  test('a cluster that is not in the examples has no class, whatever is asked for', () => {
    const { classOf, evidence } = name([[0, 0, 0]], 0)
    expect([...classOf]).toEqual([-1])
    expect(evidence).toEqual([{ pixels: 0, kind: -1, share: 0 }])
  })

  test('the score counts clusters without a name as misses', () => {
    const { score } = name([
      [8, 0, 0],
      [2, 3, 3],
    ])
    expect(score.iou).toEqual([0.8, 0, 0])
    expect(score.pixelAccuracy).toBe(0.5)
  })
})

describe('the palette with names', () => {
  const naming = name([
    [5, 0, 0],
    [9, 0, 0],
    [0, 7, 0],
    [7, 0, 1],
    [2, 2, 2],
  ])

  test('merges clusters of a class into the one with most of its pixels', () => {
    expect(shown(applyNames(palette(5), naming, CLASSES, { merge: true }))).toEqual(['> 1', 'sky', 'road', '> 1', '-'])
  })

  test('or numbers them in the order of their pixels', () => {
    expect(shown(applyNames(palette(5), naming, CLASSES, { merge: false }))).toEqual([
      'sky 3',
      'sky',
      'road',
      'sky 2',
      '-',
    ])
  })

  test('numbers around names that classes have themselves', () => {
    const names = ['sky', 'Sky 2', 'tree']
    expect(shown(applyNames(palette(5), naming, names, { merge: false }))).toEqual([
      'sky 4',
      'sky',
      'Sky 2',
      'sky 3',
      '-',
    ])
  })

  test('names of before stay where the examples say nothing, unless they are given away', () => {
    const before = palette(5, { 0: { name: 'cloud' }, 2: { name: 'grey' }, 4: { name: 'shadow' } })
    expect(shown(applyNames(before, naming, CLASSES, { merge: true }))).toEqual(['> 1', 'sky', 'road', '> 1', 'shadow'])
    const clash = palette(5, { 4: { name: 'Road' } })
    expect(shown(applyNames(clash, naming, CLASSES, { merge: true }))).toEqual(['> 1', 'sky', 'road', '> 1', '-'])
  })

  test('clusters merged before follow the one that they were merged into', () => {
    const before = palette(5, { 4: { into: 0 } })
    const after = applyNames(
      before,
      name([
        [5, 0, 0],
        [9, 0, 0],
        [0, 7, 0],
        [0, 0, 1],
        [0, 0, 0],
      ]),
      CLASSES,
      { merge: true },
    )
    expect(shown(after)).toEqual(['> 1', 'sky', 'road', 'tree', '> 1'])
  })

  test('is a palette whatever the examples say', () => {
    const counts = fc.array(fc.tuple(fc.nat(5), fc.nat(5), fc.nat(5)), { minLength: 2, maxLength: 12 })
    fc.assert(
      fc.property(counts, fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true }), (rows, merge, minOverlap) => {
        const naming = name(rows, minOverlap)
        const made = applyNames(palette(rows.length), naming, CLASSES, { merge })
        const read = parsePalette(formatPalette(made), 'made')
        for (const { id, name, into } of read.clusters) {
          const kind = naming.classOf[into ?? id]!
          expect(kind).toBe(naming.classOf[id])
          if (kind >= 0) expect(name ?? `> ${into}`).toMatch(new RegExp(`^${CLASSES[kind]}( \\d+)?$|^> \\d+$`))
          else expect(name).toBeUndefined()
        }
      }),
    )
  })
})
