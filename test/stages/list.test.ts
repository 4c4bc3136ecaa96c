import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { prep, readTree, sharedData, temporaryFolder, writeBars, writePhotos } from '../helpers.js'
import { runSamples } from './run-samples.js'

const cwd = temporaryFolder()
const run = (name: string, step: object, ...more: object[]) => runSamples(cwd, name, [step, ...more])

beforeAll(async () => {
  await writePhotos(join(cwd, 'photos'), 6)
  await writeBars(join(cwd, 'masks/m.png'), ['#000000', '#010101'])
})

describe('list', () => {
  test('names relative to the list, other columns kept, splits and groups read', async () => {
    const lines = [
      'file_name,kind,part,scene',
      'photos/photo-000.jpg,"a, b",training,s1',
      'photos/photo-001.jpg,,dev,s1',
      'photos/photo-002.jpg,c,test,',
    ]
    await writeFile(join(cwd, 'a.csv'), lines.join('\n'))
    const { code, samples } = await run('columns', {
      stage: 'list',
      file: 'a.csv',
      split_column: 'part',
      group_column: 'scene',
    })
    expect(code).toBe(0)
    expect(samples).toMatchObject([
      { name: 'photo-000', split: 'train', group: 's1', columns: { kind: 'a, b' } },
      { name: 'photo-001', split: 'val', group: 's1' },
      { name: 'photo-002', split: 'test', columns: { kind: 'c' } },
    ])
    expect(samples[1]).not.toHaveProperty('columns')
    expect(samples[2]).not.toHaveProperty('group')
  })

  test('a list and a pattern of the same photos give the same data set, and columns reach samples.jsonl', async () => {
    const photos = Array.from({ length: 6 }, (_, n) => ({ image: `photo-00${n}.jpg`, n }))
    await writeFile(join(cwd, 'b.jsonl'), photos.map(photo => JSON.stringify(photo)).join('\n'))
    const rest = [
      { stage: 'resize', size: 16 },
      { stage: 'kmeans', clusters: 3 },
      { stage: 'split' },
      { stage: 'pack' },
    ]
    expect(await run('by-list', { stage: 'list', file: 'b.jsonl', base: 'photos' }, ...rest)).toMatchObject({ code: 0 })
    expect(await run('by-glob', { stage: 'glob', patterns: ['photos/*'] }, ...rest)).toMatchObject({ code: 0 })
    const [a, b] = [
      await readTree(join(cwd, 'runs/by-list/dataset')),
      await readTree(join(cwd, 'runs/by-glob/dataset')),
    ]
    const shards = [...b.keys()].filter(file => file.endsWith('.safetensors'))
    expect(shards).toEqual(['test/shard-00000.safetensors', 'train/shard-00000.safetensors'])
    for (const shard of shards) expect(a.get(shard)).toEqual(b.get(shard))
    const [first] = a.get('samples.jsonl')!.toString().split('\n')
    expect(JSON.parse(first!)).toMatchObject({ name: 'photo-000', columns: { n: '0' } })
  })

  test('missing files are left out and counted, with their line', async () => {
    await writeFile(join(cwd, 'c.txt'), 'photos/photo-000.jpg\nphotos/none.jpg\nphotos\nphotos/photo-000.jpg\n')
    const { code, samples, failures, stderr } = await run('missing', { stage: 'list', file: 'c.txt' })
    expect({ code, samples: samples.length }).toEqual({ code: 0, samples: 1 })
    expect(failures.map(({ code, message }) => [code, /c\.txt line \d/.exec(message)?.[0]])).toEqual([
      ['FILE_MISSING', 'c.txt line 2'],
      ['NOT_A_FILE', 'c.txt line 3'],
    ])
    expect(stderr).toContain('listed before')
  })

  test('label maps by a column; one that is missing takes its photo with it', async () => {
    await writeFile(
      join(cwd, 'd.csv'),
      'file,mask\nphotos/photo-000.jpg,masks/m.png\nphotos/photo-001.jpg,masks/none.png\n',
    )
    const { samples, failures } = await run('masks', { stage: 'list', file: 'd.csv', label_map_column: 'mask' })
    expect(samples).toMatchObject([{ name: 'photo-000', label: { kind: 'file', path: 'masks/m.png' } }])
    expect(failures).toMatchObject([{ sample: 'photo-001', code: 'FILE_MISSING' }])
  })

  test.each([
    ['no list', {}, undefined, 'FILE_MISSING'],
    ['no column of files', {}, 'a,b\n1,2\n', 'LIST_INVALID'],
    ['a column that is not there', { column: 'x' }, 'file\n1\n', 'LIST_INVALID'],
    ['another column that is not there', { split_column: 'x' }, 'file\n1\n', 'LIST_INVALID'],
    ['a strange split', { split_column: 's' }, 'file,s\na,holdout\n', 'LIST_INVALID'],
    ['a line without a file', {}, 'file,s\n,1\n', 'LIST_INVALID'],
    ['addresses', {}, 'file\nhttps://example.org/a.jpg\n', 'LIST_INVALID'],
    ['a header alone', {}, 'file\n', 'NO_MATCHES'],
    ['files of the pipeline’s own output', {}, 'file\nruns/bad-7/x.jpg\n', 'INPUT_CYCLE'],
  ])('%s ends in a coded error', async (what, options, text, expected) => {
    const name = what.startsWith('files of') ? 'bad-7' : `bad-${what.replace(/\W/g, '')}`
    if (text !== undefined) await writeFile(join(cwd, `${name}.csv`), text)
    const { code, stderr } = await run(name, { stage: 'list', file: `${name}.csv`, ...options })
    expect([code, /[A-Z]+_[A-Z]+/.exec(stderr)?.[0]]).toEqual([2, expected])
    expect(stderr).toContain('hint:')
  })

  test.skipIf(!sharedData('digits'))('the digits of seed document B: train.csv with the column filename', async () => {
    const digits = sharedData('digits')!
    const { code, samples } = await run('digits', {
      stage: 'list',
      file: join(digits, 'train.csv'),
      base: join(digits, 'images'),
    })
    expect({ code, samples: samples.length }).toEqual({ code: 0, samples: 3000 })
    expect(new Set(samples.map(({ columns }) => columns?.label)).size).toBe(10)
  })
})

