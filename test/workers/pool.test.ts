import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import type { TaskResult } from '../../src/pipeline/stage.js'
import { WorkerPool } from '../../src/workers/pool.js'
import type { WorkerCall } from '../../src/workers/sample-worker.js'
import { errorCodes, temporaryFolder } from '../helpers.js'

/** Tasks that do to their process what hostile photos do to a decoder. */
const TASKS = `
import { pbkdf2Sync } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
export default {
  tasks: {
    async twice({ n }) {
      return { facts: { twice: 2 * n, pid: process.pid } }
    },
    // Native code that nothing inside the process can stop: hours of it.
    stuck: (_input, { guard }) => guard(1, async () => pbkdf2Sync('a', 'b', 2 ** 31 - 1, 64, 'sha512')),
    async crash() {
      process.kill(process.pid, 'SIGSEGV')
      await sleep(60_000)
    },
    async bug() {
      throw new TypeError('no such thing')
    },
    // All the memory there is, for a good part of what the guard allows.
    heavy: (_input, { guard }) =>
      guard(3, async reserve => {
        await reserve(2 ** 40)
        const from = Date.now()
        await sleep(700)
        return { facts: { from, to: Date.now() } }
      }),
  },
}
`
const folder = temporaryFolder()
const moduleUrl = pathToFileURL(join(folder, 'tasks.mjs')).href
writeFileSync(join(folder, 'tasks.mjs'), TASKS)

const call = (task: string, n: number, more: Partial<WorkerCall> = {}): WorkerCall => ({
  cache: folder,
  stage: 'test',
  moduleUrl,
  task,
  keyBase: '',
  fresh: false,
  sample: { name: `photo-${n}`, source: `photo-${n}.jpg`, sha256: '' },
  input: { n },
  ...more,
})

let pool: WorkerPool
afterEach(() => pool.close())
const map = (jobs: number, calls: readonly WorkerCall[], signal = new AbortController().signal) => {
  pool = new WorkerPool(jobs)
  return pool.map(calls, signal, () => {})
}

const outcome = (result: TaskResult): unknown => (result.status === 'done' ? result.facts.twice : result.failure.code)
const wanted = (calls: readonly WorkerCall[], codes: Record<string, string>): unknown[] =>
  calls.map(({ task, input }) => codes[task] ?? 2 * (input as { n: number }).n)

describe('what one call does to its process', () => {
  const mixed = (task: string): WorkerCall[] =>
    Array.from({ length: 60 }, (_, n) => call([7, 8, 40].includes(n) ? task : 'twice', n))

  test.each([
    ['stuck', 'DECODE_TIMEOUT'],
    ['crash', 'WORKER_DIED'],
  ])('%s: it fails with %s, and the results of the others are all there', async (task, code) => {
    const calls = mixed(task)
    expect((await map(2, calls)).map(outcome)).toEqual(wanted(calls, { [task]: code }))
  })

  test('with a single process too', async () => {
    const calls = [call('crash', 0), call('twice', 1), call('stuck', 2), call('twice', 3)]
    expect((await map(1, calls)).map(outcome)).toEqual(['WORKER_DIED', 2, 'DECODE_TIMEOUT', 6])
  })

  test('work that is not about one sample stops the run when it ends its process', async () => {
    const { sample: _, ...whole } = call('crash', 0)
    expect(await errorCodes(() => map(2, [call('twice', 1), whole]))).toEqual(['WORKER_DIED'])
  })

  test('a bug comes back as it was thrown', async () => {
    await expect(map(2, [call('twice', 1), call('bug', 2)])).rejects.toThrow(TypeError)
  })
})

test('who asks for all memory has it alone, and waiting for it is not counted', async () => {
  const results = await map(
    3,
    Array.from({ length: 6 }, (_, n) => call('heavy', n)),
  )
  const times = results.map(result => {
    if (result.status !== 'done') throw new Error(result.failure.message)
    return result.facts as { from: number; to: number }
  })
  times.sort((a, b) => a.from - b.from)
  for (const [i, { from }] of times.entries()) if (i > 0) expect(from).toBeGreaterThanOrEqual(times[i - 1]!.to)
})

test('an abort lets calls under way finish and starts no other', async () => {
  const controller = new AbortController()
  pool = new WorkerPool(2)
  const done: TaskResult[] = []
  const run = pool.map(
    Array.from({ length: 5000 }, (_, n) => call('twice', n)),
    controller.signal,
    result => {
      done.push(result)
      if (done.length === 20) controller.abort()
    },
  )
  expect(await errorCodes(() => run)).toEqual(['INTERRUPTED'])
  expect(done.length).toBeLessThan(2000)
})

test('no process is left when the pool is closed', async () => {
  const results = await map(2, [call('twice', 1), call('twice', 2)])
  pool.close()
  for (const result of results) {
    const pid = Number(result.status === 'done' && result.facts.pid)
    await expect.poll(() => isAlive(pid)).toBe(false)
  }
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
