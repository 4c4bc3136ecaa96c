import { type ChildProcess, spawn } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { readCheckpoint } from '../../src/trainer/checkpoint.js'
import { prep, readTree, repoRoot, temporaryFolder, writePhotos } from '../helpers.js'

const cwd = temporaryFolder()
const steps = [
  { stage: 'glob', patterns: ['photos/*.jpg'] },
  { stage: 'resize', size: 32 },
  { stage: 'kmeans', clusters: 4 },
  { stage: 'split' },
  { stage: 'pack' },
  { stage: 'train', epochs: 3, width: 4, d_width: 4, d_layers: 1, sample_every: 1, threads: 1 },
]
const checkpoints = (output: string) => readTree(join(cwd, output, 'train/checkpoints'))

/** In a process group of its own, as a shell starts it. */
const spawnRun = (output: string) =>
  spawn(process.execPath, [join(repoRoot, 'bin/prep.cjs'), 'run', 'p.yaml', '--set', `output=${output}`], {
    cwd,
    env: { ...process.env, CI: 'true', NO_COLOR: '1' },
    detached: true,
  })

/** A terminal signals the whole group, the trainer's process as well. */
function pressCtrlC({ pid, exitCode, signalCode }: ChildProcess): void {
  if (exitCode === null && signalCode === null) process.kill(-pid!, 'SIGINT')
}

beforeAll(async () => {
  await writePhotos(join(cwd, 'photos'), 12)
  await writeFile(join(cwd, 'p.yaml'), JSON.stringify({ name: 'p', steps }))
  expect(await prep(['run', 'p.yaml', '--set', 'output=calm'], { cwd })).toMatchObject({ code: 0 })
})

test('photos in, checkpoints, sheets and metrics out', async () => {
  expect((await readdir(join(cwd, 'calm/train/samples'))).sort()).toEqual([
    'epoch-0001.png',
    'epoch-0002.png',
    'epoch-0003.png',
  ])
  expect((await checkpoints('calm')).size).toBe(3)
  const lines = (await readFile(join(cwd, 'calm/train/metrics.jsonl'), 'utf8')).trim().split('\n')
  expect(lines.length).toBeGreaterThanOrEqual(3)
})

test('Ctrl-C: exit code 130 and the command that continues; continued, it is byte for byte the calm run', async () => {
  const child = spawnRun('stopped')
  let stderr = ''
  child.stderr.on('data', text => (stderr += text))
  child.stdout.on('data', text => {
    if (/Epoch 1\/3/.test(String(text))) pressCtrlC(child)
  })
  const code = await new Promise(done => child.on('close', done))
  expect(code).toBe(130)
  expect(stderr).toContain('continue with: prep run p.yaml --set output=stopped')
  expect(await prep(['run', 'p.yaml', '--set', 'output=stopped'], { cwd })).toMatchObject({ code: 0 })
  const [calm, stopped] = [await checkpoints('calm'), await checkpoints('stopped')]
  expect(stopped.get('epoch-0003.safetensors')!.equals(calm.get('epoch-0003.safetensors')!)).toBe(true)
})

test('rectangles, with every option that adds state: stopped and continued, byte for byte the calm run', async () => {
  const state = { ema: 0.9, pool: 3, spectral_norm: true, accumulate: 2, d_steps: 2, g_steps: 2 }
  const train = { ...steps.at(-1), ...state, gan: 'hinge', upsample: 'resize', norm: 'instance' }
  const rectangles = [steps[0], { stage: 'resize', size: { width: 64, height: 32 } }, ...steps.slice(2, -1), train]
  await writeFile(join(cwd, 'wide.yaml'), JSON.stringify({ name: 'wide', steps: rectangles }))
  const run = (output: string, max: number) =>
    prep(['run', 'wide.yaml', '--set', `output=${output}`, '--set', `steps.train.max_steps=${max}`], { cwd })
  expect(await run('wide-calm', 100)).toMatchObject({ code: 0 })
  // to the middle of an epoch, then on
  for (const max of [2, 100]) expect(await run('wide-stopped', max)).toMatchObject({ code: 0 })
  const [calm, stopped] = [await checkpoints('wide-calm'), await checkpoints('wide-stopped')]
  const { tensors, state: state3 } = await readCheckpoint(
    join(cwd, 'wide-calm/train/checkpoints/epoch-0003.safetensors'),
  )
  expect(Object.keys(tensors)).toEqual(expect.arrayContaining(['pool.painting', 'spectral.D.model.0.weight']))
  // max_steps is an end, with a sheet of its own and a line that says so: all but that line's place is the same
  const continued = await readCheckpoint(join(cwd, 'wide-stopped/train/checkpoints/epoch-0003.safetensors'))
  expect(continued.tensors).toEqual(tensors)
  expect(continued.state).toEqual({ ...state3, metricsBytes: continued.state.metricsBytes })
  expect(stopped.size).toBe(calm.size)
  const sheet = (output: string) => readFile(join(cwd, output, 'train/samples/epoch-0003.png'))
  expect((await sheet('wide-stopped')).equals(await sheet('wide-calm'))).toBe(true)
})

test('Ctrl-C twice stops at once, also while native code computes; the next run continues', async () => {
  const child = spawnRun('twice')
  let stderr = ''
  child.stderr.on('data', text => (stderr += text))
  child.stdout.on('data', text => {
    if (!/Epoch 1\/3/.test(String(text))) return
    pressCtrlC(child)
    setTimeout(() => pressCtrlC(child), 5)
  })
  const [code, signal] = await new Promise<[number | null, string | null]>(done =>
    child.on('close', (...how) => done(how)),
  )
  // A shell shows a death by SIGINT as 130 as well.
  expect(code === 130 || signal === 'SIGINT', `${code} ${signal} ${stderr}`).toBe(true)
  expect(await prep(['run', 'p.yaml', '--set', 'output=twice'], { cwd })).toMatchObject({ code: 0 })
  const [calm, twice] = [await checkpoints('calm'), await checkpoints('twice')]
  expect(twice.get('epoch-0003.safetensors')!.equals(calm.get('epoch-0003.safetensors')!)).toBe(true)
})

test('more epochs go on from the checkpoint; another net starts anew and keeps the old one aside', async () => {
  const more = await prep(['run', 'p.yaml', '--set', 'output=calm', '--set', 'steps.train.epochs=4'], { cwd })
  expect(more.code).toBe(0)
  expect(more.stdout).toContain('goes on from')
  expect(more.stdout).not.toContain('[Epoch 3/')
  const other = await prep(['run', 'p.yaml', '--set', 'output=calm', '--set', 'steps.train.width=5'], { cwd })
  expect(other.code).toBe(0)
  expect(other.stdout).toContain('the earlier training is kept in calm/train/previous')
  expect(await readdir(join(cwd, 'calm/train/previous/checkpoints'))).toContain('epoch-0004.safetensors')
})

test('an engine that is not there: exit code 4 with the reason', async () => {
  const { code, stderr } = await prep(
    ['run', 'p.yaml', '--set', 'output=none', '--set', 'steps.train.engine=onnx-cuda'],
    { cwd },
  )
  expect(code).toBe(4)
  expect(stderr).toMatch(/^ENGINE_UNAVAILABLE$/m)
})

test('a size that the net cannot take says which it can', async () => {
  const args = ['run', 'p.yaml', '--set', 'output=odd', '--set', 'steps.resize.size=36', '--set', 'steps.train.downs=5']
  const { code, stderr } = await prep(args, { cwd })
  expect(code).toBe(2)
  expect(stderr).toMatch(/TRAIN_SIZE$/m)
})
