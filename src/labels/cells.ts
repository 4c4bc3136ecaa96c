/**
 * What a photo's labels are fitted on: a grid of cells, each with its colour and its texture in bytes, so that what many
 * photos say can be kept small and merged in any order.
 */
import type { Units } from './units.js'

/** Cells along the shorter side: 8 px each at 512. Larger photos have larger cells, and so the same features. */
const CELLS = 64
/** Cells along a side at most: what the bytes of cells can hold. */
const MOST_CELLS = 0xffff

export interface Grid {
  /** Pixels along each side of a cell; those at the right and lower borders may be narrower. */
  readonly cell: number
  readonly columns: number
  readonly rows: number
}

/** Cells of this many pixels and more have an even number of them, so that they are whole at half size. */
export const EVEN_CELL = 4

export function gridOf(width: number, height: number): Grid {
  const least = Math.max(
    1,
    Math.round(Math.min(width, height) / CELLS),
    Math.ceil(Math.max(width, height) / MOST_CELLS),
  )
  const cell = least < EVEN_CELL ? least : least + (least & 1)
  return { cell, columns: Math.ceil(width / cell), rows: Math.ceil(height / cell) }
}

/** What the cells of a grid say of the pixels in them besides their own colour: all that labelling asks of cells. */
export interface Surroundings extends Grid, Pick<Units, 'texture' | 'level'> {}

/** Units that are the cells of a grid, row by row, all of one weight. */
export interface Cells extends Surroundings, Units {}

/** The place of a row of cells, 0 at the top to 1 at the bottom. */
export const yOf = (row: number, rows: number): number => (row + 0.5) / rows

/** Cells from what was measured of each. */
export function cellsOn(around: Surroundings, colour: Units['colour']): Cells {
  const { columns, rows } = around
  const y = new Float64Array(columns * rows)
  for (let row = 0; row < rows; row++) y.fill(yOf(row, rows), row * columns, (row + 1) * columns)
  return { ...around, colour, y, weight: new Float64Array(y.length).fill(1) }
}

/** `PCEL`, version 1. */
const MAGIC = [0x50, 0x43, 0x45, 0x4c, 1]
const HEAD = 16

/** Cells as bytes: the same bytes for the same cells. */
export function encodeCells({ cell, columns, rows, colour, texture, level }: Cells): Uint8Array {
  const planes = [...colour, ...(texture ?? [])]
  const bytes = new Uint8Array(HEAD + planes.length * columns * rows)
  const view = new DataView(bytes.buffer)
  bytes.set([...MAGIC, planes.length, level], 0)
  view.setUint16(8, cell, true)
  view.setUint16(10, columns, true)
  view.setUint16(12, rows, true)
  for (const [i, plane] of planes.entries()) bytes.set(plane, HEAD + i * columns * rows)
  return bytes
}

/** @throws {RangeError} for other bytes than `encodeCells` gives */
export function decodeCells(bytes: Uint8Array): Cells {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < HEAD || MAGIC.some((byte, i) => bytes[i] !== byte)) throw new RangeError('cells: unknown format')
  const [planes, level] = [bytes[5]!, bytes[6]!]
  const [cell, columns, rows] = [view.getUint16(8, true), view.getUint16(10, true), view.getUint16(12, true)]
  const size = columns * rows
  if ((planes !== 3 && planes !== 5) || bytes.length !== HEAD + planes * size) throw new RangeError('cells: cut short')
  const plane = (i: number): Uint8Array => bytes.subarray(HEAD + i * size, HEAD + (i + 1) * size)
  const texture = planes === 5 ? { texture: [plane(3), plane(4)] as const } : {}
  return cellsOn({ cell, columns, rows, level, ...texture }, [plane(0), plane(1), plane(2)])
}
