/** Pointers and keys on the drawing become shapes: one gesture, one step of undo. */
import { place } from '../drawing/block.js'
import type { Point } from '../drawing/drawing.js'
import { region } from '../drawing/flood.js'
import { disc, ellipse, line, polygon, rectangle, type Shape, snap } from '../drawing/shapes.js'
import type { Canvases } from './canvas.js'
import type { StudioState, Tool } from './studio-state.js'

type Colour = readonly [number, number, number]

export class Gestures {
  readonly #pointers = new Map<number, PointerEvent>()
  #start: Point | undefined
  #last: Point | undefined
  #corners: Point[] = []
  #panning = false
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
    for (const wheeled of [pane, document.getElementById('photo-pane')!])
      wheeled.addEventListener('wheel', event => this.#wheel(event), { passive: false })
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
    if (this.#start) this.state.revert()
    this.#start = undefined
    this.#corners = []
    this.#preview()
    return begun
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
    this.canvases.pane.setPointerCapture(event.pointerId)
    this.#pointers.set(event.pointerId, event)
    // a second finger zooms: what the first one began was not meant
    if (this.#pointers.size === 2) {
      this.cancel()
      return
    }
    if (this.#pointers.size > 2) return
    const { tool } = this.state
    if (event.button === 1 || this.#space || tool === 'hand') {
      this.#panning = true
      return
    }
    if (event.button !== 0 && event.button !== 2) return
    this.#begin(this.canvases.at(event), event.button === 2 ? 'pick' : event.altKey ? 'pick' : tool)
  }

  #begin(at: Point, tool: Tool): void {
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
      else this.#preview()
    }
  }

  #move(event: PointerEvent): void {
    const before = this.#pointers.get(event.pointerId)
    if (before) this.#pointers.set(event.pointerId, event)
    if (this.#pointers.size === 2 && before) {
      this.#pinch(before, event)
      return
    }
    if (this.#panning && before) {
      this.canvases.pan(event.clientX - before.clientX, event.clientY - before.clientY)
      return
    }
    for (const each of this.#start ? (event.getCoalescedEvents?.() ?? []) : []) this.#drag(this.canvases.at(each))
    this.#drag(this.canvases.at(event))
    this.moved(this.#cursor)
  }

  #drag(at: Point): void {
    this.#cursor = at
    const { tool } = this.state
    if (this.#start && (tool === 'brush' || tool === 'eraser')) {
      this.#stroke(this.#last!, at)
      this.#last = at
    } else this.#preview()
  }

  #up(event: PointerEvent): void {
    this.#pointers.delete(event.pointerId)
    this.#panning = false
    if (!this.#start) return
    const { tool } = this.state
    if (tool !== 'brush' && tool !== 'eraser')
      this.state.paint(this.#dragged(this.#start, this.canvases.at(event), event))
    this.#start = undefined
    this.state.commit()
    this.#preview()
  }

  #cancel(event: PointerEvent): void {
    this.#pointers.delete(event.pointerId)
    this.#panning = false
    this.cancel()
  }

  #leave(): void {
    this.moved(undefined)
    if (!this.#start && this.#corners.length === 0) this.canvases.preview()
  }

  #stroke(from: Point, to: Point): void {
    const { size, tool } = this.state
    this.state.paint(line(snap(from, size), snap(to, size), size), tool === 'eraser')
    this.#preview()
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
    if (tool === 'ellipse') return filled ? ellipse(a, b) : outline(ellipsePoints(a, b), size)
    const corners = [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }]
    return filled ? rectangle(a, b) : outline(corners, size)
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

  #pinch(before: PointerEvent, now: PointerEvent): void {
    const other = [...this.#pointers.values()].find(({ pointerId }) => pointerId !== now.pointerId)!
    const distance = (event: PointerEvent): number =>
      Math.hypot(event.clientX - other.clientX, event.clientY - other.clientY)
    const middle = { clientX: (now.clientX + other.clientX) / 2, clientY: (now.clientY + other.clientY) / 2 }
    if (distance(before) > 0) this.canvases.zoom(distance(now) / distance(before), middle)
    this.canvases.pan((now.clientX - before.clientX) / 2, (now.clientY - before.clientY) / 2)
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault()
    if (event.shiftKey) this.canvases.pan(-event.deltaY || -event.deltaX, 0)
    else this.canvases.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), event)
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

/** A closed line around corners. */
function outline(corners: readonly Point[], size: number): Shape {
  const sides = corners.map((corner, i) =>
    line(snap(corner, size), snap(corners[(i + 1) % corners.length]!, size), size),
  )
  return span => {
    for (const side of sides) side(span)
  }
}

function ellipsePoints(a: Point, b: Point): Point[] {
  const steps = 96
  return Array.from({ length: steps }, (_, i) => ({
    x: (a.x + b.x) / 2 + ((b.x - a.x) / 2) * Math.cos((2 * Math.PI * i) / steps),
    y: (a.y + b.y) / 2 + ((b.y - a.y) / 2) * Math.sin((2 * Math.PI * i) / steps),
  }))
}
