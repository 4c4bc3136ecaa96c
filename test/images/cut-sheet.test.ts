import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutSheet, hasLayout } from '../../src/images/cut-sheet.js'
import { drawSheet, layoutSheet } from '../../src/images/sheet.js'
import type { Pixels } from '../../src/sample.js'
import { temporaryFolder } from '../helpers.js'

const folder = temporaryFolder()

const pixels = fc
  .record({ width: fc.integer({ min: 1, max: 24 }), height: fc.integer({ min: 1, max: 40 }) })
  .chain(({ width, height }) =>
    fc
      .uint8Array({ minLength: 3 * width * height, maxLength: 3 * width * height })
      .map((data): Pixels => ({ data, width, height, channels: 3 })),
  )

test('pictures as large as their cells come out of a sheet as they went in', async () => {
  const square = (data: Uint8Array): Pixels => ({ data, width: 16, height: 16, channels: 3 })
  const cell = fc.uint8Array({ minLength: 768, maxLength: 768 }).map(square)
  const row = fc.record({
    cells: fc.array(cell, { minLength: 3, maxLength: 3 }),
    caption: fc.option(fc.constant('name'), { nil: undefined }),
  })
  const columns = fc.constantFrom(['input', 'truth', 'prediction'], ['', '', ''])
  const title = fc.option(fc.constant('Epoch 3'), { nil: undefined })
  const path = join(folder, 'sheet.png')
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 3 }), columns, title, async (rows, columns, title) => {
      const sheet = { columns, rows, cellPx: 16, title }
      writeFileSync(path, await drawSheet(sheet))
      const cells = (await cutSheet(path, layoutSheet(sheet)))!
      expect(cells.map(row => row.map(({ data }) => Buffer.from(data)))).toEqual(
        rows.map(({ cells }) => cells.map(({ data }) => Buffer.from(data))),
      )
    }),
    { numRuns: 20 },
  )
})

test('pictures of any shapes lie where the layout says', async () => {
  const path = join(folder, 'shapes.png')
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(pixels, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
      async rows => {
        const sheet = { columns: ['a'], rows: rows.map(cells => ({ cells })), cellPx: 20 }
        const layout = layoutSheet(sheet)
        writeFileSync(path, await drawSheet(sheet))
        expect(await hasLayout(path, layout)).toBe(true)
        const cells = (await cutSheet(path, layout))!
        for (const [r, row] of rows.entries())
          for (const [c, { width, height, data }] of row.entries()) {
            const found = cells[r]![c]!
            if (found.width === width && found.height === height)
              expect(Buffer.from(found.data).equals(data)).toBe(true)
          }
      },
    ),
    { numRuns: 20 },
  )
})

test('what is no such sheet gives nothing', async () => {
  const cells = [{ data: new Uint8Array(768), width: 16, height: 16, channels: 3 as const }]
  const sheet = { columns: ['a'], rows: [{ cells }], cellPx: 16 }
  const path = join(folder, 'other.png')
  writeFileSync(path, await drawSheet({ ...sheet, rows: [...sheet.rows, ...sheet.rows] }))
  expect(await cutSheet(path, layoutSheet(sheet))).toBeUndefined()
  expect(await cutSheet(join(folder, 'missing.png'), layoutSheet(sheet))).toBeUndefined()
  const whole = await drawSheet(sheet)
  writeFileSync(path, whole.subarray(0, whole.length >> 1))
  expect(await cutSheet(path, layoutSheet(sheet))).toBeUndefined()
  writeFileSync(path, 'no picture')
  expect(await cutSheet(path, layoutSheet(sheet))).toBeUndefined()
})
