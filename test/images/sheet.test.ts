import { execFileSync } from 'node:child_process'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { sizeWithin } from '../../src/images/geometry.js'
import { fitText, letterSvg, textWidth } from '../../src/images/lettering.js'
import { drawContactSheet, drawSheet } from '../../src/images/sheet.js'
import type { Pixels } from '../../src/sample.js'

const plain = (red: number, green: number, blue: number, width = 40, height = 20): Pixels => ({
  data: Uint8Array.from({ length: 3 * width * height }, (_, i) => [red, green, blue][i % 3]!),
  width,
  height,
  channels: 3,
})

const RED = plain(255, 0, 0)
const GREEN = plain(0, 255, 0)
const BLUE = plain(0, 0, 255)

/** Where a colour is found: its bounding box and how many pixels have it. */
async function findColour(png: Uint8Array, colour: readonly number[]) {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
  const box = { x0: info.width, y0: info.height, x1: -1, y1: -1, count: 0 }
  for (let i = 0; i < info.width * info.height; i += 1) {
    if (colour.some((value, c) => data[info.channels * i + c] !== value)) continue
    const [x, y] = [i % info.width, Math.floor(i / info.width)]
    box.x0 = Math.min(box.x0, x)
    box.x1 = Math.max(box.x1, x)
    box.y0 = Math.min(box.y0, y)
    box.y1 = Math.max(box.y1, y)
    box.count += 1
  }
  return box
}

/** Pixels darker than the background: ink. */
async function inkOf(png: Uint8Array): Promise<number> {
  const { data } = await sharp(png).greyscale().raw().toBuffer({ resolveWithObject: true })
  return data.reduce((sum, value) => sum + (value < 200 ? 1 : 0), 0)
}

describe('sample sheet', () => {
  test('cells stand in their columns and rows at their size', async () => {
    const rows = [{ cells: [RED, GREEN], caption: 'first' }, { cells: [BLUE, GREEN] }]
    const png = await drawSheet({ columns: ['input', 'truth'], rows, cellPx: 120 })
    const [red, green, blue] = [
      await findColour(png, [255, 0, 0]),
      await findColour(png, [0, 255, 0]),
      await findColour(png, [0, 0, 255]),
    ]
    expect([red.x1 - red.x0 + 1, red.y1 - red.y0 + 1, red.count]).toEqual([120, 60, 7200])
    expect(green.count).toBe(2 * 7200)
    expect(green.x0).toBeGreaterThan(red.x1)
    expect(blue.x0).toBe(red.x0)
    expect(blue.y0).toBeGreaterThan(red.y1)
  })

  test('title, headings and captions leave ink, without them there is none', async () => {
    const rows = [{ cells: [plain(240, 240, 240)] }]
    const bare = await drawSheet({ columns: [''], rows })
    const headed = await drawSheet({ columns: ['input'], rows })
    const titled = await drawSheet({ columns: ['input'], rows, title: 'epoch 10' })
    const captioned = await drawSheet({ columns: ['input'], rows: [{ ...rows[0]!, caption: 'a' }], title: 'epoch 10' })
    const ink = await Promise.all([bare, headed, titled, captioned].map(inkOf))
    expect(ink[0]).toBe(0)
    expect(ink[1]).toBeGreaterThan(20)
    expect(ink[2]).toBeGreaterThan(ink[1]!)
    expect(ink[3]).toBeGreaterThan(ink[2]!)
  })

  test('the same input gives the same bytes, and no font is asked for', async () => {
    const sheet = { columns: ['input'], rows: [{ cells: [RED] }], title: 'epoch 10' }
    expect(await drawSheet(sheet)).toEqual(await drawSheet(sheet))
    // The same picture where fontconfig finds nothing at all.
    const module = new URL('../../dist/images/sheet.js', import.meta.url).href
    const script = `
      const { drawSheet } = await import('${module}')
      const pixels = { data: new Uint8Array(2400).map((_, i) => (i % 3 ? 0 : 255)), width: 40, height: 20, channels: 3 }
      process.stdout.write(await drawSheet({ columns: ['input'], rows: [{ cells: [pixels] }], title: 'epoch 10' }))`
    const env = { ...process.env, FONTCONFIG_FILE: '/dev/null', FONTCONFIG_PATH: '/nonexistent' }
    const fontless = execFileSync(process.execPath, ['--input-type=module', '-e', script], { env, maxBuffer: 2 ** 26 })
    expect(Buffer.compare(fontless, await drawSheet(sheet))).toBe(0)
  })

  test('small pictures grow by whole pixels', async () => {
    const checks: Pixels = { ...plain(0, 0, 0, 2, 1), data: Uint8Array.of(255, 0, 0, 0, 0, 255) }
    const png = await drawSheet({ columns: [''], rows: [{ cells: [checks] }], cellPx: 100 })
    expect((await findColour(png, [255, 0, 0])).count).toBe(50 * 50)
    expect((await findColour(png, [0, 0, 255])).count).toBe(50 * 50)
  })

  test('no rows and missing cells are drawn, too', async () => {
    await expect(drawSheet({ columns: ['a', 'b'], rows: [] })).resolves.toBeDefined()
    await expect(drawSheet({ columns: ['a', 'b'], rows: [{ cells: [RED] }] })).resolves.toBeDefined()
  })
})

