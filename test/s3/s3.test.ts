import { spawn } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ADDRESS, placeOf } from '../../src/s3/place.js'
import { errorCodes, prep, readTree, repoRoot, temporaryFolder, writePhotos } from '../helpers.js'
import { KEYS, S3Server } from './server.js'

const cwd = temporaryFolder()
const server = new S3Server()
let endpoint = ''
const env = { ...KEYS, AWS_REGION: 'eu-test-1' }
const KEY = 'bucket/sets/streets/'

beforeAll(async () => {
  endpoint = await server.start()
  await writePhotos(join(cwd, 'photos'), 8)
  await write('up', photoSteps('photos/*.jpg'))
  await write('down', [{ stage: 'dataset', from: 's3://bucket/sets/streets', endpoint }])
})
afterAll(() => server.stop())
beforeEach(() => {
  server.fault = () => undefined
  server.open = false
  server.asked.length = 0
})

const write = (name: string, steps: readonly object[]): Promise<void> =>
  writeFile(join(cwd, `${name}.yaml`), JSON.stringify({ name, steps }))
const photoSteps = (pattern: string): object[] => [
  { stage: 'glob', patterns: [pattern] },
  { stage: 'resize', size: 32 },
  { stage: 'kmeans', clusters: 3 },
  { stage: 'split' },
  { stage: 'pack', rows_per_shard: 3 },
  { stage: 'upload', to: 's3://bucket/sets/streets/', endpoint },
]
const run = (name: string, environment: Record<string, string> = env, ...args: string[]) =>
  prep(['run', `${name}.yaml`, ...args], { cwd, env: environment })
const stored = (prefix = KEY): Map<string, Buffer> =>
  new Map(
    [...server.objects]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, { data }]) => [key.slice(prefix.length), data]),
  )
const localSet = (name: string): Promise<Map<string, Buffer>> => readTree(join(cwd, 'runs', name, 'dataset'))

describe('there and back', () => {
  test('every file arrives, the index last; a second run sends nothing', async () => {
    expect(await run('up')).toMatchObject({ code: 0, stderr: '' })
    expect(Object.fromEntries(stored())).toEqual(Object.fromEntries(await localSet('up')))
    const puts = server.asked.filter(({ method }) => method === 'PUT').map(({ key }) => key)
    expect(puts.at(-1)).toBe(`${KEY}index.json`)
    expect(server.asked.every(({ status }) => status < 400 || status === 404)).toBe(true)
    server.asked.length = 0
    expect(await run('up')).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') })
    expect(await run('up', env, '--from', 'upload')).toMatchObject({ code: 0 })
    expect(server.asked.filter(({ method }) => method === 'PUT').map(({ key }) => key)).toEqual([`${KEY}index.json`])
  })

  test('fetched bit by bit; a second run fetches the index alone; what was damaged here is fetched again', async () => {
    expect(await run('down')).toMatchObject({ code: 0, stderr: '' })
    expect(await localSet('down')).toEqual(await localSet('up'))
    expect(await prep(['verify', 'runs/down'], { cwd })).toMatchObject({ code: 0 })
    server.asked.length = 0
    expect(await run('down')).toMatchObject({ code: 0, stdout: expect.stringContaining('unchanged') })
    expect(server.asked.map(({ key }) => key)).toEqual([`${KEY}index.json`])
    const shard = join(cwd, 'runs/down/dataset/train/shard-00000.safetensors')
    const bytes = await readFile(shard)
    bytes[bytes.length - 1]! ^= 1
    await writeFile(shard, bytes)
    expect(await run('down')).toMatchObject({ code: 0 })
    expect(server.count('GET', /shard/)).toBe(1)
    expect(await localSet('down')).toEqual(await localSet('up'))
  })

  test('training follows, from a bucket and from a folder', async () => {
    const train = {
      stage: 'train',
      epochs: 1,
      width: 4,
      d_width: 4,
      engine: 'reference',
      max_steps: 1,
      sample_every: 0,
    }
    await write('trained', [{ stage: 'dataset', from: 's3://bucket/sets/streets', endpoint }, train])
    await write('local', [{ stage: 'dataset', from: 'runs/up' }, train])
    expect(await run('trained')).toMatchObject({ code: 0, stderr: '' })
    expect(await run('local', {})).toMatchObject({ code: 0, stderr: '' })
    expect([...(await readTree(join(cwd, 'runs/local'))).keys()].some(file => file.startsWith('dataset/'))).toBe(false)
  })

  test('anybody may read an open bucket; nobody writes without keys', async () => {
    server.open = true
    await rm(join(cwd, 'runs/down'), { recursive: true })
    expect(await run('down', {})).toMatchObject({ code: 0 })
    const { code, stderr } = await run('up', { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }, '--from', 'upload')
    expect([code, /[A-Z]+_[A-Z]+/.exec(stderr)?.[0]]).toEqual([2, 'CREDENTIALS_MISSING'])
  })
})