describe('imagefolder', () => {
  test('metadata in split folders', async () => {
    for (const [split, n] of [
      ['train', 0],
      ['validation', 1],
      ['test', 2],
    ] as const) {
      await mkdir(join(cwd, 'hf', split, 'sub'), { recursive: true })
      await cp(join(cwd, `photos/photo-00${n}.jpg`), join(cwd, 'hf', split, 'sub/a.jpg'))
    }
    await writeFile(join(cwd, 'hf/train/metadata.csv'), 'file_name,text\nsub/a.jpg,one\n')
    await writeFile(join(cwd, 'hf/validation/metadata.jsonl'), '{"file_name":"sub/a.jpg","text":"two"}\n')
    await writeFile(join(cwd, 'hf/test/metadata.csv'), 'file_name\nsub/a.jpg\nsub/none.jpg\n')
    const { code, samples, failures } = await run('hf', { stage: 'imagefolder', folder: 'hf' })
    expect(code).toBe(0)
    expect(samples.map(({ name, split, columns }) => [name, split, columns?.text])).toEqual([
      ['train/sub/a', 'train', 'one'],
      ['validation/sub/a', 'val', 'two'],
      ['test/sub/a', 'test', undefined],
    ])
    expect(failures).toMatchObject([{ code: 'FILE_MISSING' }])
  })

  test('class folders', async () => {
    for (const [path, n] of [
      ['cat/1', 0],
      ['cat/deep/2', 1],
      ['dog/1', 2],
      ['0', 3],
    ] as const) {
      await mkdir(join(cwd, 'classes', path, '..'), { recursive: true })
      await cp(join(cwd, `photos/photo-00${n}.jpg`), join(cwd, 'classes', `${path}.JPG`))
    }
    const { samples } = await run('classes', { stage: 'imagefolder', folder: 'classes', label: 'animal' })
    expect(samples.map(({ name, split, columns }) => [name, split, columns?.animal])).toEqual([
      ['0', undefined, undefined],
      ['cat/1', undefined, 'cat'],
      ['cat/deep/2', undefined, 'cat'],
      ['dog/1', undefined, 'dog'],
    ])
  })

  test('a train folder alone leaves the split to the split step', async () => {
    await mkdir(join(cwd, 'only/train/x'), { recursive: true })
    await cp(join(cwd, 'photos/photo-000.jpg'), join(cwd, 'only/train/x/a.jpg'))
    const { samples } = await run('only', { stage: 'imagefolder', folder: 'only' })
    expect(samples).toMatchObject([{ name: 'a', columns: { label: 'x' } }])
    expect(samples[0]).not.toHaveProperty('split')
  })

  test('an empty or missing folder, metadata without file_name', async () => {
    await mkdir(join(cwd, 'empty/bad'), { recursive: true })
    const outcome = async (folder: string) =>
      /[A-Z]+_[A-Z]+/.exec((await run('odd', { stage: 'imagefolder', folder })).stderr)?.[0]
    expect(await outcome('empty')).toBe('NO_MATCHES')
    expect(await outcome('nowhere')).toBe('FILE_MISSING')
    await writeFile(join(cwd, 'empty/bad/metadata.csv'), 'name\na.jpg\n')
    expect(await outcome('empty')).toBe('LIST_INVALID')
  })
})

test('the stages tell their options', async () => {
  const { stdout } = await prep(['stages', 'list'], { cwd })
  expect(stdout).toContain('label_map_column')
})
