import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { stages } from '../../src/stages/index.js'
import { prep, readTree, repoRoot, temporaryFolder, writePhotos } from '../helpers.js'

const cwd = temporaryFolder()
const steps = [
  { stage: 'glob', patterns: ['photos/*.jpg'] },
  { stage: 'resize', size: 32 },
  { stage: 'kmeans', clusters: 4 },
  { stage: 'split' },
  { stage: 'pack' },
]

beforeAll(async () => {
  await writePhotos(join(cwd, 'photos'), 6)
  await writeFile(join(cwd, 'p.yaml'), JSON.stringify({ name: 'p', steps }))
})

test('plan says what a run would do and writes nothing', async () => {
  const before = await readdir(cwd)
  const { code, stdout } = await prep(['plan', 'p.yaml'], { cwd })
  expect(code).toBe(0)
  for (const text of ['6 found', 'clusters: 4', 'fit: "cover"  (default)', 'to do (first run)', 'runs/p/dataset'])
    expect(stdout).toContain(text)
  expect(await readdir(cwd)).toEqual(before)
})

test('plan after a run says what is reused and what a change redoes', async () => {
  await prep(['run', 'p.yaml'], { cwd })
  const tree = await readTree(join(cwd, 'runs/p'))
  const { stdout } = await prep(['plan', 'p.yaml', '--set', 'steps.kmeans.clusters=5', '--json'], { cwd })
  const states = Object.fromEntries(
    (JSON.parse(stdout) as { steps: { stage: string; state: string }[] }).steps.map(({ stage, state }) => [
      stage,
      state,
    ]),
  )
  expect(states.resize).toMatch(/^reused/)
  expect(states.kmeans).toBe('to do again (clusters: 4 -> 5)')
  expect(await readTree(join(cwd, 'runs/p'))).toEqual(tree)
})

test('init writes a pipeline that is valid, and does not overwrite one', async () => {
  expect(await prep(['init', 'start.yaml', '--photos', 'photos'], { cwd })).toMatchObject({ code: 0 })
  expect(await prep(['validate', 'start.yaml'], { cwd })).toMatchObject({ code: 0 })
  const before = await readFile(join(cwd, 'start.yaml'))
  expect(await prep(['init', 'start.yaml'], { cwd })).toMatchObject({ code: 2 })
  expect(await readFile(join(cwd, 'start.yaml'))).toEqual(before)
})

test('bench train times the engines that are asked for, and refuses what no net fits', async () => {
  const small = ['bench', 'train', '--size', '32', '--width', '2', '--steps', '1', '--json']
  const { code, stdout } = await prep([...small, '--engine', 'onnx-cpu', 'tfjs'], { cwd })
  expect(code).toBe(0)
  const lines = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(lines.map(({ engine }) => engine)).toEqual(['onnx-cpu', 'tfjs'])
  for (const { seconds, reason } of lines) expect(seconds > 0 || reason !== '').toBe(true)
  expect((await prep(['bench', 'train', '--size', '48'], { cwd })).code).toBe(2)
  expect((await prep([...small, '--engine', 'abacus'], { cwd })).code).toBe(4)
})

test('doctor names codec, cores and every engine', async () => {
  const { code, stdout } = await prep(['doctor', '--json'], { cwd })
  expect(code).toBe(0)
  const { codec, cores, engines } = JSON.parse(stdout) as {
    codec: string
    cores: number
    engines: { name: string; probe: { available: boolean } }[]
  }
  expect(codec).toMatch(/^sharp/)
  expect(cores).toBeGreaterThan(0)
  expect(engines.find(({ name }) => name === 'reference')!.probe.available).toBe(true)
})

describe('help teaches', () => {
  test.each(stages.map(({ name }) => name))('prep stages %s shows each option with its meaning', async name => {
    const { code, stdout } = await prep(['stages', name], { cwd })
    expect(code).toBe(0)
    const shape = stages.find(stage => stage.name === name)!.options as unknown as { shape: Record<string, unknown> }
    for (const option of Object.keys(shape.shape)) expect(stdout).toMatch(new RegExp(`^${option} `, 'm'))
  })

  test.each(['run', 'plan', 'validate', 'stages', 'init', 'label', 'why', 'verify', 'inspect', 'doctor'])(
    'prep %s --help',
    async name => {
      expect(await prep([name, '--help'], { cwd })).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('Usage: prep'),
      })
    },
  )

  test('a misspelt command gets a suggestion', async () => {
    const { code, stderr } = await prep(['rnu'], { cwd })
    expect([code, stderr]).toEqual([2, expect.stringContaining('Did you mean run?')])
  })
})

test('several pipelines: all are checked before the first runs', async () => {
  await writeFile(join(cwd, 'bad.yaml'), JSON.stringify({ name: 'bad', steps: [{ stage: 'nope' }] }))
  await writeFile(join(cwd, 'q.yaml'), JSON.stringify({ name: 'q', steps }))
  expect(await prep(['run', 'q.yaml', 'bad.yaml'], { cwd })).toMatchObject({ code: 2 })
  expect(await readdir(join(cwd, 'runs'))).not.toContain('q')
  const both = await prep(['run', 'p.yaml', 'q.yaml', '--quiet'], { cwd })
  expect(both).toEqual({ code: 0, stdout: '', stderr: '' })
  expect(await readTree(join(cwd, 'runs/q/dataset'))).toEqual(await readTree(join(cwd, 'runs/p/dataset')))
})

test('a reader that goes away (| head) ends a command quietly', async () => {
  const { execFile } = await import('node:child_process')
  const bin = join(repoRoot, 'bin/prep.cjs')
  const stderr = await new Promise<string>(done =>
    execFile('sh', ['-c', `node ${bin} stages train | head -1`], { cwd }, (_error, _stdout, text) => done(text)),
  )
  expect(stderr).toBe('')
})

test('a folder where a file belongs is said so, without a stack', async () => {
  for (const args of [
    ['validate', '.'],
    ['run', 'photos'],
    ['label', 'photos/*.jpg', '--palette', 'photos', '--out', 'l'],
  ]) {
    const { code, stderr } = await prep(args, { cwd })
    expect([code, /^NOT_A_FILE$/m.test(stderr), /^ +at /m.test(stderr)]).toEqual([2, true, false])
  }
})

test('label says what is wrong with a flag, not with a file that nobody wrote', async () => {
  const { code, stderr } = await prep(['label', 'photos/*.jpg', '--clusters', '640'], { cwd })
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^OPTION_OUT_OF_RANGE\n {2}--clusters: /m)])
  expect((await prep(['label', 'photos/*.jpg', '--space', 'lab'], { cwd })).code).toBe(2)
})

test('why about a photo that was never seen', async () => {
  const { code, stderr } = await prep(['why', 'photo-00x'], { cwd })
  expect([code, stderr]).toEqual([2, expect.stringMatching(/^SAMPLE_UNKNOWN$/m)])
})
