/**
 * What is measured of a photo for the fit of a palette by scenes, as bytes that are kept: the cells of its grid, and its
 * superpixels where those are what is clustered.
 */
import { type Cells, decodeCells, encodeCells } from './cells.js'
import { sceneOf } from './scene.js'
import { SMOOTHINGS, type Smoothing, smooth } from './smooth.js'
import { measureSuperpixels, type SuperpixelSize } from './superpixels.js'
import type { Units } from './units.js'

/** How a photo is looked at when it is measured, and so when it is labelled. */
export interface Looking {
  /** It is smoothed first; absent: it is taken as it is. */
  readonly smooth?: Smoothing
  /** Superpixels of this size are taken as wholes; absent: pixels are labelled one by one. */
  readonly superpixels?: SuperpixelSize
}

export interface Measured {
  readonly cells: Cells
  /** What is clustered: the superpixels, or else the cells. */
  readonly units: Units
}

/** A photo as it is looked at: smoothed or as it is. Length 3 * width * height, as is `rgb`. */
export const lookAt = (rgb: Uint8Array, width: number, height: number, { smooth: how }: Looking): Uint8Array =>
  how ? smooth(rgb, width, height, SMOOTHINGS[how]) : rgb

/** Measure a photo with all features, whatever they will count. The same bytes for the same pixels. */
export function measureScene(rgb: Uint8Array, width: number, height: number, looking: Looking): Uint8Array {
  const seen = lookAt(rgb, width, height, looking)
  const scene = sceneOf(seen, width, height)
  const cells = scene.cells({ texture: 1 })
  if (looking.superpixels === undefined) return encodeCells(cells)
  return encodeUnits(measureSuperpixels(seen, scene, cells, looking.superpixels).units, cells)
}

/** `PUNI`, version 1; then how many units, and how many bytes of them come before those of the cells. */
const MAGIC = [0x50, 0x55, 0x4e, 0x49, 1]
const HEAD = 16
/** Of each unit: u32 weight, u16 y, then its planes. */
const UNIT = 6

function encodeUnits({ colour, texture, y, weight }: Units, cells: Cells): Uint8Array {
  const planes = [...colour, ...(texture ?? [])]
  const count = y.length
  const size = HEAD + (UNIT + planes.length) * count
  const grid = encodeCells(cells)
  const bytes = new Uint8Array(size + grid.length)
  const view = new DataView(bytes.buffer)
  bytes.set([...MAGIC, planes.length], 0)
  view.setUint32(8, count, true)
  for (let i = 0; i < count; i++) {
    view.setUint32(HEAD + 4 * i, weight[i]!, true)
    view.setUint16(HEAD + 4 * count + 2 * i, Math.round(0xffff * y[i]!), true)
  }
  for (const [i, plane] of planes.entries()) bytes.set(plane, HEAD + (UNIT + i) * count)
  bytes.set(grid, size)
  return bytes
}

/** @throws {RangeError} for other bytes than `measureScene` gives */
export function readMeasured(bytes: Uint8Array): Measured {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    const cells = decodeCells(bytes)
    return { cells, units: cells }
  }
  if (bytes.length < HEAD) throw new RangeError('units: cut short')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const planes = bytes[5]!
  const count = view.getUint32(8, true)
  const size = HEAD + (UNIT + planes) * count
  if ((planes !== 3 && planes !== 5) || bytes.length < size) throw new RangeError('units: cut short')
  const cells = decodeCells(bytes.subarray(size))
  const plane = (i: number): Uint8Array => bytes.subarray(HEAD + (UNIT + i) * count, HEAD + (UNIT + i + 1) * count)
  const column = (value: (i: number) => number): Float64Array =>
    Float64Array.from({ length: count }, (_, i) => value(i))
  const units = {
    colour: [plane(0), plane(1), plane(2)] as const,
    ...(planes === 5 && { texture: [plane(3), plane(4)] as const }),
    weight: column(i => view.getUint32(HEAD + 4 * i, true)),
    y: column(i => view.getUint16(HEAD + 4 * count + 2 * i, true) / 0xffff),
    level: cells.level,
  }
  return { cells, units }
}
