import { execFileSync } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { encodeExample, type Feature } from '../../src/formats/tfrecord/example.js'
import { frameRecord } from '../../src/formats/tfrecord/write.js'
import { prep, readTree, temporaryFolder, writeBars, writePhotos } from '../helpers.js'
import { runSamples } from './run-samples.js'

const cwd = temporaryFolder()
const run = (name: string, step: object, ...more: object[]) => runSamples(cwd, name, [step, ...more])
const rest = [
  { stage: 'resize', size: 16 },
  { stage: 'kmeans', clusters: 3 },
  { stage: 'split' },
  { stage: 'pack', rows_per_shard: 4 },
]
const shardsOf = async (name: string) =>
  Object.fromEntries(
    [...(await readTree(join(cwd, `runs/${name}/dataset`)))].filter(
      ([file]) => file !== 'samples.jsonl' && file !== 'index.json',
    ),
  )

beforeAll(async () => {
  await writePhotos(join(cwd, 'photos'), 7)
  await writeBars(join(cwd, 'ids.png'), ['#000000', '#010101'])
})

describe('there and back', () => {
  const formats = ['webdataset', 'tfrecord'] as const

  beforeAll(async () => {
    const steps = formats.map(format => ({ stage: 'shards', format, photo: 'original', rows_per_shard: 3 }))
    expect(await run('origin', { stage: 'glob', patterns: ['photos/*'] }, ...steps, ...rest)).toMatchObject({
      code: 0,
      stderr: '',
    })
  })

  test.each(formats)('photos that went through %s give the same data set as the photos', async format => {
    const outcome = await run(
      `via-${format}`,
      { stage: format, patterns: [`runs/origin/${format}/*`, '!**/*.json'] },
      ...rest,
    )
    expect(outcome).toMatchObject({ code: 0, stderr: '' })
    expect(outcome.samples.map(({ name }) => name)).toEqual(Array.from({ length: 7 }, (_, n) => `photo-00${n}`))
    expect(await shardsOf(`via-${format}`)).toEqual(await shardsOf('origin'))
  })

  test.each(formats)(
    '%s shards of a labelled set: labels exact, split, columns and palette kept; the same bytes for any --jobs',
    async format => {
      await writeFile(
        join(cwd, 'list.csv'),
        ['file,kind', ...Array.from({ length: 7 }, (_, n) => `photos/photo-00${n}.jpg,k${n}`)].join('\n'),
      )
      const steps = [
        { stage: 'list', file: 'list.csv' },
        ...rest.slice(0, 3),
        { stage: 'shards', format, rows_per_shard: 2 },
        { stage: 'export', layout: 'folders', format: 'png' },
      ]
      expect(await runSamples(cwd, `lab-${format}`, steps, '--jobs', '1')).toMatchObject({ code: 0, stderr: '' })
      expect(await runSamples(cwd, `lab2-${format}`, steps, '--jobs', '4')).toMatchObject({ code: 0 })
      const [one, two] = [
        await readTree(join(cwd, `runs/lab-${format}/${format}`)),
        await readTree(join(cwd, `runs/lab2-${format}/${format}`)),
      ]
      expect(one).toEqual(two)
      expect(one.get('palette.json')).toEqual(await readFile(join(cwd, `runs/lab-${format}/labels/palette.json`)))
      const back = await run(`back-${format}`, { stage: format, patterns: [`runs/lab-${format}/${format}/*.t*`] })
      const before = (await run(`lab-${format}`, steps[0]!, ...steps.slice(1))).samples
      const facts = (samples: typeof before) =>
        samples.map(({ name, sha256, split, columns }) => [name, sha256, split, columns?.kind]).sort()
      expect(facts(back.samples)).toEqual(facts(before))
      for (const { name, label } of back.samples) {
        if (label?.kind !== 'file' || !label.range) throw new Error(`${name} has no label in a file`)
        const bytes = (await readFile(join(cwd, label.path))).subarray(
          label.range.offset,
          label.range.offset + label.range.bytes,
        )
        const { data, info } = await sharp(bytes).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true })
        expect([info.width, info.height, info.channels]).toEqual([16, 16, 1])
        expect(Math.max(...data)).toBeLessThan(3)
      }
    },
  )

  test('only shards of which something changed are written again', async () => {
    await cp(join(cwd, 'photos'), join(cwd, 'growing'), { recursive: true })
    const steps = [
      { stage: 'glob', patterns: ['growing/*'] },
      { stage: 'shards', photo: 'original', rows_per_shard: 4 },
    ]
    await runSamples(cwd, 'growing', steps)
    const before = await readTree(join(cwd, 'runs/growing/webdataset'))
    await cp(join(cwd, 'photos/photo-000.jpg'), join(cwd, 'growing/photo-100.jpg'))
    const { stdout } = await runSamples(cwd, 'growing', steps, '--json')
    expect(stdout).toContain('"label":"write webdataset","done":1,"total":1')
    const after = await readTree(join(cwd, 'runs/growing/webdataset'))
    expect(after.get('train-000000.tar')).toEqual(before.get('train-000000.tar'))
    expect(after.get('train-000001.tar')).not.toEqual(before.get('train-000001.tar'))
  })
})

