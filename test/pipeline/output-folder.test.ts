import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderIsWhole, openFolder, settleFolder } from '../../src/pipeline/output-folder.js'
import { temporaryFolder } from '../helpers.js'

const folder = join(temporaryFolder(), 'labels')
const items = (key: string) => [
  { file: 'a.png', key },
  { file: 'b.png', key },
]

test('a run that is killed while it makes files leaves no new file under an old key', async () => {
  await mkdir(folder)
  expect(await openFolder(folder, items('old'), false)).toEqual(new Set(['a.png', 'b.png']))
  for (const { file } of items('old')) await writeFile(join(folder, file), 'old')
  await settleFolder(folder, items('old'))
  expect(await folderIsWhole(folder)).toBe(true)
  expect(await openFolder(folder, items('old'), false)).toEqual(new Set())
  expect(await folderIsWhole(folder)).toBe(true)

  // Another run opens the folder for new files, writes one of them, and is killed.
  await openFolder(folder, items('new'), false)
  await writeFile(join(folder, 'a.png'), 'new')

  expect(await folderIsWhole(folder)).toBe(false)
  expect(await openFolder(folder, items('old'), false)).toEqual(new Set(['a.png', 'b.png']))

  // Nor does it leave what no result names any more.
  await settleFolder(folder, [{ file: 'b.png', key: 'old' }])
  expect((await readdir(folder)).sort()).toEqual(['.index.json', 'b.png'])
})
