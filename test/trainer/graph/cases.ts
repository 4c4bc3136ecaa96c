/** Every op in a small expression of every shape, for finite differences and for comparing engines. */
import fc from 'fast-check'
import { type Kind, type Shape, sizeOf, type Value } from '../../../src/trainer/graph/graph.js'
import * as ops from '../../../src/trainer/graph/ops.js'

export interface OpCase {
  readonly inputs: readonly Value[]
  readonly output: Value
}

const { input } = ops
const size = fc.integer({ min: 1, max: 4 })
const image = fc.tuple(fc.integer({ min: 1, max: 2 }), size, size, size)
const named = (...shapes: Shape[]): Value[] => shapes.map((shape, i) => input(`x${i}`, shape))

/** A convolution's big image, filters and window, chosen so that the small image has at least one pixel. */
const convolution = fc
  .record({
    n: fc.integer({ min: 1, max: 2 }),
    channels: fc.integer({ min: 1, max: 3 }),
    outputs: fc.integer({ min: 1, max: 3 }),
    kernel: fc.constantFrom([4, 4], [3, 3], [2, 3]),
    stride: fc.constantFrom(1, 2),
    pad: fc.constantFrom(0, 1),
    height: fc.integer({ min: 4, max: 9 }),
    width: fc.integer({ min: 4, max: 9 }),
  })
  .map(({ n, channels, outputs, kernel, stride, pad, height, width }) => {
    const [h, w] = kernel as [number, number]
    const window = { stride, pad }
    const small = [n, outputs, ops.convSize(height, h, window), ops.convSize(width, w, window)]
    return { big: [n, channels, height, width], filters: [outputs, channels, h, w], small, window }
  })

const unary = (make: (x: Value) => Value): fc.Arbitrary<OpCase> =>
  image.map(shape => {
    const [x] = named(shape)
    return { inputs: [x!], output: make(x!) }
  })
const binary = (make: (a: Value, b: Value) => Value): fc.Arbitrary<OpCase> =>
  image.map(shape => {
    const [a, b] = named(shape, shape)
    return { inputs: [a!, b!], output: make(a!, b!) }
  })

/** Two or more elements per group, as one alone has no variance. */
const normImage = fc.tuple(fc.integer({ min: 1, max: 2 }), size, fc.integer({ min: 2, max: 4 }), size)

/** Ops that are differentiated, by kind. */
export const opCases: Partial<
  Record<Kind | 'norm of instances' | 'relu' | 'hinge' | 'resizeConv', fc.Arbitrary<OpCase>>
> = {
  conv: convolution.map(({ big, filters, window }) => {
    const [x, w] = named(big, filters)
    return { inputs: [x!, w!], output: ops.conv(x!, w!, window) }
  }),
  convTranspose: convolution.map(({ big, filters, small, window }) => {
    const [x, w] = named(small, filters)
    return { inputs: [x!, w!], output: ops.convTranspose(x!, w!, window, [big[2]!, big[3]!]) }
  }),
  mapTaps: fc.tuple(size, size).map(([o, i]) => {
    const [filters] = named([o, i, 2, 3])
    const matrix = [
      [1, 0, 0, -2, 0, 0.5],
      [0, 0, 3, 0, 1, 0],
    ]
    return { inputs: [filters!], output: ops.mapTaps(filters!, matrix, [2, 1]) }
  }),
  resizeConv: image.map(([n, c, h, w]) => {
    const [x, filters] = named([n, c, h, w], [c, 2, 3, 3])
    return { inputs: [x!, filters!], output: ops.resizeConv(x!, filters!) }
  }),
  addBias: image.map(shape => {
    const [x, bias] = named(shape, [shape[1]])
    return { inputs: [x!, bias!], output: ops.addBias(x!, bias!) }
  }),
  norm: normImage.map(shape => {
    const [x, scale, shift] = named(shape, [shape[1]], [shape[1]])
    return { inputs: [x!, scale!, shift!], output: ops.norm(x!, scale!, shift!, 'batch', 1e-2) }
  }),
  'norm of instances': normImage.map(shape => {
    const [x, scale, shift] = named(shape, [shape[1]], [shape[1]])
    return { inputs: [x!, scale!, shift!], output: ops.norm(x!, scale!, shift!, 'instance', 1e-2) }
  }),
  leakyRelu: unary(x => ops.leakyRelu(x, 0.2)),
  relu: unary(ops.relu),
  tanh: unary(ops.tanh),
  concat: fc.tuple(image, size).map(([[n, c, h, w], other]) => {
    const [a, b] = named([n, c, h, w], [n, other, h, w])
    return { inputs: [a!, b!], output: ops.concat(a!, b!, a!) }
  }),
  slice: fc.tuple(image, size, size).map(([[n, c, h, w], before, after]) => {
    const [x] = named([n, before - 1 + c + after - 1, h, w])
    return { inputs: [x!], output: ops.slice(x!, before - 1, before - 1 + c) }
  }),
  add: binary(ops.add),
  mul: binary(ops.mul),
  times: unary(x => ops.times(x, -1.5)),
  bce: fc.tuple(image, fc.constantFrom(0, 1)).map(([shape, target]) => {
    const [x] = named(shape)
    return { inputs: [x!], output: ops.bce(x!, target) }
  }),
  mse: unary(x => ops.mse(x, 1)),
  l1: binary(ops.l1),
  mean: unary(ops.mean),
  hinge: fc.tuple(image, fc.constantFrom(1, -1)).map(([shape, sign]) => {
    const [x] = named(shape)
    return { inputs: [x!], output: ops.hinge(x!, sign as 1 | -1) }
  }),
}

/** Numbers for inputs, away from 0 where some ops have a kink: 0.05 to 1 in size, by a fixed rule. */
export function numbersFor(value: Value, seed: number): Float64Array {
  let state = (seed % 2147483646) + 1
  return Float64Array.from({ length: sizeOf(value.shape) }, () => {
    state = (state * 48271) % 2147483647
    const x = (state / 2147483647) * 2 - 1
    // through float32, so that every engine starts from the same numbers
    return Math.fround(Math.sign(x) * (0.05 + 0.95 * Math.abs(x)))
  })
}
