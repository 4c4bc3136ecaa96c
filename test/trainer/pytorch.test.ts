import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Tensor } from '../../src/formats/safetensors/layout.js'
import { readSafetensors } from '../../src/formats/safetensors/read.js'
import { writeSafetensors } from '../../src/formats/safetensors/write.js'
import { readCheckpoint, writeCheckpoint } from '../../src/trainer/checkpoint.js'
import { pix2pixConfig } from '../../src/trainer/pix2pix/model.js'
import { initialWeights } from '../../src/trainer/pix2pix/step.js'
import { exportNet, importCheckpoint } from '../../src/trainer/pytorch.js'
import { randomAt, unitNumbers } from '../../src/trainer/random.js'
import { errorCodes } from '../helpers.js'
import { docsBlock, findPython } from '../python.js'
import { checkpointState, runTiny, temporaryFolder, writeTiny } from './tiny.js'

/** A checkpoint of small nets. @returns its file */
async function writeNets(options: Partial<Parameters<typeof pix2pixConfig>[0]> = {}, extra = {}): Promise<string> {
  const model = pix2pixConfig({ width: 32, height: 16, labelChannels: 3, ngf: 2, ndf: 2, layers: 1, ...options })
  const weights = initialWeights(model, unitNumbers(randomAt(3, 'init')))
  const file = join(temporaryFolder('nets'), 'epoch-0003.safetensors')
  await writeCheckpoint(file, checkpointState({ model }), { ...weights, ...extra })
  return file
}

const beside = (file: string, name: string): string => join(file, '..', `${name}.safetensors`)

/** The export of G with some tensors changed. */
async function changed(change: (dict: Record<string, Tensor>) => void, metadata?: Record<string, string>) {
  const checkpoint = await writeNets()
  const [G, out] = [beside(checkpoint, 'G'), beside(checkpoint, 'changed')]
  await exportNet(checkpoint, 'G', G)
  const found = await readSafetensors(G)
  const dict = { ...found.tensors }
  change(dict)
  await writeSafetensors(out, dict, metadata ?? found.metadata)
  return out
}

const messageOf = (work: Promise<unknown>): Promise<string> => work.then(String, (error: Error) => error.message)

describe('export', () => {
  test('has the names, shapes and running statistics of their state dict, in its order', async () => {
    const checkpoint = await writeNets({ downs: 3 })
    const [G, D] = [beside(checkpoint, 'G'), beside(checkpoint, 'D')]
    await exportNet(checkpoint, 'G', G)
    await exportNet(checkpoint, 'D', D)
    const { tensors, metadata } = await readSafetensors(G)
    const statistics = ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']
    const norm = (name: string): string[] => statistics.map(end => `${name}.${end}`)
    const inner = 'model.model.1.model.3.model'
    expect(Object.keys(tensors).sort()).toEqual(
      [
        'model.model.0.weight',
        'model.model.1.model.1.weight',
        ...norm('model.model.1.model.2'),
        `${inner}.1.weight`,
        `${inner}.3.weight`,
        ...norm(`${inner}.4`),
        'model.model.1.model.5.weight',
        ...norm('model.model.1.model.6'),
        'model.model.3.weight',
        'model.model.3.bias',
      ].sort(),
    )
    expect(tensors['model.model.1.model.2.running_var']).toEqual({
      dtype: 'F32',
      shape: [4],
      data: Float32Array.of(1, 1, 1, 1),
    })
    expect(tensors['model.model.1.model.2.num_batches_tracked']).toMatchObject({ dtype: 'I64', shape: [] })
    expect(metadata).toMatchObject({ format: 'pt', net: 'G', size: '32x16' })
    expect(JSON.parse(metadata.architecture!)).toMatchObject({ input_nc: 3, ngf: 2, num_downs: 3, norm: 'batch' })
    expect(Object.keys((await readSafetensors(D)).tensors).sort()).toEqual(
      ['model.0.weight', 'model.0.bias', 'model.2.weight', ...norm('model.3'), 'model.5.weight', 'model.5.bias'].sort(),
    )
  })

  test('of a training with ema is the average that it paints with', async () => {
    const bias = { shape: [3], data: Float32Array.of(7, 8, 9) }
    const checkpoint = await writeNets({ ema: 0.9 }, { 'ema.G.model.model.3.bias': bias })
    await exportNet(checkpoint, 'G', beside(checkpoint, 'G'))
    const { tensors, metadata } = await readSafetensors(beside(checkpoint, 'G'))
    expect([...(tensors['model.model.3.bias']!.data as Float32Array)]).toEqual([7, 8, 9])
    expect(JSON.parse(metadata.trained!)).toMatchObject({ weights: 'average', step: 17 })
  })
})

