import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  addStep,
  formatLosses,
  type MetricsLine,
  meansOf,
  NO_STEPS,
  numbersOf,
  openMetrics,
} from '../../src/trainer/metrics.js'

test('the log line is that of the seed document', () => {
  const losses = { loss_D: 0.2996551, loss_G: 18.1557729, acc_real: 0.5, acc_fake: 0.36 }
  expect(formatLosses({ epoch: 10, epochs: 50, step: 1000, totalSteps: 5000 }, losses)).toBe(
    '[Epoch 10/50] [Step 1000/5000] [D loss: 0.299655, acc: 43%] [G loss: 18.155773]',
  )
})

test('means survive being written down half way', () => {
  const steps = Array.from({ length: 9 }, (_, i) => ({ loss_D: Math.sin(i), loss_G: 1 / (i + 3) }))
  const whole = steps.reduce(addStep, NO_STEPS)
  const half = JSON.parse(JSON.stringify(steps.slice(0, 4).reduce(addStep, NO_STEPS)))
  expect(steps.slice(4).reduce(addStep, half)).toEqual(whole)
  expect(meansOf(whole).loss_G).toBeCloseTo(steps.reduce((sum, step) => sum + step.loss_G, 0) / 9, 12)
})

const line = (step: number): MetricsLine => ({ type: 'step', epoch: 1, step })

test('metrics go on where the checkpoint stood: later lines are cut off, 0 starts anew', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'prep-metrics-')), 'train', 'metrics.jsonl')
  const first = await openMetrics(path, 0)
  await first.append(line(1))
  const position = first.bytes
  await first.append(line(2))
  await first.sync()
  await first.close()
  const second = await openMetrics(path, position)
  expect(second.bytes).toBe(position)
  await second.append({ ...line(2), again: true })
  await second.close()
  expect(readFileSync(path, 'utf8')).toBe(
    '{"type":"step","epoch":1,"step":1}\n{"type":"step","epoch":1,"step":2,"again":true}\n',
  )
  await (await openMetrics(path, 0)).close()
  expect(readFileSync(path, 'utf8')).toBe('')
})

test('the numbers of a line are named by where they stand, all else is left out', () => {
  const rates = { G: 2e-4, D: 1e-4 }
  expect(numbersOf({ ...line(3), loss_D: 0.5, rates, file: 'x.png', none: null })).toEqual([
    ['loss_D', 0.5],
    ['rates/G', 2e-4],
    ['rates/D', 1e-4],
  ])
})
