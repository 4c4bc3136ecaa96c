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
    page.on('pageerror', error => errors.push(error.message))
    await page.goto(url)
    await photos(page, 1)
    return page
  }
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
  async function stroke(page: Page): Promise<void> {
    const { x, y, width, height } = (await page.locator('#drawing-pane .sheet').boundingBox())!
    await page.mouse.move(x + width * 0.2, y + height * 0.5)
    await page.mouse.down()
    await page.mouse.move(x + width * 0.8, y + height * 0.5, { steps: 5 })
    await page.mouse.up()
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

  test('two tabs paint beside each other; a reload brings the drawing back', async () => {
    const [one, two] = [await open(), await open()]
    const untouched = await pixels(two, 'drawing')
    await after(one, () => stroke(one))
    expect(await pixels(two, 'drawing')).toBe(untouched)
    const painted = await pixels(one, 'drawing')
    await one.waitForFunction(() => Object.keys(localStorage).some(key => key.startsWith('prep-drawing')))
    await one.reload()
    await expect.poll(() => pixels(one, 'drawing')).toBe(painted)
  })

  test('a server that is gone: drawing goes on, and the page says so', async () => {
    const own = await openStudio(studio.checkpoint)
    const other = await startPaintServer({ studio: own, host: '127.0.0.1', port: 0, engine: 'auto', threads: 1 })
    const page = await open({}, other.urls[0])
    await other.close()
    await expect.poll(() => page.textContent('#latency')).toContain('away')
    await stroke(page)
    expect(await page.isEnabled('#undo')).toBe(true)
    const back = await startPaintServer({
      studio: own,
      host: '127.0.0.1',
      port: other.port,
      engine: 'auto',
      threads: 1,
    })
    await expect.poll(() => page.textContent('#latency'), { timeout: 15_000 }).toContain('open the link')
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
