import fc from 'fast-check'
import ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import type { OnnxModel } from '../../src/formats/onnx/model.js'
import { decodeOnnx } from '../../src/formats/onnx/read.js'
import { encodeOnnx } from '../../src/formats/onnx/write.js'
import { MessageWriter, readFields } from '../../src/formats/protobuf.js'

const model: OnnxModel = {
  name: 'pad and scale',
  opsets: { '': 18, 'com.microsoft': 1 },
  nodes: [
    { op: 'Pad', inputs: ['x', 'pads', 'edge'], outputs: ['padded'], attributes: { mode: { string: 'constant' } } },
    { op: 'LeakyRelu', inputs: ['padded'], outputs: ['leaky'], attributes: { alpha: { float: 0.25 } } },
    { op: 'Transpose', inputs: ['leaky'], outputs: ['turned'], attributes: { perm: { ints: [1, 0] } } },
    { op: 'ReduceSum', inputs: ['turned', ''], outputs: ['y'], attributes: { keepdims: { int: 0 } } },
  ],
  initializers: [
    { name: 'pads', shape: [4], data: BigInt64Array.of(0n, -1n, 0n, 2n) },
    { name: 'edge', shape: [], data: Float32Array.of(10) },
  ],
  inputs: [{ name: 'x', type: 'float32', shape: [2, 2] }],
  outputs: [
    { name: 'y', type: 'float32' },
    { name: 'turned', type: 'float32', shape: [3, 2] },
  ],
}

describe('an ONNX model', () => {
  test('read back is what was written', () => {
    const plain = (m: OnnxModel): unknown => ({ ...m, nodes: m.nodes.map(node => ({ attributes: {}, ...node })) })
    expect(plain(decodeOnnx(encodeOnnx(model)))).toEqual(plain(model))
  })

  test('is the same bytes each time', () => {
    expect(encodeOnnx(model)).toEqual(encodeOnnx(structuredClone(model)))
  })

  test('loads in onnxruntime and computes: negative pads, floats and optional inputs included', async () => {
    const session = await ort.InferenceSession.create(encodeOnnx(model), { logSeverityLevel: 3 })
    const { y, turned } = await session.run({ x: new ort.Tensor('float32', [1, -4, 3, 8], [2, 2]) })
    expect([...(turned!.data as Float32Array)]).toEqual([-1, 8, 10, 10, 10, 10])
    expect((y!.data as Float32Array)[0]).toBe(47)
    await session.release()
  })

  test('cut off anywhere is refused or shorter, never misread', () => {
    const bytes = encodeOnnx(model)
    for (let end = 1; end < bytes.length; end += 7) {
      let read: unknown
      try {
        read = decodeOnnx(bytes.subarray(0, end))
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
      expect(read).not.toEqual(decodeOnnx(bytes))
    }
  })
})

describe('protocol buffers', () => {
  // the examples of the encoding guide: field 1 = 150, field 2 = "testing", int32 -2
  test.each([
    ['08 96 01', new MessageWriter().int(1, 150)],
    ['12 07 74 65 73 74 69 6e 67', new MessageWriter().string(2, 'testing')],
    ['18 fe ff ff ff ff ff ff ff ff 01', new MessageWriter().int(3, -2)],
    ['1a 03 08 96 01', new MessageWriter().message(3, inner => inner.int(1, 150))],
    ['0d 00 00 80 3f', new MessageWriter().float(1, 1)],
  ])('published encoding %s', (hex, message) => {
    expect(Buffer.from(message.finish()).toString('hex')).toBe(hex.replaceAll(' ', ''))
  })

  test('integers survive', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer({ min: 1, max: 500 }), (value, field) => {
        const [read] = [...readFields(new MessageWriter().int(field, value).finish())]
        expect(read).toMatchObject({ field, int: value })
      }),
    )
  })
})
