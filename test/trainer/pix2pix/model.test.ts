import { describe, expect, test } from 'vitest'
import { sizeOf } from '../../../src/trainer/graph/graph.js'
import { input, weight } from '../../../src/trainer/graph/ops.js'
import {
  discriminator,
  dropoutMasks,
  dropoutShapes,
  type Pix2PixOptions,
  pix2pixConfig,
  RECEPTIVE_FIELDS,
} from '../../../src/trainer/pix2pix/model.js'
import { countParameters, weightShapes } from '../../../src/trainer/pix2pix/step.js'

const config = (size: number, options: Partial<Pix2PixOptions> = {}) =>
  pix2pixConfig({ width: size, height: size, labelChannels: 3, ...options })

describe('the nets of the paper', () => {
  test('have their number of parameters', () => {
    expect(countParameters(config(256))).toEqual({ G: 54_413_955, D: 2_768_705 })
    expect(countParameters(config(512))).toEqual({ G: 66_998_915, D: 2_768_705 })
  })

  test('name weights as state dicts do', () => {
    const shapes = weightShapes(config(32, { ngf: 4, ndf: 4, layers: 1 }))
    expect(shapes['G.model.model.0.weight']).toEqual([4, 3, 4, 4])
    expect(shapes['G.model.model.1.model.2.bias']).toEqual([8])
    expect(shapes['G.model.model.1.model.3.model.3.model.3.model.3.weight']).toEqual([32, 32, 4, 4])
    expect(shapes['G.model.model.3.bias']).toEqual([3])
    expect(Object.keys(shapes).filter(name => name.startsWith('D.'))).toEqual(
      ['0.weight', '0.bias', '2.weight', '3.weight', '3.bias', '5.weight', '5.bias'].map(name => `D.model.${name}`),
    )
  })

  test('with instance norm have biases instead of scales and shifts', () => {
    const names = Object.keys(weightShapes(config(32, { norm: 'instance', ngf: 2, ndf: 2, layers: 1 })))
    expect(names).toContain('G.model.model.0.bias')
    expect(names).toContain('D.model.2.bias')
    expect(names).not.toContain('D.model.3.weight')
  })

  test('resized ways up have 3x3 filters under the same names, input channels first', () => {
    const [plain, resized] = [{}, { upsample: 'resize' as const }].map(options =>
      weightShapes(config(32, { layers: 1, ...options })),
    )
    expect(Object.keys(resized!)).toEqual(Object.keys(plain!))
    expect(resized!['G.model.model.3.weight']).toEqual([128, 3, 3, 3])
    expect(resized!['G.model.model.0.weight']).toEqual(plain!['G.model.model.0.weight'])
  })

  test.each([
    [256, 3, [30, 30]],
    [512, 3, [62, 62]],
    [256, 1, [126, 126]],
    [256, 6, [2, 2]],
  ])('judge %i pixels with %i layers in %j patches', (size, layers, patches) => {
    const all = config(size, { layers })
    expect(discriminator(all, weight, input('pair', [1, 6, size, size])).shape).toEqual([1, 1, ...patches])
  })

  test('see patches of the published sizes', () => {
    // back from one output pixel: two layers of stride 1, then the strided ones
    RECEPTIVE_FIELDS.forEach((field, i) => {
      let seen = 1
      for (const stride of [1, 1, ...Array<number>(i + 1).fill(2)]) seen = (seen - 1) * stride + 4
      expect(seen).toBe(field)
    })
  })
})

describe('depth', () => {
  test.each([
    [256, 256, 8],
    [512, 512, 9],
    [512, 256, 8],
    [96, 64, 5],
    [48, 80, 4],
  ])('defaults to what %ix%i allows: %i', (width, height, downs) => {
    expect(pix2pixConfig({ width, height, labelChannels: 3, layers: 1 }).downs).toBe(downs)
  })

  test.each([
    ['odd sides', { width: 257, height: 257 }],
    ['too deep', { width: 256, height: 256, downs: 9 }],
    ['too deep for one side', { width: 256, height: 96, downs: 6 }],
    ['too shallow', { width: 256, height: 256, downs: 1 }],
    ['a discriminator of no patches', { width: 16, height: 16 }],
    // 16 -> 8 -> 4 -> 3 -> 2 fits, but 8 -> 4 -> 2 -> 1 leaves batch norm one element
    ['a norm over one element', { width: 16, height: 16, layers: 3 }],
  ])('is refused: %s', (_, options) => {
    expect(() => pix2pixConfig({ labelChannels: 3, ...options })).toThrow(
      expect.objectContaining({ code: 'TRAIN_SIZE', hint: expect.any(String) }),
    )
  })

  test('layers outside 1..6 are refused', () => {
    expect(() => config(512, { layers: 7 })).toThrow(expect.objectContaining({ code: 'OPTION_OUT_OF_RANGE' }))
  })
})

describe('dropout', () => {
  test('masks the three ways up outside the bottleneck, innermost first', () => {
    expect(dropoutShapes(config(256))).toEqual({
      'dropout.0': [1, 512, 4, 4],
      'dropout.1': [1, 512, 8, 8],
      'dropout.2': [1, 512, 16, 16],
    })
    expect(Object.keys(dropoutShapes(config(512)))).toHaveLength(3)
    expect(dropoutShapes(config(256, { dropout: false }))).toEqual({})
    expect(dropoutShapes(config(32, { layers: 1 }))).toEqual({})
  })

  test('keeps half of the elements at twice their size', () => {
    let state = 1
    const random = (): number => (state = (state * 16807) % 2147483647) / 2147483647
    const masks = dropoutMasks(config(256), random)
    for (const { shape, data } of Object.values(masks)) {
      expect(data.length).toBe(sizeOf(shape))
      expect(new Set(data)).toEqual(new Set([0, 2]))
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length
      expect(Math.abs(mean - 1)).toBeLessThan(0.05)
    }
  })
})
