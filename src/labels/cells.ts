/**
 * What a photo's labels are fitted on: a grid of cells, each with its colour and its texture in bytes, so that what many
 * photos say can be kept small and merged in any order.
 */
import type { Features } from './features.js'

/** Cells along the shorter side: 8 px each at 512. Larger photos have larger cells, and so the same features. */
const CELLS = 64

export interface Grid {
  /** Pixels along each side of a cell; those at the right and lower borders may be narrower. */
  readonly cell: number
  readonly columns: number
  readonly rows: number
}

export function gridOf(width: number, height: number): Grid {
  const cell = Math.max(1, Math.round(Math.min(width, height) / CELLS))
  return { cell, columns: Math.ceil(width / cell), rows: Math.ceil(height / cell) }
}

/** Bytes of each cell, row by row. */
export interface Cells extends Grid {
  /** Means of the planes: 255 L, 128 + 512 a, 128 + 512 b. */
  readonly colour: readonly [Uint8Array, Uint8Array, Uint8Array]
  /** 255 h and 255 v; absent when they were not asked for. */
  readonly texture?: readonly [Uint8Array, Uint8Array]
  /** The mean of 255 L over the photo. */
  readonly level: number
}

/** The place of a row of cells, 0 at the top to 1 at the bottom. */
export const yOf = (row: number, rows: number): number => (row + 0.5) / rows

/**
 * Where the cells lie in the space that is clustered: for each coordinate of a centroid a column, not weighted.
 */
export function placesOf({ columns, rows, colour, texture, level }: Cells, features: Features): Float64Array[] {
  const size = columns * rows
  const column = (value: (i: number) => number): Float64Array => {
    const values = new Float64Array(size)
    for (let i = 0; i < size; i++) values[i] = value(i)
    return values
  }
  const [L, a, b] = colour
  const shift = Math.round(features.exposure * level)
  return [
    column(i => (L[i]! - shift) / 255),
    column(i => (a[i]! - 128) / 512),
    column(i => (b[i]! - 128) / 512),
    ...(features.position ? [column(i => yOf(Math.floor(i / columns), rows))] : []),
    ...(features.texture ? (texture ?? missing()).map(plane => column(i => plane[i]! / 255)) : []),
  ]
}

const missing = (): readonly Uint8Array[] => {
  throw new RangeError('these cells have no texture')
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
  return { cell, columns, rows, colour: [plane(0), plane(1), plane(2)], level, ...texture }
}
