/** What is being painted and with what: the one state of the page; those who show it are told of changes. */
import type { Block } from '../drawing/block.js'
import type { Drawing, Rect } from '../drawing/drawing.js'
import { History } from '../drawing/history.js'
import { paint, type Shape } from '../drawing/shapes.js'

export const TOOLS = {
  brush: { key: 'b', name: 'Brush' },
  eraser: { key: 'e', name: 'Eraser: brings back what the drawing began with' },
  line: { key: 'l', name: 'Line' },
  rectangle: { key: 'r', name: 'Rectangle' },
  ellipse: { key: 'o', name: 'Ellipse' },
  polygon: { key: 'p', name: 'Polygon: click its corners, Enter or the first corner closes it' },
  fill: { key: 'f', name: 'Fill a region' },
  pick: { key: 'i', name: 'Pick the class under the pointer' },
  block: { key: 's', name: 'Place a block' },
  hand: { key: 'h', name: 'Move the view' },
} as const
export type Tool = keyof typeof TOOLS

interface Listener {
  /** Pixels changed. */
  drawn(rect: Rect): void
  /** A step is done, undone or done again. */
  committed(): void
  /** A tool, class or option changed. */
  chosen(): void
}

export class StudioState {
  readonly history: History
  /** What the eraser brings back. */
  #base: Uint8Array
  readonly #listeners: Listener[] = []

  tool: Tool = 'brush'
  classId = 0
  size = 12
  filled = true
  block: Block | undefined
  scale = 1
  flip = false

  constructor(readonly drawing: Drawing) {
    this.history = new History(drawing)
    this.#base = drawing.ids.slice()
  }

  listen(listener: Partial<Listener>): void {
    this.#listeners.push({ drawn() {}, committed() {}, chosen() {}, ...listener })
  }

  choose(
    options: Partial<Pick<StudioState, 'tool' | 'classId' | 'size' | 'filled' | 'block' | 'scale' | 'flip'>>,
  ): void {
    Object.assign(this, options)
    for (const { chosen } of this.#listeners) chosen()
  }

  /** Paint with the class at hand, or with what the drawing began with. */
  paint(shape: Shape, erase = false): void {
    this.#drawn(paint(this.drawing, shape, erase ? this.#base : this.classId))
  }

  /** What was painted since the last commit becomes a step. */
  commit(): void {
    if (this.history.commit()) this.#committed()
  }

  revert(): void {
    this.#drawn(this.history.revert())
  }

  undo(): void {
    this.revert()
    this.#drawn(this.history.undo())
    this.#committed()
  }

  redo(): void {
    this.revert()
    this.#drawn(this.history.redo())
    this.#committed()
  }

  /** A whole new drawing, which can be undone; the eraser brings it back from now on. */
  load(ids: Uint8Array): void {
    this.drawing.ids.set(ids)
    this.#base = ids.slice()
    this.#drawn({ x: 0, y: 0, width: this.drawing.width, height: this.drawing.height })
    this.commit()
  }

  #drawn(rect: Rect | undefined): void {
    if (!rect) return
    for (const { drawn } of this.#listeners) drawn(rect)
  }

  #committed(): void {
    for (const { committed } of this.#listeners) committed()
  }
}
