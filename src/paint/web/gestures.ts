/** Pointers and keys on the drawing become shapes: one gesture, one step of undo. */
import { place } from '../drawing/block.js'
import type { Point } from '../drawing/drawing.js'
import { region } from '../drawing/flood.js'
import {
  disc,
  ellipse,
  ellipseOutline,
  line,
  outline,
  polygon,
  rectangle,
  rectangleOutline,
  type Shape,
  snap,
} from '../drawing/shapes.js'
import type { Canvases } from './canvas.js'
import type { StudioState, Tool } from './studio-state.js'
import { moveViewOn, ViewGestures } from './view-gestures.js'

type Colour = readonly [number, number, number]

export class Gestures {
  readonly #view: ViewGestures
  #start: Point | undefined
  #last: Point | undefined
  #corners: Point[] = []
  /** What a finger will do once it is lifted, unless a second one comes. */
  #touched: Tool | undefined
  #space = false
  /** Where the pointer, or the cursor of the arrow keys, is. */
  #cursor: Point

  constructor(
    readonly state: StudioState,
    readonly canvases: Canvases,
    readonly colours: readonly Colour[],
    readonly moved: (at: Point | undefined) => void,
  ) {
    const { pane } = canvases
    this.#cursor = { x: Math.floor(state.drawing.width / 2) + 0.5, y: Math.floor(state.drawing.height / 2) + 0.5 }
    pane.addEventListener('pointerdown', event => this.#down(event))
    pane.addEventListener('pointermove', event => this.#move(event))
    pane.addEventListener('pointerup', event => this.#up(event))
    pane.addEventListener('pointercancel', event => this.#cancel(event))
    pane.addEventListener('pointerleave', () => this.#leave())
    pane.addEventListener('dblclick', () => this.closePolygon())
    pane.addEventListener('contextmenu', event => event.preventDefault())
    pane.addEventListener('keydown', event => this.#key(event))
    this.#view = new ViewGestures(pane, canvases)
    moveViewOn(canvases.photoPane, canvases)
    window.addEventListener('keyup', event => {
      if (event.key === ' ') this.#space = false
    })
    state.listen({ chosen: () => this.#chosen() })
  }

  holdSpace(): void {
    this.#space = true
  }

  /** Drop what has been begun. @returns whether there was anything */
  cancel(): boolean {
    const begun = this.#start !== undefined || this.#corners.length > 0
    this.#corners = []
    this.#drop()
    return begun
  }

  /** What a pointer has begun was not meant; corners that were set before were. */
  #drop(): void {
    if (this.#start) this.state.revert()
    this.#start = undefined
    this.#touched = undefined
    this.#preview()
  }

  closePolygon(): void {
    const corners = this.#corners
    this.#corners = []
    if (corners.length >= 3) {
      this.state.paint(this.#polygonOf(corners))
      this.state.commit()
    }
    this.#preview()
  }

  #down(event: PointerEvent): void {
    this.canvases.pane.focus({ preventScroll: true })
    const { tool } = this.state
    const pans = event.button === 1 || this.#space || tool === 'hand'
    if (this.#view.down(event, pans)) {
      // a second finger zooms
      if (this.#view.pointers === 2) this.#drop()
      return
    }
    if (event.button !== 0 && event.button !== 2) return
    if (event.pointerType === 'touch' && AT_ONCE.includes(tool)) {
      this.#touched = tool
      this.#cursor = this.canvases.at(event)
      this.#preview()
    } else this.#begin(this.canvases.at(event), event.button === 2 || event.altKey ? 'pick' : tool)
  }

  #begin(at: Point, tool: Tool): void {
    if (tool === 'hand') return
    this.#cursor = at
    const { state } = this
    const { ids, width, height } = state.drawing
    const [x, y] = [Math.floor(at.x), Math.floor(at.y)]
    const inside = x >= 0 && y >= 0 && x < width && y < height
    if (tool === 'pick') {
      if (inside) state.choose({ classId: ids[y * width + x]! })
    } else if (tool === 'fill') {
      state.paint(region(state.drawing, x, y))
      state.commit()
    } else if (tool === 'block') {
      if (!state.block) return
      state.paint(place(state.block, { at, scale: state.scale, flip: state.flip }))
      state.commit()
    } else if (tool === 'polygon') {
      const [first] = this.#corners
      if (first && this.#corners.length >= 3 && Math.hypot(first.x - at.x, first.y - at.y) < Math.max(2, width / 64))
        this.closePolygon()
      else {
        this.#corners.push(at)
        this.#preview()
      }
    } else {
      this.#start = at
      this.#last = at
      if (tool === 'brush' || tool === 'eraser') this.#stroke(at, at)
      this.#preview()
    }
  }

  #move(event: PointerEvent): void {
    if (this.#view.move(event)) return
    const { tool } = this.state
    if (this.#start && (tool === 'brush' || tool === 'eraser')) {
      const coalesced = event.getCoalescedEvents?.() ?? []
      for (const each of [...coalesced, event]) {
        const at = this.canvases.at(each)
        this.#stroke(this.#last!, at)
        this.#last = at
      }
    }
    this.#cursor = this.canvases.at(event)
    this.#preview(event)
    this.moved(this.#cursor)
  }

  #up(event: PointerEvent): void {
    this.#view.up(event)
    const touched = this.#touched
    this.#touched = undefined
    if (touched) this.#begin(this.canvases.at(event), touched)
    if (!this.#start) return
    const { tool } = this.state
    if (tool !== 'brush' && tool !== 'eraser')
      this.state.paint(this.#dragged(this.#start, this.canvases.at(event), event))
    this.#start = undefined
    this.state.commit()
    this.#preview()
  }

  #cancel(event: PointerEvent): void {
    this.#view.up(event)
    this.#drop()
  }

  #leave(): void {
    this.moved(undefined)
    if (!this.#start && this.#corners.length === 0) this.canvases.preview()
  }

  #stroke(from: Point, to: Point): void {
    const { size, tool } = this.state
    this.state.paint(line(snap(from, size), snap(to, size), size), tool === 'eraser')
  }

  /** What line, rectangle and ellipse come to; with Shift as long as wide, lines by eighths of a turn. */
  #dragged(from: Point, to: Point, { shiftKey }: { shiftKey: boolean }): Shape {
    const { tool, size, filled } = this.state
    if (tool === 'line') {
      const end = shiftKey ? eighth(from, to) : to
      return line(snap(from, size), snap(end, size), size)
    }
    const side = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y))
    const corner = shiftKey
      ? { x: from.x + side * Math.sign(to.x - from.x || 1), y: from.y + side * Math.sign(to.y - from.y || 1) }
      : to
    const [a, b] = [
      { x: Math.floor(Math.min(from.x, corner.x)), y: Math.floor(Math.min(from.y, corner.y)) },
      { x: Math.ceil(Math.max(from.x, corner.x)), y: Math.ceil(Math.max(from.y, corner.y)) },
    ]
    if (tool === 'ellipse') return filled ? ellipse(a, b) : ellipseOutline(a, b, size)
    return filled ? rectangle(a, b) : rectangleOutline(a, b, size)
  }

  #polygonOf(corners: readonly Point[]): Shape {
    return this.state.filled ? polygon(corners) : outline(corners, this.state.size)
  }

  #preview(event: { shiftKey: boolean } = { shiftKey: false }): void {
    const { state } = this
    const { tool, size, block, scale, flip, classId } = state
    const at = this.#cursor
    const shape = ((): Shape | undefined => {
      if (this.#corners.length > 0) {
        const corners = [...this.#corners, at]
        return corners.length >= 3 ? this.#polygonOf(corners) : line(corners[0]!, at, 1)
      }
      if (tool === 'block' && block) return place(block, { at, scale, flip })
      if (tool === 'brush' || tool === 'eraser' || (tool === 'line' && !this.#start)) return disc(snap(at, size), size)
      if (this.#start) return this.#dragged(this.#start, at, event)
      if (tool === 'hand') return undefined
      return disc(snap(at, 1), 1)
    })()
    this.canvases.preview(shape, this.colours[classId])
  }

  /** Without a pointer: arrows move the cursor, Enter does what a click would; for lines and boxes it begins, then ends. */
  #key(event: KeyboardEvent): void {
    const step = event.shiftKey ? 10 : 1
    const [dx, dy] = ARROWS[event.key] ?? [0, 0]
    const { width, height } = this.state.drawing
    if (dx !== 0 || dy !== 0) {
      event.preventDefault()
      const clip = (value: number, to: number): number => Math.min(to - 0.5, Math.max(0.5, value))
      this.#cursor = { x: clip(this.#cursor.x + dx * step, width), y: clip(this.#cursor.y + dy * step, height) }
      this.#preview()
      this.moved(this.#cursor)
    } else if (event.key === 'Enter') {
      event.preventDefault()
      if (this.#view.pointers > 0) return
      const { tool } = this.state
      if (this.#start) {
        this.state.paint(this.#dragged(this.#start, this.#cursor, event))
        this.#start = undefined
        this.state.commit()
      } else {
        const last = this.#corners.at(-1)
        if (last && last.x === this.#cursor.x && last.y === this.#cursor.y) this.closePolygon()
        else this.#begin(this.#cursor, tool)
        if (tool === 'brush' || tool === 'eraser') {
          this.#start = undefined
          this.state.commit()
        }
      }
      this.#preview()
    }
  }

  #tool: Tool = 'brush'

  #chosen(): void {
    if (this.state.tool !== this.#tool) this.cancel()
    this.#tool = this.state.tool
    this.canvases.pane.dataset.tool = this.#tool
  }
}

/** Tools that do all they do where a pointer goes down. */
const AT_ONCE: readonly Tool[] = ['fill', 'block', 'polygon', 'pick']

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

function eighth(from: Point, to: Point): Point {
  const angle = Math.round(Math.atan2(to.y - from.y, to.x - from.x) / (Math.PI / 4)) * (Math.PI / 4)
  const length = Math.hypot(to.x - from.x, to.y - from.y)
  return { x: from.x + length * Math.cos(angle), y: from.y + length * Math.sin(angle) }
}
