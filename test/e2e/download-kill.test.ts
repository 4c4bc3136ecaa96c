import { spawn } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256Hex } from '../../src/files.js'
import { largePhoto, photo } from '../download/hostile-server.js'
import { prep, repoRoot, temporaryFolder } from '../helpers.js'

const SMALL = 120
const KILLS = 16
const LARGE_PIECES = 60

/** Serves small photos with a short wait, and one large one slowly, so that every kill meets both. */
const asked = new Map<string, number>()
const ranges: string[] = []
const bodies = new Map<string, Buffer>()
const server = createServer(async (request, response) => {
  const path = request.url ?? ''
  const body = bodies.get(path)
  asked.set(path, (asked.get(path) ?? 0) + 1)
  if (!body) return void response.writeHead(404).end()
  const etag = `"${path}"`
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  if (start) ranges.push(path)
  const rest = body.subarray(start)
  const length = { 'content-length': String(rest.length), etag }
  if (start) response.writeHead(206, { ...length, 'content-range': `bytes ${start}-${body.length - 1}/${body.length}` })
  else response.writeHead(200, length)
  const pieces = path === '/large' ? LARGE_PIECES : 1
  const piece = Math.ceil(body.length / pieces)
  for (let at = 0; at < rest.length && !response.destroyed; at += piece) {
    await new Promise(resolve => setTimeout(resolve, 15))
    response.write(rest.subarray(at, at + piece))
  }
  response.end()
})

beforeAll(async () => {
  // first in the list: it is on its way whenever small ones are
  bodies.set('/large', await largePhoto(12_000_000))
  for (let n = 0; n < SMALL; n++) bodies.set(`/${n}.jpg`, await photo(n))
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready))
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

/** @param ms  after the first request where `working`, else after the start of the program */
const killAfter = (ms: number, working: boolean, cwd: string): Promise<boolean> =>
  new Promise(done => {
    const child = spawn(process.execPath, [join(repoRoot, 'bin/prep.cjs'), 'run', 'p.yaml'], { cwd, stdio: 'ignore' })
    let timer: NodeJS.Timeout | undefined
    const start = (): void => {
      timer = setTimeout(() => child.kill('SIGKILL'), ms)
    }
    if (working) server.once('request', start)
    else start()
    child.on('exit', (_code, signal) => {
      clearTimeout(timer)
      server.off('request', start)
      done(signal === 'SIGKILL')
    })
  })

test('killed at many moments, no finished download is lost or fetched again, and no file is torn', async () => {
  const cwd = temporaryFolder()
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const host = { rate: 0, concurrency: 3 }
  const steps = [
    {
      stage: 'download',
      urls: [...bodies.keys()].map(path => origin + path),
      allow_private: true,
      robots: false,
      host,
    },
  ]
  await writeFile(join(cwd, 'p.yaml'), JSON.stringify({ name: 'p', steps }))
  const folder = join(cwd, 'runs/p/downloads')
  const finished = async (): Promise<Set<string>> => {
    const text = await readFile(join(cwd, 'runs/p/downloads.jsonl'), 'utf8').catch(() => '')
    const whole = text.split('\n').filter(line => line.endsWith('}'))
    const attempts = whole.map(line => JSON.parse(line) as { url: string; ok: boolean })
    return new Set(attempts.filter(({ ok }) => ok).map(({ url }) => url.slice(origin.length)))
  }
  let killed = 0
  for (let n = 0; n < KILLS; n++) {
    const before = await finished()
    const counts = new Map(asked)
    // Places spread over the start of the program and over its work.
    const place = (n * 0.618034) % 1
    if (await killAfter(n % 2 ? 400 * place : 700 * place, n % 2 === 1, cwd)) killed += 1
    for (const path of before) expect(asked.get(path), path).toBe(counts.get(path))
    for (const file of await readdir(folder, { recursive: true }).catch(() => []))
      if (/^[0-9a-f]{2}\/[0-9a-f]{64}\.\w+$/.test(file))
        expect(sha256Hex(await readFile(join(folder, file))), file).toBe(file.slice(3, 67))
  }
  expect(killed).toBeGreaterThanOrEqual(5)
  expect(await prep(['run', 'p.yaml'], { cwd })).toMatchObject({ code: 0 })
  expect(ranges).toContain('/large')
  const stored = (await readdir(folder, { recursive: true })).filter(file => /\.(jpg|png)$/.test(file))
  const sums = new Set([...bodies.values()].map(sha256Hex))
  expect(new Set(stored.map(file => file.slice(3, 67)))).toEqual(sums)
  expect((await readdir(join(folder, '.partial'))).filter(name => name !== '')).toEqual([])
}, 240_000)
