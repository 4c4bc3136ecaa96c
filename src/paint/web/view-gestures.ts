/** Moving the view over one pane: drags, the wheel, and two fingers. What else pointers mean is left to those who paint. */
import type { Canvases } from './canvas.js'

export class ViewGestures {
  readonly #pointers = new Map<number, PointerEvent>()
  #panning = false

  constructor(
    readonly pane: HTMLElement,
    readonly canvases: Canvases,
  ) {
    pane.addEventListener('wheel', event => this.#wheel(event), { passive: false })
  }

  /** Pointers that are down. */
  get pointers(): number {
    return this.#pointers.size
  }

  /** @param pans  whether one pointer alone drags the view @returns whether the view is what it moves */
  down(event: PointerEvent, pans: boolean): boolean {
    this.pane.setPointerCapture(event.pointerId)
    this.#pointers.set(event.pointerId, event)
    if (this.pointers === 1) this.#panning = pans
    return this.#panning || this.pointers > 1
  }

  /** @returns whether the view is what it moved */
  move(event: PointerEvent): boolean {
    const before = this.#pointers.get(event.pointerId)
    if (!before) return false
    this.#pointers.set(event.pointerId, event)
    if (this.pointers === 2) this.#pinch(before, event)
    else if (this.#panning) this.canvases.pan(event.clientX - before.clientX, event.clientY - before.clientY)
    return this.#panning || this.pointers > 1
  }

  up(event: PointerEvent): void {
    this.#pointers.delete(event.pointerId)
  }

  #pinch(before: PointerEvent, now: PointerEvent): void {
    const other = [...this.#pointers.values()].find(({ pointerId }) => pointerId !== now.pointerId)!
    const distance = (event: PointerEvent): number =>
      Math.hypot(event.clientX - other.clientX, event.clientY - other.clientY)
    // where it was: what lies there then follows to where it is
    const middle = { clientX: (before.clientX + other.clientX) / 2, clientY: (before.clientY + other.clientY) / 2 }
    if (distance(before) > 0) this.canvases.zoom(distance(now) / distance(before), { at: middle, pane: this.pane })
    this.canvases.pan((now.clientX - before.clientX) / 2, (now.clientY - before.clientY) / 2)
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault()
    if (event.shiftKey) this.canvases.pan(-event.deltaY || -event.deltaX, 0)
    else this.canvases.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), { at: event, pane: this.pane })
  }
}

/** A pane that shows and is not painted on. */
export function moveViewOn(pane: HTMLElement, canvases: Canvases): void {
  const view = new ViewGestures(pane, canvases)
  pane.addEventListener('pointerdown', event => view.down(event, true))
  pane.addEventListener('pointermove', event => view.move(event))
  for (const end of ['pointerup', 'pointercancel'] as const) pane.addEventListener(end, event => view.up(event))
}
