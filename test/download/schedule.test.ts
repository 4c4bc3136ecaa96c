import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fifo } from '../../src/download/fifo.js'
import { Schedule } from '../../src/download/schedule.js'

const never = new AbortController().signal
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

test('every job runs once, within the limits for all and for each host', async () => {
  const jobs = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat()), { maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(
      jobs,
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 3 }),
      async (list, concurrency, perHost) => {
        const schedule = new Schedule<[string, number]>({ concurrency, perHost, intervalMs: 0 })
        for (const job of list) schedule.add(job[0], job)
        const active = new Map<string, number>()
        const done: [string, number][] = []
        await schedule.run(async job => {
          active.set(job[0], (active.get(job[0]) ?? 0) + 1)
          expect(active.get(job[0])).toBeLessThanOrEqual(perHost)
          expect([...active.values()].reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(concurrency)
          await turn()
          active.set(job[0], active.get(job[0])! - 1)
          done.push(job)
        }, never)
        const sorted = (pairs: readonly [string, number][]) => pairs.map(pair => pair.join()).sort()
        expect(sorted(done)).toEqual(sorted(list))
      },
    ),
    { numRuns: 40 },
  )
})

test('a host at rest holds nobody up', async () => {
  const schedule = new Schedule<string>({ concurrency: 1, perHost: 1, intervalMs: 0 })
  const order: string[] = []
  schedule.rest('slow', 50)
  for (const job of ['slow/1', 'fast/1', 'fast/2']) schedule.add(job.split('/')[0]!, job)
  await schedule.run(async job => void order.push(job), never)
  expect(order).toEqual(['fast/1', 'fast/2', 'slow/1'])
})

test('hosts take turns', async () => {
  const schedule = new Schedule<string>({ concurrency: 1, perHost: 4, intervalMs: 0 })
  const order: string[] = []
  for (const job of ['a1', 'a2', 'a3', 'b1', 'c1']) schedule.add(job[0]!, job)
  await schedule.run(async job => void order.push(job), never)
  expect(order.slice(0, 3)).toEqual(['a1', 'b1', 'c1'])
})

test('a job can come back later, and ends only then', async () => {
  const schedule = new Schedule<number>({ concurrency: 2, perHost: 1, intervalMs: 1 })
  const order: number[] = []
  schedule.add('a', 1)
  schedule.add('a', 10)
  await schedule.run(async job => {
    order.push(job)
    if (job < 3) schedule.add('a', job + 1, { delayMs: 20 })
  }, never)
  expect(order).toEqual([1, 10, 2, 3])
})

test('stops when told to, after the jobs at work', async () => {
  const controller = new AbortController()
  const schedule = new Schedule<number>({ concurrency: 2, perHost: 2, intervalMs: 0 })
  for (let n = 0; n < 100; n++) schedule.add('a', n)
  let [begun, ended] = [0, 0]
  await schedule.run(async () => {
    begun += 1
    if (begun === 5) controller.abort()
    await turn()
    ended += 1
  }, controller.signal)
  expect(begun).toBeLessThan(10)
  expect(ended).toBe(begun)
})

test('what a job throws ends the run', async () => {
  const schedule = new Schedule<number>({ concurrency: 2, perHost: 2, intervalMs: 0 })
  for (let n = 0; n < 10; n++) schedule.add('a', n)
  const run = schedule.run(async job => {
    if (job === 3) throw new RangeError('full')
  }, never)
  await expect(run).rejects.toThrow(RangeError)
})

test('a fifo is an array with push, unshift and shift', () => {
  const step = fc.oneof(fc.record({ push: fc.nat() }), fc.record({ unshift: fc.nat() }), fc.constant('shift' as const))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 4000, size: 'max' }), steps => {
      const [fifo, array]: [Fifo<number>, number[]] = [new Fifo(), []]
      for (const one of steps) {
        if (one === 'shift') expect(fifo.shift()).toBe(array.shift())
        else if ('push' in one) {
          fifo.push(one.push)
          array.push(one.push)
        } else {
          fifo.unshift(one.unshift)
          array.unshift(one.unshift)
        }
        expect(fifo.size).toBe(array.length)
      }
    }),
    { numRuns: 30 },
  )
})
