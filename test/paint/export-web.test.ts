/// <reference lib="dom" />
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import ort from 'onnxruntime-node'
import { chromium } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { chooseCheckpoint } from '../../src/cli/choose-checkpoint.js'
import { sha256Hex } from '../../src/files.js'
import type { Manifest } from '../../src/paint/manifest.js'
import { typeOf } from '../../src/paint/page-files.js'
import { startPaintServer } from '../../src/paint/server.js'
import { openStudio } from '../../src/paint/studio.js'
import { encodeLabel } from '../../src/trainer/batch.js'
import { displayColours } from '../../src/trainer/corpus.js'
import { openGenerator } from '../../src/trainer/generator.js'
import { prep, readTree, temporaryFolder } from '../helpers.js'
import { trainTinyRun } from './trained-run.js'

const cwd = temporaryFolder()
const site = join(cwd, 'site')
const executablePath = process.env.PREP_CHROMIUM ?? '/usr/bin/chromium'

beforeAll(async () => {
  const run = await trainTinyRun(cwd)
  const { code, stderr } = await prep(['export', 'web', run, site])
  expect(code, stderr).toBe(0)
})

const digests = (files: ReadonlyMap<string, Buffer>): string[][] =>
  [...files].map(([name, bytes]) => [name, sha256Hex(bytes)])

test('the folder has all that the page needs, and the same again the second time', async () => {
  const files = await readTree(site)
  const hashes = digests(files)
  const manifest = JSON.parse(files.get('paint.json')!.toString()) as Manifest
  expect(manifest.model).toEqual({ kind: 'browser', url: 'model.onnx', bytes: files.get('model.onnx')!.length })
  for (const { url } of manifest.maps) expect(files.get(url)!.length).toBe(32 * 32)
  expect(files.has('index.html') && files.has('ort/ort.webgpu.min.mjs')).toBe(true)
  expect((await prep(['export', 'web', join(cwd, 'out'), site])).code).toBe(0)
  expect(digests(await readTree(site))).toEqual(hashes)
})

test('an export into an old folder leaves nothing of it: no maps without the data set, no files of an older page', async () => {
  const folder = join(cwd, 'again')
  expect((await prep(['export', 'web', join(cwd, 'out'), folder])).code).toBe(0)
  expect([...(await readTree(folder)).keys()].some(path => path.startsWith('maps/'))).toBe(true)
  await writeFile(join(folder, 'assets/main-older.js'), '')
  expect((await prep(['export', 'web', join(cwd, 'out'), folder, '--no-dataset'])).code).toBe(0)
  const files = [...(await readTree(folder)).keys()]
  expect(files.filter(path => /^maps|older/.test(path))).toEqual([])
  expect(files).toContain('index.html')
})

test('the model paints what the engine paints', async () => {
  const checkpoint = await chooseCheckpoint(join(cwd, 'out'))
  const { state, session, close } = await openGenerator(checkpoint, { engine: 'auto', threads: 1 })
  const colours = displayColours(state.palette, checkpoint)
  const ids = Uint8Array.from({ length: 32 * 32 }, (_, i) => (i >> 6) % colours.length)
  const channels = state.model.labelChannels
  const label = { shape: [1, channels, 32, 32], data: new Float32Array(channels * 32 * 32) }
  encodeLabel(ids, { labelInput: state.options.label_input, colours }, label.data)
  const expected = await session.generate({ label })
  const exported = await ort.InferenceSession.create(join(site, 'model.onnx'))
  const { photo } = await exported.run({ label: new ort.Tensor('uint8', ids, [1, 32, 32]) })
  const found = photo!.data as Float32Array
  expect(found).toHaveLength(expected.data.length)
  expect(Math.max(...found.map((value, i) => Math.abs(value - expected.data[i]!)))).toBeLessThan(1e-4)
  await close()
})

test('a folder of somebody else is left alone', async () => {
  await writeFile(join(cwd, 'photos/mine.txt'), 'mine')
  const { code, stderr } = await prep(['export', 'web', join(cwd, 'out'), join(cwd, 'photos')])
  expect(code).toBe(2)
  expect(stderr).toContain('OUTPUT_FOREIGN')
})

describe.skipIf(!existsSync(executablePath))(`in ${executablePath}`, () => {
  async function paintsAt(url: string): Promise<void> {
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
    try {
      const page = await browser.newPage()
      const elsewhere: string[] = []
      const errors: string[] = []
      page.on('pageerror', error => errors.push(error.message))
      page.on('console', message => message.type() === 'error' && errors.push(message.text()))
      page.on('request', request => {
        if (/^https?:/.test(request.url()) && new URL(request.url()).host !== new URL(url).host)
          elsewhere.push(request.url())
      })
      await page.goto(url)
      await page.waitForFunction(() => Number(document.body.dataset.photos) >= 1)
      const picture = (): Promise<string> =>
        page.evaluate(() => (document.getElementById('photo') as HTMLCanvasElement).toDataURL())
      const empty = await picture()
      await page.keyboard.press('f')
      await page.locator('#drawing-pane').click()
      await expect.poll(picture).not.toBe(empty)
      expect(elsewhere).toEqual([])
      expect(errors).toEqual([])
    } finally {
      await browser.close()
    }
  }

  test('any web server hosts it: it paints, and asks nobody else', async () => {
    const server = createServer(async (request, answer) => {
      const path = new URL(request.url!, 'http://localhost').pathname.replace(/\/$/, '/index.html')
      const bytes = await readFile(join(site, path)).catch(() => undefined)
      answer.writeHead(bytes ? 200 : 404, { 'Content-Type': typeOf(path) }).end(bytes)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    try {
      await paintsAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  test('prep paint --in-browser paints with the same page', async () => {
    const { browserModel } = await import('../../src/paint/browser-model.js')
    const checkpoint = await chooseCheckpoint(join(cwd, 'out'))
    const studio = await openStudio(checkpoint)
    const browser = await browserModel(checkpoint)
    const server = await startPaintServer({ studio, host: '127.0.0.1', port: 0, engine: 'auto', browser })
    try {
      await paintsAt(server.urls[0])
    } finally {
      await server.close()
      await studio.close()
    }
  })
})
