// Colour planes of a photo, sums over cells of a grid, and the nearest cluster of each pixel where what a cell says of
// its surroundings counts too: src/labels/scene.ts and scene-labeller.ts say how. Plain twin: test/labels/plain-scene.ts.

// @ts-ignore: decorator
@inline
function lightOf(table: usize, code: usize): usize {
  return table + (<usize>load<u8>(code) << 2)
}

// Linear light of four codes.
// @ts-ignore: decorator
@inline
function light(table: usize, a: usize, b: usize, c: usize, d: usize): v128 {
  let v = v128.load32_zero(lightOf(table, a))
  v = v128.load_lane<f32>(lightOf(table, b), v, 1)
  v = v128.load_lane<f32>(lightOf(table, c), v, 2)
  return v128.load_lane<f32>(lightOf(table, d), v, 3)
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

// What OKLab's planes have of four pixels, from the cube roots of their cone responses.
// @ts-ignore: decorator
@inline
function lightness(l: v128, m: v128, s: v128): v128 {
  return mix(l, m, s, 255 * 0.2104542553, 255 * 0.793617785, 255 * -0.0040720468)
}

// @ts-ignore: decorator
@inline
function greenRed(l: v128, m: v128, s: v128): v128 {
  return v128.add<f32>(mix(l, m, s, 512 * 1.9779984951, 512 * -2.428592205, 512 * 0.4505937099), f32x4.splat(128))
}

// @ts-ignore: decorator
@inline
function blueYellow(l: v128, m: v128, s: v128): v128 {
  return v128.add<f32>(mix(l, m, s, 512 * 0.0259040371, 512 * 0.7827717662, 512 * -0.808675766), f32x4.splat(128))
}

// @ts-ignore: decorator
@inline
function longCone(r: v128, g: v128, b: v128): v128 {
  return cubeRoot(mix(r, g, b, 0.4122214708, 0.5363325363, 0.0514459929))
}

// @ts-ignore: decorator
@inline
function middleCone(r: v128, g: v128, b: v128): v128 {
  return cubeRoot(mix(r, g, b, 0.2119034982, 0.6806995451, 0.1073969566))
}

// @ts-ignore: decorator
@inline
function shortCone(r: v128, g: v128, b: v128): v128 {
  return cubeRoot(mix(r, g, b, 0.0883024619, 0.2817188376, 0.6299787005))
}

// OKLab of `pixels` sRGB pixels as three planes of bytes, `stride` apart: round(255 L), 128 + round(512 a),
// 128 + round(512 b). Codes of a channel lie `step` apart, the channels begin at `red` and `apart` from it each.
// `table` f32 [256] is the linear light of each code. Works on whole groups of four pixels: up to three pixels behind
// the last are read, up to three bytes behind each plane written.
export function toLab(
  red: usize, apart: usize, step: usize, pixels: u32, table: usize, planes: usize, stride: usize,
): void {
  const green = red + apart
  const blue = green + apart
  const second = step
  const third: usize = 2 * step
  const fourth: usize = 3 * step
  let at: usize = 0
  for (let i: u32 = 0; i < pixels; i += 4, at += 4 * step) {
    const p = red + at
    const q = green + at
    const t = blue + at
    const r = light(table, p, p + second, p + third, p + fourth)
    const g = light(table, q, q + second, q + third, q + fourth)
    const b = light(table, t, t + second, t + third, t + fourth)
    const l = longCone(r, g, b)
    const m = middleCone(r, g, b)
    const s = shortCone(r, g, b)
    const to = planes + <usize>i
    storeBytes(to, lightness(l, m, s))
    storeBytes(to + stride, greenRed(l, m, s))
    storeBytes(to + 2 * stride, blueYellow(l, m, s))
  }
}

// (77 r + 150 g + 29 b) / 256 of 16 pixels.
// @ts-ignore: decorator
@inline
function luma(r: v128, g: v128, b: v128): v128 {
  const x = i8x16.splat(77)
  const y = i8x16.splat(<i8>150)
  const z = i8x16.splat(29)
  const low = v128.add<i16>(v128.extmul_low<u8>(r, x), v128.extmul_low<u8>(g, y))
  const high = v128.add<i16>(v128.extmul_high<u8>(r, x), v128.extmul_high<u8>(g, y))
  return i8x16.narrow_i16x8_u(
    v128.shr<u16>(v128.add<i16>(low, v128.extmul_low<u8>(b, z)), 8),
    v128.shr<u16>(v128.add<i16>(high, v128.extmul_high<u8>(b, z)), 8),
  )
}

// @ts-ignore: decorator
@inline
function reds(a: v128, b: v128, c: v128): v128 {
  const v = v128.shuffle<u8>(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0)
  return v128.shuffle<u8>(v, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29)
}

// @ts-ignore: decorator
@inline
function greens(a: v128, b: v128, c: v128): v128 {
  const v = v128.shuffle<u8>(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0)
  return v128.shuffle<u8>(v, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30)
}

// @ts-ignore: decorator
@inline
function blues(a: v128, b: v128, c: v128): v128 {
  const v = v128.shuffle<u8>(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0)
  return v128.shuffle<u8>(v, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31)
}

// Means of 2x2 bytes of two rows, halves up: eight of them, in the low bytes.
// @ts-ignore: decorator
@inline
function storeMeans(to: usize, upper: v128, lower: v128): void {
  const sums = v128.add<i16>(v128.extadd_pairwise<u8>(upper), v128.extadd_pairwise<u8>(lower))
  const means = v128.shr<u16>(v128.add<i16>(sums, i16x8.splat(2)), 2)
  v128.store64_lane(to, i8x16.narrow_i16x8_u(means, means), 0)
}

// Luma of each of `width` x `height` interleaved sRGB pixels, in rows `pitch` apart, a multiple of 16; and the photo at
// half its size: means of 2x2 pixels, in planes `apart`. A last column or row that is alone counts twice. Up to 45 bytes
// behind the last pixel are read, up to 7 behind each half plane written.
export function halve(
  rgb: usize, width: u32, height: u32, lumas: usize, pitch: usize, halves: usize, apart: usize,
): void {
  const length = 3 * <usize>width
  const wide = <usize>((width + 1) >> 1)
  for (let y: u32 = 0; y < height; y += 2) {
    const upper = rgb + <usize>y * length
    const lower = y + 1 < height ? upper + length : upper
    const dark = lumas + <usize>y * pitch
    const below = y + 1 < height ? dark + pitch : dark
    const to = halves + <usize>(y >> 1) * wide
    for (let x: usize = 0; x < width; x += 16) {
      const p = upper + 3 * x
      const a = v128.load(p), b = v128.load(p, 16), c = v128.load(p, 32)
      const q = lower + 3 * x
      const d = v128.load(q), e = v128.load(q, 16), f = v128.load(q, 32)
      const r = reds(a, b, c), g = greens(a, b, c), l = blues(a, b, c)
      const s = reds(d, e, f), h = greens(d, e, f), m = blues(d, e, f)
      v128.store(dark + x, luma(r, g, l))
      v128.store(below + x, luma(s, h, m))
      const half = to + (x >> 1)
      storeMeans(half, r, s)
      storeMeans(half + apart, g, h)
      storeMeans(half + 2 * apart, l, m)
    }
    if (!(width & 1)) continue
    const x = <usize>(width - 1)
    for (let channel: usize = 0; channel < 3; channel++) {
      const sum = <u32>load<u8>(upper + 3 * x + channel) + <u32>load<u8>(lower + 3 * x + channel)
      store<u8>(to + channel * apart + (x >> 1), (sum + 1) >> 1)
    }
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
// (`what` 0), or of how far each is from its right (1) or lower (2) neighbour, as u32 [rows][columns]. Rows of the plane
// are `pitch` apart. `sums` u16 [width + 16].
export function sumCells(
  plane: usize, pitch: u32, width: u32, height: u32, cell: u32, what: u32, sums: usize, out: usize,
): void {
  for (let top: u32 = 0; top < height; top += cell) {
    memory.fill(sums, 0, 2 * <usize>width + 32)
    const end = min(top + cell, height)
    for (let y = top; y < end; y++) {
      const row = plane + <usize>y * pitch
      if (what == 0) addRow(row, width, sums)
      else if (what == 1) {
        addSteps(row, 1, width, sums)
        dropLast(row, width, sums)
      } else if (y + 1 < height) addSteps(row, pitch, width, sums)
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

// Looks `count` bytes up in a table of 256, eight at a time; up to seven more are looked up.
export function translate(bytes: usize, count: usize, table: usize): void {
  for (const end = bytes + count; bytes < end; bytes += 8) {
    const eight = load<u64>(bytes)
    let out = <u64>load<u8>(table + <usize>(eight & 255))
    out |= <u64>load<u8>(table + <usize>((eight >> 8) & 255)) << 8
    out |= <u64>load<u8>(table + <usize>((eight >> 16) & 255)) << 16
    out |= <u64>load<u8>(table + <usize>((eight >> 24) & 255)) << 24
    out |= <u64>load<u8>(table + <usize>((eight >> 32) & 255)) << 32
    out |= <u64>load<u8>(table + <usize>((eight >> 40) & 255)) << 40
    out |= <u64>load<u8>(table + <usize>((eight >> 48) & 255)) << 48
    store<u64>(bytes, out | (<u64>load<u8>(table + <usize>(eight >> 56)) << 56))
  }
}
