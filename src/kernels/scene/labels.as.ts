// The nearest cluster of each pixel where what a cell says of its surroundings counts too: src/labels/scene-labeller.ts
// says how.
import { light, lightness, greenRed, blueYellow, longCone, middleCone, shortCone } from './lab.as'

// Spreads a row of cells over the px of a row: between the middles of cells scores change in a line. `edges` u32
// [columns + 1] are the px at which each cell becomes the left one, the first 0, the last the width; `part` f32 [width] is
// how far each px is towards the next cell. `cells` f32 [columns + 1], the last twice. Up to three px beyond are written.
function spread(cells: usize, columns: u32, edges: usize, part: usize, out: usize): void {
  let x: usize = 0
  for (let column: u32 = 0; column < columns; column++) {
    const a = load<f32>(cells)
    const from = f32x4.splat(a)
    const rise = f32x4.splat(load<f32>(cells, 4) - a)
    cells += 4
    edges += 4
    const end = <usize>load<u32>(edges) << 2
    for (let at = x; at < end; at += 16)
      v128.store(out + at, v128.add<f32>(from, v128.mul<f32>(v128.load(part + at), rise)))
    x = end
  }
}

// @ts-ignore: decorator
@inline
function wide(bytes: usize): v128 {
  return f32x4.convert_i32x4_u(v128.extend_low<u16>(v128.extend_low<u8>(v128.load32_zero(bytes))))
}

// What a cluster's score is at four px: `near` and `far` are those of the grid rows above and below.
// @ts-ignore: decorator
@inline
function scoreAt(near: v128, far: v128, share: v128, L: v128, a: v128, b: v128, x: v128, y: v128, z: v128): v128 {
  const rows = v128.add<f32>(near, v128.mul<f32>(share, v128.sub<f32>(far, near)))
  const colour = v128.add<f32>(v128.mul<f32>(L, x), v128.mul<f32>(a, y))
  return v128.add<f32>(v128.add<f32>(rows, colour), v128.mul<f32>(b, z))
}

// The cluster of each pixel: the one whose score is lowest, the first of equals. The score of cluster c at a pixel is
//   slopes[c] . (its three bytes) + what the cells around the pixel say of c.
// `planes` u8 [3][stride]; `slopes` f32x4 [k][3], each number four times; `cells` f32 [k][rows + 1][columns + 1], the last
// row and column twice; `above` u32 [height] the grid row above each pixel row, `down` f32 [height] how far it is towards
// the next; `edges`, `part` as for `spread`. `one` and `other` f32 [k][pitch] are room for the scores of two grid rows,
// pitch being the width rounded up to 8, and 4 more. Rows of `labels` are `apart`; up to seven bytes behind each are
// written.
export function assign(
  planes: usize, stride: usize, width: u32, height: u32, slopes: usize, cells: usize, columns: u32, rows: u32, k: u32,
  edges: usize, part: usize, above: usize, down: usize, one: usize, other: usize, labels: usize, apart: usize,
): void {
  const bytes = <usize>(((width + 7) & ~7) + 4) << 2
  const pitch = <usize>(columns + 1) << 2
  let upper = one
  let lower = other
  for (let c: u32 = 0; c < k; c++) spread(cells + <usize>c * (rows + 1) * pitch, columns, edges, part, lower + <usize>c * bytes)
  let lowerRow: u32 = 0
  for (let y: u32 = 0; y < height; y++) {
    const row = load<u32>(above + (<usize>y << 2))
    while (lowerRow <= row) {
      const spare = upper
      upper = lower
      lower = spare
      lowerRow++
      for (let c: u32 = 0; c < k; c++)
        spread(cells + (<usize>c * (rows + 1) + lowerRow) * pitch, columns, edges, part, lower + <usize>c * bytes)
    }
    const share = f32x4.splat(load<f32>(down + (<usize>y << 2)))
    const step = lower - upper
    const at = <usize>y * width
    for (let x: u32 = 0; x < width; x += 8) {
      const pixel = planes + at + x
      const L = wide(pixel)
      const M = wide(pixel + 4)
      const a = wide(pixel + stride)
      const d = wide(pixel + stride + 4)
      const b = wide(pixel + 2 * stride)
      const e = wide(pixel + 2 * stride + 4)
      let lowest = f32x4.splat(f32.MAX_VALUE)
      let lowest2 = lowest
      let best = i32x4.splat(0)
      let best2 = best
      let slope = slopes
      let score = upper + (<usize>x << 2)
      for (let c: u32 = 0; c < k; c++) {
        const u = v128.load(slope)
        const v = v128.load(slope, 16)
        const w = v128.load(slope, 32)
        const s = scoreAt(v128.load(score), v128.load(score + step), share, L, a, b, u, v, w)
        const t = scoreAt(v128.load(score, 16), v128.load(score + step, 16), share, M, d, e, u, v, w)
        const id = i32x4.splat(c)
        best = v128.bitselect(id, best, v128.lt<f32>(s, lowest))
        lowest = v128.pmin<f32>(lowest, s)
        best2 = v128.bitselect(id, best2, v128.lt<f32>(t, lowest2))
        lowest2 = v128.pmin<f32>(lowest2, t)
        slope += 48
        score += bytes
      }
      const found = v128.narrow<i32>(best, best2)
      v128.store64_lane(labels + <usize>y * apart + x, i8x16.narrow_i16x8_u(found, found), 0)
    }
  }
}

