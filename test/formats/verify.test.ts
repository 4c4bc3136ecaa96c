import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseIndex } from '../../src/formats/dataset/index-file.js'
import { verifyDataset } from '../../src/formats/dataset/verify.js'
import { readSafetensors } from '../../src/formats/safetensors/read.js'
import { pack, wish } from './made-dataset.js'

const names = Array.from({ length: 15 }, (_, i) => i)

describe.each(['raw', 'jpeg'] as const)('verify, %s photos', photo => {
  const dataset = mkdtempSync(join(tmpdir(), 'prep-verify-'))
  afterAll(() => rmSync(dataset, { recursive: true }))
  let files: string[] = []
  beforeAll(async () => {
    await pack(dataset, wish(names), { height: 6, width: 9, photo })
    files = readdirSync(dataset, { recursive: true, encoding: 'utf8' }).filter(name =>
      statSync(join(dataset, name)).isFile(),
    )
  })

  /** Change a file, look, and put it back. */
  async function withChange<T>(file: string, change: (bytes: Buffer) => void, look: () => Promise<T>): Promise<T> {
    const path = join(dataset, file)
    const sound = readFileSync(path)
    const bytes = Buffer.from(sound)
    change(bytes)
    writeFileSync(path, bytes)
    return look().finally(() => writeFileSync(path, sound))
  }

  test('finds nothing in a sound data set, and tells how far it is', async () => {
    let last = { bytes: 0, totalBytes: 1 }
    expect(await verifyDataset(dataset, { onProgress: progress => (last = progress) })).toEqual([])
    const sizes = files.filter(file => file !== 'index.json').map(file => statSync(join(dataset, file)).size)
    expect(last).toMatchObject({ bytes: sizes.reduce((a, b) => a + b), totalBytes: sizes.reduce((a, b) => a + b) })
  })

  test('finds any flipped bit of any file, and names the file', async () => {
    expect(files).toContain('palette.json')
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(7),
        async (f, at, bit) => {
          const file = files[f % files.length]!
          const flip = (bytes: Buffer): void => void (bytes[Math.floor(at * bytes.length)]! ^= 1 << bit)
          const damage = await withChange(file, flip, () => verifyDataset(dataset))
          expect(damage.map(({ file }) => file)).toEqual([file])
        },
      ),
      { numRuns: 250 },
    )
  })

  test('finds every flipped bit of the index', () => {
    const bytes = readFileSync(join(dataset, 'index.json'))
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => parseIndex(bytes, 'index.json')).toThrow(expect.objectContaining({ code: 'INDEX_DAMAGED' }))
      bytes[bit >> 3]! ^= 1 << (bit & 7)
    }
    expect(parseIndex(bytes, 'index.json').version).toBe(1)
  })

  test('names row and field', async () => {
    const shard = files.find(file => file === join('train', 'shard-00001.safetensors'))!
    const { tensors } = await readSafetensors(join(dataset, shard))
    const photos = tensors[photo === 'raw' ? 'photo' : 'photo_bytes']!.data.length
    const labels = tensors.label!.data.length
    const { size } = statSync(join(dataset, shard))
    const places = {
      header: 200,
      padding: 4000,
      key: 4096 + 8 * 4 + 40,
      label: size - photos - labels + 2 * 54,
      photo: size - 1,
    }
    const found: Record<string, unknown> = {}
    for (const [place, at] of Object.entries(places)) {
      const damage = await withChange(
        shard,
        bytes => (bytes[at]! ^= 32),
        () => verifyDataset(dataset),
      )
      found[place] = damage.map(({ field, row }) => [field, row])
    }
    expect(found).toEqual({
      header: [['header', undefined]],
      padding: [['header', undefined]],
      key: [['key', undefined]],
      label: [['label', 2]],
      photo: [['photo', 3]],
    })
  })

  test('lists all damage, not only the first', async () => {
    const [train, held] = ['train/shard-00001.safetensors', 'test/shard-00000.safetensors']
    const flip = (...places: number[]) => {
      return (bytes: Buffer): void => {
        for (const place of places) bytes[bytes.length * place - (place && 1)]! ^= 1
      }
    }
    const damage = await withChange('palette.json', flip(1), () =>
      withChange(train, flip(0, 1), () => withChange(held, flip(1), () => verifyDataset(dataset))),
    )
    expect(damage.map(({ file, field }) => [file, field])).toEqual([
      ['palette.json', undefined],
      [train, 'header'],
      [train, 'photo'],
      [held, 'photo'],
    ])
  })

  test.each(['train/shard-00000.safetensors', 'samples.jsonl'])('finds %s missing or cut', async file => {
    const path = join(dataset, file)
    await withChange(
      file,
      () => {},
      async () => {
        truncateSync(path, 10)
        expect(await verifyDataset(dataset)).toMatchObject([{ file }])
        rmSync(path)
        expect(await verifyDataset(dataset)).toMatchObject([{ file }])
      },
    )
  })

  test('stops when told', async () => {
    const stop = new AbortController()
    const reason = new Error('enough')
    const onProgress = (): void => stop.abort(reason)
    await expect(verifyDataset(dataset, { signal: stop.signal, onProgress })).rejects.toBe(reason)
  })
})
