// Colour planes of a photo, and sums over cells of a grid: src/labels/scene.ts says how.
import { light, storeBytes, lightness, greenRed, blueYellow, longCone, middleCone, shortCone } from './lab.as'

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
