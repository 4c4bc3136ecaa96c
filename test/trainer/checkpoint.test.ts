import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256Hex, temporaryPath } from '../../src/files.js'
import { writeSafetensors } from '../../src/formats/safetensors/write.js'
import {
  checkpointStem,
  listCheckpoints,
  pruneCheckpoints,
  readCheckpoint,
  readCheckpointState,
  writeCheckpoint,
} from '../../src/trainer/checkpoint.js'
import type { Tensors } from '../../src/trainer/engines/engine.js'
import { checkpointState, temporaryFolder } from './tiny.js'

const state = checkpointState()
const tensors: Tensors = {
  'G.model.0.weight': { shape: [2, 3], data: Float32Array.of(1, -2, 3e-38, 4e38 / 2, -0, 6) },
  'D.model.0.bias': { shape: [4], data: Float32Array.of(1, 2, 3, 4) },
  'adam.t': { shape: [], data: Float32Array.of(17) },
}

test('a checkpoint gives back what was written, from its header alone too', async () => {
  const file = join(temporaryFolder('checkpoint'), 'deep', 'epoch-0003-step-00000017.safetensors')
  const bytes = { 'pool.label': { shape: [1, 1, 2], data: Uint8Array.of(7, 255) } }
  await writeCheckpoint(file, state, tensors, bytes)
  const read = await readCheckpoint(file)
  expect(read.state).toEqual(state)
  expect(read.tensors).toEqual(tensors)
  expect(read.bytes).toEqual(bytes)
  expect(await readCheckpointState(file)).toEqual(state)
})

test('any flipped bit, and any cut, is damage; nothing else is thrown', async () => {
  const folder = temporaryFolder('checkpoint')
  const [intact, broken] = [join(folder, 'intact'), join(folder, 'broken')]
  await writeCheckpoint(intact, state, tensors, { 'pool.label': { shape: [1], data: Uint8Array.of(7) } })
  const bytes = readFileSync(intact)
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), fc.boolean(), async (at, bit, cut) => {
      const changed = cut ? bytes.subarray(0, at) : Buffer.from(bytes)
      if (!cut) changed[at]! ^= 1 << bit
      writeFileSync(broken, changed)
      const found = await readCheckpoint(broken).catch(error => error.code)
      expect(found).toBe('CHECKPOINT_DAMAGED')
    }),
    { numRuns: 400 },
  )
})

test('a foreign safetensors file is damage, a later format a mismatch', async () => {
  const file = join(temporaryFolder('checkpoint'), 'epoch-0001.safetensors')
  writeFileSync(file, 'not a checkpoint at all')
  await expect(readCheckpoint(file)).rejects.toMatchObject({ code: 'CHECKPOINT_DAMAGED' })
  await writeSafetensors(file, {}, { format: 'somebody else' })
  await expect(readCheckpoint(file)).rejects.toMatchObject({ code: 'CHECKPOINT_DAMAGED' })
  const later = { format: 'prep-checkpoint/2' }
  await writeSafetensors(file, {}, { ...later, digest: sha256Hex(JSON.stringify([later, []])) })
  await expect(readCheckpoint(file)).rejects.toMatchObject({ code: 'CHECKPOINT_MISMATCH' })
})

test('values that are not finite are never written', async () => {
  const folder = temporaryFolder('checkpoint')
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const spoilt = { ...tensors, 'G.model.0.bias': { shape: [2], data: Float32Array.of(1, bad) } }
    await expect(writeCheckpoint(join(folder, 'epoch-0001.safetensors'), state, spoilt)).rejects.toMatchObject({
      code: 'TRAIN_DIVERGED',
    })
  }
  expect(readdirSync(folder)).toEqual([])
})

test('names order checkpoints; pruning keeps the newest and drops those within an epoch that were passed', async () => {
  const folder = temporaryFolder('checkpoint')
  const stems = [
    checkpointStem({ epoch: 1, step: 5 }, 5),
    checkpointStem({ epoch: 2, step: 10 }, 5),
    checkpointStem({ epoch: 2, step: 13 }, 5),
    checkpointStem({ epoch: 12345, step: 61725 }, 5),
    checkpointStem({ epoch: 12345, step: 61727 }, 5),
  ]
  for (const stem of stems) writeFileSync(join(folder, `${stem}.safetensors`), '')
  writeFileSync(join(folder, 'notes.txt'), '')
  writeFileSync(temporaryPath(join(folder, 'epoch-0003.safetensors')), 'half of it')
  const names = (await listCheckpoints(folder)).map(({ path }) => path.slice(folder.length + 1, -'.safetensors'.length))
  expect(names).toEqual(stems.toReversed())
  await pruneCheckpoints(folder, 2)
  expect(readdirSync(folder).sort()).toEqual([
    'epoch-12345-step-00061727.safetensors',
    'epoch-12345.safetensors',
    'notes.txt',
  ])
  expect(await listCheckpoints(join(folder, 'nowhere'))).toEqual([])
})
