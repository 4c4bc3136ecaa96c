import fc from 'fast-check'
import * as ort from 'onnxruntime-node'
import { describe, expect, test } from 'vitest'
import type { Tensors } from '../../../src/trainer/engines/engine.js'
import { noiseBatch } from '../../../src/trainer/engines/noise.js'
import { cookToom } from '../../../src/trainer/engines/onnx/cook-toom.js'
import { cut, type Part } from '../../../src/trainer/engines/onnx/cut.js'
import { onnxCpu, onnxCpuCutAt } from '../../../src/trainer/engines/onnx/engine.js'
import { Model } from '../../../src/trainer/engines/onnx/model.js'
import { translate } from '../../../src/trainer/engines/onnx/translate.js'
import { evaluate, reference } from '../../../src/trainer/engines/reference/engine.js'
import { gradients } from '../../../src/trainer/graph/gradients.js'
import { inOrder, type StepGraph, sizeOf, type Value } from '../../../src/trainer/graph/graph.js'
import { conv, convTranspose, input, mse, mul, shareAbove } from '../../../src/trainer/graph/ops.js'
import { type Pix2PixConfig, pix2pixConfig } from '../../../src/trainer/pix2pix/model.js'
import { buildStep, initialWeights } from '../../../src/trainer/pix2pix/step.js'
import { numbersFor, opCases } from '../graph/cases.js'
import { randomFrom } from './random.js'

const probe = await onnxCpu.probe()
const unavailable = !probe.available
const why = probe.available ? '' : ` (skipped: ${probe.reason})`
const RATES = { G: 2e-4, D: 2e-4 }

async function runOnnx(outputs: readonly Value[], numbers: (leaf: Value) => Float64Array): Promise<Float32Array[]> {
  const model = await Model.load(ort, outputs, { threads: 1 })
  const result = await model.run(leaf => new ort.Tensor('float32', Float32Array.from(numbers(leaf)), [...leaf.shape]))
  const data = outputs.map(output => result(output).data.slice())
  await model.release()
  return data
}

function expectClose(found: Float32Array, wanted: Float64Array): void {
  expect(found.length).toBe(wanted.length)
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
  const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(found[i]! - value)), 0)
  expect(worst / scale).toBeLessThan(2e-5)
}

describe.skipIf(unavailable)(`onnx-cpu computes what the reference does${why}`, () => {
  test('transposed convolutions by phase, of several images', async () => {
    const [x, filters] = [input('x', [2, 2, 5, 6]), input('filters', [2, 3, 4, 4])]
    const output = convTranspose(x, filters, { stride: 2, pad: 1 })
    const numbers = new Map([x, filters].map((leaf, i) => [leaf, numbersFor(leaf, i)]))
    const [wanted] = evaluate([output], leaf => numbers.get(leaf)!)
    const [found] = await runOnnx([output], leaf => numbers.get(leaf)!)
    expectClose(found!, wanted!)
  })

  test.each(Object.entries(opCases))('%s and its gradients', async (_, cases) => {
    await fc.assert(
      fc.asyncProperty(cases!, fc.nat(), async ({ inputs, output }, seed) => {
        const loss = output.shape.length === 0 ? output : mse(mul(output, input('mix', output.shape)), 0.3)
        const outputs = [output, ...(gradients(loss, inputs) as Value[])]
        const leaves = inOrder([loss, ...outputs]).filter(({ kind }) => kind === 'input')
        const numbers = new Map(leaves.map((leaf, i) => [leaf, numbersFor(leaf, seed + i)]))
        const wanted = evaluate(outputs, leaf => numbers.get(leaf)!)
        const found = await runOnnx(outputs, leaf => numbers.get(leaf)!)
        found.forEach((data, i) => {
          expectClose(data, wanted[i]!)
        })
      }),
      { numRuns: 12 },
    )
  })

  test.each([
    { stride: 1, image: [2, 32, 22, 21] },
    { stride: 2, image: [1, 32, 64, 68] },
    { stride: 2, image: [2, 32, 60, 72] },
  ])('convolutions of stride $stride over $image by tiles of polynomial values, and their gradients', async size => {
    const [x, w] = [input('x', size.image), input('w', [33, 32, 4, 4])]
    const y = conv(x, w, { stride: size.stride, pad: 1 })
    const outputs = [y, ...(gradients(mse(y, 0.3), [x, w]) as Value[])]
    const numbers = (leaf: Value): Float64Array => numbersFor(leaf, leaf === x ? 1 : 2)
    const { emitter } = translate(outputs, new Map())
    const products = emitter.nodes.filter(
      ({ op, inputs }) => op === 'MatMul' && inputs.every(name => /^(Reshape|Transpose)/.test(name)),
    )
    expect(products).toHaveLength(3)
    const wanted = evaluate(outputs, numbers)
    const found = await runOnnx(outputs, numbers)
    found.forEach((data, i) => {
      expectClose(data, wanted[i]!)
    })
  })

  test('losses of extreme logits stay finite', async () => {
    const x = input('x', [1, 1, 1, 4])
    const outputs = [shareAbove(x, 0)]
    const [share] = await runOnnx(outputs, () => Float64Array.of(-200, 0, 1e-9, 300))
    expect(share![0]).toBe(0.5)
  })
})

