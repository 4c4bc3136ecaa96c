import { existsSync } from 'node:fs'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { writeCheckpoint } from '../../src/trainer/checkpoint.js'
import { pix2pixConfig } from '../../src/trainer/pix2pix/model.js'
import { initialWeights } from '../../src/trainer/pix2pix/step.js'
import { prep, temporaryFolder } from '../helpers.js'
import { checkpointState, tinyOptions } from '../trainer/tiny.js'

/** The output of a run that has trained, as far as checkpoints go. */
let cwd: string
beforeAll(async () => {
  cwd = temporaryFolder()
  const model = pix2pixConfig({ width: 32, height: 32, labelChannels: 3, ngf: 2, ndf: 2 })
  for (const epoch of [2, 10]) {
    const weights = initialWeights(model, () => epoch / 16)
    const file = join(cwd, `out/train/checkpoints/epoch-${String(epoch).padStart(4, '0')}.safetensors`)
    const options = tinyOptions({ label_input: 'colours' })
    await writeCheckpoint(file, checkpointState({ model, epoch, options }), weights)
  }
})

test('nets go from a run to PyTorch’s names and back', async () => {
  const run = (...args: string[]) => prep(['checkpoint', ...args], { cwd })
  expect(JSON.parse((await run('show', 'out', '--json')).stdout)).toMatchObject({ epoch: 10, model: { ngf: 2 } })
  expect(await run('export', 'out', '--out', 'G.safetensors')).toMatchObject({ code: 0 })
  expect(await run('export', 'out/train', '--net', 'D', '--out', 'D.safetensors')).toMatchObject({ code: 0 })
  const { nets } = JSON.parse((await run('show', 'G.safetensors', '--json')).stdout) as { nets: object }
  expect(nets).toEqual({ G: { width: 2, downs: 5, norm: 'batch', upsample: 'transpose', 'label channels': 3 } })
  expect(await run('import', 'D.safetensors', 'G.safetensors', '--out', 'both.safetensors')).toMatchObject({ code: 0 })
  const imported = JSON.parse((await run('show', 'both.safetensors', '--json')).stdout)
  expect(imported).toMatchObject({ engine: 'pytorch', step: 0, model: { ngf: 2, layers: 3 } })
})

test('prep export pytorch takes the best checkpoint, or the one named; prep checkpoint export the newest', async () => {
  const best = { file: 'epoch-0002.safetensors', metric: 'l1', value: 0.1, epoch: 2 }
  await cp(join(cwd, 'out'), join(cwd, 'chosen'), { recursive: true })
  await writeFile(join(cwd, 'chosen/train/checkpoints/best.json'), JSON.stringify(best))
  const exported = async (...args: string[]) => {
    const { code, stdout, stderr } = await prep([...args, '--out', 'net.safetensors'], { cwd })
    expect(code, stderr).toBe(0)
    return /epoch-\d+/.exec(stdout)![0]
  }
  expect(await exported('export', 'pytorch', 'chosen')).toBe('epoch-0002')
  expect(await exported('export', 'pytorch', 'chosen', '--checkpoint', 'latest')).toBe('epoch-0010')
  expect(await exported('export', 'pytorch', 'out')).toBe('epoch-0010')
  expect(await exported('checkpoint', 'export', 'chosen')).toBe('epoch-0010')
  // a folder of that name is none
  await mkdir(join(cwd, 'epoch-0002'), { recursive: true })
  expect(await exported('export', 'pytorch', 'chosen', '--checkpoint', 'epoch-0002')).toBe('epoch-0002')
})

test('what cannot be is said with exit code 2, and nothing is written', async () => {
  const run = async (...args: string[]) => {
    const { code, stderr } = await prep(['checkpoint', ...args, '--out', 'never.safetensors'], { cwd })
    return [code, /^[A-Z_]+$/m.exec(stderr)?.[0]]
  }
  await mkdir(join(cwd, 'empty'))
  await writeFile(join(cwd, 'net.pth'), 'PK')
  expect(await run('export', 'empty')).toEqual([2, 'FILE_MISSING'])
  expect(await run('export', 'nowhere')).toEqual([2, 'FILE_MISSING'])
  expect(await run('export', 'net.pth')).toEqual([2, 'CHECKPOINT_DAMAGED'])
  expect(await run('import', 'net.pth')).toEqual([2, 'SAFETENSORS_INVALID'])
  expect((await run('import', 'net.pth', '--size', 'big'))[0]).toBe(2)
  expect(existsSync(join(cwd, 'never.safetensors'))).toBe(false)
})

test('a training cannot begin with its own checkpoints', async () => {
  const text = `steps:
  - stage: dataset
    from: elsewhere
  - stage: train
    init_from: out/train/checkpoints/epoch-0002.safetensors
output: out
`
  await writeFile(join(cwd, 'own.yaml'), text)
  const { code, stderr } = await prep(['validate', 'own.yaml'], { cwd })
  expect([code, stderr.includes('INPUT_CYCLE')]).toEqual([2, true])
})
