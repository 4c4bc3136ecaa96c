// Colour planes of a photo, sums over cells of a grid, and the nearest cluster of each pixel where what a cell says of
// its surroundings counts too: src/labels/scene.ts and scene-labeller.ts say how. Plain twin: test/labels/plain-scene.ts.

// @ts-ignore: decorator
@inline
function light(table: usize, at: usize, channel: usize): v128 {
  let v = v128.load32_zero(table + (<usize>load<u8>(at + channel) << 2))
  v = v128.load_lane<f32>(table + (<usize>load<u8>(at + 3 + channel) << 2), v, 1)
  v = v128.load_lane<f32>(table + (<usize>load<u8>(at + 6 + channel) << 2), v, 2)
  return v128.load_lane<f32>(table + (<usize>load<u8>(at + 9 + channel) << 2), v, 3)
}

// @ts-ignore: decorator
@inline
function mix(r: v128, g: v128, b: v128, x: f32, y: f32, z: f32): v128 {
  const rg = v128.add<f32>(v128.mul<f32>(r, f32x4.splat(x)), v128.mul<f32>(g, f32x4.splat(y)))
  return v128.add<f32>(rg, v128.mul<f32>(b, f32x4.splat(z)))
}

// One step of Halley's method towards the cube root of v.
// @ts-ignore: decorator
@inline
function halley(t: v128, v: v128): v128 {
  const cube = v128.mul<f32>(v128.mul<f32>(t, t), t)
  const twice = v128.add<f32>(cube, cube)
  return v128.mul<f32>(t, v128.div<f32>(v128.add<f32>(cube, v128.add<f32>(v, v)), v128.add<f32>(twice, v)))
}

// Cube roots of 0..1 to 1e-4: a third of the exponent, which is within 4%, then a step that triples the right digits.
// @ts-ignore: decorator
@inline
function cubeRoot(v: v128): v128 {
  const third = v128.mul<f32>(f32x4.convert_i32x4_s(v), f32x4.splat(1.0 / 3.0))
  const guess = v128.add<i32>(i32x4.trunc_sat_f32x4_s(third), i32x4.splat(709921077))
  return halley(guess, v)
}

// @ts-ignore: decorator
@inline
function storeBytes(to: usize, v: v128): void {
  const words = i32x4.trunc_sat_f32x4_s(f32x4.nearest(v))
  const shorts = i16x8.narrow_i32x4_s(words, words)
  v128.store_lane<u32>(to, i8x16.narrow_i16x8_u(shorts, shorts), 0)
}

// OKLab of `pixels` interleaved sRGB pixels as three planes of bytes, `stride` apart: round(255 L), 128 + round(512 a),
// 128 + round(512 b). `table` f32 [256] is the linear light of each code. Works on whole groups of four pixels: up to
// nine bytes behind the last pixel are read, up to three bytes behind each plane written.
export function toLab(rgb: usize, pixels: u32, table: usize, planes: usize, stride: usize): void {
  for (let i: u32 = 0; i < pixels; i += 4) {
    const at = rgb + 3 * <usize>i
    const r = light(table, at, 0)
    const g = light(table, at, 1)
    const b = light(table, at, 2)
    const l = cubeRoot(mix(r, g, b, 0.4122214708, 0.5363325363, 0.0514459929))
    const m = cubeRoot(mix(r, g, b, 0.2119034982, 0.6806995451, 0.1073969566))
    const s = cubeRoot(mix(r, g, b, 0.0883024619, 0.2817188376, 0.6299787005))
    const to = planes + <usize>i
    const middle = f32x4.splat(128)
    storeBytes(to, mix(l, m, s, 255 * 0.2104542553, 255 * 0.793617785, 255 * -0.0040720468))
    storeBytes(to + stride, v128.add<f32>(mix(l, m, s, 512 * 1.9779984951, 512 * -2.428592205, 512 * 0.4505937099), middle))
    storeBytes(to + 2 * stride, v128.add<f32>(mix(l, m, s, 512 * 0.0259040371, 512 * 0.7827717662, 512 * -0.808675766), middle))
  }
}

