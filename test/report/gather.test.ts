import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { gather } from '../../src/report/gather.js'
import { errorCodes, temporaryFolder } from '../helpers.js'
import { writeTiny } from '../trainer/tiny.js'
import { AT, makeRun, metricsOf, sampleOf } from './made-run.js'

const folder = (): string => join(temporaryFolder(), 'run')
const start = { type: 'run-start', pipeline: 'made', output: 'run', steps: ['glob'] } as const
const end = { type: 'run-end', pipeline: 'made', samples: 2, skipped: 0, seconds: 3 } as const
const [a, b, c] = ['a', 'b', 'c'].map(sampleOf) as [
  ReturnType<typeof sampleOf>,
  ReturnType<typeof sampleOf>,
  ReturnType<typeof sampleOf>,
]

test('a folder that holds no run, or is not there, says so', async () => {
  expect(await errorCodes(() => gather(temporaryFolder()))).toEqual(['FILE_MISSING'])
  expect(await errorCodes(() => gather('nowhere/at/all'))).toEqual(['FILE_MISSING'])
})

test('photos found, used and left out, by reason, with what to do and samples', async () => {
  const failures = [{ sample: 'c', source: c.source, code: 'HTTP_429', message: 'too many requests' }]
  const run = await makeRun(folder(), {
    steps: [
      { stage: 'glob', samples: [a, b, c] },
      { stage: 'resize', samples: [a, b], failures },
    ],
    events: [start, { ...end, status: 'done' }],
  })
  const { facts } = await gather(run)
  expect(facts.outcome).toEqual({ status: 'done', at: AT })
  expect(facts.data).toMatchObject({ found: 3, used: 2, leftOut: 1 })
  expect(facts.data.skips).toMatchObject([
    { stage: 'resize', code: 'HTTP_429', class: 'http_429', count: 1, wanted: false },
  ])
  expect(facts.data.skips[0]!.examples).toEqual([{ name: 'c', source: c.source, message: 'too many requests' }])
  expect(facts.data.skips[0]!.advice).toBeTruthy()
  expect(facts.steps.map(({ stage, seconds }) => [stage, seconds])).toEqual([
    ['glob', 1.5],
    ['resize', 1.5],
  ])
  expect(facts.training).toBeUndefined()
})

test.each([
  ['interrupted', [start, { ...end, status: 'interrupted' as const }]],
  ['failed', [start, { ...end, status: 'failed' as const, code: 'DISK_FULL' as const, message: 'no space' }]],
  ['lost', [start, { ...end, status: 'done' as const }, start]],
])('a run that %s says how to go on', async (status, events) => {
  const run = await makeRun(folder(), { steps: [{ stage: 'glob', samples: [a] }], events })
  const { facts } = await gather(run)
  expect(facts.outcome).toMatchObject({ status, goOn: 'prep run p.yaml' })
  if (status === 'failed')
    expect(facts.outcome.error).toMatchObject({ code: 'DISK_FULL', message: 'no space', advice: expect.any(String) })
})

test('a run that is being written is running, not lost', async () => {
  const run = await makeRun(folder(), { steps: [{ stage: 'glob', samples: [a] }], events: [start] })
  await writeFile(
    join(run, '.cache/lock'),
    JSON.stringify({ host: (await import('node:os')).hostname(), pid: process.pid }),
  )
  expect((await gather(run)).facts.outcome.status).toBe('running')
})

test('torn lines of the log are passed over; without a log report.json tells', async () => {
  const run = await makeRun(folder(), {
    steps: [{ stage: 'glob', samples: [a] }],
    events: [start, { ...end, status: 'done' }],
  })
  await writeFile(
    join(run, 'run.jsonl'),
    `{"type":"run-st\n${JSON.stringify({ at: AT, ...start })}\n${JSON.stringify({ at: AT, ...end, status: 'done' })}\n{"ty`,
  )
  expect((await gather(run)).facts.outcome.status).toBe('done')
  await rm(join(run, 'run.jsonl'))
  await writeFile(join(run, 'report.json'), JSON.stringify({ status: 'interrupted', at: AT }))
  expect((await gather(run)).facts.outcome).toMatchObject({ status: 'interrupted', at: AT })
})

test('records of before a step was made anew are left out', async () => {
  const run = await makeRun(folder(), {
    steps: [
      { stage: 'glob', samples: [a, b] },
      { stage: 'resize', samples: [a, b] },
    ],
  })
  await makeRun(run, { steps: [{ stage: 'glob', samples: [a, b, c] }] })
  const { facts } = await gather(run)
  expect(facts.steps.map(({ stage }) => stage)).toEqual(['glob'])
  expect(facts.data.used).toBe(3)
})

