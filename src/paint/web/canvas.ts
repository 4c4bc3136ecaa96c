/** The canvases: ids shown in their colours, the photo, and over the drawing what a tool is about to do. */
import type { Drawing, Point, Rect } from '../drawing/drawing.js'
import type { Shape } from '../drawing/shapes.js'
import { fitted, keepInSight, pan, toDrawing, type View, zoomAbout } from '../drawing/view.js'
import { element } from './page.js'

type Colour = readonly [number, number, number]

export class Canvases {
  readonly pane = element('drawing-pane')
  readonly photoPane = element('photo-pane')
  readonly #drawing = element<HTMLCanvasElement>('drawing')
  readonly #overlay = element<HTMLCanvasElement>('overlay')
  readonly #photo = element<HTMLCanvasElement>('photo')
  #view: View = { zoom: 1, x: 0, y: 0 }
  #whole = true

  constructor(
    readonly drawing: Drawing,
    readonly colours: readonly Colour[],
  ) {
    const { width, height } = drawing
    for (const canvas of [this.#drawing, this.#overlay, this.#photo]) Object.assign(canvas, { width, height })
    // the one place of the page that is drawn on by keys
    this.pane.tabIndex = 0
    new ResizeObserver(() => this.#resized()).observe(element('panes'))
    this.#resized()
  }

  get photo(): HTMLCanvasElement {
    return this.#photo
  }

  get labels(): HTMLCanvasElement {
    return this.#drawing
  }

  /** Show ids anew, all or those of a rectangle. */
  show(rect: Rect = { x: 0, y: 0, ...sizeOf(this.drawing) }): void {
    const image = new ImageData(rect.width, rect.height)
    const { ids, width } = this.drawing
    for (let y = 0, to = 0; y < rect.height; y++)
      for (let x = 0; x < rect.width; x++, to += 4) {
        const [r, g, b] = this.colours[ids[(rect.y + y) * width + rect.x + x]!]!
        image.data[to] = r
        image.data[to + 1] = g
        image.data[to + 2] = b
        image.data[to + 3] = 255
      }
    this.#drawing.getContext('2d')!.putImageData(image, rect.x, rect.y)
  }

  showPhoto({ width, height, rgb }: { width: number; height: number; rgb: Uint8Array }): void {
    const image = new ImageData(width, height)
    for (let i = 0, from = 0; i < image.data.length; i += 4, from += 3) {
      image.data[i] = rgb[from]!
      image.data[i + 1] = rgb[from + 1]!
      image.data[i + 2] = rgb[from + 2]!
      image.data[i + 3] = 255
    }
    this.#photo.getContext('2d')!.putImageData(image, 0, 0)
  }

  /** Show the very pixels that a tool would touch. */
  preview(shape?: Shape, [r, g, b]: Colour = [255, 255, 255]): void {
    const context = this.#overlay.getContext('2d')!
    const { width, height } = this.drawing
    context.clearRect(0, 0, width, height)
    if (!shape) return
    // a light and a dark rim, to be seen on any class
    const covered = new Uint8Array(width * height)
    shape((y, from, to) => {
      if (y >= 0 && y < height)
        covered.fill(1, y * width + Math.max(0, from), y * width + Math.max(0, Math.min(width, to)))
    })
    const image = new ImageData(width, height)
    for (let y = 0, at = 0; y < height; y++)
      for (let x = 0; x < width; x++, at++) {
        if (!covered[at]) continue
        const inside =
          x > 0 && covered[at - 1] && x < width - 1 && covered[at + 1] && covered[at - width] && covered[at + width]
        image.data.set(inside ? [r, g, b, 170] : (x + y) % 4 < 2 ? [255, 255, 255, 255] : [0, 0, 0, 255], 4 * at)
      }
    context.putImageData(image, 0, 0)
  }

  /** The point of the drawing under a pointer, in pixels of the drawing. */
  at(event: { clientX: number; clientY: number }): Point {
    return toDrawing(this.#view, inPane(event, this.pane))
  }

  /** @param about  the place on a pane that stays where it is; default: the middle */
  zoom(factor: number, about?: { at: { clientX: number; clientY: number }; pane: Element }): void {
    const size = this.#paneSize()
    const point = about ? inPane(about.at, about.pane) : { x: size.width / 2, y: size.height / 2 }
    this.#move(zoomAbout(this.#view, factor, point, this.drawing, size))
  }

  pan(dx: number, dy: number): void {
    this.#move(pan(this.#view, dx, dy, this.drawing, this.#paneSize()))
  }

  fit(): void {
    this.#move(fitted(this.drawing, this.#paneSize()))
  }

  /** Both panes have one size; the drawing's is hidden where the photo alone is shown. */
  #paneSize(): { width: number; height: number } {
    const pane = this.pane.clientWidth > 0 ? this.pane : this.photoPane
    return { width: pane.clientWidth, height: pane.clientHeight }
  }

  #resized(): void {
    const pane = this.#paneSize()
    if (pane.width === 0) return
    this.#move(this.#whole ? fitted(this.drawing, pane) : keepInSight(this.#view, this.drawing, pane))
  }

  #move(view: View): void {
    this.#view = view
    this.#whole = view.zoom <= fitted(this.drawing, this.#paneSize()).zoom * 1.001
    for (const pane of [this.pane, this.photoPane])
      pane.querySelector<HTMLElement>('.sheet')!.style.transform =
        `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`
    element('zoom').textContent = `${Math.round(100 * view.zoom)}%`
  }
}

/** Within the border, which is one pixel wide. */
function inPane({ clientX, clientY }: { clientX: number; clientY: number }, pane: Element): Point {
  const { left, top } = pane.getBoundingClientRect()
  return { x: clientX - left - 1, y: clientY - top - 1 }
}

const sizeOf = ({ width, height }: Drawing): { width: number; height: number } => ({ width, height })
