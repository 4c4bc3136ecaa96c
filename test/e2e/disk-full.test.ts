import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { prep, readTree, temporaryFolder, writePhotos } from '../helpers.js'

const cwd = temporaryFolder()
const small = join(cwd, 'small')
mkdirSync(small)
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1500k', 'none', small]).status === 0
afterAll(() => {
  if (mounted) execFileSync('umount', [small])
})

test.skipIf(!mounted)(
  `a disk that fills up: a clear message, and the rerun with more room continues${mounted ? '' : ' (skipped: mount is not permitted)'}`,
  async () => {
    await writePhotos(join(cwd, 'photos'), 12, { size: 256 })
    const steps = [
      { stage: 'glob', patterns: ['photos/*.jpg'] },
      { stage: 'resize', size: 256 },
      { stage: 'kmeans', clusters: 4 },
      { stage: 'split' },
      { stage: 'pack' },
    ]
    await writeFile(join(cwd, 'p.yaml'), JSON.stringify({ name: 'p', output: 'small/out', steps }))
    const full = await prep(['run', 'p.yaml'], { cwd })
    expect(full.code).toBe(2)
    expect(full.stderr).toMatch(/^DISK_FULL$/m)
    const kept = [...(await readTree(join(small, 'out'))).keys()]
    expect(kept.filter(name => name.endsWith('.tmp'))).toEqual([])

    execFileSync('mount', ['-o', 'remount,size=64m', small])
    const again = await prep(['run', 'p.yaml', '--json'], { cwd })
    expect(again.code).toBe(0)
    expect(again.stdout).toMatch(/"label":"resize","done":12,"total":12,"cached":[1-9]/)
    expect(await prep(['run', 'p.yaml', '--set', 'output=roomy'], { cwd })).toMatchObject({ code: 0 })
    expect(await readTree(join(small, 'out/dataset'))).toEqual(await readTree(join(cwd, 'roomy/dataset')))
    await rm(join(small, 'out'), { recursive: true })
  },
)

const tiny = join(cwd, 'tiny')
mkdirSync(tiny)
const tinyMounted = mounted && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', tiny]).status === 0
afterAll(() => {
  if (tinyMounted) execFileSync('umount', [tiny])
})

test.skipIf(!tinyMounted)(
  `a disk that fills up while a checkpoint is saved: earlier ones stay whole, and the rerun continues to the same bytes${tinyMounted ? '' : ' (skipped: mount is not permitted)'}`,
  async () => {
    const folder = temporaryFolder()
    await writePhotos(join(folder, 'photos'), 6)
    const steps = [
      { stage: 'glob', patterns: ['photos/*.jpg'] },
      { stage: 'resize', size: 32 },
      { stage: 'kmeans', clusters: 2 },
      { stage: 'split' },
      { stage: 'pack' },
      { stage: 'train', epochs: 24, width: 4, d_width: 4, d_layers: 1, threads: 1, keep_last: 24, sample_every: 0 },
    ]
    await writeFile(join(folder, 'p.yaml'), JSON.stringify({ name: 'p', output: 'roomy', steps }))
    expect(await prep(['run', 'p.yaml', '--until', 'pack'], { cwd: folder })).toMatchObject({ code: 0 })
    await cp(join(folder, 'roomy'), join(tiny, 'roomy'), { recursive: true })
    expect(await prep(['run', 'p.yaml'], { cwd: folder })).toMatchObject({ code: 0 })
    const whole = await readTree(join(folder, 'roomy/train/checkpoints'))
    const run = () => prep(['run', 'p.yaml', '--set', `output=${tiny}/roomy`], { cwd: folder })

    const full = await run()
    expect(full.code).toBe(2)
    expect(full.stderr).toMatch(/^DISK_FULL$/m)
    const kept = await readTree(join(tiny, 'roomy/train/checkpoints'))
    expect(kept.size).toBeGreaterThan(0)
    expect(kept.size).toBeLessThan(24)
    for (const [name, bytes] of kept) expect(bytes.equals(whole.get(name)!), name).toBe(true)

    execFileSync('mount', ['-o', 'remount,size=64m', tiny])
    const again = await run()
    expect(again.code).toBe(0)
    expect(again.stdout).toContain('goes on from')
    expect(await readTree(join(tiny, 'roomy/train/checkpoints'))).toEqual(whole)
  },
)
