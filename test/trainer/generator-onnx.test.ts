import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import ort from 'onnxruntime-node'
import { beforeAll, describe, expect, test } from 'vitest'
import { decodeOnnx } from '../../src/formats/onnx/read.js'
import { generatorOnnx } from '../../src/trainer/generator-onnx.js'
import { toHalf } from '../../src/trainer/half.js'
import { checkDifference, verifyOnnx } from '../../src/trainer/verify-onnx.js'
import { errorCode, errorCodes, prep, temporaryFolder } from '../helpers.js'
import { runTiny, writeTiny } from './tiny.js'

const CONTRIB = /[^A-Za-z0-9]/

describe.each([
  { label_input: 'onehot', norm: 'batch', upsample: 'transpose', ema: 0 },
  { label_input: 'colours', norm: 'instance', upsample: 'resize', ema: 0.9 },
] as const)('a generator as ONNX, $label_input, $norm, $upsample, ema $ema', options => {
  let checkpoint: string
  let dataset: string
  beforeAll(async () => {
    dataset = await writeTiny({ height: 32, width: 32 })
    const { result } = await runTiny({
      dataset,
      options: { ...options, width: 4, engine: 'onnx-cpu', epochs: 1, downs: 5 },
    })
    checkpoint = result.checkpoint!
  })

  test('paints what the checkpoint paints, on held-out rows', async () => {
    const onnx = await generatorOnnx(checkpoint)
    const difference = await verifyOnnx({ checkpoint, onnx, dataset, rows: 2 })
    expect(difference).toMatchObject({ maps: 2, from: 'test' })
    expect(difference.largest).toBeLessThanOrEqual(1e-4)
    checkDifference(difference, false)
  })

  test('in another size that the net can halve; other sizes are refused', async () => {
    const size = { width: 64, height: 32 }
    const onnx = await generatorOnnx(checkpoint, { size })
    expect(await verifyOnnx({ checkpoint, onnx, size, dataset, rows: 2 })).toMatchObject({ from: 'drawn' })
    expect(await errorCodes(() => generatorOnnx(checkpoint, { size: { width: 48, height: 32 } }))).toEqual([
      'TRAIN_SIZE',
    ])
  })

  test('with 16-bit weights: about half the bytes, and near', async () => {
    const [whole, half] = [await generatorOnnx(checkpoint), await generatorOnnx(checkpoint, { fp16: true })]
    expect(half.length).toBeLessThan(0.7 * whole.length)
    const difference = await verifyOnnx({ checkpoint, onnx: half, dataset, rows: 2 })
    expect(difference.largest).toBeGreaterThan(0)
    checkDifference(difference, true)
  })

  test('says what it is, in standard ops, the same bytes each time', async () => {
    const bytes = await generatorOnnx(checkpoint, { metadata: { checked: 'yes' } })
    expect(await generatorOnnx(checkpoint, { metadata: { checked: 'yes' } })).toEqual(bytes)
    const { opsets, nodes, inputs, outputs, metadata } = decodeOnnx(bytes)
    expect(opsets).toEqual({ '': 18 })
    expect(nodes.filter(({ op, domain }) => domain || CONTRIB.test(op))).toEqual([])
    expect(inputs).toEqual([{ name: 'label', type: 'uint8', shape: [1, 32, 32] }])
    expect(outputs).toEqual([{ name: 'photo', type: 'float32', shape: [1, 3, 32, 32] }])
    expect(metadata).toMatchObject({
      size: '32x32',
      checked: 'yes',
      norm: options.norm,
      label_input: options.label_input,
    })
    expect(JSON.parse(metadata!.palette!).clusters.length).toBe(3)
    expect(JSON.parse(metadata!.trained!)).toMatchObject({ epoch: 1, weights: options.ema ? 'average' : 'last' })
  })
})

test('one that paints something else is refused', async () => {
  const dataset = await writeTiny()
  const options = { engine: 'onnx-cpu', epochs: 1 } as const
  const [one, other] = [await runTiny({ dataset, options }), await runTiny({ dataset, options, seed: 8 })]
  const onnx = await generatorOnnx(other.result.checkpoint!)
  const difference = await verifyOnnx({ checkpoint: one.result.checkpoint!, onnx, dataset, rows: 1 })
  expect(errorCode(() => checkDifference(difference, false))).toBe('EXPORT_DIFFERS')
})

test('prep export writes both forms; what cannot be exported leaves no file', async () => {
  const { output } = await runTiny({ dataset: await writeTiny(), options: { engine: 'onnx-cpu', epochs: 1 } })
  const out = join(temporaryFolder(), 'g.onnx')
  const { code, stdout, stderr } = await prep(['export', 'onnx', output, '--out', out, '--fp16', '--json'])
  expect(code, stderr).toBe(0)
  const said = JSON.parse(stdout)
  const session = await ort.InferenceSession.create(out, { logSeverityLevel: 3 })
  expect(session.inputNames).toEqual(['label'])
  await session.release()
  const { readFile } = await import('node:fs/promises')
  const { metadata } = decodeOnnx(await readFile(out))
  expect(JSON.parse(metadata!.checked!).mean).toBe(said.mean)
  expect((await prep(['export', 'pytorch', output, '--out', `${out}.safetensors`])).code).toBe(0)
  await writeFile(`${out}.text`, 'no checkpoint')
  expect((await prep(['export', 'onnx', `${out}.text`, '--out', `${out}.2`])).stderr).toMatch(/^CHECKPOINT_DAMAGED$/m)
  await expect(readFile(`${out}.2`)).rejects.toThrow()
})

/** What the bits of a float16 mean, by the definition of binary16. */
function fromHalf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25))
}

describe('float16', () => {
  test('every finite one comes back as it was', () => {
    const all = Array.from({ length: 65536 }, (_, bits) => bits).filter(bits => Number.isFinite(fromHalf(bits)))
    expect([...toHalf(Float32Array.from(all, fromHalf))]).toEqual(all)
  })

  test('no other is nearer', () => {
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), value => {
        const [bits] = toHalf(Float32Array.of(value))
        const distance = Math.abs(fromHalf(bits!) - value)
        for (const near of [bits! - 1, bits! + 1])
          if (Number.isFinite(fromHalf(near & 0xffff)))
            expect(Math.abs(fromHalf(near & 0xffff) - value)).toBeGreaterThanOrEqual(distance)
      }),
    )
  })
})