describe('webdataset', () => {
  /** A tar of these files, by GNU tar. */
  async function tar(path: string, files: Record<string, string | Buffer>): Promise<void> {
    const source = join(cwd, `${path}.d`)
    for (const [name, data] of Object.entries(files)) {
      await mkdir(join(source, name, '..'), { recursive: true })
      await writeFile(join(source, name), data)
    }
    execFileSync('tar', ['-cf', join(cwd, path), '-C', source, ...Object.keys(files)])
  }
  const photo = (n: number) => readFile(join(cwd, `photos/photo-00${n}.jpg`))

  test('keys, columns, labels; what has no photo or no label is left out and counted', async () => {
    const mask = await readFile(join(cwd, 'ids.png'))
    await tar('mixed.tar', {
      'd/a.jpg': await photo(0),
      'd/a.seg.png': mask,
      'd/a.json': '{"caption": "x", "box": [1, 2], "split": "validation", "group": "g"}',
      'd/a.cls': '3\n',
      'd/b.JPG': await photo(1),
      'd/b.label.png': mask,
      'd/c.json': '{}',
      'd/e.jpg': await photo(2),
      '../d/f.jpg': 'x',
    })
    const { code, samples, failures } = await run('mixed', { stage: 'webdataset', patterns: ['mixed.tar'] })
    expect(code).toBe(0)
    expect(samples).toMatchObject([
      {
        name: 'd/a',
        split: 'val',
        group: 'g',
        columns: { caption: 'x', box: '[1,2]', cls: '3' },
        label: { kind: 'file' },
      },
      { name: 'd/b', label: { kind: 'file' } },
    ])
    expect(failures.map(({ sample, code }) => [sample, code])).toEqual([
      ['d/c', 'FILE_MISSING'],
      ['d/e', 'FILE_MISSING'],
      ['d/f', 'FILE_MISSING'],
    ])
  })

  test('splits by the names of at least two; the same key in two shards; a missing shard is counted', async () => {
    await tar('set-train-0.tar', { 'x.jpg': await photo(0) })
    await tar('set-train-1.tar', { 'x.jpg': await photo(1) })
    await tar('set-val-0.tar', { 'x.jpg': await photo(2) })
    const both = await run('both', { stage: 'webdataset', patterns: ['set-{train,val}-*.tar'] })
    expect(both.samples.map(({ name, split }) => [name, split])).toEqual([
      ['x', 'train'],
      ['x-2', 'train'],
      ['x-3', 'val'],
    ])
    const one = await run('one', { stage: 'webdataset', patterns: ['set-train-{0..2}.tar'] })
    expect(one.samples.map(({ split }) => split)).toEqual([undefined, undefined])
    expect(one.failures).toMatchObject([{ sample: 'set-train-2.tar', code: 'FILE_MISSING' }])
  })

  test('a shard that is cut gives what is whole; the error names member and offset', async () => {
    await tar('whole.tar', { 'a.jpg': await photo(0), 'b.jpg': await photo(1), 'c.jpg': await photo(2) })
    const bytes = await readFile(join(cwd, 'whole.tar'))
    const second = 512 + 512 * Math.ceil((await photo(0)).length / 512)
    await writeFile(join(cwd, 'cut.tar'), bytes.subarray(0, second + 600))
    const { samples, failures } = await run('cut', { stage: 'webdataset', patterns: ['cut.tar'] })
    expect(samples.map(({ name }) => name)).toEqual(['a'])
    expect(failures).toMatchObject([
      { code: 'ARCHIVE_DAMAGED', message: expect.stringContaining(`at byte ${second + 512}, b.jpg is cut`) },
    ])
  })

  test.each([
    ['nothing matches', 'none-*.tar', 'NO_MATCHES'],
    ['only damage', 'noise.tar', 'TOO_MANY_FAILURES'],
  ])('%s: a coded error', async (_what, pattern, expected) => {
    await writeFile(join(cwd, 'noise.tar'), 'noise '.repeat(500))
    const { code, stderr } = await run('bad', { stage: 'webdataset', patterns: [pattern] })
    expect([code > 0, /[A-Z]+_[A-Z]+(_[A-Z]+)?/.exec(stderr)?.[0]]).toEqual([true, expected])
  })

  test('prep plan says how many files the run will look into', async () => {
    const { stdout } = await prep(['plan', 'one.yaml'], { cwd })
    expect(stdout).toContain('looks into 2 files, 1 missing')
  })
})

