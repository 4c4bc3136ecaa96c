import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { trainOptions } from '../../src/trainer/options.js'

const problemsOf = (input: unknown): string[] =>
  trainOptions.safeParse(input).error?.issues.map(issue => issue.path.join('.')) ?? []

describe('train options', () => {
  test('defaults are those of the paper and the seed document', () => {
    expect(trainOptions.parse({})).toMatchObject({
      epochs: 100,
      batch: 1,
      buffer: 50,
      gan: 'bce',
      lambda_l1: 100,
      learning_rate: 2e-4,
      beta1: 0.5,
      beta2: 0.999,
      width: 64,
      d_width: 64,
      downs: 'auto',
      d_layers: 3,
      augment: { flip: true },
      resume: 'auto',
    })
  })

  test.each([
    ['an unknown field', { epoch: 3 }, ''],
    ['a fraction of an epoch', { epochs: 1.5 }, 'epochs'],
    ['an unknown engine', { engine: 'gpu' }, 'engine'],
    ['a decay that begins after the end', { epochs: 10, decay_from: 10 }, 'decay_from'],
    ['smoothed targets for a loss without targets', { gan: 'hinge', label_smoothing: 0.1 }, 'label_smoothing'],
    ['targets nearer to 0 than to 1', { label_smoothing: 0.6 }, 'label_smoothing'],
    ['a crop larger than the load size', { augment: { load_size: 64, crop: 128 } }, 'augment.crop'],
    ['an unknown augmentation', { augment: { rotate: 3 } }, 'augment'],
  ])('%s is refused at its place', (_, input, place) => {
    expect(problemsOf(input)).toEqual([place])
  })

  test('every field is described and the schema can be written as JSON Schema', () => {
    const schema = z.toJSONSchema(trainOptions, { io: 'input' })
    const undescribed = Object.entries(schema.properties ?? {}).filter(
      ([, field]) => !(field as z.core.JSONSchema.BaseSchema).description,
    )
    expect(undescribed.map(([name]) => name)).toEqual([])
  })
})
