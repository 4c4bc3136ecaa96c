import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { sha256Hex } from '../../src/files.js'
import { readExisting } from '../../src/formats/dataset/existing.js'
import { encodeIndex, parseIndex } from '../../src/formats/dataset/index-file.js'
import { type ExistingDataset, planShards } from '../../src/formats/dataset/plan-shards.js'
import { openDataset } from '../../src/formats/dataset/read.js'
import { shardMatches } from '../../src/formats/dataset/scan-shard.js'
import type { RowForm } from '../../src/formats/dataset/shard-layout.js'
import { verifyDataset } from '../../src/formats/dataset/verify.js'
import { writeShard } from '../../src/formats/dataset/write-shard.js'
import { readSafetensors } from '../../src/formats/safetensors/read.js'
import { docsBlock, findPython, runPython } from '../python.js'
import { makeRow, PALETTE, pack, type Wish, wish } from './made-dataset.js'

const folder = mkdtempSync(join(tmpdir(), 'prep-dataset-'))
afterAll(() => rmSync(folder, { recursive: true }))
let dataset = ''
let serial = 0
beforeEach(() => {
  dataset = join(folder, `${serial++}`)
})

const RAW: RowForm = { height: 5, width: 7, photo: 'raw' }
const JPEG: RowForm = { ...RAW, photo: 'jpeg' }
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** All files of a folder with their content, to compare whole data sets. */
function filesOf(path: string): Record<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter(name =>
    statSync(join(path, name)).isFile(),
  )
  return Object.fromEntries(names.sort().map(name => [name, readFileSync(join(path, name)).toString('base64')]))
}

async function expectRows(rows: readonly Wish[], form: RowForm): Promise<void> {
  const open = await openDataset(dataset)
  try {
    const samples: Record<string, unknown>[] = []
    for await (const sample of open.samples()) samples.push(sample)
    expect(open.rows('train') + open.rows('test')).toBe(rows.length)
    expect(samples).toHaveLength(rows.length)
    await Promise.all(
      samples.map(async ({ split, row, key }) => {
        const wanted = rows.find(row => row.key === key)!
        expect(await open.read(split as Wish['split'], row as number, { verify: true })).toEqual(makeRow(wanted, form))
      }),
    )
  } finally {
    await open.close()
  }
}

describe.each([RAW, JPEG])('a data set of $photo photos', form => {
  test('gives back every row, by number', async () => {
    const rows = wish(range(23))
    const { index } = await pack(dataset, rows, form)
    expect(index.shards.length).toBeGreaterThan(4)
    await expectRows(rows, form)
    const open = await openDataset(dataset)
    expect(open.palette).toEqual(JSON.parse(PALETTE))
    expect(await open.keys('train')).toEqual(rows.filter(row => row.split === 'train').map(row => row.key))
    expect(() => open.read('train', open.rows('train'))).toThrow(RangeError)
    expect(() => open.read('train', -1)).toThrow(RangeError)
    await open.close()
    expect(await verifyDataset(dataset)).toEqual([])
  })

  test('has the bytes that docs/formats.md says', async () => {
    const rows = wish(range(9))
    const { index } = await pack(dataset, rows, form, { rowsPerShard: 100 })
    for (const shard of index.shards) {
      const path = join(dataset, shard.file)
      const bytes = readFileSync(path)
      expect(sha256Hex(bytes)).toBe(shard.sha256)
      expect((8 + Number(bytes.readBigUInt64LE())) % 4096).toBe(0)
      const { tensors, metadata } = await readSafetensors(path)
      expect(metadata).toEqual({ format: 'prep-shard', version: '1', fingerprint: shard.fingerprint })
      expect(Object.keys(tensors)).toEqual(index.fields.map(field => field.name))
      for (const { name, dtype, shape } of index.fields) {
        expect(tensors[name]!.dtype).toBe(dtype)
        const sizes: Record<string, number> = { N: shard.rows, 'N+1': shard.rows + 1, B: tensors[name]!.data.length }
        expect(tensors[name]!.shape).toEqual(shape.map(size => (typeof size === 'string' ? sizes[size] : size)))
      }
    }
  })

  test('has the same bytes each time, and a finished shard is not written again', async () => {
    const rows = wish(range(17))
    await pack(dataset, rows, form)
    const first = filesOf(dataset)
    const again = await pack(dataset, rows, form)
    expect(again.written).toEqual([])
    expect(filesOf(dataset)).toEqual(first)

    rmSync(join(dataset, 'index.json'))
    const [lost, damaged] = again.index.shards
    rmSync(join(dataset, lost!.file))
    const path = join(dataset, damaged!.file)
    const bytes = readFileSync(path)
    bytes[bytes.length - 3]! ^= 4
    writeFileSync(path, bytes)
    expect((await pack(dataset, rows, form)).written).toEqual([lost!.file, damaged!.file])
    expect(filesOf(dataset)).toEqual(first)
  })

  const python = findPython('numpy')
  const skipped = python ? '' : ' (skipped: no python with numpy)'
  test.skipIf(!python)(`is read by the numpy program of docs/formats.md${skipped}`, async () => {
    const rows = wish(range(14))
    await pack(dataset, rows, form)
    const program = `${docsBlock('Reading it with numpy alone')}
import sys
rows = {split: [[key, label.tolist(), photo.tolist()] for key, label, photo in read_rows(sys.argv[1], split)] for split in ("train", "test")}
print(json.dumps(rows))`
    const found = runPython(python!, program, dataset) as Record<Wish['split'], [string, number[][], unknown[]][]>
    for (const split of ['train', 'test'] as const) {
      const expected = rows.filter(row => row.split === split).map(row => makeRow(row, form))
      expect(found[split].map(([key]) => key)).toEqual(expected.map(row => row.key))
      for (const [i, [, label, photo]] of found[split].entries()) {
        expect(label).toHaveLength(form.height)
        expect(Uint8Array.from(label.flat())).toEqual(expected[i]!.label)
        expect(Uint8Array.from(photo.flat(2) as number[])).toEqual(expected[i]!.photo)
      }
    }
  })
})