describe('import', () => {
  test.each([
    { norm: 'batch' },
    { norm: 'instance', downs: 2 },
    { norm: 'none', layers: 2 },
    { norm: 'batch', upsample: 'resize', downs: 4, labelChannels: 7, ngf: 3, ndf: 1 },
    { norm: 'batch', dropout: false },
  ] as const)('of what was exported gives the same nets, and the same bytes again: %j', async nets => {
    const checkpoint = await writeNets(nets)
    const [G, D, back, again] = ['G', 'D', 'back', 'again'].map(name => beside(checkpoint, name)) as [
      string,
      string,
      string,
      string,
    ]
    await exportNet(checkpoint, 'G', G)
    await exportNet(checkpoint, 'D', D)
    const labelInput = 'labelChannels' in nets ? ('onehot' as const) : ('colours' as const)
    const palette = { value: { clusters: Array(7).fill({}) }, hash: 'x' }
    await importCheckpoint([D, G], back, { labelInput, palette })
    const [before, after] = [await readCheckpoint(checkpoint), await readCheckpoint(back)]
    expect(after.tensors).toEqual(before.tensors)
    expect(after.state.model).toEqual(before.state.model)
    expect(after.state).toMatchObject({ step: 0, engine: 'pytorch', options: { label_input: labelInput } })
    await exportNet(back, 'G', again)
    const [one, two] = [await readSafetensors(G), await readSafetensors(again)]
    expect(two.tensors).toEqual(one.tensors)
    expect(JSON.parse(two.metadata.architecture!)).toEqual(JSON.parse(one.metadata.architecture!))
  })

  test('takes DataParallel’s names and the statistics that instance norm once kept', async () => {
    const checkpoint = await writeNets({ norm: 'instance' })
    const [G, parallel, back] = [beside(checkpoint, 'G'), beside(checkpoint, 'parallel'), beside(checkpoint, 'back')]
    await exportNet(checkpoint, 'G', G)
    const { tensors } = await readSafetensors(G)
    const old = {
      'model.model.1.model.2.running_mean': { dtype: 'F32', shape: [4], data: new Float32Array(4) },
    } as const
    const renamed = Object.entries({ ...tensors, ...old }).map(([name, tensor]) => [`module.${name}`, tensor] as const)
    await writeSafetensors(parallel, Object.fromEntries(renamed))
    const state = await importCheckpoint([parallel], back, { size: { width: 64, height: 32 } })
    expect(state).toMatchObject({ model: { norm: 'instance', ngf: 2, width: 64, height: 32 }, palette: null })
    expect((await readCheckpoint(back)).tensors['G.model.model.3.bias']!.data).toEqual(
      tensors['model.model.3.bias']!.data,
    )
  })

  test('names every tensor that is missing, unknown or of another shape', async () => {
    const file = await changed(dict => {
      delete dict['model.model.3.bias']
      dict['model.model.9.weight'] = { dtype: 'F32', shape: [1], data: new Float32Array(1) }
      dict['model.model.1.model.1.weight'] = { dtype: 'F32', shape: [4, 2, 3, 3], data: new Float32Array(72) }
    })
    const out = `${file}.out`
    expect(await errorCodes(() => importCheckpoint([file], out))).toEqual(['WEIGHTS_MISMATCH'])
    const message = await messageOf(importCheckpoint([file], out))
    for (const name of ['model.model.3.bias', 'model.model.9.weight', 'model.model.1.model.1.weight'])
      expect(message).toContain(name)
    expect(message.split('\n')).toHaveLength(4)
    expect(existsSync(out)).toBe(false)
  })

  test('refuses what is no net of pix2pix, halves, two of a kind, a discriminator alone, an unknown size', async () => {
    const checkpoint = await writeNets()
    const [G, D] = [beside(checkpoint, 'G'), beside(checkpoint, 'D')]
    await exportNet(checkpoint, 'G', G)
    await exportNet(checkpoint, 'D', D)
    const other = await writeNets({ norm: 'none' })
    await exportNet(other, 'D', beside(other, 'D'))
    const half = await changed(dict => {
      dict['model.model.3.bias'] = { dtype: 'F16', shape: [3], data: new Uint16Array(3) }
    })
    const resnet = await changed(dict => {
      for (const name of Object.keys(dict)) delete dict[name]
      dict['model.1.weight'] = { dtype: 'F32', shape: [1], data: new Float32Array(1) }
    })
    const sizeless = await changed(() => {}, { format: 'pt' })
    const codes = async (...files: string[]) => errorCodes(() => importCheckpoint(files, beside(checkpoint, 'out')))
    expect(await codes(resnet)).toEqual(['WEIGHTS_MISMATCH'])
    expect(await codes(half)).toEqual(['WEIGHTS_MISMATCH'])
    expect(await codes(G, beside(other, 'D'))).toEqual(['WEIGHTS_MISMATCH'])
    expect(await codes(G, G)).toEqual(['USAGE'])
    expect(await codes(D)).toEqual(['USAGE'])
    expect(await codes(sizeless)).toEqual(['USAGE'])
    expect(await codes(beside(checkpoint, 'nothing'))).toEqual(['FILE_MISSING'])
    const palette = { value: { clusters: [{}] }, hash: 'x' }
    const out = beside(checkpoint, 'out')
    expect(await errorCodes(() => importCheckpoint([G, D], out, { palette, labelInput: 'onehot' }))).toEqual([
      'PALETTE_MISMATCH',
    ])
    expect(await errorCodes(() => importCheckpoint([G], out, { size: { width: 30, height: 30 } }))).toEqual([
      'TRAIN_SIZE',
    ])
  })
})