test.each([
  '[]',
  'null',
  '{"images":[]}',
  '{"on_reject":"skip","thresholds":{},"summary":{"pass":1,"warn":0,"reject":0,"reasons":{"warn":{},"reject":{}}},"images":[{"name":"a","verdict":"warn","reasons":[{"code":"odd"}]}]}',
])('verdicts of another shape are none: %s', async text => {
  const run = await makeRun(folder(), { steps: [{ stage: 'kmeans', samples: [a], options: { folder: 'labels' } }] })
  await mkdir(join(run, 'labels'))
  await writeFile(join(run, 'labels/quality.json'), text)
  expect((await gather(run)).facts.data.quality).toEqual([])
})

test('damage in samples.jsonl costs the files of rows after it, not the report', async () => {
  const run = await makeRun(folder(), { steps: [{ stage: 'glob', samples: [a] }] })
  const dataset = await writeTiny()
  await cp(dataset, join(run, 'dataset'), { recursive: true })
  const [first] = (await readFile(join(run, 'dataset/samples.jsonl'), 'utf8')).split('\n')
  await writeFile(join(run, 'dataset/samples.jsonl'), `${first}\n{"name":"sc`)
  const { packed } = await gather(run)
  expect([packed?.rowOf('test', 0)?.name, packed?.rowOf('test', 1)]).toEqual(['scene-0', undefined])
})

test('a training: curves, the best evaluation, sheets that are there, the health of D, speed', async () => {
  const speed = { imagesPerSecond: 4, stepMs: 250, dataWaitMs: 25 }
  const epoch = { type: 'epoch', step: 10, means: {}, line: '', speed } as const
  const run = await makeRun(folder(), {
    steps: [{ stage: 'glob', samples: [a] }],
    metrics: [...metricsOf(25), { type: 'sheet', epoch: 25, step: 250, file: '../../../etc/passwd' }],
    sheets: 24,
    events: [start, { type: 'train', step: 0, event: { ...epoch, epoch: 1 } }],
  })
  const { training } = (await gather(run)).facts
  expect(training).toMatchObject({
    epochsDone: 25,
    step: 250,
    best: { metric: 'ssim', value: 0.5, epoch: 1, kept: false },
    speed: { imagesPerSecond: 4, stepMs: 250, dataWait: 0.1, from: 'steps' },
    sheetsMissing: 1,
  })
  expect(training!.sheets.length).toBe(24)
  expect(training!.health.recent).toMatchObject({ steps: 200, real: expect.closeTo(0.8), fake: expect.closeTo(0.7) })
  expect(training!.health.warnings).toEqual([])
  expect(training!.panels.map(({ title }) => title)).toContain('L1, held out')
})

test('a training that went wrong warns in the words of the training itself', async () => {
  const metrics = Array.from({ length: 30 }, (_, i) => ({
    type: 'epoch',
    epoch: i + 1,
    step: 10 * (i + 1),
    acc_real: 1,
    acc_fake: 1,
    loss_D: 0,
    loss_G_L1: 5,
  }))
  const run = await makeRun(folder(), { steps: [{ stage: 'glob', samples: [a] }], metrics })
  expect((await gather(run)).facts.training!.health.warnings.join()).toMatch(/discriminator wins/)
})

test('secrets of the environment and of URLs are told nowhere, what the command needs is named', async () => {
  const failures = [
    {
      sample: 'c',
      source: 'https://me:hunter2@example.org/c.jpg',
      code: 'HTTP_4XX',
      message: 'https://example.org/?token=abcdef says 403 for tenant-17',
    },
  ]
  const run = await makeRun(folder(), {
    yaml: 'name: made\nsteps:\n  - stage: download\n    urls: https://example.org/${TENANT}/list?key=zzzz9\n    password: plain-text\n    photos: ${PHOTOS}\n',
    environment: { TENANT: 'tenant-17', PHOTOS: '/data/photos' },
    overrides: ['steps.download.token=abcdef'],
    steps: [{ stage: 'download', samples: [a], failures, options: { token: 'abcdef' } }],
    events: [start, { ...end, status: 'failed', code: 'TOO_MANY_FAILURES', message: 'https://me:hunter2@example.org' }],
  })
  const { facts } = await gather(run)
  const told = JSON.stringify(facts)
  for (const secret of ['tenant-17', 'hunter2', 'abcdef', 'plain-text', 'zzzz9']) expect(told).not.toContain(secret)
  expect(facts.provenance.hidden).toEqual(['TENANT'])
  expect(facts.provenance.command).toBe(
    `TENANT="$TENANT" PHOTOS=/data/photos prep run p.yaml --set 'steps.download.token=[hidden]'`,
  )
})