// Gives each of `count` clusters the id it has in `ids` u8 [k].
export function rename(labels: usize, count: usize, ids: usize): void {
  for (const end = labels + count; labels < end; labels++) store<u8>(labels, load<u8>(ids + <usize>load<u8>(labels)))
}

// Repeats the last column and row beyond both ends.
function frame(map: usize, width: usize, height: usize, pitch: usize): void {
  for (let y: usize = 0; y < height; y++) {
    const row = map + y * pitch
    store<u8>(row - 1, load<u8>(row))
    store<u8>(row + width, load<u8>(row + width - 1))
  }
  memory.copy(map - pitch - 1, map - 1, width + 2)
  memory.copy(map + height * pitch - 1, map + (height - 1) * pitch - 1, width + 2)
}

// Ones where a cluster is that of all eight around it.
// @ts-ignore: decorator
@inline
function alike(at: usize, pitch: usize): v128 {
  const own = v128.load(at)
  const above = at - pitch
  const below = at + pitch
  const sides = v128.and(v128.eq<u8>(own, v128.load(at - 1)), v128.eq<u8>(own, v128.load(at + 1)))
  const up = v128.and(v128.eq<u8>(own, v128.load(above)), v128.eq<u8>(own, v128.load(below)))
  const left = v128.and(v128.eq<u8>(own, v128.load(above - 1)), v128.eq<u8>(own, v128.load(above + 1)))
  const right = v128.and(v128.eq<u8>(own, v128.load(below - 1)), v128.eq<u8>(own, v128.load(below + 1)))
  return v128.and(v128.and(sides, up), v128.and(left, right))
}

// What the cells say at a place: `cell` is the one to its upper left.
// @ts-ignore: decorator
@inline
function aroundAt(cell: usize, pitch: usize, across: f32, down: f32): f32 {
  const a = load<f32>(cell)
  const near = a + across * (load<f32>(cell, 4) - a)
  const b = load<f32>(cell + pitch)
  const far = b + across * (load<f32>(cell + pitch, 4) - b)
  return near + down * (far - near)
}

