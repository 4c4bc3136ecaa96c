/** What PyTorch makes of our exports: the same pictures, from nets of its own modules (bench/peers/pix2pix_nets.py). */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readSafetensors } from '../../src/formats/safetensors/read.js'
import { writeSafetensors } from '../../src/formats/safetensors/write.js'
import { writeCheckpoint } from '../../src/trainer/checkpoint.js'
import { onnxCpu } from '../../src/trainer/engines/onnx/engine.js'
import { reference } from '../../src/trainer/engines/reference/engine.js'
import { type Pix2PixConfig, pix2pixConfig } from '../../src/trainer/pix2pix/model.js'
import { buildStep, initialWeights } from '../../src/trainer/pix2pix/step.js'
import { exportNet } from '../../src/trainer/pytorch.js'
import { randomAt, unitNumbers } from '../../src/trainer/random.js'
import { repoRoot } from '../helpers.js'
import { findPython } from '../python.js'
import { checkpointState, temporaryFolder } from './tiny.js'

const python = findPython('torch', 'numpy')
const probe = await onnxCpu.probe()
const engine = probe.available ? onnxCpu : reference
const skipped = python ? '' : ' (skipped: no Python with torch and numpy)'

/** Weights further from 0 than drawn ones, biases and shifts too, so that every one of them shows in the picture. */
function lively(config: Pix2PixConfig): ReturnType<typeof initialWeights> {
  const random = unitNumbers(randomAt(11, 'init'))
  const weights = initialWeights(config, random)
  for (const [name, { data }] of Object.entries(weights))
    for (let i = 0; i < data.length; i++)
      data[i] = name.endsWith('.bias') ? random() - 0.5 : data[i]! * (data.length > 1024 ? 3 : 1)
  return weights
}

describe(`PyTorch paints what we paint${skipped}`, () => {
  test.skipIf(!python).each([
    { size: 64, norm: 'batch' },
    { size: 64, norm: 'instance' },
    { size: 64, norm: 'none' },
    { size: 256, norm: 'batch' },
    { size: 256, norm: 'instance' },
    { size: 64, norm: 'batch', upsample: 'resize' },
  ] as const)('with %j', async ({ size, ...nets }) => {
    const width = size === 64 ? size : size / 2
    const config = pix2pixConfig({ width, height: size, labelChannels: 5, ngf: 8, ndf: 4, ...nets })
    const weights = lively(config)
    const folder = temporaryFolder('parity')
    const [checkpoint, exported, input, output] = ['checkpoint', 'G', 'input', 'output'].map(name =>
      join(folder, `${name}.safetensors`),
    ) as [string, string, string, string]
    await writeCheckpoint(checkpoint, checkpointState({ model: config }), weights)
    await exportNet(checkpoint, 'G', exported)

    const random = unitNumbers(randomAt(12, 'init'))
    const shape = [2, 5, size, width]
    const label = { shape, data: Float32Array.from({ length: 10 * size * width }, () => Math.round(random())) }
    await writeSafetensors(input, { label: { dtype: 'F32', ...label } })
    execFileSync(python!, [join(repoRoot, 'bench/peers/pix2pix_paint.py'), exported, input, output])
    const theirs = (await readSafetensors(output)).tensors.photo!.data as Float32Array

    const session = await engine.load(buildStep(config), weights, { threads: 1 })
    const each = []
    for (const n of [0, 1]) {
      const one = {
        shape: [1, 5, size, width],
        data: label.data.slice(n * 5 * size * width, (n + 1) * 5 * size * width),
      }
      each.push(...(await session.generate({ label: one })).data)
    }
    await session.dispose()
    const far = each.reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[i]!)), 0)
    const spread = Math.max(...theirs.slice(0, 1000)) - Math.min(...theirs.slice(0, 1000))
    expect(spread).toBeGreaterThan(0.02)
    expect(each).toHaveLength(theirs.length)
    expect(far).toBeLessThan(1e-4)
  })
})
