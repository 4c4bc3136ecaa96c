import { describe, expect, test } from 'vitest'
import { inOrder, outputsOf, type Value } from '../../../src/trainer/graph/graph.js'
import { scheduleStep } from '../../../src/trainer/graph/schedule.js'
import { pix2pixConfig } from '../../../src/trainer/pix2pix/model.js'
import { buildStep } from '../../../src/trainer/pix2pix/step.js'

const graph = buildStep(
  pix2pixConfig({
    width: 16,
    height: 16,
    labelChannels: 2,
    downs: 3,
    ngf: 2,
    ndf: 2,
    layers: 2,
    dSteps: 2,
    gSteps: 2,
    pool: 2,
  }),
)

describe('a schedule of a step', () => {
  const shown = graph.painting ? [graph.painting] : []
  const phases = scheduleStep(graph.phases, shown)

  test('makes each value once, after what it is made of, and drops each once, after its last use', () => {
    const there = new Set<Value>()
    const dropped = new Set<Value>()
    const drop = (value: Value): void => {
      expect(there.delete(value)).toBe(true)
      expect(dropped.has(value)).toBe(false)
      dropped.add(value)
    }
    for (const [at, { turns, drops }] of phases.entries()) {
      for (const { value, drops } of turns) {
        for (const input of value.inputs) expect(input.kind === 'weight' || there.has(input)).toBe(true)
        expect(dropped.has(value)).toBe(false)
        there.add(value)
        drops.forEach(drop)
      }
      for (const output of outputsOf(graph.phases[at]!)) expect(there.has(output)).toBe(true)
      drops.forEach(drop)
    }
    expect([...there]).toEqual(shown)
  })

  test('reads no weight before its phase', () => {
    for (const [at, { turns }] of phases.entries())
      for (const { value } of turns)
        for (const input of inOrder([value]))
          if (input.kind === 'weight') expect(input.attributes.phase).toBeLessThanOrEqual(at)
  })
})
