/// <reference lib="dom" />
/** The page in a real browser: Debian's chromium, or whatever PREP_CHROMIUM names; skipped where there is none. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { chooseCheckpoint } from '../../src/cli/choose-checkpoint.js'
import { type PaintServer, startPaintServer } from '../../src/paint/server.js'
import { openStudio, type Studio } from '../../src/paint/studio.js'
import { temporaryFolder } from '../helpers.js'
import { trainTinyRun } from './trained-run.js'

const executablePath = process.env.PREP_CHROMIUM ?? '/usr/bin/chromium'
const cwd = temporaryFolder()

describe.skipIf(!existsSync(executablePath))(`the page in ${executablePath}`, () => {
  let studio: Studio
  let server: PaintServer
  let browser: Browser
  const errors: string[] = []

  beforeAll(async () => {
    studio = await openStudio(await chooseCheckpoint(await trainTinyRun(cwd)))
    server = await startPaintServer({ studio, host: '127.0.0.1', port: 0, engine: 'auto', threads: 1 })
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
    await studio?.close()
  })
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close()
    expect(errors.splice(0)).toEqual([])
  })

  async function open(options: BrowserContextOptions = {}, url = server.urls[0]): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options })
    const page = await context.newPage()
    return visit(page, url)
  }
  async function visit(page: Page, url = server.urls[0]): Promise<Page> {
    page.on('pageerror', error => errors.push(error.message))
    page.on('console', message => {
      // breaches of the content policy among them; a request that was refused is none
      if (message.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(message.text()))
        errors.push(message.text())
    })
    await page.goto(url)
    await photos(page, 1)
    return page
  }
  const kept = (page: Page, storage: 'sessionStorage' | 'localStorage'): Promise<string | undefined> =>
    page.evaluate(storage => {
      const key = Object.keys(window[storage]).find(key => key.startsWith('prep-drawing'))
      return key && window[storage][key]
    }, storage)
  /** Paint in another class everywhere, and wait until the browser has kept it. @returns what is shown then */
  async function paintOver(page: Page, classKey: string): Promise<string> {
    const before = await kept(page, 'sessionStorage')
    await page.keyboard.press(classKey)
    await page.click('#clear')
    await expect.poll(() => kept(page, 'sessionStorage')).not.toBe(before)
    return pixels(page, 'drawing')
  }
  const transform = (page: Page, pane: 'drawing' | 'photo'): Promise<DOMMatrix> =>
    page.evaluate(pane => {
      const { a, e, f } = new DOMMatrix(getComputedStyle(document.querySelector(`#${pane}-pane .sheet`)!).transform)
      return { a, e, f } as DOMMatrix
    }, pane)
  /** Wait until so many photos have been made. */
  const photos = (page: Page, count: number): Promise<unknown> =>
    page.waitForFunction(count => Number(document.body.dataset.photos) >= count, count)
  const made = (page: Page): Promise<number> => page.evaluate(() => Number(document.body.dataset.photos))
  const pixels = (page: Page, canvas: 'drawing' | 'photo'): Promise<string> =>
    page.evaluate(id => (document.getElementById(id) as HTMLCanvasElement).toDataURL(), canvas)
  /** Do something, and wait for the photo that follows from it. */
  async function after(page: Page, action: () => Promise<unknown>): Promise<void> {
    const before = await made(page)
    await action()
    await photos(page, before + 1)
  }
  async function stroke(page: Page, { held = false, height: at = 0.5 } = {}): Promise<void> {
    const { x, y, width, height } = (await page.locator('#drawing-pane .sheet').boundingBox())!
    await page.mouse.move(x + width * 0.2, y + height * at)
    await page.mouse.down()
    await page.mouse.move(x + width * 0.8, y + height * at, { steps: 5 })
    if (!held) await page.mouse.up()
  }
  /** How many pixels of the drawing have a class. */
  const countOf = (page: Page, classId: number): Promise<number> =>
    page.evaluate(display => {
      const { width, height } = document.getElementById('drawing') as HTMLCanvasElement
      const context = (document.getElementById('drawing') as HTMLCanvasElement).getContext('2d')!
      const { data } = context.getImageData(0, 0, width, height)
      const rgb = Number.parseInt(display.slice(1), 16)
      let count = 0
      for (let i = 0; i < data.length; i += 4)
        if (((data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!) === rgb) count++
      return count
    }, studio.manifest.classes[classId]!.display)
  type Finger = readonly [x: number, y: number]
  /** Fingers down, moved in steps, and lifted together. */
  async function touch(page: Page, from: readonly Finger[], to: readonly Finger[] = from): Promise<void> {
    const session = await page.context().newCDPSession(page)
    const points = (share: number) =>
      from.map(([x, y], id) => ({ x: x + share * (to[id]![0] - x), y: y + share * (to[id]![1] - y), id }))
    const send = (type: 'touchStart' | 'touchMove' | 'touchEnd', touchPoints: ReturnType<typeof points>) =>
      session.send('Input.dispatchTouchEvent', { type, touchPoints })
    // one after the other, as hands do
    for (let fingers = 1; fingers <= from.length; fingers++) await send('touchStart', points(0).slice(0, fingers))
    for (const share of from === to ? [] : [0.25, 0.5, 0.75, 1]) await send('touchMove', points(share))
    await send('touchEnd', [])
    await session.detach()
  }

  test('a stroke changes drawing and photo; undo and redo bring both back', async () => {
    const page = await open()
    const [drawing, photo] = [await pixels(page, 'drawing'), await pixels(page, 'photo')]
    await after(page, () => stroke(page))
    const painted = await pixels(page, 'drawing')
    expect(painted).not.toBe(drawing)
    await expect.poll(() => pixels(page, 'photo')).not.toBe(photo)
    await page.keyboard.press('Control+z')
    await expect.poll(() => pixels(page, 'photo')).toBe(photo)
    expect(await pixels(page, 'drawing')).toBe(drawing)
    await page.click('#redo')
    expect(await pixels(page, 'drawing')).toBe(painted)
    expect(await page.textContent('#latency')).toMatch(/\d+ ms/)
  })

  test('every tool is reached by its key, and paints by keys alone', async () => {
    const page = await open()
    for (const [key, tool] of [...'belropfish'].map(
      (key, i) =>
        [
          key,
          ['brush', 'eraser', 'line', 'rectangle', 'ellipse', 'polygon', 'fill', 'pick', 'block', 'hand'][i]!,
        ] as const,
    )) {
      await page.keyboard.press(key)
      expect(await page.getAttribute('body', 'data-tool')).toBe(tool)
    }
    await page.keyboard.press('r')
    await page.keyboard.press('3')
    await page.focus('#drawing-pane')
    await after(page, async () => {
      await page.keyboard.press('Enter')
      for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowRight')
      await page.keyboard.press('Shift+ArrowDown')
      await page.keyboard.press('Enter')
    })
    expect(await page.isEnabled('#undo')).toBe(true)
    expect(await countOf(page, 2)).toBe(6 * 11)
  })

  test('the hand paints nothing by keys, and Enter nothing while a stroke is held', async () => {
    const page = await open()
    const untouched = await pixels(page, 'drawing')
    await page.keyboard.press('h')
    await page.focus('#drawing-pane')
    for (const key of ['Enter', 'Shift+ArrowRight', 'Shift+ArrowDown', 'Enter']) await page.keyboard.press(key)
    expect(await pixels(page, 'drawing')).toBe(untouched)
    await page.keyboard.press('b')
    const held = async (key?: string): Promise<string> => {
      await stroke(page, { held: true })
      if (key) await page.keyboard.press(key)
      await page.mouse.up()
      const painted = await pixels(page, 'drawing')
      await page.click('#undo')
      return painted
    }
    expect(await held('Enter')).toBe(await held())
  })

  test('undo and redo while a stroke is held leave nothing of it', async () => {
    const page = await open()
    const untouched = await pixels(page, 'drawing')
    await stroke(page)
    const painted = await pixels(page, 'drawing')
    for (const [key, expected] of [
      ['Control+z', untouched],
      ['Control+y', painted],
    ] as const) {
      await stroke(page, { held: true, height: 0.8 })
      await page.keyboard.press(key)
      expect(await pixels(page, 'drawing')).toBe(expected)
      await page.keyboard.press('Escape')
      await page.mouse.up()
    }
  })

  test('a block of the training labels is placed; a label map of the data set is opened', async () => {
    const page = await open()
    await page.locator('#blocks .grid button').first().click()
    expect(await page.getAttribute('body', 'data-tool')).toBe('block')
    const empty = await pixels(page, 'drawing')
    await page.locator('#classes button[aria-checked="false"]').first().click()
    await after(page, () => page.click('#drawing-pane'))
    expect(await pixels(page, 'drawing')).not.toBe(empty)
    await page.click('summary:text("Open")')
    await page.click('#open-map')
    await after(page, () => page.locator('#map-list button').first().click())
  })

  test('a photo is labelled; a text file is refused in words', async () => {
    const page = await open()
    await after(page, () => page.setInputFiles('#file', join(cwd, 'photos/photo-002.jpg')))
    await expect.poll(() => page.textContent('#note')).toContain('palette')
    const buffer = Buffer.from('not an image')
    await page.setInputFiles('#file', { name: 'notes.png', mimeType: 'image/png', buffer })
    await expect.poll(() => page.textContent('#note')).toContain('not an image')
  })

  test('a saved drawing opens again, and so do its PNG and its link', async () => {
    const page = await open()
    await stroke(page)
    const painted = await pixels(page, 'drawing')
    for (const button of ['#save-drawing', '#save-labels']) {
      await page.click('summary:text("Save")')
      const [download] = await Promise.all([page.waitForEvent('download'), page.click(button)])
      await page.click('#clear')
      expect(await pixels(page, 'drawing')).not.toBe(painted)
      const mimeType = button === '#save-labels' ? 'image/png' : 'application/json'
      const buffer = await readFile(await download.path())
      await page.setInputFiles('#file', { name: download.suggestedFilename(), mimeType, buffer })
      await expect.poll(() => pixels(page, 'drawing')).toBe(painted)
    }
    await page.click('#share')
    await page.waitForFunction(() => location.hash.startsWith('#d='))
    const fragment = new URL(page.url()).hash
    const other = await open({}, server.urls[0] + fragment)
    await expect.poll(() => pixels(other, 'drawing')).toBe(painted)
    // the key is not in the address that people copy
    expect(other.url()).not.toContain('t=')
  })

  test('two tabs paint beside each other; a reload brings back the drawing of its own tab', async () => {
    const one = await open()
    const two = await visit(await one.context().newPage())
    const untouched = await pixels(two, 'drawing')
    const ofOne = await paintOver(one, '3')
    expect(await pixels(two, 'drawing')).toBe(untouched)
    const ofTwo = await paintOver(two, '2')
    expect(ofTwo).not.toBe(ofOne)
    await one.reload()
    await expect.poll(() => pixels(one, 'drawing')).toBe(ofOne)
    // a new tab goes on with what was kept last
    const three = await visit(await one.context().newPage())
    await expect.poll(() => pixels(three, 'drawing')).toBe(ofTwo)
  })

  test('what is painted after Share outlives a reload', async () => {
    const page = await open()
    await stroke(page)
    await page.click('#share')
    await page.waitForFunction(() => location.hash.startsWith('#d='))
    const painted = await paintOver(page, '3')
    expect(new URL(page.url()).hash).toBe('')
    await page.reload()
    await expect.poll(() => pixels(page, 'drawing')).toBe(painted)
  })

  test('a link from elsewhere does not replace the drawing that is kept, until it is changed', async () => {
    const sender = await open()
    await stroke(sender)
    await sender.click('#share')
    await sender.waitForFunction(() => location.hash.startsWith('#d='))
    const linked = await pixels(sender, 'drawing')
    const own = await open()
    const painted = await paintOver(own, '3')
    const text = await kept(own, 'localStorage')
    const opened = await visit(await own.context().newPage(), server.urls[0] + new URL(sender.url()).hash)
    await expect.poll(() => pixels(opened, 'drawing')).toBe(linked)
    await opened.waitForTimeout(600)
    expect(await kept(opened, 'localStorage')).toBe(text)
    await opened.click('#undo')
    expect(await pixels(opened, 'drawing')).toBe(painted)
    await paintOver(opened, '2')
    expect(await kept(own, 'localStorage')).not.toBe(text)
  })

  test('a drawing that does not name its palette opens with a warning', async () => {
    const page = await open()
    await page.click('summary:text("Save")')
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save-drawing')])
    const { palette, ...drawing } = JSON.parse(await readFile(await download.path(), 'utf8'))
    expect(palette).toBe(studio.manifest.palette)
    const buffer = Buffer.from(JSON.stringify(drawing))
    await page.setInputFiles('#file', { name: 'drawing.json', mimeType: 'application/json', buffer })
    await expect.poll(() => page.textContent('#note')).toContain('palette')
  })

  test('a model that cannot be read: the page says so', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.route('**/paint.json', route => route.fulfill({ status: 500, body: 'disk failure' }))
    await page.goto(server.urls[0])
    await expect.poll(() => page.textContent('#state')).toContain('disk failure')
  })

  test('a data set of many label maps: the list grows as one scrolls, and search finds any', async () => {
    const page = await (await browser.newContext()).newPage()
    await page.route('**/paint.json', async route => {
      const manifest = await (await route.fetch()).json()
      const maps = Array.from({ length: 500 }, (_, i) => ({ ...manifest.maps[0], name: `street ${i}` }))
      await route.fulfill({ json: { ...manifest, maps } })
    })
    await visit(page)
    await page.click('summary:text("Open")')
    await page.click('#open-map')
    const buttons = page.locator('#map-list button')
    const first = await buttons.count()
    expect(first).toBeLessThan(200)
    await buttons.last().scrollIntoViewIfNeeded()
    await expect.poll(() => buttons.count()).toBeGreaterThan(first)
    await page.fill('#map-filter', 'street 499')
    await expect.poll(() => buttons.count()).toBe(1)
    await after(page, () => buttons.first().click())
  })

  test('the wheel zooms about what lies under the pointer, over either pane', async () => {
    const page = await open()
    for (const pane of ['drawing', 'photo'] as const) {
      await page.keyboard.press('0')
      const box = (await page.locator(`#${pane}-pane`).boundingBox())!
      const [x, y] = [box.width / 4, box.height / 2]
      const before = await transform(page, pane)
      await page.mouse.move(box.x + x + 1, box.y + y + 1)
      await page.mouse.wheel(0, -600)
      await expect.poll(async () => (await transform(page, pane)).a).toBeGreaterThan(before.a)
      const after = await transform(page, pane)
      expect((x - after.e) / after.a).toBeCloseTo((x - before.e) / before.a, 1)
      expect((y - after.f) / after.a).toBeCloseTo((y - before.f) / before.a, 1)
    }
  })

  test('a server that is gone: drawing goes on, and the page says so', async () => {
    const own = await openStudio(studio.checkpoint)
    const other = await startPaintServer({ studio: own, host: '127.0.0.1', port: 0, engine: 'auto', threads: 1 })
    const page = await open({}, other.urls[0])
    await other.close()
    await expect.poll(() => page.textContent('#state')).toContain('away')
    await stroke(page)
    expect(await page.isEnabled('#undo')).toBe(true)
    const back = await startPaintServer({
      studio: own,
      host: '127.0.0.1',
      port: other.port,
      engine: 'auto',
      threads: 1,
    })
    await expect.poll(() => page.textContent('#state'), { timeout: 15_000 }).toContain('open the link')
    await back.close()
    await own.close()
  })

  test('on a phone: touch paints, all controls are within the screen', async () => {
    const page = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true })
    const { x, y, width, height } = (await page.locator('#drawing-pane .sheet').boundingBox())!
    await after(page, () => page.touchscreen.tap(x + width / 2, y + height / 2))
    expect(await page.isEnabled('#undo')).toBe(true)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
    for (const button of await page.locator('#tools button, .bar > button, .bar summary').all()) {
      const box = (await button.boundingBox())!
      expect(box.x).toBeGreaterThanOrEqual(0)
      expect(box.x + box.width).toBeLessThanOrEqual(360)
    }
  })

  test('two fingers zoom: they paint nothing with any tool, and corners of a polygon stay', async () => {
    const page = await open({ viewport: { width: 800, height: 740 }, hasTouch: true })
    const { x, y, width, height } = (await page.locator('#drawing-pane .sheet').boundingBox())!
    const at = (column: number, row: number): Finger => [x + column * width, y + row * height]
    const pinch = async (): Promise<void> => {
      await touch(page, [at(0.4, 0.5), at(0.6, 0.5)], [at(0.2, 0.5), at(0.8, 0.5)])
      await expect.poll(async () => (await transform(page, 'drawing')).a).toBeGreaterThan((1.5 * width) / 32)
      await page.click('#zoom-fit')
    }
    await page.locator('#blocks .grid button').first().click()
    await page.keyboard.press('3')
    const untouched = await pixels(page, 'drawing')
    for (const key of 'belrofsp') {
      await page.keyboard.press(key)
      await pinch()
      expect(await pixels(page, 'drawing'), key).toBe(untouched)
    }
    for (const corner of [at(0.25, 0.25), at(0.75, 0.25)]) await touch(page, [corner])
    await pinch()
    for (const corner of [at(0.75, 0.75), at(0.25, 0.75)]) await touch(page, [corner])
    await touch(page, [at(0.25, 0.25)])
    expect(await countOf(page, 2)).toBeGreaterThan(12 * 12)
    await page.keyboard.press('f')
    await touch(page, [at(0.1, 0.1)])
    expect(await countOf(page, 2)).toBe(32 * 32)
  })

  test('on a phone the photo alone is zoomed and moved, too', async () => {
    const page = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true })
    await page.click('button[data-view="photo"]')
    const { x, y, width, height } = (await page.locator('#photo-pane').boundingBox())!
    const [left, right, middle] = [x + 0.4 * width, x + 0.6 * width, y + height / 2]
    const before = await transform(page, 'photo')
    await touch(
      page,
      [
        [left, middle],
        [right, middle],
      ],
      [
        [left - 60, middle],
        [right + 60, middle],
      ],
    )
    const zoomed = await transform(page, 'photo')
    expect(zoomed.a).toBeGreaterThan(1.5 * before.a)
    const centre = width / 2 - 1
    // fingers report one after the other, and the view never leaves a gap: a pixel is lost on the way
    expect(Math.abs((centre - zoomed.e) / zoomed.a - (centre - before.e) / before.a)).toBeLessThan(1)
    await touch(page, [[left, middle]], [[left + 30, middle]])
    expect((await transform(page, 'photo')).e).toBeCloseTo(zoomed.e + 30, 0)
  })

  test('every control has a name, and the views change without a shift of the page', async () => {
    const page = await open({ colorScheme: 'dark' })
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll('button, input, summary')].flatMap(control => {
        const { labels } = control as HTMLInputElement
        const name = control.getAttribute('aria-label') ?? control.textContent?.trim() ?? ''
        return name || labels?.length || (control as HTMLElement).hidden ? [] : [control.outerHTML]
      }),
    )
    expect(nameless).toEqual([])
    const before = await page.locator('#classes').boundingBox()
    for (const view of ['compare', 'drawing', 'photo', 'both']) {
      await page.click(`button[data-view="${view}"]`)
      expect(await page.locator('#classes').boundingBox()).toEqual(before)
    }
  })
})
