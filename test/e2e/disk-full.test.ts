import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
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