const small = (options: Partial<Pix2PixConfig> = {}): Pix2PixConfig =>
  pix2pixConfig({ width: 64, height: 64, labelChannels: 5, ngf: 2, ndf: 2, layers: 2, ...options })

const bytesOf = (tensors: Tensors): Buffer =>
  Buffer.concat(Object.values(tensors).map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)))

describe.skipIf(unavailable).each([
  { name: 'cut where weights change', engine: onnxCpuCutAt(Number.POSITIVE_INFINITY) },
  { name: 'cut wherever it can be', engine: onnxCpuCutAt(1) },
])(`a session of onnx-cpu, $name${why}`, ({ engine }) => {
  test.each([
    ['dropout', small()],
    ['a batch of 3', small({ batch: 3 })],
    ['instance norm', small({ norm: 'instance', batch: 2 })],
    ['no norm, least squares', small({ norm: 'none', gan: 'mse', layers: 3 })],
    ['hinge', small({ gan: 'hinge' })],
    ['smoothed targets', small({ gan: 'mse', labelSmoothing: 0.2 })],
    ['resized ways up', small({ upsample: 'resize', batch: 2 })],
    ['several updates a batch', small({ dSteps: 2, gSteps: 3, batch: 2 })],
    ['accumulated batches, instance norm', small({ accumulate: 2, norm: 'instance', downs: 6 })],
    ['spectral norm', small({ spectralNorm: true, gan: 'hinge', ndf: 8 })],
    ['spectral norm in several updates a batch', small({ spectralNorm: true, dSteps: 2, gSteps: 2, norm: 'instance' })],
    ['1 layer of D', small({ layers: 1, ndf: 1 })],
    ['3 layers of D', small({ layers: 3, ndf: 1 })],
    ['4 layers of D', small({ layers: 4, ndf: 1 })],
    ['5 layers of D', small({ width: 128, height: 96, downs: 3, layers: 5, ndf: 1, ngf: 1 })],
    ['6 layers of D', small({ width: 192, height: 192, downs: 2, layers: 6, ndf: 1, ngf: 1 })],
    ['no norm, a batch of 2, one-pixel bottleneck', small({ norm: 'none', batch: 2, downs: 6 })],
    ['instance norm, one-pixel bottleneck', small({ norm: 'instance', downs: 6 })],
    ['a rectangle', small({ width: 96, downs: 5, layers: 4 })],
  ])('steps like the reference with %s', async (_, config) => {
    const step = buildStep(config)
    const initial = initialWeights(config, randomFrom(3))
    const [fast, slow] = [await engine.load(step, initial), await reference.load(step, initial)]
    const random = randomFrom(4)
    for (let k = 0; k < 2; k++) {
      const batch = noiseBatch(config, random)
      const [found, wanted] = [await fast.step(batch, RATES), await slow.step(batch, RATES)]
      expect(Object.keys(found)).toEqual(Object.keys(wanted))
      for (const [name, value] of Object.entries(wanted)) {
        // an accuracy counts patches, and one at the threshold may fall either way
        const slack = name.startsWith('acc') ? 0.02 : 1e-5 * Math.max(1, Math.abs(value))
        expect(Math.abs(found[name]! - value), name).toBeLessThan(slack)
      }
    }
    await fast.dispose()
  })

  test('is the same bits each time, and resumed from its state', async () => {
    const config = small({ ngf: 8, ndf: 8 })
    const step = buildStep(config)
    const initial = initialWeights(config, randomFrom(5))
    const run = async (resumeAfter?: number) => {
      const random = randomFrom(6)
      let session = await engine.load(step, initial, { threads: 2 })
      for (let k = 0; k < 4; k++) {
        if (k === resumeAfter) {
          const state = await session.state()
          await session.dispose()
          session = await engine.load(step, state, { threads: 2 })
        }
        await session.step(noiseBatch(config, random), RATES)
      }
      const state = await session.state()
      await session.dispose()
      return bytesOf(state)
    }
    const first = await run()
    expect(first.equals(await run())).toBe(true)
    expect(first.equals(await run(2))).toBe(true)
  })

  test('generates for any number of images, without dropout unless masks are given, and changes nothing', async () => {
    const config = small()
    const session = await engine.load(buildStep(config), initialWeights(config, randomFrom(7)))
    const { label, ...masks } = noiseBatch(config, randomFrom(8))
    const before = bytesOf(await session.state())
    const plain = await session.generate({ label: label! })
    expect(plain.shape).toEqual([1, 3, 64, 64])
    expect(plain.data.every(value => Math.abs(value) <= 1)).toBe(true)
    const ones = Object.fromEntries(
      Object.entries(masks).map(([name, { shape }]) => [
        name,
        { shape, data: new Float32Array(sizeOf(shape)).fill(1) },
      ]),
    )
    expect(await session.generate({ label: label!, ...ones })).toEqual(plain)
    expect(await session.generate({ label: label!, ...masks })).not.toEqual(plain)
    const pair = { shape: [2, ...label!.shape.slice(1)], data: Float32Array.from([...label!.data, ...label!.data]) }
    const both = await session.generate({ label: pair })
    expectClose(both.data.slice(0, plain.data.length), Float64Array.from(plain.data))
    expect(bytesOf(await session.state()).equals(before)).toBe(true)
    await session.dispose()
  })

  test('says which input of a batch is wrong', async () => {
    const config = small()
    const session = await engine.load(buildStep(config), initialWeights(config, randomFrom(9)))
    const { label } = noiseBatch(config, randomFrom(9))
    await expect(session.step({ label: label! }, RATES)).rejects.toThrow('expected photo [1,3,64,64], found nothing')
    await session.dispose()
  })
})

