/** The way back from a sheet: its pictures, cut out where `layoutSheet` says that they lie. */
import sharp from 'sharp'
import type { Pixels } from '../sample.js'
import type { SheetLayout } from './sheet.js'

/** Is there a picture of this layout's size? A file that is missing or cannot be read is none. */
export async function hasLayout(path: string, { width, height }: SheetLayout): Promise<boolean> {
  const found = await sharp(path)
    .metadata()
    .catch(() => undefined)
  return found?.width === width && found.height === height
}

/**
 * The pictures of a sheet by row and column, as large as they are shown there.
 *
 * @returns undefined for a file that is no sheet of this layout, is missing or cannot be read
 */
export async function cutSheet(path: string, layout: SheetLayout): Promise<Pixels[][] | undefined> {
  if (!(await hasLayout(path, layout))) return undefined
  const data = await sharp(path)
    .removeAlpha()
    .raw()
    .toBuffer()
    .catch(() => undefined)
  if (data?.length !== 3 * layout.width * layout.height) return undefined
  return layout.places.map(row =>
    row.map(({ x, y, width, height }) => {
      const cell = new Uint8Array(3 * width * height)
      for (let line = 0; line < height; line += 1) {
        const from = 3 * ((y + line) * layout.width + x)
        cell.set(data.subarray(from, from + 3 * width), 3 * line * width)
      }
      return { data: cell, width, height, channels: 3 as const }
    }),
  )
}
