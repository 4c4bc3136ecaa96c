/** Blocks: outlines to place as stamps, cut out of training labels or drawn by the few shapes that everyone needs. */
import type { Point } from './drawing.js'
import { ellipse, polygon, rectangle, type Shape } from './shapes.js'

export interface Block {
  readonly width: number
  readonly height: number
  /** 1 where the block is, row-major, length width * height. */
  readonly mask: Uint8Array
}

export interface Placing {
  /** The middle of the block. */
  readonly at: Point
  /** Times its own size; a pixel at least is left of either side. */
  readonly scale: number
  readonly flip: boolean
}

/** The block as a shape, scaled by nearest neighbour at pixel centres. */
export function place({ width, height, mask }: Block, { at, scale, flip }: Placing): Shape {
  const columns = Math.max(1, Math.round(width * scale))
  const rows = Math.max(1, Math.round(height * scale))
  const [left, top] = [Math.round(at.x - columns / 2), Math.round(at.y - rows / 2)]
  const source = (i: number, of: number, count: number): number => Math.floor(((2 * i + 1) * of) / (2 * count))
  const column = (x: number): number => source(flip ? columns - 1 - x : x, width, columns)
  return span => {
    for (let y = 0; y < rows; y++) {
      const row = source(y, height, rows) * width
      for (let x = 0; x < columns; ) {
        if (mask[row + column(x)] === 0) {
          x++
          continue
        }
        const from = x
        while (x < columns && mask[row + column(x)] === 1) x++
        span(top + y, left + from, left + x)
      }
    }
  }
}

/** A mask as lengths of runs, row after row, beginning with what is not the block: how blocks cross the wire. */
export function encodeRuns(mask: Uint8Array): number[] {
  const runs: number[] = []
  let value = 0
  let start = 0
  for (let i = 0; i <= mask.length; i++)
    if (i === mask.length || mask[i] !== value) {
      runs.push(i - start)
      start = i
      value = 1 - value
    }
  return runs
}

/** @throws {RangeError} when the runs are not `length` pixels long */
export function decodeRuns(runs: readonly number[], length: number): Uint8Array {
  const mask = new Uint8Array(length)
  let at = 0
  runs.forEach((run, i) => {
    if (!Number.isInteger(run) || run < 0 || at + run > length) throw new RangeError(`runs beyond ${length} pixels`)
    if (i % 2 === 1) mask.fill(1, at, at + run)
    at += run
  })
  if (at !== length) throw new RangeError(`runs of ${at} pixels, expected ${length}`)
  return mask
}

/** Shapes that stand ready whatever a net was trained on, drawn in a square of `side` pixels. */
export function builtInBlocks(side: number): readonly (Block & { readonly name: string })[] {
  const at = (x: number, y: number): Point => ({ x: x * side, y: y * side })
  const points = (...xy: readonly (readonly [number, number])[]): Point[] => xy.map(([x, y]) => at(x, y))
  const shapes: Readonly<Record<string, readonly Shape[]>> = {
    house: [polygon(points([0.1, 0.45], [0.5, 0.05], [0.9, 0.45])), rectangle(at(0.18, 0.45), at(0.82, 1))],
    tower: [rectangle(at(0.3, 0), at(0.7, 1))],
    tree: [ellipse(at(0.12, 0), at(0.88, 0.66)), rectangle(at(0.44, 0.6), at(0.56, 1))],
    fir: [polygon(points([0.5, 0], [0.85, 0.85], [0.15, 0.85])), rectangle(at(0.44, 0.8), at(0.56, 1))],
    pole: [rectangle(at(0.47, 0.08), at(0.53, 1)), ellipse(at(0.38, 0), at(0.62, 0.16))],
    car: [
      polygon(points([0.2, 0.6], [0.32, 0.38], [0.7, 0.38], [0.84, 0.6])),
      rectangle(at(0.05, 0.58), at(0.95, 0.8)),
      ellipse(at(0.16, 0.7), at(0.36, 0.9)),
      ellipse(at(0.64, 0.7), at(0.84, 0.9)),
    ],
    road: [polygon(points([0.42, 0], [0.58, 0], [1, 1], [0, 1]))],
    disc: [ellipse(at(0, 0), at(1, 1))],
  }
  return Object.entries(shapes).map(([name, parts]) => ({ name, ...blockOf(parts, side) }))
}

/** What shapes cover of a square, cropped to it. */
function blockOf(shapes: readonly Shape[], side: number): Block {
  const mask = new Uint8Array(side * side)
  let [left, right, top, bottom] = [side, 0, side, 0]
  for (const shape of shapes)
    shape((y, from, to) => {
      if (y < 0 || y >= side) return
      const [start, end] = [Math.max(0, from), Math.min(side, to)]
      mask.fill(1, y * side + start, y * side + end)
      left = Math.min(left, start)
      right = Math.max(right, end)
      top = Math.min(top, y)
      bottom = Math.max(bottom, y + 1)
    })
  const [width, height] = [right - left, bottom - top]
  const cropped = new Uint8Array(width * height)
  for (let y = 0; y < height; y++) {
    const row = (top + y) * side + left
    cropped.set(mask.subarray(row, row + width), y * width)
  }
  return { width, height, mask: cropped }
}
