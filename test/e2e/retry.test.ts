import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { RunEvent } from '../../src/pipeline/events.js'
import { parseEvents, prep, temporaryFolder, writePhotos } from '../helpers.js'

test('failures of any stage are counted by class and tried again by class; all else is reused', async () => {
  const cwd = temporaryFolder()
  await writePhotos(join(cwd, 'photos'), 4)
  await writeFile(join(cwd, 'photos/torn.jpg'), Buffer.from('ffd8ffe000104a464946', 'hex'))
  await writeFile(join(cwd, 'photos/text.jpg'), 'no photo')
  const steps = [
    { stage: 'glob', patterns: ['photos/*.jpg'] },
    { stage: 'resize', size: 32 },
  ]
  await writeFile(join(cwd, 'p.yaml'), JSON.stringify({ name: 'p', steps }))
  expect(await prep(['run', 'p.yaml'], { cwd })).toMatchObject({ code: 0 })
  const { stdout } = await prep(['failures', 'runs/p', '--json'], { cwd })
  expect(JSON.parse(stdout)).toMatchObject([
    { class: 'decode', count: 1, failures: [{ source: 'photos/torn.jpg', code: 'DECODE_FAILED', stage: 'resize' }] },
    { class: 'not_an_image', count: 1, failures: [{ source: 'photos/text.jpg', code: 'NOT_AN_IMAGE' }] },
  ])

  const eventsOf = async (...args: string[]): Promise<RunEvent[]> => {
    const { stdout, code } = await prep([...args, '--json'], { cwd })
    expect(code).toBe(0)
    return parseEvents(stdout)
  }
  const reasons = (events: readonly RunEvent[]): string[] =>
    events.flatMap(event => (event.type === 'step-start' ? [event.reason] : []))
  expect(reasons(await eventsOf('run', 'p.yaml'))).toEqual(['look for photos', 'unchanged'])
  const retried = await eventsOf('retry', 'runs/p', '--class', 'decode')
  expect(reasons(retried)).toEqual(['look for photos', 'failures are tried again'])
  const progress = retried.flatMap(event => (event.type === 'progress' && event.label === 'resize' ? [event] : []))
  expect(progress.at(-1)).toMatchObject({ done: 6, total: 6, cached: 4 })
  expect(retried.filter(event => event.type === 'skip')).toHaveLength(2)
})

test.each([
  ['no run', ['failures', 'nowhere'], 'FILE_MISSING'],
  ['no run to retry', ['retry', 'nowhere', '--class', 'stall'], 'FILE_MISSING'],
  ['no class', ['retry', 'nowhere'], '--class'],
  ['no word for a class', ['retry', 'nowhere', '--class', 'a b'], 'prep failures RUN'],
])('%s is a clear error', async (_, args, text) => {
  const { code, stderr } = await prep(args, { cwd: temporaryFolder() })
  expect(code).toBe(2)
  expect(stderr).toContain(text)
})
