/** Undo and redo: what changed between two moments, as the bytes of one rectangle before and after. */
import type { Drawing, Rect } from './drawing.js'

interface Change {
  readonly rect: Rect
  readonly before: Uint8Array
  readonly after: Uint8Array
}

/** Changes kept, in bytes: hundreds of strokes, or sixteen drawings of 1024x1024 as a whole. */
const KEPT_BYTES = 32 * 2 ** 20

export class History {
  #done: Change[] = []
  #undone: Change[] = []
  #bytes = 0
  /** The ids at the last `commit`, `undo` or `redo`. */
  #last: Uint8Array

  constructor(
    readonly drawing: Drawing,
    readonly keptBytes = KEPT_BYTES,
  ) {
    this.#last = drawing.ids.slice()
  }

  get canUndo(): boolean {
    return this.#done.length > 0
  }

  get canRedo(): boolean {
    return this.#undone.length > 0
  }

  /**
   * Make all that was painted since the last commit one step. Nothing painted is no step.
   * @returns the rectangle that changed
   */
  commit(): Rect | undefined {
    const rect = difference(this.drawing, this.#last)
    if (!rect) return undefined
    const change = {
      rect,
      before: cut(this.drawing, this.#last, rect),
      after: cut(this.drawing, this.drawing.ids, rect),
    }
    this.#done.push(change)
    this.#bytes += bytesOf(change)
    for (const undone of this.#undone) this.#bytes -= bytesOf(undone)
    this.#undone = []
    while (this.#bytes > this.keptBytes && this.#done.length > 1) this.#bytes -= bytesOf(this.#done.shift()!)
    this.#last = this.drawing.ids.slice()
    return rect
  }

  /** Take back what was painted since the last commit. */
  revert(): Rect | undefined {
    const rect = difference(this.drawing, this.#last)
    this.drawing.ids.set(this.#last)
    return rect
  }

  undo(): Rect | undefined {
    const change = this.#done.pop()
    if (!change) return undefined
    this.#undone.push(change)
    return this.#put(change.rect, change.before)
  }

  redo(): Rect | undefined {
    const change = this.#undone.pop()
    if (!change) return undefined
    this.#done.push(change)
    return this.#put(change.rect, change.after)
  }

  #put(rect: Rect, bytes: Uint8Array): Rect {
    this.drawing.ids.set(this.#last)
    for (let row = 0; row < rect.height; row++)
      this.drawing.ids.set(
        bytes.subarray(row * rect.width, (row + 1) * rect.width),
        (rect.y + row) * this.drawing.width + rect.x,
      )
    this.#last = this.drawing.ids.slice()
    return rect
  }
}

const bytesOf = ({ before, after }: Change): number => before.length + after.length

/** The smallest rectangle that holds all differences. */
function difference({ width, height, ids }: Drawing, other: Uint8Array): Rect | undefined {
  let [left, right, top, bottom] = [width, 0, height, 0]
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at++) {
      if (ids[at] === other[at]) continue
      left = Math.min(left, x)
      right = Math.max(right, x + 1)
      top = Math.min(top, y)
      bottom = y + 1
    }
  return left < right ? { x: left, y: top, width: right - left, height: bottom - top } : undefined
}

function cut({ width }: Drawing, ids: Uint8Array, rect: Rect): Uint8Array {
  const bytes = new Uint8Array(rect.width * rect.height)
  for (let row = 0; row < rect.height; row++) {
    const from = (rect.y + row) * width + rect.x
    bytes.set(ids.subarray(from, from + rect.width), row * rect.width)
  }
  return bytes
}
