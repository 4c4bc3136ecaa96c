/**
 * Shapes as spans of whole pixels, without antialiasing: a pixel belongs to a shape when its centre lies inside.
 *
 * A shape calls `span(y, from, to)` for columns from..to-1 of row y, which may lie outside of the drawing and may overlap.
 * Coordinates are continuous: pixel (3, 2) covers 3..4 by 2..3, its centre is (3.5, 2.5).
 */
import type { Drawing, Point, Rect } from './drawing.js'

export type Span = (y: number, from: number, to: number) => void
export type Shape = (span: Span) => void

/** The first whole pixel whose centre lies at or right of `x`; never -0. */
const centreFrom = (x: number): number => Math.ceil(x - 0.5) + 0

/** A disc. Odd and even diameters alike are symmetric about `centre`; one of less than a pixel is the pixel there. */
export function disc({ x, y }: Point, diameter: number): Shape {
  return ellipse({ x: x - diameter / 2, y: y - diameter / 2 }, { x: x + diameter / 2, y: y + diameter / 2 })
}

/** The ellipse within the box that two corners span. */
export function ellipse(a: Point, b: Point): Shape {
  const [left, right] = [Math.min(a.x, b.x), Math.max(a.x, b.x)]
  const [top, bottom] = [Math.min(a.y, b.y), Math.max(a.y, b.y)]
  const [radiusX, radiusY] = [(right - left) / 2, (bottom - top) / 2]
  const [middleX, middleY] = [left + radiusX, top + radiusY]
  return span => {
    if (radiusX <= 0.5 && radiusY <= 0.5) return span(Math.floor(middleY), Math.floor(middleX), Math.floor(middleX) + 1)
    for (let y = centreFrom(top); y + 0.5 < bottom; y++) {
      const height = (y + 0.5 - middleY) / radiusY
      const half = radiusX * Math.sqrt(Math.max(0, 1 - height * height))
      const [from, to] = [centreFrom(middleX - half), centreFrom(middleX + half)]
      if (from < to) span(y, from, to)
    }
  }
}

/** The box that two corners span, and never less than the pixel in a corner. */
export function rectangle(a: Point, b: Point): Shape {
  const [left, right] = [Math.floor(Math.min(a.x, b.x)), Math.ceil(Math.max(a.x, b.x))]
  const [top, bottom] = [Math.floor(Math.min(a.y, b.y)), Math.ceil(Math.max(a.y, b.y))]
  return span => {
    for (let y = top; y < Math.max(bottom, top + 1); y++) span(y, left, Math.max(right, left + 1))
  }
}

/** The inside of a closed polygon by the even-odd rule; fewer than 3 points have none. */
export function polygon(points: readonly Point[]): Shape {
  return span => {
    if (points.length < 3) return
    const top = centreFrom(Math.min(...points.map(({ y }) => y)))
    const bottom = centreFrom(Math.max(...points.map(({ y }) => y)))
    for (let y = top; y < bottom; y++) {
      const crossings = crossingsOf(points, y + 0.5)
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        const [from, to] = [centreFrom(crossings[i]!), centreFrom(crossings[i + 1]!)]
        if (from < to) span(y, from, to)
      }
    }
  }
}

/** Where the edges cross a horizontal line, from left to right; a vertex belongs to the edge below it. */
function crossingsOf(points: readonly Point[], y: number): number[] {
  const crossings: number[] = []
  points.forEach((point, i) => {
    const next = points[(i + 1) % points.length]!
    // downwards always: neighbours that share an edge round alike
    const [a, b] = point.y <= next.y ? [point, next] : [next, point]
    if (a.y <= y !== b.y <= y) crossings.push(a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x))
  })
  return crossings.sort((a, b) => a - b)
}

/** A line with round ends: what a disc of that diameter leaves behind on its way. */
export function line(a: Point, b: Point, diameter: number): Shape {
  const [dx, dy] = [b.x - a.x, b.y - a.y]
  const length = Math.hypot(dx, dy)
  if (length === 0) return disc(a, diameter)
  if (diameter <= 1) return thinLine(a, b)
  const [normalX, normalY] = [((-dy / length) * diameter) / 2, ((dx / length) * diameter) / 2]
  const body = polygon([
    { x: a.x + normalX, y: a.y + normalY },
    { x: b.x + normalX, y: b.y + normalY },
    { x: b.x - normalX, y: b.y - normalY },
    { x: a.x - normalX, y: a.y - normalY },
  ])
  return span => {
    disc(a, diameter)(span)
    body(span)
    disc(b, diameter)(span)
  }
}

