import { describe, expect, test } from 'vitest'
import { engines, probeEngines, selectEngine } from '../../../src/trainer/engines/index.js'

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
})