// Adds `width` bytes to as many 16-bit sums; up to 15 of each beyond are read and written.
// @ts-ignore: decorator
@inline
function addRow(row: usize, width: u32, sums: usize): void {
  for (let x: u32 = 0; x < width; x += 16) {
    const v = v128.load(row + x)
    const to = sums + (<usize>x << 1)
    v128.store(to, v128.add<i16>(v128.load(to), v128.extend_low<u8>(v)))
    v128.store(to + 16, v128.add<i16>(v128.load(to, 16), v128.extend_high<u8>(v)))
  }
}

// |a - b| of bytes.
// @ts-ignore: decorator
@inline
function distance(a: v128, b: v128): v128 {
  return v128.or(v128.sub_sat<u8>(a, b), v128.sub_sat<u8>(b, a))
}

// Adds to 16-bit sums how far each byte of a row is from the one `step` bytes on.
// @ts-ignore: decorator
@inline
function addSteps(row: usize, step: usize, width: u32, sums: usize): void {
  for (let x: u32 = 0; x < width; x += 16) {
    const v = distance(v128.load(row + x), v128.load(row + x + step))
    const to = sums + (<usize>x << 1)
    v128.store(to, v128.add<i16>(v128.load(to), v128.extend_low<u8>(v)))
    v128.store(to + 16, v128.add<i16>(v128.load(to, 16), v128.extend_high<u8>(v)))
  }
}

// Takes back what the last byte of a row added: behind it comes the next row's first.
// @ts-ignore: decorator
@inline
function dropLast(row: usize, width: u32, sums: usize): void {
  const end = row + width
  const last = sums + 2 * <usize>(width - 1)
  store<u16>(last, load<u16>(last) - <u16>abs(<i32>load<u8>(end) - <i32>load<u8>(end - 1)))
}

// For each cell of a grid (cells of cell * cell px, narrower at the right and lower borders) the sum of a plane's bytes
// (`what` 0), or of how far each is from its right (1) or lower (2) neighbour, as u32 [rows][columns]. `sums` u16
// [width + 16].
export function sumCells(plane: usize, width: u32, height: u32, cell: u32, what: u32, sums: usize, out: usize): void {
  for (let top: u32 = 0; top < height; top += cell) {
    memory.fill(sums, 0, 2 * <usize>width + 32)
    const end = min(top + cell, height)
    for (let y = top; y < end; y++) {
      const row = plane + <usize>y * width
      if (what == 0) addRow(row, width, sums)
      else if (what == 1) {
        addSteps(row, 1, width, sums)
        dropLast(row, width, sums)
      } else if (y + 1 < height) addSteps(row, width, width, sums)
    }
    for (let left: u32 = 0; left < width; left += cell) {
      let sum: u32 = 0
      for (let x = left, right = min(left + cell, width); x < right; x++) sum += load<u16>(sums + (<usize>x << 1))
      store<u32>(out, sum)
      out += 4
    }
  }
}

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

// @ts-ignore: decorator
@inline
function storeLabels(to: usize, ids: usize, best: v128): void {
  store<u8>(to, load<u8>(ids + i32x4.extract_lane(best, 0)))
  store<u8>(to, load<u8>(ids + i32x4.extract_lane(best, 1)), 1)
  store<u8>(to, load<u8>(ids + i32x4.extract_lane(best, 2)), 2)
  store<u8>(to, load<u8>(ids + i32x4.extract_lane(best, 3)), 3)
}

// The label of each pixel: the cluster whose score is lowest, the first of equals. The score of cluster c at a pixel is
//   slopes[c] . (its three bytes) + what the cells around the pixel say of c.
// `planes` u8 [3][stride]; `slopes` f32x4 [k][3], each number four times; `cells` f32 [k][rows + 1][columns + 1], the last
// row and column twice; `above` u32 [height] the grid row above each pixel row, `down` f32 [height] how far it is towards
// the next; `edges`, `part` as for `spread`. `one` and `other` f32 [k][pitch] are room for the scores of two grid rows,
// pitch being the width rounded up to 8, and 4 more. Up to seven bytes behind the last of `labels` are written.
export function assign(
  planes: usize, stride: usize, width: u32, height: u32, slopes: usize, cells: usize, columns: u32, rows: u32, k: u32,
  edges: usize, part: usize, above: usize, down: usize, one: usize, other: usize, ids: usize, labels: usize,
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
      storeLabels(labels + at + x, ids, best)
      storeLabels(labels + at + x + 4, ids, best2)
    }
  }
}
