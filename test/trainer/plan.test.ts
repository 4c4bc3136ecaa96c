import { describe, expect, test } from 'vitest'
import { pix2pixConfig } from '../../src/trainer/pix2pix/model.js'
import { buildStep } from '../../src/trainer/pix2pix/step.js'
import { checkMemory, estimateMemory } from '../../src/trainer/plan.js'

describe('memory', () => {
  const model = pix2pixConfig({ width: 64, height: 64, labelChannels: 3, ngf: 16, ndf: 16, batch: 8 })
  const needed = (changed = {}) => estimateMemory(buildStep({ ...model, ...changed }))

  test('enough says nothing, nearly enough warns', () => {
    expect(checkMemory(model, needed(), needed())).toBeUndefined()
    expect(checkMemory(model, needed(), needed() / 1.4)).toEqual(expect.any(String))
  })

  test('far too little is refused with the largest batch that fits', () => {
    const limit = needed({ batch: 3 })
    expect(() => checkMemory(model, needed({ batch: 64 }), limit)).toThrow(
      expect.objectContaining({ code: 'OUT_OF_MEMORY', hint: expect.stringContaining('batch: 3 ') }),
    )
  })

  test('or, when no batch does, with the largest width', () => {
    const limit = needed({ batch: 1, ngf: 9 })
    const wide = { ...model, ngf: 64, batch: 1 }
    expect(() => checkMemory(wide, estimateMemory(buildStep(wide)), limit)).toThrow(
      expect.objectContaining({ code: 'OUT_OF_MEMORY', hint: expect.stringContaining('width: 9 ') }),
    )
  })
})