/** One pixel wide, without gaps (8-connected). @see Bresenham, Algorithm for computer control of a digital plotter, 1965 */
function thinLine(a: Point, b: Point): Shape {
  let [x, y] = [Math.floor(a.x), Math.floor(a.y)]
  const [endX, endY] = [Math.floor(b.x), Math.floor(b.y)]
  const [dx, dy] = [Math.abs(endX - x), -Math.abs(endY - y)]
  const [stepX, stepY] = [x < endX ? 1 : -1, y < endY ? 1 : -1]
  return span => {
    for (let error = dx + dy; ; ) {
      span(y, x, x + 1)
      if (x === endX && y === endY) return
      const twice = 2 * error
      if (twice >= dy) {
        error += dy
        x += stepX
      }
      if (twice <= dx) {
        error += dx
        y += stepY
      }
    }
  }
}

/** The centre of a brush for a pointer: that of a pixel for odd sizes, a corner between pixels for even ones. */
export function snap({ x, y }: Point, size: number): Point {
  const to = (value: number): number => (size % 2 === 1 ? Math.floor(value) + 0.5 : Math.round(value))
  return { x: to(x), y: to(y) }
}

/** A closed line around corners. */
export function outline(corners: readonly Point[], size: number): Shape {
  const sides = corners.map((corner, i) =>
    line(snap(corner, size), snap(corners[(i + 1) % corners.length]!, size), size),
  )
  return span => {
    for (const side of sides) side(span)
  }
}

/** Around the box of whole pixels from `a` to `b`. */
export function rectangleOutline(a: Point, b: Point, size: number): Shape {
  const [from, to] = middles(a, b, size)
  return outline([from, { x: to.x, y: from.y }, to, { x: from.x, y: to.y }], size)
}

/** Around the ellipse within that box. */
export function ellipseOutline(a: Point, b: Point, size: number): Shape {
  const [from, to] = middles(a, b, size)
  const corners = 96
  const points = Array.from({ length: corners }, (_, i) => ({
    x: (from.x + to.x) / 2 + ((to.x - from.x) / 2) * Math.cos((2 * Math.PI * i) / corners),
    y: (from.y + to.y) / 2 + ((to.y - from.y) / 2) * Math.sin((2 * Math.PI * i) / corners),
  }))
  return outline(points, size)
}

/** Where the middle of a line around a box runs: for odd sizes through its outermost pixels, for even ones on its rim. */
function middles(a: Point, b: Point, size: number): readonly [Point, Point] {
  const inset = size % 2 === 1 ? 0.5 : 0
  return [
    { x: a.x + inset, y: a.y + inset },
    { x: Math.max(a.x, b.x - 2 * inset) + inset, y: Math.max(a.y, b.y - 2 * inset) + inset },
  ]
}

/**
 * Give the pixels of a shape an id. What lies outside of the drawing is left out.
 *
 * @param id  one id, or where it comes from, pixel by pixel (ids of a drawing of the same size)
 * @returns what was touched, if anything
 */
export function paint({ ids, width, height }: Drawing, shape: Shape, id: number | Uint8Array): Rect | undefined {
  let [left, top, right, bottom] = [width, height, 0, 0]
  shape((y, from, to) => {
    if (y < 0 || y >= height) return
    const [start, end] = [Math.max(0, from), Math.min(width, to)]
    if (start >= end) return
    const row = y * width
    if (typeof id === 'number') ids.fill(id, row + start, row + end)
    else ids.set(id.subarray(row + start, row + end), row + start)
    left = Math.min(left, start)
    right = Math.max(right, end)
    top = Math.min(top, y)
    bottom = Math.max(bottom, y + 1)
  })
  return left < right ? { x: left, y: top, width: right - left, height: bottom - top } : undefined
}
