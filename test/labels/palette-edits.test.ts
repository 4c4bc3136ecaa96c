import { describe, expect, test } from 'vitest'
import { fitPalette } from '../../src/labels/fit.js'
import { countColours } from '../../src/labels/histogram.js'
import type { Palette } from '../../src/labels/palette.js'
import {
  colourClusters,
  type Draft,
  draftPalette,
  findCluster,
  mergeClusters,
  nameClusters,
  unmergeClusters,
} from '../../src/labels/palette-changes.js'
import { editPalette, formatEdits, parseEdits } from '../../src/labels/palette-edits.js'
import { errorCode } from '../helpers.js'
import { noisyPixels } from './pictures.js'

const base = fitPalette(countColours(noisyPixels(3000, 1)), { clusters: 6 })
const draft: Draft = { base, edits: { edits: new Map(), palette: base } }
const names = (entries: Record<number, string>) =>
  new Map(Object.entries(entries).map(([id, name]) => [Number(id), name]))
const intos = ({ clusters }: Palette) => clusters.map(({ into }) => into ?? null)

test('names, colours and merges change nothing else', () => {
  const edited = draftPalette(
    colourClusters(mergeClusters(nameClusters(draft, names({ 3: 'road' })), [5, 4], 3), names({ 0: '#804080' })),
  )
  expect(edited.clusters).toEqual(
    base.clusters.map(cluster => ({
      ...cluster,
      ...(cluster.id === 3 && { name: 'road' }),
      ...(cluster.id === 0 && { display: '#804080' }),
      ...(cluster.id > 3 && { into: 3 }),
    })),
  )
  expect(findCluster(edited, 'Road')).toBe(3)
})

test('what was merged into a cluster goes along when that one is merged, and merging is reversible', () => {
  const merged = mergeClusters(mergeClusters(draft, [5], 4), [4], 1)
  expect(intos(draftPalette(merged))).toEqual([null, null, null, null, 1, 1])
  expect(draftPalette(unmergeClusters(merged, [4, 5]))).toEqual(base)
})

test('an empty name or colour takes the decision back', () => {
  const edited = colourClusters(nameClusters(draft, names({ 1: 'sky' })), names({ 1: '#0000ff' }))
  expect(draftPalette(colourClusters(nameClusters(edited, names({ 1: '' })), names({ 1: '' })))).toEqual(base)
})

test.each<[string, () => unknown]>([
  ['an unknown id', () => nameClusters(draft, names({ 6: 'sky' }))],
  ['an unknown name', () => findCluster(base, 'sky')],
  ['a name used twice', () => nameClusters(draft, names({ 1: 'sky', 2: 'Sky' }))],
  ['a name of a merged cluster', () => nameClusters(mergeClusters(draft, [2], 1), names({ 2: 'sky' }))],
  ['a colour used twice', () => colourClusters(draft, names({ 1: base.clusters[2]!.display }))],
  ['a colour that is none', () => colourClusters(draft, names({ 1: 'red' }))],
  ['merging into itself', () => mergeClusters(draft, [1], 1)],
  ['merging into a merged cluster', () => mergeClusters(mergeClusters(draft, [1], 2), [3], 1)],
  ['merging an unknown id', () => mergeClusters(draft, [1], 17)],
  ['taking out what is not merged', () => unmergeClusters(draft, [1])],
  ['names in the pipeline for ids that are not there', () => editPalette(base, names({ 9: 'sky' }))],
  ['a file that is no JSON', () => parseEdits('{', 'e.json')],
  ['a file of something else', () => parseEdits('{"version": 1, "edits": []}'.replace('1', '2'), 'e.json')],
])('%s is PALETTE_EDIT_INVALID', (_, run) => {
  expect(errorCode(run)).toBe('PALETTE_EDIT_INVALID')
})

describe('the file', () => {
  const edits = mergeClusters(nameClusters(draft, names({ 3: 'road', 0: 'shadow' })), [5], 3).edits
  test('comes back as it was, in the same bytes', () => {
    const text = formatEdits(edits)
    expect(parseEdits(text, 'e.json')).toEqual({ ...edits, edits: new Map([...edits.edits].sort(([a], [b]) => a - b)) })
    expect(formatEdits(parseEdits(text, 'e.json'))).toBe(text)
  })

  test('its edits follow their clusters into another palette, and names there are theirs', () => {
    const turned = { ...base, clusters: base.clusters.toReversed().map((cluster, id) => ({ ...cluster, id })) }
    const { palette, warnings } = editPalette(turned, names({ 2: 'from the pipeline', 1: 'tree' }), edits)
    expect(warnings).toEqual([])
    expect(palette.clusters.map(({ name }) => name)).toEqual([
      undefined,
      'tree',
      'road',
      undefined,
      undefined,
      'shadow',
    ])
    expect(intos(palette)).toEqual([2, null, null, null, null, null])
  })

  test('an edit that has no cluster any more is told', () => {
    const fewer = { ...base, clusters: base.clusters.slice(0, 3) }
    expect(editPalette(fewer, new Map(), edits).warnings.length).toBeGreaterThan(0)
  })
})
