import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/files.js'
import { type HostileServer, photo, startHostileServer } from '../download/hostile-server.js'
import { prep, temporaryFolder } from '../helpers.js'

let server: HostileServer
beforeAll(async () => {
  server = await startHostileServer()
})
afterAll(() => server.close())

/** Nothing here waits long; the loopback address alone is let in, 127.0.0.2 is not. */
const impatient = {
  allow_private: ['127.0.0.1'],
  host: { rate: 0, concurrency: 16 },
  timeouts: { connect: 2, stall: 0.6, min_speed: 1000, total: 2 },
  retry: { times: 2, wait: 0.05, max_wait: 5 },
  max_bytes: 20_000_000,
}

async function writePipeline(cwd: string, urls: unknown, options: object = {}, name = 'p'): Promise<void> {
  const steps = [{ stage: 'download', urls, ...impatient, ...options }]
  await writeFile(join(cwd, `${name}.yaml`), JSON.stringify({ name, max_failures: '100%', steps }))
}

interface Group {
  readonly class: string
  readonly failures: readonly { readonly source: string; readonly message: string }[]
}

async function failuresOf(cwd: string, run: string): Promise<Map<string, string>> {
  const { stdout } = await prep(['failures', run, '--json'], { cwd })
  const groups = JSON.parse(stdout) as Group[]
  return new Map(groups.flatMap(({ class: name, failures }) => failures.map(({ source }) => [source, name] as const)))
}

const attemptsOf = async (cwd: string, run: string) =>
  (await readFile(join(cwd, run, 'downloads.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { url: string; ok: boolean; class?: string; attempt: number; bytes: number })

test('whatever a server does, each URL ends in its class', async () => {
  const EXPECTED: Readonly<Record<string, string>> = {
    '/photo/1.jpg': 'ok',
    '/slow-loris': 'stall',
    '/silent': 'stall',
    '/endless': 'too_large',
    '/endless-drip': 'deadline',
    '/announces-too-much': 'too_large',
    '/length-too-long': 'connect',
    '/cut/range': 'ok',
    '/cut/no-range': 'ok',
    '/cut/no-validator': 'ok',
    '/cut/changed': 'ok',
    '/cut/wrong-range': 'ok',
    '/cut/forever': 'connect',
    '/gzip': 'ok',
    '/gzip-bomb': 'too_large',
    '/gzip-torn': 'protocol',
    '/loop': 'redirect',
    '/loop/a': 'redirect',
    '/hop/3': 'ok',
    '/to-loopback': 'private_address',
    '/to-metadata': 'private_address',
    '/to-mapped': 'private_address',
    '/to-file': 'redirect',
    '/to-nowhere': 'redirect',
    '/busy': 'ok',
    '/busy-until': 'ok',
    '/busy-forever': 'http_429',
    '/flapping': 'ok',
    '/down': 'http_5xx',
    '/gone': 'http_4xx',
    '/html': 'not_an_image',
    '/empty': 'not_an_image',
    '/no-content': 'not_an_image',
    '/heic': 'decode',
    '/huge-header': 'protocol',
    '/many-headers': 'protocol',
    '/garbage': 'protocol',
    '/reset': 'connect',
    '/odd-status': 'protocol',
    '/noai': 'robots',
    '/noindex-for-others': 'ok',
    '/private/3.jpg': 'robots',
  }
  server.robots = { status: 200, text: 'User-agent: *\nDisallow: /private/\n' }
  const elsewhere: Readonly<Record<string, string>> = {
    [`${server.secure}/photo/1.jpg`]: 'tls',
    'http://127.0.0.1:1/refused.jpg': 'connect',
    'http://no-such-host.invalid/a.jpg': 'dns',
    'http://127.0.0.2/a.jpg': 'private_address',
    'http://0x7f000002/a.jpg': 'private_address',
    'http://[::1]/a.jpg': 'private_address',
    'http://192.168.1.1/a.jpg': 'private_address',
    'ftp://example.org/a.jpg': 'url',
    'no url at all': 'url',
  }
  const expected = {
    ...Object.fromEntries(Object.entries(EXPECTED).map(([path, name]) => [server.origin + path, name])),
    ...elsewhere,
  }
  const cwd = temporaryFolder()
  await writeFile(join(cwd, 'urls.txt'), Object.keys(expected).join('\n'))
  await writePipeline(cwd, 'urls.txt')
  const { code, stderr } = await prep(['run', 'p.yaml'], { cwd })
  expect(code, stderr).toBe(0)
  const failures = await failuresOf(cwd, 'runs/p')
  const found = Object.fromEntries(
    Object.keys(expected).map(url => [url.replaceAll('&', ''), failures.get(url) ?? 'ok'] as const),
  )
  console.log(
    Object.entries(found)
      .map(([url, name]) => `${name.padEnd(16)} ${url}`)
      .join('\n'),
  )
  expect(found).toEqual(expected)
  // Nothing was connected to where nothing should be, and no name of a URL became a name of a file.
  expect(server.asked.some(({ headers }) => headers.host?.startsWith('127.0.0.2'))).toBe(false)
  const stored = (await readdir(join(cwd, 'runs/p/downloads'), { recursive: true })).filter(name => name.includes('.'))
  for (const name of stored) expect(name).toMatch(/^(\.partial|[0-9a-f]{2}\/[0-9a-f]{64}\.(jpg|png))$/)
  for (const name of stored)
    if (name !== '.partial')
      expect(sha256Hex(await readFile(join(cwd, 'runs/p/downloads', name)))).toBe(name.slice(3, 67))
  // The cut photo went on where it had broken off.
  const ranges = server.asked.filter(({ path }) => path === '/cut/range').map(({ range }) => range)
  expect(ranges[0]).toBeUndefined()
  expect(Number(/^bytes=(\d+)-$/.exec(ranges[1] ?? '')?.[1])).toBeGreaterThan(1_000_000)
})
