import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { prep, readTree, repoRoot, temporaryFolder } from './helpers.js'

const cases = join(repoRoot, 'fixtures/cases')
const names = readdirSync(cases, { withFileTypes: true }).flatMap(entry => (entry.isDirectory() ? [entry.name] : []))

const pixels = (bytes: Buffer) => sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true })

test.each(names)('fixtures/cases/%s comes out as expected', async name => {
  const folder = temporaryFolder()
  cpSync(join(cases, name), folder, { recursive: true })
  const { code, stderr } = await prep(['run', 'pipeline.yaml'], { cwd: folder })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const expected = await readTree(join(folder, 'expected'))
  expect(expected.size).toBeGreaterThan(0)
  for (const [file, bytes] of expected) {
    const found = readFileSync(join(folder, 'out', file))
    if (file.endsWith('.json')) expect(JSON.parse(found.toString()), file).toMatchObject(JSON.parse(bytes.toString()))
    else if (file.endsWith('.png')) {
      const [a, b] = [await pixels(found), await pixels(bytes)]
      expect([a.info.width, a.info.height], file).toEqual([b.info.width, b.info.height])
      expect(a.data.equals(b.data), `pixels of ${file}`).toBe(true)
    } else expect(found.equals(bytes), file).toBe(true)
  }
})
