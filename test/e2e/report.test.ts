import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prep, temporaryFolder, writePhotos } from '../helpers.js'
import { makeRun, metricsOf, sampleOf } from '../report/made-run.js'

const cwd = temporaryFolder()
const prepare = [
  { stage: 'glob', patterns: ['photos/*.jpg'] },
  { stage: 'resize', size: 32 },
  { stage: 'kmeans', clusters: 4 },
  { stage: 'split', test: 0.3 },
  { stage: 'pack' },
]
const train = {
  stage: 'train',
  epochs: 4,
  width: 4,
  d_width: 4,
  d_layers: 1,
  threads: 1,
  sample_every: 1,
  sample_rows: 2,
}
const pipeline = (name: string, steps: readonly object[]) =>
  writeFile(join(cwd, `${name}.yaml`), JSON.stringify({ name, output: name, steps }))
const pageOf = (run: string): Promise<string> => readFile(join(cwd, run, 'report.html'), 'utf8')

beforeAll(async () => {
  await writePhotos(join(cwd, 'photos'), 12)
  await writeFile(join(cwd, 'photos/broken.jpg'), 'not a photo')
  await pipeline('trained', [...prepare, train])
  await pipeline('prepared', prepare)
  await pipeline('stopped', [...prepare, { ...train, max_minutes: 1e-6 }])
  const run = await prep(['run', 'trained.yaml', '--report'], { cwd })
  expect(run.code, run.stderr).toBe(0)
  expect(run.stdout).toMatch(/^wrote trained\/report\.html/m)
})

test('a whole run: counts, reasons, split, curves, sheets, checkpoints measured, every cell with its file', async () => {
  const page = await pageOf('trained')
  for (const text of [
    'finished',
    '12 of 13',
    'NOT_AN_IMAGE',
    'broken',
    'No leaks',
    'Losses of D',
    'Checkpoints measured',
    'Worst rows by',
    'prep run trained.yaml',
  ])
    expect(page).toContain(text)
  expect(page.match(/class="frame"/g)!.length).toBe(4)
  const { shards } = JSON.parse(await readFile(join(cwd, 'trained/dataset/index.json'), 'utf8'))
  expect(page).toContain(shards[0].sha256)
  const rows = (await readFile(join(cwd, 'trained/dataset/samples.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const shown = rows.find(({ split, row }) => split === 'test' && row === 0)
  expect(page.slice(page.indexOf('Rows of every sheet'))).toContain(shown.sha256)
  const ranked = page.slice(page.indexOf('Worst rows by'))
  for (const { sha256, source } of rows.filter(({ split }) => split === 'test')) {
    expect(ranked).toContain(sha256)
    expect(ranked).toContain(source)
  }
})

test('the trainer tells its speed, and the report does', async () => {
  expect(await pageOf('trained')).toMatch(/Wait for data<\/dt><dd>\d+\.\d%/)
})

test('several runs at once, preparation alone among them; --out for one', async () => {
  const { code } = await prep(['run', 'prepared.yaml'], { cwd })
  expect(code).toBe(0)
  const both = await prep(['report', 'trained', 'prepared', '--rows', '0'], { cwd })
  expect(both.code, both.stderr).toBe(0)
  expect(await pageOf('prepared')).not.toContain('href="#training"')
  const out = await prep(['report', 'prepared', '--out', 'deep/er/page.html', '--quiet'], { cwd })
  expect([out.code, out.stdout, existsSync(join(cwd, 'deep/er/page.html'))]).toEqual([0, '', true])
})

test('a training that was stopped: the report says how to go on, and the exit code stays', async () => {
  const { code, stdout } = await prep(['run', 'stopped.yaml', '--report'], { cwd })
  expect(code).toBe(130)
  expect(stdout).toMatch(/^wrote stopped\/report\.html/m)
  const page = await pageOf('stopped')
  expect(page).toContain('interrupted')
  expect(page).toContain('prep run stopped.yaml')
})

test('a run that may not have the folder leaves the report of the other alone; no report changes how a run ends', async () => {
  await writeFile(join(cwd, 'thief.yaml'), JSON.stringify({ name: 'thief', output: 'prepared', steps: prepare }))
  const before = await pageOf('prepared')
  await writeFile(join(cwd, 'prepared/report.html'), 'as it was')
  const { code, stderr } = await prep(['run', 'thief.yaml', '--report'], { cwd })
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^OUTPUT_FOREIGN$/m)])
  expect(await pageOf('prepared')).toBe('as it was')
  await writeFile(join(cwd, 'prepared/report.html'), before)
  // a folder cannot be replaced by a page
  await prep(['run', 'prepared.yaml', '--set', 'output=blocked', '--set', 'name=blocked'], { cwd })
  await mkdir(join(cwd, 'blocked/report.html/x'), { recursive: true })
  const blocked = await prep(['run', 'prepared.yaml', '--set', 'output=blocked', '--set', 'name=blocked', '--report'], {
    cwd,
  })
  expect([blocked.code, blocked.stderr]).toEqual([0, expect.stringMatching(/^no report: /m)])
})

