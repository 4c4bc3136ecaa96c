/** A drawing: label ids, never colours, so that what the net is given is exactly what was painted. */

export interface Drawing {
  readonly width: number
  readonly height: number
  /** Row-major, length width * height; the truth that canvases show. */
  readonly ids: Uint8Array
}

/** Whole pixels: columns x..x+width-1, rows y..y+height-1. */
export interface Rect {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Point {
  readonly x: number
  readonly y: number
}

export function blankDrawing(width: number, height: number, id: number): Drawing {
  return { width, height, ids: new Uint8Array(width * height).fill(id) }
}
