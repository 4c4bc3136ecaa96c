/** Decides which photos the model never trains on. Adding photos never moves one from one side to the other. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { PrepError } from '../errors.js'
import { writeFileAtomic } from '../files.js'
import { fingerprint } from '../pipeline/fingerprint.js'
import { defineStage, type StageContext } from '../pipeline/stage.js'
import type { Sample, Split } from '../sample.js'

const options = z.strictObject({
  test: z
    .number()
    .gt(0)
    .refine(test => test < 1 || Number.isInteger(test), { message: 'a share below 1 or a whole number of photos' })
    .default(0.2)
    .describe('Held-out photos: a share (0.2) or a count (20)'),
})

export const split = defineStage({
  name: 'split',
  version: 1,
  summary: 'Hold out photos for testing',
  details:
    'A share goes by a hash of the photo’s bytes and the seed alone, so equal photos stay together and new photos move no old one. A count, and the one photo that a small set needs on each side, are remembered in OUT/split.json.',
  options,
  needs: ['photo'],
  gives: ['split'],
  plan: ({ test }) => [`holds out ${test < 1 ? `${test * 100}%` : test} for testing`],
  async run({ samples, artefacts }, { test }, context) {
    const identities = [...new Set(samples.map(({ sha256 }) => sha256))]
    if (identities.length < 2)
      throw new PrepError('SPLIT_IMPOSSIBLE', `a split needs at least 2 different photos, found ${identities.length}`, {
        hint: 'add photos, or remove the split step to train on everything',
      })
    if (test >= identities.length)
      throw new PrepError('SPLIT_IMPOSSIBLE', `test: ${test} leaves none of ${identities.length} photos for training`, {
        hint: `use at most ${identities.length - 1}`,
      })
    const path = join(context.output, 'split.json')
    const pinned = await readPins(path, context)
    const splits =
      test < 1
        ? splitByShare(identities, test, context.seed, pinned)
        : splitByCount(identities, test, context.seed, pinned)
    const pins = { seed: context.seed, test, pinned: Object.fromEntries([...pinned].sort()) }
    await writeFileAtomic(path, `${JSON.stringify(pins, null, 1)}\n`)
    const result = samples.map((sample): Sample => ({ ...sample, split: splits.get(sample.sha256)! }))
    const tests = result.filter(sample => sample.split === 'test').length
    context.note(`${result.length - tests} for training, ${tests} for testing`)
    return {
      artefacts: { ...artefacts, split: { path, key: fingerprint({ test, seed: context.seed }) } },
      samples: result,
    }
  },
})

type Pins = Map<string, Split>

async function readPins(path: string, { seed }: StageContext): Promise<Pins> {
  try {
    const file = JSON.parse(await readFile(path, 'utf8')) as { seed: number; pinned: Record<string, Split> }
    return new Map(file.seed === seed ? Object.entries(file.pinned) : [])
  } catch {
    return new Map()
  }
}

/** A number in [0, 1) that depends on the photo's bytes and the seed alone. */
export const splitPosition = (sha256: string, seed: number): number =>
  createHash('sha256').update(`split\0${seed}\0${sha256}`).digest().readUIntBE(0, 6) / 2 ** 48

const byPosition = (identities: readonly string[], seed: number): string[] =>
  [...identities].sort((a, b) => splitPosition(a, seed) - splitPosition(b, seed))

/** Test is where the position is below the share; should a side stay empty, the nearest photo is pinned to it. */
export function splitByShare(identities: readonly string[], share: number, seed: number, pinned: Pins): Pins {
  const side = (id: string): Split => pinned.get(id) ?? (splitPosition(id, seed) < share ? 'test' : 'train')
  const ordered = byPosition(identities, seed)
  if (!ordered.some(id => side(id) === 'test')) pinned.set(ordered[0]!, 'test')
  if (!ordered.some(id => side(id) === 'train')) pinned.set(ordered.at(-1)!, 'train')
  return new Map(identities.map(id => [id, side(id)]))
}

/** Photos seen before stay where they were; test places still free go to new photos in order of position. */
export function splitByCount(identities: readonly string[], count: number, seed: number, pinned: Pins): Pins {
  let free = count - identities.filter(id => pinned.get(id) === 'test').length
  for (const id of byPosition(identities, seed)) {
    if (pinned.has(id)) continue
    pinned.set(id, free > 0 ? 'test' : 'train')
    free -= 1
  }
  return new Map(identities.map(id => [id, pinned.get(id)!]))
}
