/** Flood fill: the region of one id that hangs together by the sides of pixels, row stretch by row stretch. */
import type { Drawing } from './drawing.js'
import type { Shape, Span } from './shapes.js'

/** The 4-connected region around pixel (x, y) as spans, each pixel once; empty when (x, y) lies outside. */
export function region({ ids, width, height }: Drawing, x: number, y: number): Shape {
  return span => {
    if (x < 0 || y < 0 || x >= width || y >= height) return
    const wanted = ids[y * width + x]!
    const seen = new Uint8Array(ids.length)
    const open = (at: number): boolean => ids[at] === wanted && seen[at] === 0
    const spans: Parameters<Span>[] = []
    const stack = [y * width + x]
    while (stack.length > 0) {
      const start = stack.pop()!
      if (!open(start)) continue
      const row = start - (start % width)
      let [from, to] = [start, start + 1]
      while (from > row && open(from - 1)) from--
      while (to < row + width && open(to)) to++
      seen.fill(1, from, to)
      spans.push([row / width, from - row, to - row])
      for (const step of [-width, width]) {
        if (row + step < 0 || row + step >= ids.length) continue
        for (let at = from + step; at < to + step; at++)
          if (open(at) && (at === from + step || !open(at - 1))) stack.push(at)
      }
    }
    // only now: the caller may change the ids that were looked at
    for (const each of spans) span(...each)
  }
}
