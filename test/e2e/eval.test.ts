import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { prep, temporaryFolder, writePhotos } from '../helpers.js'

const cwd = temporaryFolder()
const steps = [
  { stage: 'glob', patterns: ['photos/*.jpg'] },
  { stage: 'resize', size: 32 },
  { stage: 'kmeans', clusters: 4 },
  { stage: 'split', test: 0.3 },
  { stage: 'pack' },
  {
    stage: 'train',
    epochs: 3,
    width: 4,
    d_width: 4,
    d_layers: 1,
    threads: 1,
    sample_every: 1,
    keep_last: 1,
    keep_best: 'l1',
  },
]
const evaluate = (...args: string[]) => prep(['eval', ...args], { cwd })

beforeAll(async () => {
  await writePhotos(join(cwd, 'photos'), 12)
  await writeFile(join(cwd, 'p.yaml'), JSON.stringify({ name: 'p', output: 'out', steps }))
  const run = await prep(['run', 'p.yaml'], { cwd })
  expect(run.code, run.stderr).toBe(0)
  expect(run.stdout).toMatch(/held out: L1 \d/)
})

test('a run: the newest checkpoint, what labels of photos come to, the worst rows by name', async () => {
  const { code, stdout } = await evaluate('out', '--worst', '2')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^checkpoint +epoch +step +rows +L1 +PSNR +SSIM +pixels +mean IoU$/m)
  expect(stdout).toMatch(/epoch-0003\.safetensors +3 +\d+ +\d+ test/)
  expect(stdout).toMatch(/^photos .*\d+\.\d%/m)
  expect(stdout).toMatch(/worst by L1: epoch-0003\.safetensors\n {2}row .*\n {2}\S+ +\d/)
})

test('--json has the figures of every row; --rows bounds them', async () => {
  const { stdout } = await evaluate('out/train/checkpoints/epoch-0003.safetensors', '--json', '--rows', '2')
  const found = JSON.parse(stdout)
  expect(found).toMatchObject({ epoch: 3, split: 'test', otherDataset: false })
  expect(found.rows.length).toBe(2)
  expect(found.figures.l1).toBeGreaterThan(0)
})

test('what cannot be measured says why, with exit code 2', async () => {
  const codeOf = async (...args: string[]) => {
    const { code, stderr } = await evaluate(...args)
    expect(code).toBe(2)
    return /^[A-Z_]+$/m.exec(stderr)?.[0]
  }
  expect(await codeOf('nowhere')).toBe('FILE_MISSING')
  expect(await codeOf('photos')).toBe('FILE_MISSING')
  expect(await codeOf('out', '--split', 'val')).toBe('SPLIT_MISSING')
  await rename(join(cwd, 'out/dataset'), join(cwd, 'moved'))
  expect(await codeOf('out')).toBe('DATASET_MISSING')
  expect(await evaluate('out', '--dataset', 'moved')).toMatchObject({ code: 0 })
  await writeFile(join(cwd, 'broken.safetensors'), 'half of it')
  expect(await codeOf('broken.safetensors', '--dataset', 'moved')).toBe('CHECKPOINT_DAMAGED')
  await rm(join(cwd, 'broken.safetensors'))
})