const torch = findPython('torch', 'safetensors')
const skipped = torch ? '' : ' (skipped: no python with torch and safetensors)'
test.skipIf(!torch)(`the PyTorch data set of docs/formats.md gives the same rows${skipped}`, async () => {
  const rows = wish(range(14))
  await pack(dataset, rows, RAW)
  const program = `${docsBlock('Reading it from PyTorch')}
import sys
print(json.dumps([[label.tolist(), photo.tolist()] for label, photo in map(Pairs(sys.argv[1]).__getitem__, range(len(Pairs(sys.argv[1]))))]))`
  const found = runPython(torch!, program, dataset) as [number[][], number[][][]][]
  const expected = rows.filter(row => row.split === 'train').map(row => makeRow(row, RAW))
  expect(found.map(([label, photo]) => [label.flat(), photo.flat(2)])).toEqual(
    expected.map(({ label, photo }) => [[...label], [...photo]]),
  )
})

describe('adding and removing', () => {
  test('new rows go to new shards of the next generation, the others stay untouched', async () => {
    await pack(dataset, wish(range(20)), RAW)
    const before = filesOf(dataset)
    const rows = wish([...range(20), 'new', 'newer', 'newest', 'last'])
    const { plan, index, written } = await pack(dataset, rows, RAW, { existing: (await readExisting(dataset))! })
    expect(index.generation).toBe(2)
    expect(plan.write.flatMap(shard => shard.members).sort()).toEqual([20, 21, 22, 23])
    for (const file of written) expect(before[file]).toBeUndefined()
    for (const [file, content] of Object.entries(filesOf(dataset))) {
      if (before[file] && file.endsWith('.safetensors')) expect(content).toBe(before[file])
    }
    await expectRows(rows, RAW)
    expect(await verifyDataset(dataset)).toEqual([])
  })

  test('a row that is gone or changed takes only its own shard with it', async () => {
    await pack(dataset, wish(range(30)), RAW)
    const existing = (await readExisting(dataset))!
    const rows = [...wish(range(30).filter(i => i !== 3 && i !== 4)), ...wish([4], 'other options')]
    const { plan, index } = await pack(dataset, rows, RAW, { existing })
    expect(plan.keep.length).toBeGreaterThanOrEqual(existing.index.shards.length - 2)
    const names = readdirSync(join(dataset, 'train')).concat(readdirSync(join(dataset, 'test')))
    expect(names).toHaveLength(index.shards.length)
    await expectRows(rows, RAW)
  })

  test('with nothing to do the plan writes nothing and the generation stays', async () => {
    const rows = wish(range(10))
    await pack(dataset, rows, RAW)
    const before = filesOf(dataset)
    const { plan } = await pack(dataset, rows, RAW, { existing: (await readExisting(dataset))! })
    expect(plan.write).toEqual([])
    expect(filesOf(dataset)).toEqual(before)
  })

  test('a damaged shard is replaced, the others stay; a damaged index starts afresh', async () => {
    const rows = wish(range(24))
    const { index } = await pack(dataset, rows, RAW)
    rmSync(join(dataset, index.shards[1]!.file))
    truncateSync(join(dataset, index.shards[2]!.file), 4100)
    const { plan } = await pack(dataset, rows, RAW, { existing: (await readExisting(dataset))! })
    expect(plan.keep).toEqual(index.shards.filter((_, i) => i !== 1 && i !== 2))
    await expectRows(rows, RAW)
    expect(await verifyDataset(dataset)).toEqual([])
    writeFileSync(join(dataset, 'index.json'), '{}')
    expect(await readExisting(dataset)).toBeUndefined()
    expect((await pack(dataset, rows, RAW)).index).toEqual(index)
    expect(await verifyDataset(dataset)).toEqual([])
  })

  test('when nothing can stay the data set is as if made fresh', async () => {
    await pack(dataset, wish(range(30), 'old options'), RAW)
    const rows = wish(range(12), 'new options')
    await pack(dataset, rows, RAW, { existing: (await readExisting(dataset))! })
    const again = filesOf(dataset)
    rmSync(dataset, { recursive: true })
    await pack(dataset, rows, RAW)
    expect(again).toEqual(filesOf(dataset))
  })

  test('the index is withdrawn before a shard that it names is overwritten', async () => {
    await pack(dataset, wish(range(12), 'old'), RAW)
    const rows = wish(range(12), 'new')
    const broken = rows.map((row, i) => (i === 9 ? { ...row, key: 'not hex' } : row))
    await expect(pack(dataset, broken, RAW)).rejects.toThrow()
    await expect(openDataset(dataset)).rejects.toMatchObject({ code: 'DATASET_MISSING' })
    await pack(dataset, rows, RAW)
    expect(await verifyDataset(dataset)).toEqual([])
  })

  test('a commit removes left-overs, and nothing that is not ours', async () => {
    mkdirSync(join(dataset, 'train'), { recursive: true })
    const strays = ['train/shard-00099.safetensors', 'train/shard-00000.safetensors.1-0-1.tmp', 'index.json.1-0-2.tmp']
    for (const stray of [...strays, 'notes.txt', 'train/notes.txt']) writeFileSync(join(dataset, stray), 'x')
    await pack(dataset, wish(range(6)), RAW)
    for (const stray of strays) expect(existsSync(join(dataset, stray))).toBe(false)
    expect(existsSync(join(dataset, 'notes.txt')) && existsSync(join(dataset, 'train/notes.txt'))).toBe(true)
  })

  test('labels of another palette are refused', async () => {
    await pack(dataset, wish(range(3)), RAW)
    const existing = await readExisting(dataset)
    const plan = () => planShards({ rows: wish(range(4)), rowsPerShard: 4, palette: sha256Hex('other'), existing })
    expect(plan).toThrow(expect.objectContaining({ code: 'PALETTE_MISMATCH' }))
  })

  test('any history of sets ends in a sound data set of the last set', async () => {
    const set = fc.array(fc.tuple(fc.nat(25), fc.constantFrom('', 'b')), { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(set, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 7 }),
        async (sets, rowsPerShard) => {
          rmSync(dataset, { recursive: true, force: true })
          let existing: ExistingDataset | undefined
          for (const [i, set] of sets.entries()) {
            const rows = set.flatMap(([name, version]) => wish([name], version)) // the same photo may come twice
            const { plan } = await pack(dataset, rows, RAW, { rowsPerShard, ...(existing && { existing }) })
            existing = (await readExisting(dataset))!
            for (const split of ['train', 'test'] as const) {
              const placed = rows.flatMap((row, r) => (row.split === split ? [[plan.places[r]!, row] as const] : []))
              expect(placed.map(([place]) => place).sort((a, b) => a - b)).toEqual(range(placed.length))
              for (const [place, row] of placed) expect(existing.keys[split][place]).toBe(row.key)
            }
            if (i < sets.length - 1) continue
            const open = await openDataset(dataset)
            for (const [r, row] of rows.entries()) {
              expect(await open.read(row.split, plan.places[r]!)).toEqual(makeRow(row, RAW))
            }
            await open.close()
            expect(await verifyDataset(dataset)).toEqual([])
          }
        },
      ),
      { numRuns: 15 },
    )
  })
})