describe('contact sheet', () => {
  test('photo and labels of a sample stand side by side', async () => {
    const pairs = [RED, RED, RED].map(photo => ({ photo, label: BLUE, caption: 'street' }))
    const png = await drawContactSheet({ pairs, columns: 2, cellPx: 80, title: 'labels' })
    const [red, blue] = [await findColour(png, [255, 0, 0]), await findColour(png, [0, 0, 255])]
    expect([red.count, blue.count]).toEqual([3 * 80 * 40, 3 * 80 * 40])
    expect(blue.x0 - red.x0).toBe(82)
  })

  test('many samples make a page, not a strip', async () => {
    const pairs = Array.from({ length: 60 }, () => ({ photo: RED, label: BLUE }))
    const { width, height } = await sharp(await drawContactSheet({ pairs, cellPx: 60 })).metadata()
    expect(width / height).toBeGreaterThan(0.6)
    expect(width / height).toBeLessThan(1.7)
  })

  test('no sample at all is an empty page', async () => {
    await expect(drawContactSheet({ pairs: [] })).resolves.toBeDefined()
  })
})

describe('lettering', () => {
  const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i))

  test('every printable ASCII character but blank and rare ones has strokes of its own', () => {
    const unknown = letterSvg({ text: '\u5199', x: 0, baseline: 10, capPx: 10, colour: 'black' })
    const missing = printable.filter(
      text => letterSvg({ text, x: 0, baseline: 10, capPx: 10, colour: 'black' }) === unknown,
    )
    expect(missing).toEqual(['$', '`'])
  })

  test('all of it is SVG that a renderer takes', async () => {
    const text = printable.join('')
    const group = letterSvg({ text, x: 2, baseline: 20, capPx: 10, colour: '#000000' })
    const width = Math.ceil(textWidth(text, 10)) + 8
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="30">${group}</svg>`
    const { data, info } = await sharp(Buffer.from(svg)).flatten({ background: 'white' }).greyscale().raw().toBuffer({
      resolveWithObject: true,
    })
    const dark = (x: number) => Array.from({ length: 30 }, (_, y) => data[y * info.width + x]!).some(v => v < 160)
    expect(dark(width - 1)).toBe(false)
    expect(Array.from({ length: width }, (_, x) => dark(x)).filter(Boolean).length).toBeGreaterThan(width / 3)
  })

  test('a text is cut to its width with an ellipsis', () => {
    const text = 'a rather long caption of a sample'
    expect(fitText(text, 10, 1000)).toBe(text)
    const cut = fitText(text, 10, 90)
    expect(cut.endsWith('…')).toBe(true)
    expect(textWidth(cut, 10)).toBeLessThanOrEqual(90)
    expect(fitText('naïve', 10, 1000)).toBe('naïve')
    expect(textWidth('naïve', 10)).toBe(textWidth('naive', 10))
  })
})

test('a picture is fitted into a box without changing its shape', () => {
  expect(sizeWithin({ width: 200, height: 100 }, { width: 50, height: 50 })).toEqual({ width: 50, height: 25 })
  expect(sizeWithin({ width: 1, height: 5000 }, { width: 50, height: 50 })).toEqual({ width: 1, height: 50 })
})
