/** Speckle: pixels that lie in small connected regions of one id. */

/** @returns pixels in 4-connected regions of fewer than `least` px */
export function pixelsInSmallRegions(ids: Uint8Array, width: number, height: number, least: number): number {
  const seen = new Uint8Array(ids.length)
  const queue = new Int32Array(ids.length)
  let small = 0
  for (let start = 0; start < ids.length; start += 1) {
    if (seen[start]) continue
    let length = 0
    const visit = (pixel: number): void => {
      if (seen[pixel] || ids[pixel] !== ids[start]) return
      seen[pixel] = 1
      queue[length++] = pixel
    }
    visit(start)
    for (let next = 0; next < length; next += 1) {
      const pixel = queue[next]!
      const x = pixel % width
      if (x > 0) visit(pixel - 1)
      if (x + 1 < width) visit(pixel + 1)
      if (pixel >= width) visit(pixel - width)
      if (pixel + width < width * height) visit(pixel + width)
    }
    if (length < least) small += length
  }
  return small
}