test.each([
  { points: [0, 1, -1, 2, -0.5], outputs: 3, taps: 4 },
  { points: [0, 1, -2, -0.5], outputs: 4, taps: 2 },
])('the matrices of Cook and Toom correlate exactly: $outputs outputs, $taps taps', ({ points, outputs, taps }) => {
  const { A, G, B } = cookToom(points, outputs, taps)
  const small = (length: number) => fc.array(fc.integer({ min: -9, max: 9 }), { minLength: length, maxLength: length })
  const apply = (matrix: readonly (readonly number[])[], x: readonly number[]): number[] =>
    matrix.map(row => row.reduce((sum, value, i) => sum + value * x[i]!, 0))
  fc.assert(
    fc.property(small(outputs + taps - 1), small(taps), (d, g) => {
      const [ofTaps, ofInputs] = [apply(G, g), apply(B, d)]
      for (let j = 0; j < outputs; j++) {
        const y = A.reduce((sum, row, i) => sum + row[j]! * ofTaps[i]! * ofInputs[i]!, 0)
        expect(y).toBeCloseTo(
          g.reduce((sum, tap, k) => sum + tap * d[j + k]!, 0),
          9,
        )
      }
    }),
  )
})

describe('a step in parts', () => {
  const step: StepGraph = buildStep(small())

  test('it is cut where weights change: later phases are handed convolutions and compute the rest again', () => {
    const phases = cut(step.phases, [], Number.POSITIVE_INFINITY)
    expect(phases.map(({ length }) => length)).toEqual([1, 1])
    const [[first], [second]] = phases as [[Part], [Part]]
    expect(first.given.size).toBe(0)
    expect([...first.kept]).toEqual(expect.arrayContaining([...second.given.keys()]))
    expect(new Set([...first.kept].map(({ kind }) => kind))).toEqual(new Set(['conv', 'convTranspose', 'addBias']))
  })

  test.each([1, 1e5, 1e6])(
    'cut at %d bytes, what is handed on is made before it is used, and given back once',
    most => {
      const parts = cut(step.phases, [], most).flat()
      expect(parts.length).toBeGreaterThan(2)
      const there = new Set<Value>()
      for (const { kept, given, spent } of parts) {
        for (const value of given.keys()) expect(there.has(value)).toBe(true)
        for (const value of kept) there.add(value)
        for (const value of spent) expect(there.delete(value)).toBe(true)
      }
      expect(there.size).toBe(0)
    },
  )

  test('each part updates the weights that no later part of its phase reads, all of them once', () => {
    cut(step.phases, [], 1).forEach((parts, at) => {
      const updated = new Set<string>()
      for (const { losses, gradients, kept, given, settled } of parts) {
        const { fed } = translate([...Object.values(losses), ...Object.values(gradients), ...kept], given)
        for (const value of fed) if (value.kind === 'weight') expect(updated).not.toContain(value.attributes.name)
        for (const name of settled) updated.add(name)
      }
      expect([...updated].sort()).toEqual(Object.keys(step.phases[at]!.gradients).sort())
    })
  })

  test('losses and gradients are computed once, and what is shown is kept', () => {
    const { phases, painting } = buildStep(small({ pool: 2 }))
    const found = cut(phases, [painting!], 1)
    expect(found.flat().filter(({ kept }) => kept.has(painting!))).toHaveLength(1)
    expect(found.flat().flatMap(({ spent }) => spent)).not.toContain(painting)
    found.forEach((parts, at) => {
      for (const of of ['losses', 'gradients'] as const)
        expect(parts.flatMap(part => Object.keys(part[of])).sort()).toEqual(Object.keys(phases[at]![of]).sort())
    })
  })
})
