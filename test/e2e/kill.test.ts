import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { prep, readTree, repoRoot, temporaryFolder, writePhotos } from '../helpers.js'

const KILLS = 24

/** Start a run and kill it after a while. @returns whether it was still at work */
function killAfter(ms: number, args: readonly string[], cwd: string): Promise<boolean> {
  return new Promise(done => {
    const child = spawn(process.execPath, [join(repoRoot, 'bin/prep.cjs'), ...args], { cwd, stdio: 'ignore' })
    const timer = setTimeout(() => child.kill('SIGKILL'), ms)
    child.on('exit', (_code, signal) => {
      clearTimeout(timer)
      done(signal === 'SIGKILL')
    })
  })
}

test('killed at many moments and continued, the data set is byte for byte that of an undisturbed run', async () => {
  const cwd = temporaryFolder()
  await writePhotos(join(cwd, 'photos'), 40, { size: 256 })
  const steps = [
    { stage: 'glob', patterns: ['photos/*.jpg'] },
    { stage: 'resize', size: 128 },
    { stage: 'kmeans', clusters: 6 },
    { stage: 'split', test: 0.25 },
    { stage: 'export' },
    { stage: 'pack', rows_per_shard: 4 },
  ]
  await writeFile(join(cwd, 'p.yaml'), JSON.stringify({ name: 'p', steps }))
  const began = performance.now()
  expect(await prep(['run', 'p.yaml', '--set', 'output=calm', '--jobs', '2'], { cwd })).toMatchObject({ code: 0 })
  const wholeMs = performance.now() - began

  // Moments spread over the whole run, at other places each time; deterministic but for the machine's own pace.
  let killed = 0
  for (let n = 0; n < KILLS * 3 && killed < KILLS; n++) {
    const share = 0.15 + 0.8 * ((n * 0.618034) % 1)
    // A rerun that finds most work done is short: the output is cleared now and then to meet the early steps again.
    const args = ['run', 'p.yaml', '--set', 'output=rough', '--jobs', '2', ...(n % 3 === 0 ? ['--fresh'] : [])]
    if (await killAfter(share * wholeMs, args, cwd)) killed += 1
  }
  expect(killed).toBeGreaterThanOrEqual(20)

  expect(await prep(['run', 'p.yaml', '--set', 'output=rough'], { cwd })).toMatchObject({ code: 0 })
  for (const part of ['dataset', 'labels', 'export']) {
    const [calm, rough] = [await readTree(join(cwd, 'calm', part)), await readTree(join(cwd, 'rough', part))]
    expect([...rough.keys()]).toEqual([...calm.keys()])
    for (const [name, bytes] of calm) expect(rough.get(name)!.equals(bytes), `${part}/${name}`).toBe(true)
  }
  expect(await prep(['verify', 'rough'], { cwd })).toMatchObject({ code: 0 })
}, 240_000)
