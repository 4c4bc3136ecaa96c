import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import type { RunFacts } from '../../src/report/facts.js'
import { gather } from '../../src/report/gather.js'
import { fitPictures, type Pictures } from '../../src/report/pictures.js'
import { render } from '../../src/report/render.js'
import { writeRunReport } from '../../src/report/write.js'
import { temporaryFolder } from '../helpers.js'
import { makeRun, metricsOf, sampleOf } from './made-run.js'

let facts: RunFacts
let pictures: Pictures
let run: string

beforeAll(async () => {
  const failures = [{ sample: 'c', source: 'c.jpg', code: 'TOO_SMALL', message: '8x8' }]
  const samples = ['a', 'b'].map(sampleOf)
  run = await makeRun(join(temporaryFolder(), 'run'), {
    steps: [
      { stage: 'glob', samples },
      { stage: 'resize', samples, failures },
    ],
    events: [
      { type: 'run-start', pipeline: 'made', output: 'run', steps: [] },
      {
        type: 'run-end',
        pipeline: 'made',
        status: 'failed',
        samples: 2,
        skipped: 1,
        seconds: 1,
        code: 'DISK_FULL',
        message: 'full',
      },
      { type: 'run-start', pipeline: 'made', output: 'run', steps: [] },
    ],
    environment: { API_TOKEN: 'abcdefg' },
    metrics: metricsOf(12),
    sheets: 12,
  })
  const gathered = await gather(run)
  pictures = await fitPictures(gathered.pictures.sources, 2_000_000)
  facts = everyPart(gathered.facts)
})

/** With something in every part that a page can have. */
function everyPart(made: RunFacts): RunFacts {
  const source = { name: 'a', source: 'a.jpg', sha256: 'f'.repeat(64), key: 'e'.repeat(64), split: 'test', row: 0 }
  const row = { row: 0, name: 'a', figures: { l1: 0.1, ssim: 0.5 }, picture: 'picture-1' }
  return {
    ...made,
    steps: made.steps.map(step => ({ ...step, notes: ['a note'], warnings: ['a warning'] })),
    data: {
      ...made.data,
      splits: { train: 1, test: 1 },
      palette: [{ id: 0, name: 'road', display: '#123456', mean: '#654321', share: 0.5, into: 1 }],
      split: {
        rule: 'hash',
        seed: 1,
        test: 0.2,
        val: 0.1,
        group: 'near-duplicates',
        threshold: 10,
        groups: { count: 1, samples: 2 },
        moved: [{ name: 'a', from: 'test', to: 'train' }],
        movedCount: 1,
        leaks: { pictures: 2, threshold: 10, count: 1, examples: [{ held: 'a', twin: 'b', distance: 3 }] },
      },
      quality: [
        {
          folder: 'labels',
          onReject: 'skip',
          summary: { pass: 1, warn: 1, reject: 0, reasons: { warn: { dark: 1 }, reject: {} } },
          examples: [{ name: 'a', verdict: 'warn', reasons: ['dark'] }],
        },
      ],
      packed: { width: 8, height: 8, photo: 'raw', bytes: 99 },
      sheets: [{ picture: 'picture-2', title: 'sheet', cells: [source] }],
    },
    training: {
      ...made.training!,
      device: 'cpu',
      parameters: { G: 1, D: 2 },
      size: { width: 8, height: 8 },
      memoryBytes: 5,
      sheetRows: [source],
      strip: 'picture-3',
      health: { recent: { steps: 200, real: 0.5, fake: 0.5 }, warnings: ['it is at chance'] },
      checkpoints: [{ file: 'epoch-0001.safetensors', epoch: 1, bytes: 7 }],
    },
    evaluation: {
      split: 'test',
      rows: 1,
      of: 2,
      ceiling: { pixel_accuracy: 0.9, miou: 0.8 },
      unlabelled: 'why',
      by: 'ssim',
      checkpoints: [{ file: 'epoch-0001.safetensors', role: 'last', epoch: 1, step: 1, figures: { l1: 0.1 } }],
      worst: [row],
      best: [row],
    },
    provenance: {
      ...made.provenance,
      versions: { prep: '1', node: '20', onnxruntime: '1' },
      machine: { node: 'v20', cpus: 2, memoryBytes: 1e9 },
      dataset: {
        folder: 'd',
        fingerprint: 'f',
        generation: 1,
        shards: [{ file: 's', rows: 1, bytes: 1, sha256: 'f' }],
        shardCount: 1,
      },
      model: { path: 'm', sha256: 'f' },
    },
  }
}

/** Every text replaced but those that are words of our own. */
function withTexts<T>(data: T, text: string): T {
  const OWN = new Set([
    'status',
    'picture',
    'strip',
    'hero',
    'display',
    'mean',
    'colour',
    'metric',
    'by',
    'role',
    'from',
    'at',
    'began',
    'ended',
    'verdict',
    'unit',
  ])
  const walk = (value: unknown, name: string): unknown =>
    typeof value === 'string'
      ? OWN.has(name)
        ? value
        : text
      : Array.isArray(value)
        ? value.map(one => walk(one, name))
        : value !== null && typeof value === 'object'
          ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, walk(one, key)]))
          : value
  return walk(data, '') as T
}

