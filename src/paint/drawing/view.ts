/** Where a drawing lies in its pane: fitted, zoomed about a point, dragged, and never out of sight. */
import type { Point } from './drawing.js'

interface Size {
  readonly width: number
  readonly height: number
}

/** A point of the drawing is shown at `offset + zoom * point`, in pixels of the pane. */
export interface View {
  readonly zoom: number
  readonly x: number
  readonly y: number
}

const MAX_ZOOM = 40

/** The whole drawing, as large as it goes, in the middle. */
export function fitted(drawing: Size, pane: Size): View {
  const zoom = Math.min(pane.width / drawing.width, pane.height / drawing.height)
  return { zoom, x: (pane.width - zoom * drawing.width) / 2, y: (pane.height - zoom * drawing.height) / 2 }
}

/** The point of the drawing under a point of the pane. */
export const toDrawing = ({ zoom, x, y }: View, point: Point): Point => ({
  x: (point.x - x) / zoom,
  y: (point.y - y) / zoom,
})

/** Zoom by a factor so that what lies under `about` stays there; no further out than the whole drawing. */
export function zoomAbout(view: View, factor: number, about: Point, drawing: Size, pane: Size): View {
  const whole = fitted(drawing, pane)
  const zoom = Math.min(MAX_ZOOM, Math.max(whole.zoom, view.zoom * factor))
  const point = toDrawing(view, about)
  return keepInSight({ zoom, x: about.x - zoom * point.x, y: about.y - zoom * point.y }, drawing, pane)
}

export const pan = (view: View, dx: number, dy: number, drawing: Size, pane: Size): View =>
  keepInSight({ ...view, x: view.x + dx, y: view.y + dy }, drawing, pane)

/** A side that fits is in the middle; one that does not leaves no gap. */
export function keepInSight({ zoom, x, y }: View, drawing: Size, pane: Size): View {
  const keep = (offset: number, shown: number, room: number): number =>
    shown <= room ? (room - shown) / 2 : Math.min(0, Math.max(room - shown, offset))
  return { zoom, x: keep(x, zoom * drawing.width, pane.width), y: keep(y, zoom * drawing.height, pane.height) }
}