// The cluster of each pixel of a photo, from those of its half size: at `map`, in rows `apart`, with room for one more
// row and column on each side. Four pixels that are one at half size, and alike all around, take its cluster. Others take
// the one of lowest score, the first of equals, among the clusters of those nine. `cells`, `slopes` as for `assign`;
// `left` u32 and `part` f32 [width / 2], `above` u32 and `down` f32 [height / 2] say where each pixel of half size lies
// between cells. `labels` u8 [height][width], and 32 bytes more.
export function refine(
  rgb: usize, width: u32, height: u32, table: usize, map: usize, apart: usize, slopes: usize, cells: usize,
  columns: u32, rows: u32, left: usize, part: usize, above: usize, down: usize, labels: usize,
): void {
  const wide = (width + 1) >> 1
  const high = (height + 1) >> 1
  frame(map, wide, high, apart)
  const pitch = <usize>(columns + 1) << 2
  const plane = <usize>(rows + 1) * pitch
  for (let y: u32 = 0; y < high; y++) {
    const row = map + <usize>y * apart
    const upper = labels + <usize>(2 * y) * width
    const single = 2 * y + 1 == height
    const lower = single ? upper : upper + width
    for (let x: u32 = 0; x < wide; x += 16) {
      const own = v128.load(row + x)
      v128.store(upper + 2 * x, v128.shuffle<u8>(own, own, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7))
      v128.store(upper + 2 * x, v128.shuffle<u8>(own, own, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15), 16)
    }
    if (!single) memory.copy(lower, upper, width)
    const upperRgb = rgb + 3 * <usize>(2 * y) * width
    const lowerRgb = single ? upperRgb : upperRgb + 3 * width
    const share = load<f32>(down + (<usize>y << 2))
    const cellRow = cells + <usize>load<u32>(above + (<usize>y << 2)) * pitch
    for (let start: u32 = 0; start < wide; start += 16) {
      let mixed = <u32>i8x16.bitmask(v128.not(alike(row + start, apart)))
      if (wide - start < 16) mixed &= (1 << (wide - start)) - 1
      for (; mixed; mixed &= mixed - 1) {
        const x = <usize>(start + <u32>ctz(mixed))
        const right: usize = <usize>2 * x + 1 < <usize>width ? 3 : 0
        const p = upperRgb + 6 * x
        const q = lowerRgb + 6 * x
        const r = light(table, p, p + right, q, q + right)
        const g = light(table, p + 1, p + right + 1, q + 1, q + right + 1)
        const b = light(table, p + 2, p + right + 2, q + 2, q + right + 2)
        const l = longCone(r, g, b)
        const m = middleCone(r, g, b)
        const s = shortCone(r, g, b)
        const L = lightness(l, m, s)
        const A = greenRed(l, m, s)
        const B = blueYellow(l, m, s)
        const cell = cellRow + (<usize>load<u32>(left + (x << 2)) << 2)
        const across = load<f32>(part + (x << 2))
        let lowest = f32x4.splat(f32.MAX_VALUE)
        let best = i32x4.splat(0)
        // the first 64 clusters that were looked at already
        let seen: u64 = 0
        let at = row + x - apart - 1
        for (let i: u32 = 0; i < 9; i++) {
          const c = <u32>load<u8>(at)
          at += i == 2 || i == 5 ? apart - 2 : 1
          if (c < 64) {
            const bit = (<u64>1) << c
            if (seen & bit) continue
            seen |= bit
          }
          const slope = slopes + 48 * <usize>c
          const place = f32x4.splat(aroundAt(cell + <usize>c * plane, pitch, across, share))
          const colour = v128.add<f32>(v128.mul<f32>(L, v128.load(slope)), v128.mul<f32>(A, v128.load(slope, 16)))
          const score = v128.add<f32>(v128.add<f32>(place, colour), v128.mul<f32>(B, v128.load(slope, 32)))
          const id = i32x4.splat(c)
          const equal = v128.and(v128.eq<f32>(score, lowest), v128.lt<i32>(id, best))
          best = v128.bitselect(id, best, v128.or(v128.lt<f32>(score, lowest), equal))
          lowest = v128.pmin<f32>(lowest, score)
        }
        const to = upper + 2 * x
        const below = lower + 2 * x
        store<u8>(to, i32x4.extract_lane(best, 0))
        if (right) store<u8>(to, i32x4.extract_lane(best, 1), 1)
        store<u8>(below, i32x4.extract_lane(best, 2))
        if (right) store<u8>(below, i32x4.extract_lane(best, 3), 1)
      }
    }
  }
}