describe('faults', () => {
  test('500, 503 with Retry-After and broken connections are tried again, each object is sent once', async () => {
    server.objects.clear()
    const seen = new Map<string, number>()
    const faults = [{ status: 500 }, { status: 503, retryAfter: 0 }, 'hang up'] as const
    server.fault = ({ method, key }) => {
      const times = (seen.get(method + key) ?? 0) + 1
      seen.set(method + key, times)
      return method === 'PUT' ? faults[times - 1] : times === 1 ? faults[0] : undefined
    }
    expect(await run('up', env, '--from', 'upload')).toMatchObject({ code: 0 })
    expect(Object.fromEntries(stored())).toEqual(Object.fromEntries(await localSet('up')))
  })

  test('a body that is cut goes on where it stopped', async () => {
    await rm(join(cwd, 'runs/down'), { recursive: true, force: true })
    let cuts = 0
    server.fault = ({ method, key }) =>
      method === 'GET' && key.endsWith('train/shard-00000.safetensors') && cuts++ < 3 ? 'cut' : undefined
    expect(await run('down')).toMatchObject({ code: 0, stderr: '' })
    const ranges = server.asked
      .filter(({ key }) => key.endsWith('train/shard-00000.safetensors'))
      .map(({ range }) => range)
    expect(ranges).toHaveLength(4)
    expect(ranges.slice(1).every(range => /^bytes=[1-9]\d*-$/.test(range ?? ''))).toBe(true)
    expect(await localSet('down')).toEqual(await localSet('up'))
  })

  test('an object that is not as the index says is refused, and nothing is committed', async () => {
    await rm(join(cwd, 'runs/down'), { recursive: true, force: true })
    const key = `${KEY}train/shard-00000.safetensors`
    const whole = server.objects.get(key)!
    const torn = Buffer.from(whole.data)
    torn[torn.length - 1]! ^= 1
    server.objects.set(key, { ...whole, data: torn })
    const { code, stderr } = await run('down')
    expect([code, /[A-Z]+_[A-Z]+/.exec(stderr)?.[0]]).toEqual([2, 'SHARD_DAMAGED'])
    expect([...(await localSet('down')).keys()]).not.toContain('index.json')
    server.objects.set(key, whole)
    expect(await run('down')).toMatchObject({ code: 0 })
  })

  test.each([
    ['wrong keys', { ...env, AWS_SECRET_ACCESS_KEY: 'hunter2-secret' }, 'REMOTE_REFUSED'],
    ['a server that is not there', { ...env, AWS_REGION: 'none' }, 'REMOTE_FAILED'],
  ])('%s: a coded error that tells no secret', async (what, environment, expected) => {
    const port = what.startsWith('a server') ? 'http://127.0.0.1:9' : endpoint
    await write('refused', [{ stage: 'dataset', from: 's3://bucket/sets/streets', endpoint: port }])
    const { code, stdout, stderr } = await run('refused', environment)
    expect([code, /[A-Z]+_[A-Z]+/.exec(stderr)?.[0]]).toEqual([2, expected])
    expect(stdout + stderr).not.toContain(environment.AWS_SECRET_ACCESS_KEY)
  })

  test('a bucket or a data set that is not there', async () => {
    const outcome = async (from: string) => {
      await write('nothing', [{ stage: 'dataset', from, endpoint }])
      return /[A-Z]+_[A-Z]+/.exec((await run('nothing')).stderr)?.[0]
    }
    expect(await outcome('s3://bucket/elsewhere')).toBe('DATASET_MISSING')
    expect(await outcome('nowhere')).toBe('DATASET_MISSING')
  })
})

