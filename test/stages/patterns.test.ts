import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { prep, temporaryFolder, writePhotos } from '../helpers.js'

const cwd = temporaryFolder()

async function run(name: string, patterns: readonly string[], output = `runs/${name}`): Promise<number> {
  const steps = [
    { stage: 'glob', patterns },
    { stage: 'resize', size: 16 },
    { stage: 'kmeans', clusters: 3 },
    { stage: 'export' },
  ]
  await writeFile(join(cwd, `${name}.yaml`), JSON.stringify({ name, output, steps }))
  const { code, stdout, stderr } = await prep(['run', `${name}.yaml`, '--json'], { cwd })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return (JSON.parse(stdout.trim().split('\n').at(-1)!) as { samples: number }).samples
}

beforeAll(async () => {
  await writePhotos(join(cwd, 'photos'), 4)
  await writePhotos(join(cwd, 'my photos (2024) [a,b]'), 3)
})

describe('a run never eats what runs have written', () => {
  test.each([
    ['relative', '**/photo-00*.{jpg,png}'],
    ['absolute', `${cwd}/**/photo-00*.{jpg,png}`],
    ['upwards', `../${cwd.split('/').at(-1)}/**/photo-00*.{jpg,png}`],
  ])('%s patterns', async (name, pattern) => {
    const first = await run(name, [pattern])
    expect(first).toBe(7)
    expect(await run(name, [pattern])).toBe(first)
  })

  test('but an output that is named outright may be read', async () => {
    expect(await run('source', ['photos/*.jpg'])).toBe(4)
    expect(await run('second', ['runs/source/export/train/*.jpg'])).toBe(4)
  })
})

test('a folder that exists is taken at its word, whatever characters it has', async () => {
  expect(await run('odd', ['my photos (2024) [a,b]/**/*.jpg'])).toBe(3)
})

test('no two photos share a name, so no result is overwritten', async () => {
  await mkdir(join(cwd, 'names'))
  const [photo] = await writePhotos(join(cwd, 'names-source'), 1)
  const { readFile } = await import('node:fs/promises')
  const bytes = await readFile(photo!)
  for (const name of ['a.jpg', 'a.png', 'a.jpg.png', 'A.JPG', 'contact-sheet.jpg', 'x.jpg', 'x_label.jpg'])
    await writeFile(join(cwd, 'names', name), Buffer.concat([bytes, Buffer.from(name)]))
  expect(await run('names', ['names/*'])).toBe(7)
})
