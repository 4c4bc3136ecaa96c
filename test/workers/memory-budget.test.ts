import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MemoryBudget } from '../../src/workers/memory-budget.js'

test('claims are granted in their order, never more than there is, and all in the end', () => {
  const claims = fc.array(fc.record({ bytes: fc.nat(150), cancel: fc.boolean() }), { maxLength: 30 })
  fc.assert(
    fc.property(claims, fc.infiniteStream(fc.nat()), (wishes, random) => {
      const budget = new MemoryBudget(100)
      const granted: number[] = []
      const held = new Map<number, () => void>()
      let used = 0
      const size = (i: number): number => Math.min(wishes[i]!.bytes, 100)
      const give = (i: number): void => {
        const release = held.get(i)!
        held.delete(i)
        if (granted.includes(i)) used -= size(i)
        release()
      }
      for (const [i, { bytes, cancel }] of wishes.entries()) {
        const release = budget.claim(bytes, () => {
          granted.push(i)
          used += size(i)
          expect(used).toBeLessThanOrEqual(100)
        })
        held.set(i, release)
        if (cancel) give(i)
      }
      while (held.size) {
        const ready = [...held.keys()].filter(i => granted.includes(i))
        expect(ready.length).toBeGreaterThan(0)
        give(ready[random.next().value % ready.length]!)
      }
      expect(granted).toEqual([...granted].sort((a, b) => a - b))
      for (const [i, { cancel }] of wishes.entries()) if (!cancel) expect(granted).toContain(i)
    }),
  )
})
