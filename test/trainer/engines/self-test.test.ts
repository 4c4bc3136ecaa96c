import { expect, test } from 'vitest'
import type { Engine, Session } from '../../../src/trainer/engines/engine.js'
import { onnxCpu } from '../../../src/trainer/engines/onnx/engine.js'
import { reference } from '../../../src/trainer/engines/reference/engine.js'
import { selfTest } from '../../../src/trainer/engines/self-test.js'

/** The reference with something changed in its sessions. */
const broken = (change: (session: Session) => Partial<Session>): Engine => ({
  ...reference,
  load: async (...given) => {
    const session = await reference.load(...given)
    const same = {
      step: session.step,
      painting: session.painting,
      generate: session.generate,
      state: session.state,
      dispose: session.dispose,
    }
    const bound = Object.fromEntries(Object.entries(same).map(([name, method]) => [name, method.bind(session)]))
    return { ...(bound as unknown as Session), ...change(session) }
  },
})

test('an engine that computes rightly has nothing wrong', async () => {
  expect(await selfTest(reference)).toBeUndefined()
  if ((await onnxCpu.probe()).available) expect(await selfTest(onnxCpu)).toBeUndefined()
})

test.each<[string, (session: Session) => Partial<Session>]>([
  [
    'a painting that is a little off',
    session => ({
      generate: async batch => {
        const { shape, data } = await session.generate(batch)
        return { shape, data: data.map((value, i) => (i === 7 ? value + 0.01 : value)) }
      },
    }),
  ],
  [
    'a loss that is not a number',
    session => ({ step: async (...given) => ({ ...(await session.step(...given)), loss_G: Number.NaN }) }),
  ],
  ['weights that do not move', session => ({ step: batch => session.step(batch, { G: 0, D: 0 }) })],
  ['no painting at all', () => ({ generate: async () => ({ shape: [0], data: new Float32Array(0) }) })],
])('%s is told', async (_, change) => {
  expect(await selfTest(broken(change))).toContain('computes wrongly')
})

test('an engine that throws is told, not thrown', async () => {
  const engine = broken(() => ({
    step: async () => {
      throw new Error('the device was lost')
    },
  }))
  expect(await selfTest(engine)).toContain('the device was lost')
})
