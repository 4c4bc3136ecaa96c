import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { encodePng } from '../../src/images/png.js'
import { generatePhotos } from '../../src/trainer/generate.js'
import { GenerateRecord, readGenerated } from '../../src/trainer/generate-record.js'
import { mostPixels } from '../../src/trainer/painting-memory.js'
import { pix2pixConfig } from '../../src/trainer/pix2pix/model.js'
import { temporaryFolder } from '../helpers.js'
import { runTiny, writeTiny } from './tiny.js'

describe('inputs that cannot be painted', () => {
  const cwd = temporaryFolder()
  let checkpoint: string
  beforeAll(async () => {
    const options = { engine: 'onnx-cpu', epochs: 1 } as const
    checkpoint = (await runTiny({ dataset: await writeTiny(), options })).result.checkpoint!
  })

  test('fail alone, the others are done', async () => {
    const inputs = []
    for (const [name, width] of [
      ['large', 64],
      ['small', 16],
    ] as const) {
      const path = join(cwd, `${name}.png`)
      await writeFile(path, await encodePng({ data: new Uint8Array(width * 16), width, height: 16, channels: 1 }))
      inputs.push({ path, output: `${name}.png` })
    }
    const options = { padding: 'reflect', resize: false, force: false, engine: 'onnx-cpu', input: 'ids' } as const
    const out = join(cwd, 'out')
    const files = await generatePhotos({ ...options, checkpoint, inputs, out, maxPixels: 16 * 16 })
    expect(files.map(({ status, error }) => [status, error?.code])).toEqual([
      ['failed', 'TOO_MANY_PIXELS'],
      ['made', undefined],
    ])
    expect(
      await generatePhotos({ ...options, checkpoint, inputs, out, resize: true, maxPixels: 16 * 16 }),
    ).toMatchObject([{ status: 'made' }, { status: 'made' }])
  })
})

test('larger nets paint smaller images in the same memory; more memory holds more, up to what engines address', () => {
  const net = (ngf: number) => pix2pixConfig({ width: 256, height: 256, labelChannels: 3, layers: 1, ngf })
  const pixels = mostPixels(net(64), 16e9)
  expect(pixels).toBeGreaterThan(2048 ** 2)
  expect(mostPixels(net(16), 16e9)).toBeGreaterThan(pixels)
  expect(mostPixels(net(64), 8e9)).toBe(Math.floor(pixels / 2))
  expect(mostPixels(net(64), 1e15) * 32).toBeLessThan(2 ** 31)
})

describe('the record of a folder', () => {
  const bytes = Buffer.from('photo')

  test('two runs into one folder do not forget what the other made', async () => {
    const out = temporaryFolder()
    const [one, other] = [await GenerateRecord.open(out), await GenerateRecord.open(out)]
    await one.write('a.png', 'A', bytes)
    await other.write('b.png', 'B', bytes)
    await one.close()
    await other.write('c.png', 'C', bytes)
    await other.close()
    expect(Object.fromEntries(await readGenerated(out))).toEqual({ 'a.png': 'A', 'b.png': 'B', 'c.png': 'C' })
  })

  test('a line that a kill tore off swallows nothing, and is gone once the next run has begun', async () => {
    const out = temporaryFolder()
    const one = await GenerateRecord.open(out)
    await one.write('a.png', 'A', bytes)
    await appendFile(join(out, '.generated.jsonl'), '\n["b.p')
    await one.write('c.png', 'C', bytes)
    expect(Object.fromEntries(await readGenerated(out))).toEqual({ 'a.png': 'A', 'c.png': 'C' })
    const next = await GenerateRecord.open(out)
    expect([next.keyOf('a.png'), next.keyOf('b.png')]).toEqual(['A', undefined])
    await expect(readFile(join(out, '.generated.jsonl'))).rejects.toThrow()
  })

  test('a record of another shape is none', async () => {
    const out = temporaryFolder()
    for (const text of ['[1]', 'null', '{"a.png":3}', 'torn']) {
      await writeFile(join(out, 'generated.json'), text)
      expect((await readGenerated(out)).size).toBe(0)
    }
  })
})
