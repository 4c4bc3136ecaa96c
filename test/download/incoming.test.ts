import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DownloadStore } from '../../src/download/store.js'
import { sha256Hex } from '../../src/files.js'
import { temporaryFolder } from '../helpers.js'

const URL_ = 'http://example.org/a.jpg'

async function write(store: DownloadStore, bytes: Uint8Array, piece: number) {
  const incoming = await store.incoming(URL_)
  const from = incoming.bytes
  if (!from) await incoming.restart({ etag: '"1"' })
  for (let at = from; at < bytes.length; at += piece) await incoming.write(bytes.subarray(at, at + piece))
  return { incoming, from }
}

test('what came in pieces, over several tries and programs, is what was sent', async () => {
  const sizes = fc.integer({ min: 1, max: 3_000_000 })
  await fc.assert(
    fc.asyncProperty(
      sizes,
      fc.array(sizes, { maxLength: 3 }),
      fc.integer({ min: 1000, max: 700_000 }),
      async (size, cuts, piece) => {
        const root = temporaryFolder()
        const body = Buffer.alloc(size, 'prep')
        for (const cut of cuts.map(at => Math.min(at, size)).sort((a, b) => a - b)) {
          const store = await DownloadStore.open(root)
          const { incoming } = await write(store, body.subarray(0, cut), piece)
          await store.setAside(incoming)
        }
        const store = await DownloadStore.open(root)
        const { incoming, from } = await write(store, body, piece)
        expect(from).toBe(Math.min(size, Math.max(0, ...cuts)))
        const path = await store.take(incoming, incoming.sha256(), 'jpeg')
        expect(sha256Hex(await readFile(path))).toBe(sha256Hex(body))
        expect(await readdir(join(root, '.partial'))).toEqual([])
        expect((await DownloadStore.open(root)).path(sha256Hex(body))).toBe(path)
      },
    ),
    { numRuns: 15 },
  )
})

test('a partial file that was torn or tampered with is not gone on with; bytes beyond what is vouched for are dropped', async () => {
  const root = temporaryFolder()
  const body = Buffer.alloc(2_500_000, 'prep')
  const setAside = async (): Promise<string> => {
    const store = await DownloadStore.open(root)
    const { incoming } = await write(store, body.subarray(0, 2_000_000), 300_000)
    await store.setAside(incoming)
    return join(root, '.partial', `${incoming.id}.part`)
  }
  const part = await setAside()
  await appendFile(part, 'garbage after the checkpoint')
  const store = await DownloadStore.open(root)
  const { incoming, from } = await write(store, body.subarray(0, 2_000_100), 300_000)
  expect(from).toBe(2_000_000)
  const path = await store.take(incoming, incoming.sha256(), 'jpeg')
  expect((await readFile(path)).equals(body.subarray(0, 2_000_100))).toBe(true)

  await setAside()
  await writeFile(part, Buffer.alloc(2_000_000, 'torn'))
  expect((await (await DownloadStore.open(root)).incoming(URL_)).bytes).toBe(0)
})

test('without a validator nothing is kept, for nobody could tell whether the rest fits', async () => {
  const root = temporaryFolder()
  for (const validators of [{}, { etag: 'W/"weak"' }]) {
    const store = await DownloadStore.open(root)
    const incoming = await store.incoming(URL_)
    await incoming.restart(validators)
    await incoming.write(Buffer.alloc(1_500_000))
    await store.setAside(incoming)
    expect((await (await DownloadStore.open(root)).incoming(URL_)).bytes).toBe(0)
  }
})