/** Elements and attributes of a page, without texts. */
const skeleton = (page: string): string[] =>
  [...page.replace(/<script type="application\/json">[^<]*<\/script>/g, '').matchAll(/<[^>]*>/g)].map(([tag]) =>
    tag.replace(/"[^"]*"/g, '""'),
  )

test('whatever names and messages are, the page has the same elements and attributes', () => {
  const plain = skeleton(render(withTexts(facts, 'x'), pictures))
  expect(plain.length).toBeGreaterThan(300)
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.constantFrom(
      '</script><script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      "' onmouseover='alert(1)",
      '<!--',
      ']]>',
      '${x}',
      'javascript:alert(1)',
      '__proto__',
      'constructor',
      '`',
    ),
  )
  fc.assert(
    fc.property(hostile, text => {
      expect(skeleton(render(withTexts(facts, text), pictures))).toEqual(plain)
    }),
    { numRuns: 60 },
  )
})

test('links lead to ids, ids are unique, and nothing outside the page is named', () => {
  const page = render(facts, pictures)
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!)
  expect(new Set(ids).size).toBe(ids.length)
  const named = [...page.matchAll(/ (?:href="#|for="|aria-labelledby="|clip-path="url\(#)([^")]*)/g)].map(
    ([, id]) => id!,
  )
  expect(named.length).toBeGreaterThan(10)
  for (const id of named) expect(ids).toContain(id)
  expect(
    [...page.matchAll(/ (?:src|href)="([^"]{0,40})/g)].filter(([, to]) => !/^(#|data:image\/webp;base64,)/.test(to!)),
  ).toEqual([])
  expect(page).not.toMatch(/https?:\/\/|@import|url\((?!#)/)
})

test('pictures have alternative texts, tables captions, one heading of the first rank', () => {
  const page = render(facts, pictures)
  for (const [image] of page.matchAll(/<img [^>]*>/g)) expect(image).toMatch(/ alt="[^"]+"/)
  expect(page.match(/<table>/g)!.length).toBe(page.match(/<caption>/g)!.length)
  expect(page.match(/<h1>/g)!.length).toBe(1)
})

test('a part that is not there leaves no heading and no link', () => {
  const { training, evaluation, ...rest } = facts
  const page = render(rest, pictures)
  expect(page).not.toMatch(/href="#(training|evaluation)"/)
  expect(page).toMatch(/href="#data"/)
})

test('the page is no larger than asked for, says what it left out, and the same run gives the same bytes', async () => {
  const options = { rows: 0, engine: 'auto' }
  const out = join(run, 'small.html')
  const small = await writeRunReport(run, { ...options, maxBytes: 250_000, out })
  expect(small.bytes).toBeLessThanOrEqual(250_000)
  expect(small.sheets.shown).toBeLessThan(small.sheets.found)
  const { readFile } = await import('node:fs/promises')
  const first = await readFile(out, 'utf8')
  expect(first).toContain(`${small.sheets.shown} of 12 sheets are shown`)
  await writeRunReport(run, { ...options, maxBytes: 250_000, out })
  expect(await readFile(out, 'utf8')).toBe(first)
})

test('a huge pipeline file is cut and says so; a page that its words alone make too large says so, too', async () => {
  const yaml = `name: made\nlist:\n${'  - a line of it\n'.repeat(60_000)}`
  const made = await makeRun(join(temporaryFolder(), 'run'), {
    yaml,
    steps: [{ stage: 'glob', samples: [sampleOf('a')] }],
  })
  const { facts } = await gather(made)
  expect(facts.provenance.yaml!.text.length).toBeLessThanOrEqual(100_000)
  expect(facts.provenance.yaml!.text.endsWith('a line of it\n')).toBe(true)
  const page = render(facts, { byName: new Map(), series: { found: 0, shown: 0 } })
  expect(/the file is longer by (\d+) kB/.exec(page)?.[1]).toBe('920')
  const options = { rows: 0, engine: 'auto', leaks: false }
  const fits = await writeRunReport(made, { ...options, maxBytes: 200_000 })
  expect([fits.bytes < 200_000, fits.problems]).toEqual([true, []])
  expect((await writeRunReport(made, { ...options, maxBytes: 20_000 })).problems.length).toBe(1)
})

test('folders with spaces are quoted in commands; too many photos for a search for leaks are said', () => {
  const split = { ...facts.data.split!, unsearched: 4000, leaks: undefined as never }
  const page = render(
    {
      ...facts,
      run: "a run's",
      data: { ...facts.data, split },
      provenance: { ...facts.provenance, folder: 'my folder' },
    },
    pictures,
  )
  const plain = page.replaceAll('&#39;', "'").replaceAll('&#x27;', "'")
  expect(plain).toContain("cd 'my folder'")
  expect(plain).toContain("prep verify 'a run'\\''s'")
  expect(plain).toContain('Leaks were not searched for: 4,000 pictures')
})