describe('a data set that changes', () => {
  test('the old index is withdrawn before a file that it names is replaced', async () => {
    await writePhotos(join(cwd, 'photos'), 9, { size: 72 })
    expect(await run('up')).toMatchObject({ code: 0 })
    const order = server.asked
      .filter(({ method }) => method === 'DELETE' || method === 'PUT')
      .map(({ method, key }) => `${method} ${key.slice(KEY.length)}`)
    expect(order[0]).toBe('DELETE index.json')
    expect(order.at(-1)).toBe('PUT index.json')
    for (const [file, bytes] of await localSet('up')) expect(stored().get(file)?.equals(bytes), file).toBe(true)
  })

  test('large files in parts; killed on the way, the next run goes on and leaves no part behind', async () => {
    await writePhotos(join(cwd, 'large'), 6)
    // Six rows of 1 MiB in one shard
    const steps = [
      { stage: 'glob', patterns: ['large/*.jpg'] },
      { stage: 'resize', size: 512 },
      { stage: 'kmeans', clusters: 3, restarts: 1, maps: false },
      { stage: 'pack' },
      { stage: 'upload', to: 's3://bucket/large', endpoint, part_mb: 5, parallel: 1 },
    ]
    await write('large', steps)
    let parts = 0
    const child = spawn(process.execPath, [join(repoRoot, 'bin/prep.cjs'), 'run', 'large.yaml'], {
      cwd,
      env: { ...process.env, ...env },
      stdio: 'ignore',
    })
    const gone = new Promise(done => child.on('exit', done))
    server.fault = ({ query }) => {
      if (query.includes('partNumber') && ++parts === 2) child.kill('SIGKILL')
      return undefined
    }
    await gone
    server.fault = () => undefined
    expect(server.uploads.size).toBe(1)
    expect(stored('bucket/large/').has('index.json')).toBe(false)
    expect(await run('large')).toMatchObject({ code: 0 })
    expect(server.uploads.size).toBe(0)
    const arrived = stored('bucket/large/')
    for (const [file, bytes] of await localSet('large')) expect(arrived.get(file)?.equals(bytes), file).toBe(true)
  }, 120_000)
})

test('addresses', async () => {
  expect(ADDRESS.test('s3://bucket') && ADDRESS.test('s3://my.bucket/a/b/')).toBe(true)
  expect(['s3://', 's3://B/x', 'http://bucket/x', 's3://ab'].some(text => ADDRESS.test(text))).toBe(false)
  const of = (options: object, environment: object = {}) => placeOf('s3://bucket/a//', options, { ...environment })
  expect(of({}).bucket.href).toBe('https://bucket.s3.us-east-1.amazonaws.com/')
  expect(of({ region: 'eu-west-1' }, { AWS_REGION: 'x' }).bucket.href).toBe(
    'https://bucket.s3.eu-west-1.amazonaws.com/',
  )
  expect(of({}, { AWS_ENDPOINT_URL: 'http://h:9/' })).toMatchObject({
    prefix: 'a/',
    bucket: new URL('http://h:9/bucket/'),
  })
  expect(await errorCodes(() => placeOf('s3:/x', {}))).toEqual(['USAGE'])
})