describe('tfrecord', () => {
  const text = (value: string | Buffer): Feature => ({ kind: 'bytes', values: [Buffer.from(value)] })
  const frames = async (...examples: Record<string, Feature>[]) =>
    Buffer.concat(examples.flatMap(example => frameRecord(encodeExample(new Map(Object.entries(example))))))

  test('features by other names; numbers and texts become columns; damage is counted by offset', async () => {
    const jpeg = await readFile(join(cwd, 'photos/photo-000.jpg'))
    const good = {
      img: text(jpeg),
      id: text('a/b.jpg'),
      label: { kind: 'ints', values: [7n] },
      score: { kind: 'floats', values: [0.5, 2] },
    } satisfies Record<string, Feature>
    const whole = await frames(good, { ...good, id: text('../c') }, { id: text('d') }, good)
    const torn = Buffer.from(whole)
    torn[(await frames(good)).length + 100]! ^= 1
    await writeFile(join(cwd, 'torn.tfrecord'), torn.subarray(0, -5))
    const { samples, failures } = await run('torn', {
      stage: 'tfrecord',
      patterns: ['torn.tfrecord'],
      photo: 'img',
      name: 'id',
    })
    expect(samples).toMatchObject([{ name: 'a/b', columns: { label: '7', score: '0.5 2' } }])
    expect(failures.map(({ code, message }) => [code, /at byte \d+|no photo/.exec(message)?.[0]])).toEqual([
      ['ARCHIVE_DAMAGED', expect.stringContaining('at byte')],
      ['FILE_MISSING', 'no photo'],
      ['ARCHIVE_DAMAGED', expect.stringContaining('at byte')],
    ])
  })
})

describe('mnist', () => {
  const idx = (code: number, shape: number[], data: Buffer): Buffer => {
    const head = Buffer.alloc(4 + 4 * shape.length)
    head.set([0, 0, code, shape.length])
    for (const [i, size] of shape.entries()) head.writeUInt32BE(size, 4 + 4 * i)
    return Buffer.concat([head, data])
  }
  const images = (count: number): Buffer => Buffer.from(Array.from({ length: count * 64 }, (_, i) => (i * 7) % 256))

  beforeAll(async () => {
    await mkdir(join(cwd, 'mnist'))
    await writeFile(join(cwd, 'mnist/train-images-idx3-ubyte.gz'), gzipSync(idx(8, [5, 8, 8], images(5))))
    await writeFile(join(cwd, 'mnist/train-labels-idx1-ubyte.gz'), gzipSync(idx(8, [5], Buffer.from([5, 0, 4, 1, 9]))))
    await writeFile(join(cwd, 'mnist/t10k-images-idx3-ubyte'), idx(8, [2, 8, 8], images(2)))
    await writeFile(join(cwd, 'mnist/t10k-labels-idx1-ubyte'), idx(8, [2], Buffer.from([7, 2])))
  })

  test('images exact, classes as a column, splits by name, through to a packed set', async () => {
    const step = { stage: 'mnist', images: ['mnist/*-images*'] }
    const { code, stderr, samples } = await run('mnist', step)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(samples.map(({ name, split, columns }) => [name, split, columns?.label])).toEqual([
      ['t10k-00000', 'test', '7'],
      ['t10k-00001', 'test', '2'],
      ...['5', '0', '4', '1', '9'].map((label, n) => [`train-0000${n}`, 'train', label]),
    ])
    const { photo } = samples.at(-1)!
    if (photo?.kind !== 'file' || !photo.range) throw new Error('expected a place in a tar file')
    const png = (await readFile(join(cwd, photo.path))).subarray(
      photo.range.offset,
      photo.range.offset + photo.range.bytes,
    )
    const { data } = await sharp(png).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true })
    expect(data.equals(images(5).subarray(4 * 64))).toBe(true)
    const packed = await run(
      'mnist',
      step,
      { stage: 'resize', size: 16 },
      { stage: 'kmeans', clusters: 2 },
      { stage: 'pack' },
    )
    expect(packed).toMatchObject({ code: 0, stdout: expect.stringContaining('5 train, 2 test') })
  })

  test.each([
    ['labels for images', 'mnist/train-labels*', 'UNSUPPORTED_FORMAT'],
    ['a wrong number of labels', 'odd/*-images*', 'ARCHIVE_DAMAGED'],
    ['both of one name', '{mnist,odd}/t*-images*', 'USAGE'],
    ['nothing', 'mnist/none*', 'NO_MATCHES'],
  ])('%s: a coded error', async (_what, pattern, expected) => {
    await mkdir(join(cwd, 'odd'), { recursive: true })
    await writeFile(join(cwd, 'odd/train-images-idx3-ubyte'), idx(8, [3, 8, 8], images(3)))
    await writeFile(join(cwd, 'odd/train-labels-idx1-ubyte'), idx(8, [2], Buffer.from([1, 2])))
    const { code, stderr } = await run('odd', { stage: 'mnist', images: [pattern] })
    expect([code, /^[A-Z_]{4,}$/m.exec(stderr)?.[0]]).toEqual([2, expected])
  })
})
