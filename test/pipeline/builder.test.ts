import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { glob, kmeans, pack, pipeline, readPipeline, resize, split, train } from '../../src/index.js'
import { errorCodes, repoRoot, temporaryFolder } from '../helpers.js'

test('the same pipeline as from YAML', async () => {
  const file = join(temporaryFolder(), 'small.yaml')
  const steps = [
    { stage: 'glob', patterns: ['a/*.jpg'] },
    { stage: 'resize', size: 64 },
    { stage: 'kmeans' },
    { stage: 'split' },
    { stage: 'pack' },
  ]
  await writeFile(file, JSON.stringify({ name: 'small', seed: 7, steps }))
  const built = pipeline('small', { seed: 7 })
    .step(glob, { patterns: ['a/*.jpg'] })
    .step(resize, { size: 64 })
    .step(kmeans, {})
    .step(split, {})
    .step(pack, {})
    .build()
  const read = await readPipeline(file)
  expect({ ...built, file: '' }).toEqual({ ...read, file: '' })
})

test('a step whose inputs are missing does not compile', () => {
  const photos = pipeline('p').step(glob, { patterns: ['a'] })
  // @ts-expect-error pack needs labels and a palette
  photos.step(pack, {})
  // @ts-expect-error training needs a packed data set
  photos.step(kmeans, {}).step(train, {})
  // @ts-expect-error resize needs photos
  pipeline('p').step(resize, {})
  // @ts-expect-error an option of another kind
  expect(() => photos.step(resize, { size: 'big' })).toThrow()
})

test('refused options have codes', async () => {
  expect(await errorCodes(() => pipeline('p').step(glob, { patterns: [] }))).toEqual(['OPTION_OUT_OF_RANGE'])
  expect(
    await errorCodes(() =>
      pipeline('a b')
        .step(glob, { patterns: ['a'] })
        .build(),
    ),
  ).toEqual(['OPTION_OUT_OF_RANGE'])
})

test('every pipeline of the repository parses', async () => {
  for (const name of ['quickstart', 'cityscapes']) {
    const { steps } = await readPipeline(join(repoRoot, `pipelines/${name}.yaml`), { environment: {} })
    expect(steps.at(-1)!.stage.name).toBe('train')
  }
})
