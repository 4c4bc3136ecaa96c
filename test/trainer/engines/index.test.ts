import { describe, expect, test } from 'vitest'
import type { DeviceKind, Engine, EngineName } from '../../../src/trainer/engines/engine.js'
import { chooseEngine, engines, probeEngines, selectEngine } from '../../../src/trainer/engines/index.js'
import { reference } from '../../../src/trainer/engines/reference/engine.js'

describe('engines', () => {
  test('all say whether they can run, with a device or a reason and a hint', async () => {
    const probed = await probeEngines()
    expect(probed.map(({ name }) => name)).toEqual(engines.map(({ name }) => name))
    for (const { probe } of probed) {
      if (probe.available) expect(probe.device).not.toBe('')
      else expect([probe.reason, probe.hint]).not.toContain('')
    }
  })

  test('are chosen by name', async () => {
    expect((await selectEngine('reference')).name).toBe('reference')
  })

  test('auto is never the oracle', async () => {
    const auto = await selectEngine('auto').catch(error => error)
    expect(auto.name === 'PrepError' ? auto.code : auto.name).not.toBe('reference')
  })

  test('an unknown name is refused', async () => {
    await expect(selectEngine('abacus')).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' })
  })

  describe('auto', () => {
    const like = (name: EngineName, kind: DeviceKind, changed: Partial<Engine> = {}): Engine => ({
      ...reference,
      name,
      probe: async () => ({ available: true, device: `a ${kind}`, kind }),
      ...changed,
    })
    const wrong = {
      load: async () => {
        throw new Error('the driver is not right')
      },
    }

    test('takes a GPU before native code, and says so', async () => {
      const gpu = like('tfjs', 'gpu')
      const { engine, why } = await chooseEngine('auto', [like('onnx-cpu', 'native'), gpu])
      expect(engine).toBe(gpu)
      expect(why).toContain('GPU')
    })

    test('passes over a GPU that fails its self-test, and says why', async () => {
      const native = like('onnx-cpu', 'native')
      const { engine, why } = await chooseEngine('auto', [native, like('tfjs', 'gpu', wrong)])
      expect(engine).toBe(native)
      expect(why).toContain('the driver is not right')
    })

    test('never takes JavaScript', async () => {
      await expect(chooseEngine('auto', [like('tfjs', 'javascript')])).rejects.toMatchObject({
        code: 'ENGINE_UNAVAILABLE',
      })
    })

    test('a GPU that is wrong is refused under its own name too', async () => {
      await expect(chooseEngine('tfjs', [like('tfjs', 'gpu', wrong)])).rejects.toMatchObject({
        code: 'ENGINE_UNAVAILABLE',
      })
    })
  })
})
