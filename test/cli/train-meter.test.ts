import { expect, test } from 'vitest'
import { TrainMeter } from '../../src/cli/train-meter.js'
import type { TrainEvent } from '../../src/trainer/events.js'

const start = (resumed?: { epoch: number; step: number }): TrainEvent => ({
  type: 'train-start',
  engine: 'reference',
  device: 'test',
  why: 'test',
  size: { height: 16, width: 16 },
  rows: { train: 10, val: 0, test: 2 },
  parameters: { G: 1, D: 1 },
  memoryBytes: 1,
  epochs: 10,
  stepsPerEpoch: 10,
  totalSteps: 100,
  ...(resumed && { resumed: { checkpoint: 'x', ...resumed } }),
})

const step = (step: number, losses: Record<string, number>, stepMs = 500, dataWaitMs = 5): TrainEvent => ({
  type: 'step',
  epoch: Math.ceil(step / 10),
  step,
  losses,
  imagesPerSecond: 1000 / stepMs,
  stepMs,
  dataWaitMs,
})

test('place, losses, accuracy against chance, speed and time left', () => {
  const meter = new TrainMeter()
  meter.add(start(), 0)
  const losses = { loss_D: 0.5, loss_G: 20, loss_G_GAN: 1, loss_G_L1: 19, acc_real: 0.4, acc_fake: 0.54 }
  for (let n = 1; n <= 20; n++) meter.add(step(n, losses), 1000 * n)
  expect(meter.share).toBe(0.2)
  expect(meter.place).toBe('epoch 2/10, step 20/100')
  expect(meter.losses).toBe('D 0.5000  G 20.000 (GAN 1.000, L1 19.000)')
  expect(meter.accuracy).toBe('D acc 40% real, 54% fake: 3 points below chance')
  // the time left counts all that the run did, the speed the steps alone
  expect(meter.speed(20_000)).toBe('2.00 img/s, 1.0% waiting for data, 1 min 20 s left')
})

test('numbers are means over recent steps, and a training that goes on counts its own time', () => {
  const meter = new TrainMeter()
  meter.add(start({ epoch: 4, step: 40 }), 50_000)
  expect(meter.share).toBe(0.4)
  for (let n = 41; n <= 80; n++)
    meter.add(
      step(n, { loss_D: n > 60 ? 0.25 : 9, acc_real: n % 2, acc_fake: 0.5 }, n % 2 ? 200 : 600),
      50_000 + 100 * (n - 40),
    )
  expect(meter.losses).toMatch(/^D 0\.2500 /)
  expect(meter.accuracy).toContain('at chance')
  expect(meter.speed(54_000)).toBe('2.50 img/s, 1.3% waiting for data, 2.0 s left')
})