test('what cannot be reported says why, with exit code 2', async () => {
  const codeOf = async (...args: string[]) => {
    const { code, stderr } = await prep(['report', ...args], { cwd })
    expect(code).toBe(2)
    return /^[A-Z_]+$/m.exec(stderr)?.[0]
  }
  expect(await codeOf('photos')).toBe('FILE_MISSING')
  expect(await codeOf('nowhere')).toBe('FILE_MISSING')
  expect(await codeOf('trained', 'prepared', '--out', 'x.html')).toBe('USAGE')
  expect((await prep(['report', 'trained', '--rows', '-1'], { cwd })).code).toBe(2)
})

const CHROMIUM = '/usr/bin/chromium'
describe.skipIf(!existsSync(CHROMIUM))(
  `in a browser${existsSync(CHROMIUM) ? '' : ` (skipped: no ${CHROMIUM})`}`,
  () => {
    let browser: Browser
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
    })
    afterAll(() => browser?.close())

    /** A page opened from the disk without a network, and what went wrong on it. */
    async function open(file: string, width: number): Promise<{ page: Page; problems: string[] }> {
      const context = await browser.newContext({ viewport: { width, height: 800 }, offline: true })
      const page = await context.newPage()
      const problems: string[] = []
      page.on('console', message => problems.push(message.text()))
      page.on('pageerror', error => problems.push(error.message))
      page.on('dialog', dialog => dialog.dismiss().then(() => problems.push('a dialog')))
      page.on('request', request => {
        if (!/^(file|data):/.test(request.url())) problems.push(request.url())
      })
      await page.goto(pathToFileURL(file).href)
      return { page, problems }
    }

    test('opens offline without a complaint; all pictures are there', async () => {
      const { page, problems } = await open(join(cwd, 'trained/report.html'), 1280)
      const widths = await page
        .locator('img')
        .evaluateAll(all => all.map(image => (image as unknown as { naturalWidth: number }).naturalWidth))
      expect(widths.length).toBeGreaterThan(6)
      expect(Math.min(...widths)).toBeGreaterThan(0)
      expect(problems).toEqual([])
    })

    test('the slider of sheets and the readings of charts follow the keyboard', async () => {
      const { page } = await open(join(cwd, 'trained/report.html'), 1280)
      const slider = page.locator('#sheet-at')
      const shown = page.locator('.frame:visible figcaption')
      expect(await shown.allTextContents()).toEqual([expect.stringContaining('epoch 4')])
      await slider.focus()
      await page.keyboard.press('ArrowLeft')
      expect(await shown.allTextContents()).toEqual([expect.stringContaining('epoch 3')])
      expect(await slider.getAttribute('aria-valuetext')).toContain('epoch 3')
      const reading = page.locator('#chart-1 output')
      expect(await reading.textContent()).toMatch(/^4: real/)
      await page.locator('#chart-1-at').focus()
      await page.keyboard.press('Home')
      expect(await reading.textContent()).toMatch(/^1: real [\d.]+, fake [\d.]+$/)
      await page.locator('#chart-1 .plot').hover({ position: { x: 500, y: 100 } })
      expect(await reading.textContent()).toMatch(/^[234]: real [\d.]+, fake [\d.]+$/)
      expect(await page.locator('#chart-1 .cursor').getAttribute('visibility')).toBe('visible')
    })

    test.each(['trained', 'stopped', 'prepared'])('%s is no wider than a phone', async run => {
      const { page } = await open(join(cwd, run, 'report.html'), 360)
      await page.locator('details').evaluateAll(all => {
        for (const one of all) one.setAttribute('open', '')
      })
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    })

    test('names that are scripts are shown as names', async () => {
      const evil = '"><img src=x onerror="document.title=1"><script>document.title=1</script>'
      const run = await makeRun(join(cwd, 'evil'), {
        name: evil,
        yaml: `name: ${evil}\n`,
        steps: [
          {
            stage: 'glob',
            samples: [sampleOf(evil)],
            failures: [{ sample: evil, source: evil, code: evil, message: evil }],
          },
        ],
        events: [{ type: 'run-start', pipeline: evil, output: evil, steps: [] }],
        metrics: metricsOf(3),
        sheets: 3,
      })
      await mkdir(join(cwd, 'evil'), { recursive: true })
      expect((await prep(['report', run], { cwd })).code).toBe(0)
      const { page, problems } = await open(join(run, 'report.html'), 360)
      expect(await page.locator('h1').textContent()).toBe(evil)
      expect(await page.title()).toContain('onerror')
      expect(await page.locator('img[src="x"]').count()).toBe(0)
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
      expect(problems).toEqual([])
    })
  },
)
