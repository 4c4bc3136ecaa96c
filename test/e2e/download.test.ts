import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
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
    .map(line => JSON.parse(line) as { url: string; ok: boolean; status?: number })

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
    '/cut/chunked': 'ok',
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
    'http://127.0.0.3/a.jpg': 'private_address',
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
  // Another way to write 127.0.0.3.
  const listed = Object.keys(expected).map(url => url.replace('127.0.0.3', '0x7f000003'))
  await writeFile(join(cwd, 'urls.txt'), listed.join('\n'))
  await writePipeline(cwd, 'urls.txt')
  const { code, stderr } = await prep(['run', 'p.yaml'], { cwd })
  expect(code, stderr).toBe(0)
  const failures = await failuresOf(cwd, 'runs/p')
  const found = Object.fromEntries(Object.keys(expected).map(url => [url, failures.get(url) ?? 'ok'] as const))
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
  // The cut photos went on where they had broken off.
  for (const cut of ['/cut/range', '/cut/chunked']) {
    const ranges = server.asked.filter(({ path }) => path === cut).map(({ range }) => range)
    expect(ranges[0]).toBeUndefined()
    expect(Number(/^bytes=(\d+)-$/.exec(ranges[1] ?? '')?.[1])).toBeGreaterThan(1_000_000)
  }
})

describe('a second run', () => {
  const cwd = temporaryFolder()
  const paths = ['/photo/1.jpg', '/photo/2.jpg', '/gone', '/html', '/down', '/busy-forever', '/announces-too-much']
  const asked = (): number[] => paths.map(path => server.count(path))
  /** How often each path was asked for while `work` ran. */
  const askedDuring = async (work: () => Promise<unknown>): Promise<Record<string, number>> => {
    const before = asked()
    await work()
    const after = asked()
    return Object.fromEntries(paths.map((path, i) => [path, after[i]! - before[i]!]).filter(([, count]) => count))
  }
  const run = (...flags: string[]) => prep(['run', 'p.yaml', ...flags], { cwd })

  beforeAll(async () => {
    server.robots = { status: 404, text: '' }
    await writePipeline(cwd, [...paths.map(path => server.origin + path)], { retry: { times: 0, wait: 0.05 } })
    expect(await run()).toMatchObject({ code: 0 })
  })

  test('asks for nothing that is here, nor for what failed for good', async () => {
    expect(await askedDuring(run)).toEqual({ '/down': 1, '/busy-forever': 1 })
  })

  test('fetches a photo again whose file is gone', async () => {
    const record = JSON.parse(await readFile(join(cwd, 'runs/p/.cache/steps/00-download.json'), 'utf8'))
    await rm(join(cwd, record.result.samples[0].photo.path))
    expect(await askedDuring(run)).toMatchObject({ '/photo/1.jpg': 1 })
  })

  test('asks again for what the options refused once they change', async () => {
    const during = await askedDuring(() => run('--set', 'steps.download.max_bytes=30000000'))
    expect(during).toEqual({ '/announces-too-much': 1, '/down': 1, '/busy-forever': 1 })
  })

  test('retries by class and leaves all else alone', async () => {
    const retry = () => prep(['retry', 'runs/p', '--class', 'http_4xx,not_an_image'], { cwd })
    expect(await askedDuring(retry)).toEqual({ '/gone': 1, '/html': 1 })
    expect((await failuresOf(cwd, 'runs/p')).get(`${server.origin}/down`)).toBe('http_5xx')
    expect(await prep(['retry', 'runs/p', '--class', 'robots'], { cwd })).toMatchObject({ code: 2 })
  })

  test('retries from another folder, with the --set values of the run', async () => {
    expect(await run('--set', 'output=elsewhere', '--set', 'steps.download.limit=3')).toMatchObject({ code: 0 })
    const retry = () => prep(['retry', join(cwd, 'elsewhere'), '--class', 'http_4xx'])
    expect(await askedDuring(retry)).toEqual({ '/gone': 1 })
  })

  test('asks whether photos have changed when told to', async () => {
    const before = server.asked.length
    const { code } = await run('--set', 'steps.download.revalidate=true')
    expect(code).toBe(0)
    const conditional = server.asked.slice(before).filter(({ path }) => path.startsWith('/photo/'))
    expect(conditional.map(({ headers }) => headers['if-none-match'])).toEqual(['"photo-1"', '"photo-2"'])
    expect((await attemptsOf(cwd, 'runs/p')).filter(({ status }) => status === 304)).toHaveLength(2)
  })

  test('keeps every attempt in downloads.jsonl, also after a line that a kill has torn', async () => {
    await appendFile(join(cwd, 'runs/p/downloads.jsonl'), '{"url":"http://torn')
    expect(await askedDuring(run)).toEqual({ '/down': 1, '/busy-forever': 1 })
    const lines = (await readFile(join(cwd, 'runs/p/downloads.jsonl'), 'utf8')).trim().split('\n')
    expect(lines.filter(line => line === '{"url":"http://torn')).toHaveLength(1)
    for (const line of lines.filter(text => !text.endsWith('//torn')))
      expect(JSON.parse(line)).toMatchObject({
        url: expect.any(String),
        attempt: expect.any(Number),
        at: expect.any(String),
      })
  })

  test('exits 3 when more fail than max_failures allows, and prep failures tells which', async () => {
    const { code, stderr } = await run('--set', 'max_failures=1')
    expect(code).toBe(3)
    expect(stderr).toContain('TOO_MANY_FAILURES')
    const { stdout } = await prep(['failures', 'runs/p'], { cwd })
    for (const name of ['http_4xx', 'not_an_image', 'http_5xx', 'http_429']) expect(stdout).toContain(name)
  })
})

