import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Attempt } from '../../src/download/attempt-log.js'
import { Downloader, type Verdict } from '../../src/download/downloader.js'
import type { DownloadPolicy } from '../../src/download/policy.js'
import { DownloadStore } from '../../src/download/store.js'
import { downloadOptions, policyOf } from '../../src/stages/download-options.js'
import { temporaryFolder } from '../helpers.js'
import { photo } from './hostile-server.js'

/** Answers by host name; all names lead here. */
const asked: string[] = []
let server: Server
let port: number
beforeAll(async () => {
  const body = await photo(5)
  server = createServer((request, response) => {
    const { host = '' } = request.headers
    asked.push(`${host.split(':')[0]}${request.url}`)
    if (host.startsWith('busy.')) response.writeHead(429, { 'retry-after': '3600' }).end()
    else if (host.startsWith('closed.')) response.writeHead(503).end()
    else if (host.startsWith('resting.')) response.writeHead(503, { 'retry-after': '3600' }).end()
    else if (host.startsWith('mute.')) return
    else response.writeHead(200).end(body)
  })
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready))
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const policy = (more: Partial<DownloadPolicy> = {}): DownloadPolicy => ({
  ...policyOf(downloadOptions.parse({ urls: '-', allow_private: true })),
  intervalMs: 0,
  firstWaitMs: 10,
  robots: false,
  resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  ...more,
})

async function fetchAll(urls: readonly string[], more: Partial<DownloadPolicy> = {}) {
  const verdicts = new Map<string, Verdict>()
  const attempts: Attempt[] = []
  asked.length = 0
  const downloader = new Downloader({
    policy: policy(more),
    store: await DownloadStore.open(temporaryFolder()),
    signal: new AbortController().signal,
    onAttempt: attempt => attempts.push(attempt),
    onVerdict: ({ url }, verdict) => verdicts.set(url, verdict),
  })
  await downloader.fetch(urls.map(url => ({ url })))
  const codes = urls.map(url => {
    const verdict = verdicts.get(url)!
    return verdict.ok ? 'ok' : verdict.error.code
  })
  return { codes, attempts, verdicts }
}

const at = (host: string, path = '/a.jpg'): string => `http://${host}:${port}${path}`

test('the addresses behind a name are judged, whatever the name looks like', async () => {
  const inward = async (name: string) => [
    { address: '127.0.0.1', family: 4 },
    ...(name === 'both.test' ? [{ address: '::1', family: 6 }] : []),
  ]
  const { codes } = await fetchAll([at('inner.test'), at('both.test')], { allowPrivate: false, resolve: inward })
  expect(codes).toEqual(['PRIVATE_ADDRESS', 'PRIVATE_ADDRESS'])
  expect(asked).toEqual([])
})

test('a name server that fails, says nothing, or never answers', async () => {
  const resolve = (name: string) =>
    name === 'never.test'
      ? new Promise<never>(() => {})
      : name === 'empty.test'
        ? Promise.resolve([])
        : Promise.reject(Object.assign(new Error('queryA ESERVFAIL'), { code: 'ESERVFAIL' }))
  const times = { connectMs: 60, stallMs: 1000, minBytesPerSecond: 1, totalMs: 5000 }
  const { codes, attempts } = await fetchAll([at('never.test'), at('empty.test'), at('broken.test')], {
    resolve,
    times,
    retries: 1,
  })
  expect(codes).toEqual(['DNS_FAILED', 'DNS_FAILED', 'DNS_FAILED'])
  expect(attempts).toHaveLength(6)
})

test('a host that asks for an hour of rest gets it: its other URLs are not asked for', async () => {
  const urls = Array.from({ length: 40 }, (_, n) => at('busy.test', `/${n}.jpg`))
  const { codes, verdicts } = await fetchAll([...urls, at('fine.test')], { perHost: 2 })
  expect(new Set(codes.slice(0, 40))).toEqual(new Set(['HTTP_429']))
  expect(codes[40]).toBe('ok')
  expect(asked.filter(text => text.startsWith('busy')).length).toBeLessThanOrEqual(3)
  expect([...verdicts.values()].filter(verdict => !verdict.ok && !verdict.asked).length).toBeGreaterThan(30)
})

test('a dead host is given up after a while, others go on', async () => {
  const resolve = async (name: string) => [{ address: name === 'dead.test' ? '127.0.0.9' : '127.0.0.1', family: 4 }]
  const dead = Array.from({ length: 500 }, (_, n) => `http://dead.test:1/${n}.jpg`)
  const { codes, attempts } = await fetchAll([...dead, at('fine.test')], { resolve })
  expect(new Set(codes.slice(0, 500))).toEqual(new Set(['CONNECT_FAILED']))
  expect(codes[500]).toBe('ok')
  expect(attempts.length).toBeLessThan(40)
})

test('robots.txt that cannot be read closes its host, and only for now', async () => {
  const { codes } = await fetchAll([at('closed.test'), at('fine.test')], { robots: true, retries: 1 })
  expect(codes).toEqual(['HTTP_5XX', 'ok'])
  expect(asked.filter(text => text.startsWith('closed'))).toEqual(['closed.test/robots.txt', 'closed.test/robots.txt'])
})

test('a host that takes connections and never answers is given up too', async () => {
  const mute = Array.from({ length: 200 }, (_, n) => at('mute.test', `/${n}.jpg`))
  const times = { connectMs: 1000, stallMs: 60, minBytesPerSecond: 1, totalMs: 5000 }
  const { codes, attempts } = await fetchAll([...mute, at('fine.test')], { times })
  expect(new Set(codes.slice(0, 200))).toEqual(new Set(['STALLED']))
  expect(codes[200]).toBe('ok')
  expect(attempts.length).toBeLessThan(40)
})

test('a host without robots.txt for now is not asked for it again and again', async () => {
  const urls = (host: string) => Array.from({ length: 100 }, (_, n) => at(host, `/${n}.jpg`))
  const { codes } = await fetchAll([...urls('closed.test'), ...urls('resting.test')], { robots: true })
  expect(new Set(codes)).toEqual(new Set(['HTTP_5XX']))
  expect(asked.filter(text => text.startsWith('closed')).length).toBeLessThan(40)
  // It asks for an hour of rest.
  expect(asked.filter(text => text.startsWith('resting')).length).toBeLessThanOrEqual(2)
})

test('the rate for one host is kept', async () => {
  const urls = Array.from({ length: 6 }, (_, n) => at('slow.test', `/${n}.jpg`))
  const began = Date.now()
  const { attempts } = await fetchAll(urls, { intervalMs: 40, perHost: 6 })
  const ended = Math.max(...attempts.map(attempt => Date.parse(attempt.at)))
  // Six starts are five intervals apart; a busy machine only adds to that.
  expect(ended - began).toBeGreaterThan(5 * 40 - 10)
})
