import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { prep, readTree, temporaryFolder, writePhotos } from '../helpers.js'

const pipeline = (patterns: string): string =>
  JSON.stringify({
    name: 'p',
    steps: [
      { stage: 'glob', patterns: [patterns] },
      { stage: 'resize', size: 64 },
      { stage: 'kmeans', clusters: 5 },
      { stage: 'split' },
      { stage: 'pack', rows_per_shard: 7 },
    ],
  })

async function run(cwd: string, output: string, ...args: string[]): Promise<Map<string, Buffer>> {
  expect(await prep(['run', 'p.yaml', '--set', `output=${output}`, ...args], { cwd })).toMatchObject({ code: 0 })
  return readTree(join(cwd, output, 'dataset'))
}

test('--jobs 1 and --jobs 4 give the same bytes', async () => {
  const cwd = temporaryFolder()
  await writePhotos(join(cwd, 'photos'), 30)
  await writeFile(join(cwd, 'p.yaml'), pipeline('photos/*.jpg'))
  const one = await run(cwd, 'one', '--jobs', '1')
  const four = await run(cwd, 'four', '--jobs', '4')
  expect(one.size).toBeGreaterThan(6)
  expect(four).toEqual(one)
})

test('a run that grew photo by photo equals a fresh one', async () => {
  const cwd = temporaryFolder()
  const photos = await writePhotos(join(cwd, 'later'), 12)
  await mkdir(join(cwd, 'photos'))
  await writeFile(join(cwd, 'p.yaml'), pipeline('photos/*.jpg'))
  for (const [count, some] of [photos.slice(0, 5), photos.slice(5, 6), photos.slice(6)].entries()) {
    for (const path of some) await rename(path, path.replace('later', 'photos'))
    await run(cwd, 'grown')
    expect(count).toBeLessThan(3)
  }
  expect(await run(cwd, 'grown')).toEqual(await run(cwd, 'fresh'))
})
