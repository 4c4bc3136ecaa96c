import { expect, test } from 'vitest'
import { NewestWins } from '../../src/paint/newest-wins.js'

/** Work that ends when it is told to, in order. */
function stepwise() {
  const started: string[] = []
  const ends: (() => void)[] = []
  const painters = new NewestWins(async (request: string) => {
    started.push(request)
    await new Promise<void>(resolve => ends.push(resolve))
    return request.toUpperCase()
  })
  const end = async (): Promise<void> => {
    ends.shift()!()
    await new Promise(resolve => setImmediate(resolve))
  }
  return { painters, started, end }
}

test('of what a painter waits for the newest alone is painted', async () => {
  const { painters, started, end } = stepwise()
  const me = {}
  const asked = ['a', 'b', 'c', 'd'].map(request => painters.ask(me, request))
  await end()
  await end()
  expect(started).toEqual(['a', 'd'])
  expect(await Promise.all(asked)).toEqual([
    { replaced: false, reply: 'A' },
    { replaced: true },
    { replaced: true },
    { replaced: false, reply: 'D' },
  ])
})

test('all painters get their turn, however often one of them asks', async () => {
  const { painters, started, end } = stepwise()
  const [eager, patient] = [{}, {}]
  void painters.ask(eager, 'e1')
  void painters.ask(eager, 'e2')
  void painters.ask(patient, 'p1')
  void painters.ask(eager, 'e3')
  for (let i = 0; i < 3; i++) await end()
  expect(started).toEqual(['e1', 'e3', 'p1'])
})

test('one that leaves is not painted for; a failure is its own', async () => {
  const painters = new NewestWins(async (request: string) => {
    if (request === 'bad') throw new RangeError('bad')
    return request
  })
  const [me, other] = [{}, {}]
  const bad = painters.ask(me, 'bad')
  const left = painters.ask(other, 'x')
  painters.leave(other)
  await expect(bad).rejects.toThrow(RangeError)
  expect(await left).toEqual({ replaced: true })
  expect(await painters.ask(me, 'good')).toEqual({ replaced: false, reply: 'good' })
})