describe('a shard', () => {
  const spec = {
    file: 'train/shard-00000.safetensors',
    split: 'train',
    rows: 3,
    generation: 1,
    fingerprint: 'f',
  } as const

  test('of rows of another size is refused, and leaves nothing', async () => {
    const row = { ...makeRow(wish([1])[0]!, RAW), label: new Uint8Array(3) }
    await expect(writeShard(dataset, spec, RAW, async () => row)).rejects.toMatchObject({ code: 'SIZES_DIFFER' })
    expect(readdirSync(join(dataset, 'train'))).toEqual([])
  })

  test('whose row fails is not there, and the failure comes through', async () => {
    const rows = wish(range(3))
    const fail = async (i: number) => {
      if (i === 1) throw new Error('no such photo')
      return makeRow(rows[i]!, RAW)
    }
    await expect(writeShard(dataset, spec, RAW, fail)).rejects.toThrow('no such photo')
    expect(readdirSync(join(dataset, 'train'))).toEqual([])
  })

  test('asks for rows in order, at most one ahead', async () => {
    const rows = wish(range(3))
    let given = 0
    const asked: number[] = []
    await writeShard(dataset, spec, RAW, async i => {
      asked.push(i)
      expect(i - given).toBeLessThanOrEqual(1)
      await new Promise(resolve => setImmediate(resolve))
      given += 1
      return makeRow(rows[i]!, RAW)
    })
    expect(asked).toEqual([0, 1, 2])
  })

  test('of other rows, another form or another length does not match', async () => {
    const rows = wish(range(3))
    const entry = await writeShard(dataset, spec, RAW, async i => makeRow(rows[i]!, RAW))
    expect(await shardMatches(dataset, spec, RAW)).toEqual(entry)
    expect(await shardMatches(dataset, { ...spec, fingerprint: 'g' }, RAW)).toBeUndefined()
    expect(await shardMatches(dataset, { ...spec, rows: 2 }, RAW)).toBeUndefined()
    expect(await shardMatches(dataset, spec, { ...RAW, height: 7, width: 5 })).toBeUndefined()
    expect(await shardMatches(dataset, { ...spec, file: 'train/shard-00001.safetensors' }, RAW)).toBeUndefined()
    truncateSync(join(dataset, spec.file), entry.bytes - 1)
    expect(await shardMatches(dataset, spec, RAW)).toBeUndefined()
  })
})

