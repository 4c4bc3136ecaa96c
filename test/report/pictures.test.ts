import { describe, expect, test } from 'vitest'
import type { PictureSource } from '../../src/report/facts.js'
import { fitPictures, type Pictures } from '../../src/report/pictures.js'
import { noise } from './made-run.js'

const bytesOf = ({ byName }: Pictures): number => [...byName.values()].reduce((sum, { uri }) => sum + uri.length, 0)
const source = async (name: string, seed: number, series: boolean): Promise<PictureSource> => ({
  name,
  from: await noise(seed),
  series,
  maxWidthPx: 320,
})

describe('pictures within a budget', () => {
  test('all of them as large as they may be where there is room', async () => {
    const pictures = await fitPictures([await source('a', 1, false), await source('b', 2, true)], 10_000_000)
    expect([...pictures.byName.keys()]).toEqual(['a', 'b'])
    expect(pictures.byName.get('a')).toMatchObject({ width: 320, height: 200 })
    expect(pictures.series).toEqual({ found: 1, shown: 1 })
  })

  test('smaller and thinned evenly where there is not; the first and the last of the series stay', async () => {
    const sources = [await source('hero', 99, false)]
    for (let i = 0; i < 40; i++) sources.push(await source(`s${i}`, i + 1, true))
    const budget = 300_000
    const pictures = await fitPictures(sources, budget)
    expect(bytesOf(pictures)).toBeLessThanOrEqual(budget)
    const shown = [...pictures.byName.keys()].filter(name => name.startsWith('s')).map(name => Number(name.slice(1)))
    expect(pictures.series).toEqual({ found: 40, shown: shown.length })
    expect([shown[0], shown.at(-1)]).toEqual([0, 39])
    const gaps = shown.slice(1).map((at, i) => at - shown[i]!)
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1)
    expect(pictures.byName.has('hero')).toBe(true)
  })

  test('fitted again with what was recoded before: the same, without reading the files once more', async () => {
    const sources = [await source('a', 1, false), await source('b', 2, true)]
    const recoded = new Map()
    const before = await fitPictures(sources, 60_000, recoded)
    const gone = sources.map(one => ({ ...one, from: Buffer.from('no picture') }))
    expect(await fitPictures(gone, 60_000, recoded)).toEqual(before)
  })

  test('nothing at all rather than too much; a file that is no picture is left out', async () => {
    expect((await fitPictures([await source('a', 1, false), await source('b', 2, true)], 50)).byName.size).toBe(0)
    const broken = { name: 'x', from: Buffer.from('no picture'), series: false, maxWidthPx: 9 }
    expect((await fitPictures([broken], 1_000_000)).byName.size).toBe(0)
  })
})
