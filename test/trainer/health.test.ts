import { describe, expect, test } from 'vitest'
import { Health } from '../../src/trainer/health.js'
import type { MetricsLine } from '../../src/trainer/metrics.js'

/** A training of 100 steps an epoch whose means are those of a healthy one, but for what a function of the epoch says. */
const history = (epochs: number, means: (epoch: number) => object, stepsPerEpoch = 100): MetricsLine[] =>
  Array.from({ length: epochs }, (_, i) => ({
    type: 'epoch',
    epoch: i + 1,
    step: (i + 1) * stepsPerEpoch,
    loss_D: 0.4,
    acc_real: 0.8,
    acc_fake: 0.75,
    loss_G_GAN: 1.2,
    loss_G_L1: 30 / (i + 1),
    ...means(i + 1),
  }))

const options = { gan: 'bce', learning_rate: 2e-4 } as const
const judge = (
  lines: readonly MetricsLine[],
  more: Partial<ConstructorParameters<typeof Health>[0]> = {},
): string[] => {
  const health = new Health({ ...options, ...more })
  return lines.flatMap(line => health.add(line))
}
/** The epochs at which a warning with these words came. */
const epochsOf = (warnings: readonly string[], words: string): number[] =>
  warnings.filter(warning => warning.includes(words)).map(warning => Number(/^epoch (\d+):/.exec(warning)![1]))

test('a healthy training is not commented on', () => {
  expect(judge(history(100, () => ({})))).toEqual([])
  // as in the log of the seed document
  expect(
    judge(
      history(30, () => ({ loss_D: 0.2996, acc_real: 0.5, acc_fake: 0.36 })),
      { gan: 'mse' },
    ),
  ).toEqual([])
})

describe('the discriminator', () => {
  test('wins: said once enough steps say so, with half its rate, and again after ten epochs', () => {
    const warnings = judge(history(25, epoch => (epoch > 3 ? { acc_real: 0.99, acc_fake: 0.98 } : {})))
    expect(epochsOf(warnings, 'discriminator wins')).toEqual([5, 15, 25])
    expect(warnings[0]).toContain('over the last 200 steps')
    expect(warnings[0]).toContain('d_learning_rate: 1e-4')
    expect(
      judge(
        history(2, () => ({ acc_real: 1, acc_fake: 1 })),
        { d_learning_rate: 5e-4 },
      )[0],
    ).toContain('2.5e-4')
  })

  test('short epochs are taken together, and a warning waits for its thousand steps', () => {
    const warnings = judge(history(100, () => ({ acc_real: 1, acc_fake: 1 }), 20))
    expect(epochsOf(warnings, 'discriminator wins')).toEqual([10, 60])
  })

  test('calls everything real, or everything fake', () => {
    expect(judge(history(3, () => ({ acc_real: 0.99, acc_fake: 0.01 })))).toEqual([
      expect.stringMatching(/collapsed.*everything real/),
    ])
    expect(judge(history(3, () => ({ acc_real: 0.01, acc_fake: 0.99 })))).toEqual([
      expect.stringMatching(/collapsed.*everything fake/),
    ])
  })

  test('is at chance: accuracy and loss of a guess, whichever the loss', () => {
    const guess = (loss_D: number) => history(3, () => ({ acc_real: 0.52, acc_fake: 0.49, loss_D }))
    expect(epochsOf(judge(guess(Math.LN2)), 'at chance')).toEqual([2])
    expect(epochsOf(judge(guess(0.2501), { gan: 'mse' }), 'at chance')).toEqual([2])
    expect(judge(guess(0.5))).toEqual([])
  })
})

describe('the generator', () => {
  test('has a GAN loss that explodes', () => {
    expect(epochsOf(judge(history(9, epoch => ({ loss_G_GAN: epoch < 6 ? 1 : 80 }))), 'explodes')).toEqual([6])
    expect(judge(history(9, epoch => ({ loss_G_GAN: epoch < 6 ? 1 : 6 })))).toEqual([])
  })

  test('has an L1 that rests; noise is no fall, and without L1 there is nothing to fall', () => {
    const resting = history(40, epoch => ({ loss_G_L1: epoch < 12 ? 20 - epoch : 9 + (epoch % 3) / 100 }))
    const warnings = judge(resting)
    expect(epochsOf(warnings, 'has not fallen')).toEqual([21, 31])
    expect(warnings[0]).toContain('epoch 11')
    expect(judge(history(40, () => ({ loss_G_L1: 0 })))).toEqual([])
  })
})

test('a training that goes on warns as one that was never stopped', () => {
  const lines = history(40, epoch => ({
    acc_real: 1,
    acc_fake: 1,
    loss_G_GAN: epoch % 20 === 0 ? 90 : 1,
    loss_G_L1: 5,
  }))
  const whole = judge(lines)
  for (const stop of [1, 7, 12, 33]) {
    const [first, second] = [new Health(options), new Health(options)]
    const before = lines.slice(0, stop).flatMap(line => first.add(line))
    for (const line of lines.slice(0, stop)) second.add(line)
    expect([...before, ...lines.slice(stop).flatMap(line => second.add(line))]).toEqual(whole)
  }
  expect(whole.length).toBeGreaterThan(6)
})