describe('what cannot be read says why', () => {
  test('no data set', async () => {
    await expect(openDataset(dataset)).rejects.toMatchObject({ code: 'DATASET_MISSING', hint: expect.any(String) })
    await expect(verifyDataset(dataset)).rejects.toMatchObject({ code: 'DATASET_MISSING' })
  })

  test('an index of another version', async () => {
    const { index } = await pack(dataset, wish(range(3)), RAW)
    const later = encodeIndex({ ...index, version: 2 as 1 })
    expect(() => parseIndex(Buffer.from(later), 'index.json')).toThrow(
      expect.objectContaining({ code: 'DATASET_VERSION' }),
    )
  })

  test('an index that leads out of its folder', async () => {
    const { index } = await pack(dataset, wish(range(3)), RAW)
    const shards = index.shards.map(shard => ({ ...shard, file: '../../secret.safetensors' }))
    const palette = { ...index.palette, file: '../secret.json' as 'palette.json' }
    for (const bad of [
      { ...index, shards },
      { ...index, palette },
    ])
      expect(() => parseIndex(Buffer.from(encodeIndex(bad)), 'index.json')).toThrow(
        expect.objectContaining({ code: 'INDEX_DAMAGED' }),
      )
  })

  test.each([
    ['missing', (path: string) => rmSync(path)],
    ['cut', (path: string) => truncateSync(path, 5000)],
    ['empty', (path: string) => truncateSync(path, 0)],
    ['of another header', (path: string) => writeFileSync(path, readFileSync(path).fill(33, 100, 101))],
    [
      'of wrong offsets',
      (path: string) => writeFileSync(path, readFileSync(path).fill(255, 4096 + 40 * 4, 4096 + 40 * 4 + 9)),
    ],
    [
      'of a changed row',
      (path: string) => {
        const bytes = readFileSync(path)
        writeFileSync(path, bytes.fill(77, bytes.length - 20))
      },
    ],
  ])('a shard that is %s', async (_, damage) => {
    const { index } = await pack(dataset, wish(range(20)), JPEG)
    const { file, rows } = index.shards.find(({ split, rows }) => split === 'train' && rows === 4)!
    damage(join(dataset, file))
    const open = await openDataset(dataset)
    const all = Promise.all(range(rows).map(row => open.read('train', row, { verify: true })))
    await expect(all).rejects.toMatchObject({ code: 'SHARD_DAMAGED' })
    await open.close()
  })

  test('a palette that is not the index’s', async () => {
    await pack(dataset, wish(range(3)), RAW)
    writeFileSync(join(dataset, 'palette.json'), '{}')
    await expect(openDataset(dataset)).rejects.toMatchObject({ code: 'INDEX_DAMAGED' })
  })
})