describe('init_from', () => {
  let dataset: string
  beforeAll(async () => {
    dataset = await writeTiny()
  })
  const first = async (output: string) =>
    (await readCheckpoint(join(output, 'checkpoints/epoch-0000.safetensors'))).tensors

  test('begins with the weights of a checkpoint, and resumes only with the same', async () => {
    const before = await runTiny({ dataset })
    const init_from = before.result.checkpoint
    const { output } = await runTiny({ dataset, options: { init_from }, seed: 8, steps: 0 })
    const [given, begun] = [(await readCheckpoint(init_from)).tensors, await first(output)]
    const names = Object.keys(given).filter(name => /^[GD]\./.test(name))
    expect(names.length).toBeGreaterThan(10)
    for (const name of names) expect(begun[name], name).toEqual(given[name])
    expect(begun['adam.t']!.data[0]).toBe(0)

    const resumed = await runTiny({ dataset, output, options: { init_from }, seed: 8 })
    const whole = await runTiny({ dataset, options: { init_from }, seed: 8 })
    expect(readFileSync(resumed.result.checkpoint).equals(readFileSync(whole.result.checkpoint))).toBe(true)
    expect(await errorCodes(() => runTiny({ dataset, output, seed: 8 }))).toEqual(['CHECKPOINT_MISMATCH'])
  })

  test('takes a generator alone: D is drawn', async () => {
    const before = await runTiny({ dataset, seed: 3 })
    const G = join(temporaryFolder('init'), 'G.safetensors')
    await exportNet(before.result.checkpoint, 'G', G)
    const { output } = await runTiny({ dataset, options: { init_from: G }, seed: 8, steps: 0 })
    const drawn = await runTiny({ dataset, seed: 8, steps: 0 })
    const [begun, plain] = [await first(output), await first(drawn.output)]
    const given = (await readCheckpoint(before.result.checkpoint)).tensors
    for (const name of Object.keys(begun).filter(name => /^[GD]\./.test(name)))
      expect(begun[name], name).toEqual((name.startsWith('G.') ? given : plain)[name])
  })

  test('refuses other nets, naming every option, and leaves an earlier training where it is', async () => {
    const before = await runTiny({ dataset, options: { width: 2, norm: 'instance', d_layers: 2 } })
    const { output } = await runTiny({ dataset })
    const init_from = before.result.checkpoint
    const work = () => runTiny({ dataset, output, options: { init_from, resume: 'never' } })
    expect(await errorCodes(work)).toEqual(['WEIGHTS_MISMATCH'])
    expect((await messageOf(work())).split('\n')).toEqual([
      expect.any(String),
      expect.stringContaining('G: width'),
      expect.stringContaining('G: norm'),
      expect.stringContaining('D: d_layers'),
      expect.stringContaining('D: norm'),
    ])
    expect(existsSync(join(output, 'previous'))).toBe(false)
    const D = join(temporaryFolder('init'), 'D.safetensors')
    await exportNet(init_from, 'D', D)
    expect(await errorCodes(() => runTiny({ dataset, options: { init_from: D } }))).toEqual(['WEIGHTS_MISMATCH'])
    expect(await errorCodes(() => runTiny({ dataset, options: { init_from: 'nothing.safetensors' } }))).toEqual([
      'FILE_MISSING',
    ])
  })
})

const python = findPython('torch')
describe(`docs/pytorch.md${python ? '' : ' (skipped: no Python with torch)'}`, () => {
  test.skipIf(!python)('turns an export into .pth and back into the same tensors', async () => {
    const checkpoint = await writeNets()
    const [G, back] = [beside(checkpoint, 'G'), beside(checkpoint, 'back')]
    const pth = `${checkpoint}.pth`
    await exportNet(checkpoint, 'G', G)
    execFileSync(python!, ['-c', docsBlock('.safetensors to .pth', 'pytorch.md'), G, pth])
    execFileSync(python!, ['-c', docsBlock('.pth to .safetensors', 'pytorch.md'), pth, back])
    expect((await readSafetensors(back)).tensors).toEqual((await readSafetensors(G)).tensors)
    expect(await errorCodes(() => importCheckpoint([pth], back))).toEqual(['SAFETENSORS_INVALID'])
  })
})