describe('lists', () => {
  test('CSV, TSV and JSON lines: keys become names, sha256 is checked, other columns stay', async () => {
    const cwd = temporaryFolder()
    const sums = await Promise.all([11, 12, 13, 14].map(async n => sha256Hex(await photo(n))))
    const url = (n: number) => `${server.origin}/photo/${n}.jpg`
    await writeFile(join(cwd, 'a.csv'), `URL,key,sha256,city\n${url(11)},"../../Köln, Dom",${sums[0]},Köln\n`)
    await writeFile(join(cwd, 'b.tsv'), `url\tsha256\n${url(12)}\t${'0'.repeat(64)}\n`)
    await writeFile(join(cwd, 'c.jsonl'), `${JSON.stringify({ url: url(13), key: 'dom', year: 1880 })}\n`)
    await writePipeline(cwd, ['a.csv', 'b.tsv', 'c.jsonl', url(14)])
    expect(await prep(['run', 'p.yaml'], { cwd })).toMatchObject({ code: 0 })
    const { result } = JSON.parse(await readFile(join(cwd, 'runs/p/.cache/steps/00-download.json'), 'utf8'))
    expect(result.samples).toMatchObject([
      { name: '_.._Köln_Dom', source: url(11), sha256: sums[0], columns: { city: 'Köln' } },
      { name: 'dom', sha256: sums[2], columns: { year: '1880' } },
      { name: '14', sha256: sums[3], photo: { kind: 'file' } },
    ])
    expect(await failuresOf(cwd, 'runs/p')).toEqual(new Map([[url(12), 'checksum']]))
  })

  test('a checksum that is mended in the list is tried again, one that stays wrong is not', async () => {
    const cwd = temporaryFolder()
    const url = `${server.origin}/photo/15.jpg`
    const asked = (): number => server.count('/photo/15.jpg')
    const runWith = async (sha256: string): Promise<void> => {
      await writeFile(join(cwd, 'a.csv'), `url,sha256\n${url},${sha256}\n${server.origin}/photo/16.jpg,\n`)
      expect(await prep(['run', 'p.yaml'], { cwd })).toMatchObject({ code: 0 })
    }
    await writePipeline(cwd, 'a.csv')
    const before = asked()
    await runWith('0'.repeat(64))
    await runWith('0'.repeat(64))
    expect(asked() - before).toBe(1)
    expect(await failuresOf(cwd, 'runs/p')).toEqual(new Map([[url, 'checksum']]))
    await runWith(sha256Hex(await photo(15)))
    expect(asked() - before).toBe(2)
    expect(await failuresOf(cwd, 'runs/p')).toEqual(new Map())
  })

  test('standard input, and again in a retry that gets none', async () => {
    const cwd = temporaryFolder()
    await writePipeline(cwd, '-', { retry: { times: 0, wait: 0.05 } })
    const list = `# photos\n${server.origin}/photo/21.jpg\n\n${server.origin}/gone\n`
    expect(await prep(['run', 'p.yaml'], { cwd, input: list })).toMatchObject({ code: 0 })
    expect(await failuresOf(cwd, 'runs/p')).toEqual(new Map([[`${server.origin}/gone`, 'http_4xx']]))
    const before = server.count('/gone')
    expect(await prep(['retry', 'runs/p', '--class', 'http_4xx'], { cwd })).toMatchObject({ code: 0 })
    expect(server.count('/gone') - before).toBe(1)
  })

  test.each([
    ['a table without the column', 'a.csv', 'link,key\nhttp://example.org/a.jpg,1\n', 'LIST_INVALID'],
    ['a broken table', 'b.csv', 'url,key\n"http://example.org', 'LIST_INVALID'],
    ['an empty list', 'c.txt', '\n# nothing\n', 'NO_MATCHES'],
    ['no list', 'd.txt', undefined, 'FILE_MISSING'],
  ])('%s is a clear error', async (_, file, text, code) => {
    const cwd = temporaryFolder()
    if (text !== undefined) await writeFile(join(cwd, file), text)
    await writePipeline(cwd, file)
    const finished = await prep(['run', 'p.yaml'], { cwd })
    expect(finished.code).toBe(2)
    expect(finished.stderr).toContain(code)
  })

  test('plan counts URLs and asks nobody', async () => {
    const cwd = temporaryFolder()
    await writeFile(join(cwd, 'urls.txt'), `${server.origin}/photo/1.jpg\n${server.origin}/photo/2.jpg\n`)
    await writePipeline(cwd, 'urls.txt')
    const before = server.asked.length
    const { stdout, code } = await prep(['plan', 'p.yaml'], { cwd })
    expect(code).toBe(0)
    expect(stdout).toContain('2 found (URLs listed, 0 downloaded already)')
    expect(server.asked.length).toBe(before)
    expect(await readdir(cwd)).toEqual(['p.yaml', 'urls.txt'])
  })
})

test('the example pipeline is planned without a network', async () => {
  const { stdout, code } = await prep(['plan', 'pipelines/download.yaml', '--set', `output=${temporaryFolder()}`])
  expect(code).toBe(0)
  expect(stdout).toContain('3 found (URLs listed, 0 downloaded already)')
})

test('downloaded photos go through the rest of a pipeline', async () => {
  const cwd = temporaryFolder()
  const urls = [31, 32, 33, 34].map(n => `${server.origin}/photo/${n}.jpg`)
  const steps = [
    { stage: 'download', urls, ...impatient },
    { stage: 'resize', size: 32 },
    { stage: 'kmeans', clusters: 2 },
    { stage: 'split' },
    { stage: 'pack' },
  ]
  await writeFile(join(cwd, 'p.yaml'), JSON.stringify({ name: 'p', steps }))
  expect(await prep(['run', 'p.yaml'], { cwd })).toMatchObject({ code: 0 })
  expect(await prep(['verify', 'runs/p'], { cwd })).toMatchObject({ code: 0 })
  const { stdout } = await prep(['run', 'p.yaml'], { cwd })
  expect(stdout).toContain('nothing has changed')
})
