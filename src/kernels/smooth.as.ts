// Edge-preserving smoothing: src/labels/smooth.ts says how. Plain twin: test/labels/smooth.test.ts. Rows have their last
// columns repeated beyond both ends, so that every window is whole; of rows beyond the image the nearest is taken.
// Vectors of 16 bytes run over a row's end: up to 48 bytes behind it are read and written.

// The row of `height` at `rows`, `stride` bytes each, that is nearest to row y.
// @ts-ignore: decorator
@inline
function rowAt(rows: usize, stride: usize, y: i32, height: i32): usize {
  return rows + <usize>max(0, min(height - 1, y)) * stride
}

// @ts-ignore: decorator
@inline
function low(a: v128, b: v128): v128 {
  return v128.min<u8>(a, b)
}

// @ts-ignore: decorator
@inline
function high(a: v128, b: v128): v128 {
  return v128.max<u8>(a, b)
}

// @ts-ignore: decorator
@inline
function middle(a: v128, b: v128, c: v128): v128 {
  return high(low(a, b), low(high(a, b), c))
}

// Copies `height` rows of interleaved RGB to rows of `stride` bytes with `radius` pixels more at both ends.
export function widen(rgb: usize, width: usize, height: i32, radius: usize, rows: usize, stride: usize): void {
  for (let y: i32 = 0; y < height; y++) {
    const from = rgb + <usize>y * width * 3
    const row = rows + <usize>y * stride
    const to = row + radius * 3
    memory.copy(to, from, width * 3)
    for (let i: usize = 0; i < radius * 3; i++) {
      store<u8>(row + i, load<u8>(from + i % 3))
      store<u8>(to + width * 3 + i, load<u8>(from + (width - 1) * 3 + i % 3))
    }
  }
}

// Each channel's median of 3x3. `lines` has room for 3 rows.
export function median3(rows: usize, stride: usize, width: i32, height: i32, lines: usize, out: usize): void {
  const mids = lines + stride
  const highs = mids + stride
  for (let y: i32 = 0; y < height; y++) {
    const a = rowAt(rows, stride, y - 1, height)
    const b = rows + <usize>y * stride
    const c = rowAt(rows, stride, y + 1, height)
    // each column sorted
    for (let x: usize = 0; x < stride; x += 16) {
      const p = v128.load(a + x), q = v128.load(b + x), r = v128.load(c + x)
      const less = low(p, q), more = high(p, q)
      v128.store(lines + x, low(less, r))
      v128.store(mids + x, high(less, low(more, r)))
      v128.store(highs + x, high(more, r))
    }
    const to = out + <usize>(y * width * 3)
    for (let x: usize = 0; x < <usize>(width * 3); x += 16) {
      const lowest = high(high(v128.load(lines + x), v128.load(lines + x, 3)), v128.load(lines + x, 6))
      const mid = middle(v128.load(mids + x), v128.load(mids + x, 3), v128.load(mids + x, 6))
      const highest = low(low(v128.load(highs + x), v128.load(highs + x, 3)), v128.load(highs + x, 6))
      v128.store(to + x, middle(lowest, mid, highest))
    }
  }
}

// Each channel's median of 5x5. `lines` has room for 5 rows.
//
// Columns are sorted first; they are shared by five windows. The exchanges between them are Batcher's sorting network for
// the 13 values that can be the median, after sorting each row of the columns' n-th, less every exchange without which
// all zeros and ones in sorted columns still give the right median (so does everything then; the test tries them all).
export function median5(rows: usize, stride: usize, width: i32, height: i32, lines: usize, out: usize): void {
  const line2 = lines + stride
  const line3 = line2 + stride
  const line4 = line3 + stride
  const line5 = line4 + stride
  let t: v128
  for (let y: i32 = 0; y < height; y++) {
    const row1 = rowAt(rows, stride, y - 2, height)
    const row2 = rowAt(rows, stride, y - 1, height)
    const row3 = rows + <usize>y * stride
    const row4 = rowAt(rows, stride, y + 1, height)
    const row5 = rowAt(rows, stride, y + 2, height)
    for (let x: usize = 0; x < stride; x += 16) {
      let a = v128.load(row1 + x), b = v128.load(row2 + x), c = v128.load(row3 + x), d = v128.load(row4 + x)
      let e = v128.load(row5 + x)
      t = low(a, d); d = high(a, d); a = t; t = low(b, e); e = high(b, e); b = t
      t = low(a, c); c = high(a, c); a = t; t = low(b, d); d = high(b, d); b = t
      t = low(a, b); b = high(a, b); a = t; t = low(c, e); e = high(c, e); c = t
      t = low(b, c); c = high(b, c); b = t; t = low(d, e); e = high(d, e); d = t
      t = low(c, d); d = high(c, d); c = t
      v128.store(lines + x, a)
      v128.store(line2 + x, b)
      v128.store(line3 + x, c)
      v128.store(line4 + x, d)
      v128.store(line5 + x, e)
    }
    const to = out + <usize>(y * width * 3)
    for (let x: usize = 0; x < <usize>(width * 3); x += 16) {
      let at = lines + x
      let a1 = v128.load(at), a2 = v128.load(at, 3), a3 = v128.load(at, 6), a4 = v128.load(at, 9), a5 = v128.load(at, 12)
      t = low(a2, a5); a5 = high(a2, a5); a2 = t; t = low(a1, a3); a3 = high(a1, a3); a1 = t; a2 = high(a1, a2)
      t = low(a3, a5); a5 = high(a3, a5); a3 = t; a3 = high(a2, a3); t = low(a4, a5); a5 = high(a4, a5); a4 = t
      a4 = high(a3, a4)
      at = line2 + x
      let b1 = v128.load(at), b2 = v128.load(at, 3), b3 = v128.load(at, 6), b4 = v128.load(at, 9), b5 = v128.load(at, 12)
      t = low(b1, b4); b4 = high(b1, b4); b1 = t; t = low(b2, b5); b5 = high(b2, b5); b2 = t
      t = low(b2, b4); b4 = high(b2, b4); b2 = t; b2 = high(b1, b2); t = low(b3, b5); b5 = high(b3, b5); b3 = t
      b3 = high(b2, b3); t = low(b4, b5); b5 = high(b4, b5); b4 = t; t = low(b3, b4); b4 = high(b3, b4); b3 = t
      at = line3 + x
      let c1 = v128.load(at), c2 = v128.load(at, 3), c3 = v128.load(at, 6), c4 = v128.load(at, 9), c5 = v128.load(at, 12)
      t = low(c1, c2); c2 = high(c1, c2); c1 = t; t = low(c4, c5); c5 = high(c4, c5); c4 = t
      t = low(c3, c5); c5 = high(c3, c5); c3 = t; t = low(c3, c4); c4 = high(c3, c4); c3 = t; c2 = low(c2, c5)
      t = low(c1, c4); c4 = high(c1, c4); c1 = t; c3 = high(c1, c3); t = low(c2, c4); c4 = high(c2, c4); c2 = t
      t = low(c2, c3); c3 = high(c2, c3); c2 = t
      at = line4 + x
      let d1 = v128.load(at), d2 = v128.load(at, 3), d3 = v128.load(at, 6), d4 = v128.load(at, 9), d5 = v128.load(at, 12)
      t = low(d1, d4); d4 = high(d1, d4); d1 = t; t = low(d2, d5); d5 = high(d2, d5); d2 = t
      t = low(d1, d3); d3 = high(d1, d3); d1 = t; t = low(d2, d4); d4 = high(d2, d4); d2 = t
      t = low(d1, d2); d2 = high(d1, d2); d1 = t; d3 = low(d3, d5); d3 = low(d3, d4)
      at = line5 + x
      let e1 = v128.load(at), e2 = v128.load(at, 3), e3 = v128.load(at, 6), e4 = v128.load(at, 9), e5 = v128.load(at, 12)
      t = low(e1, e4); e4 = high(e1, e4); e1 = t; t = low(e2, e5); e5 = high(e2, e5); e2 = t
      t = low(e1, e3); e3 = high(e1, e3); e1 = t; e2 = low(e2, e4); t = low(e1, e2); e2 = high(e1, e2); e1 = t
      e3 = low(e3, e5); e2 = low(e2, e3); d1 = high(b3, d1); a4 = high(c2, a4)
      t = low(e1, c3); c3 = high(e1, c3); e1 = t; t = low(a5, b4); b4 = high(a5, b4); a5 = t; d3 = low(d3, c4)
      a4 = high(d1, a4); a5 = high(e1, a5); c3 = low(c3, b4); t = low(d2, d3); d3 = high(d2, d3); d2 = t
      t = low(c3, a5); a5 = high(c3, a5); c3 = t; e2 = low(e2, d3); d2 = low(d2, b5)
      t = low(a4, c3); c3 = high(a4, c3); a4 = t; t = low(c3, a5); a5 = high(c3, a5); c3 = t; c3 = low(c3, e2)
      c3 = high(a4, c3); a5 = low(a5, d2); a5 = high(c3, a5)
      v128.store(to + x, a5)
    }
  }
}

// Rows of interleaved pixels to three rows of `plane` bytes, one for each channel.
function separate(row: usize, to: usize, plane: usize): void {
  for (let x: usize = 0; x < plane; x += 16, row += 48) {
    const a = v128.load(row), b = v128.load(row, 16), c = v128.load(row, 32)
    const r = v128.shuffle<u8>(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0)
    const g = v128.shuffle<u8>(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0)
    const l = v128.shuffle<u8>(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0)
    v128.store(to + x, v128.shuffle<u8>(r, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29))
    v128.store(to + plane + x, v128.shuffle<u8>(g, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30))
    v128.store(to + 2 * plane + x, v128.shuffle<u8>(l, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31))
  }
}

// @ts-ignore: decorator
@inline
function interleave(to: usize, r: v128, g: v128, b: v128): void {
  const x = v128.shuffle<u8>(r, g, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5)
  const y = v128.shuffle<u8>(r, g, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26)
  const z = v128.shuffle<u8>(r, g, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0)
  v128.store(to, v128.shuffle<u8>(x, b, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15))
  v128.store(to, v128.shuffle<u8>(y, b, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15), 16)
  v128.store(to, v128.shuffle<u8>(z, b, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31), 32)
}

// Ones where the value lies within threshold.
// @ts-ignore: decorator
@inline
function inRange(value: v128, least: v128, most: v128): v128 {
  return v128.eq<u8>(low(high(value, least), most), value)
}

// @ts-ignore: decorator
@inline
function addLow(sum: v128, part: v128): v128 {
  return v128.add<i16>(sum, v128.extend_low<i8>(part))
}

// @ts-ignore: decorator
@inline
function addHigh(sum: v128, part: v128): v128 {
  return v128.add<i16>(sum, v128.extend_high<i8>(part))
}

// value / count for 8 u16, where `reciprocal` is 2^15 / count, rounded up; exact for what `mean` asks.
// @ts-ignore: decorator
@inline
function quotient(value: v128, reciprocal: v128): v128 {
  const first = v128.shr<u32>(v128.extmul_low<u16>(value, reciprocal), 15)
  return v128.narrow<i32>(first, v128.shr<u32>(v128.extmul_high<u16>(value, reciprocal), 15))
}

// own + (sum of differences) / count, rounded to the nearest, halves up: `bias` is threshold * count + count / 2, which
// makes the sums positive.
// @ts-ignore: decorator
@inline
function mean(own: v128, low8: v128, high8: v128, bias0: v128, bias1: v128, by0: v128, by1: v128, t: v128): v128 {
  const first = quotient(v128.add<i16>(low8, bias0), by0)
  const second = quotient(v128.add<i16>(high8, bias1), by1)
  return v128.sub<u8>(v128.add<u8>(own, v128.narrow<i16>(first, second)), t)
}

// The mean of those pixels of the (2 * radius + 1)^2 whose channels are all within `threshold` of the pixel's own.
// threshold * (2 * radius + 1) is at most 127: differences of a row add up in a byte. `planes` has room for
// 2 * radius + 1 rows of 3 * plane bytes; at `reciprocals` u8 [32] low bytes, u8 [32] high bytes, by count - 1.
export function sigma(
  rows: usize, stride: usize, width: i32, height: i32, radius: i32, threshold: u32, planes: usize, plane: usize,
  reciprocals: usize, out: usize,
): void {
  const slots = 2 * radius + 1
  const t = i8x16.splat(<i8>threshold)
  const t16 = i16x8.splat(<i16>threshold)
  const zero = i8x16.splat(0)
  const low0 = v128.load(reciprocals), low1 = v128.load(reciprocals, 16)
  const high0 = v128.load(reciprocals, 32), high1 = v128.load(reciprocals, 48)
  for (let y: i32 = 0; y < min(radius, height); y++) {
    separate(rows + <usize>y * stride, planes + <usize>(y % slots) * 3 * plane, plane)
  }
  for (let y: i32 = 0; y < height; y++) {
    const last = y + radius
    if (last < height) separate(rows + <usize>last * stride, planes + <usize>(last % slots) * 3 * plane, plane)
    const centre = planes + <usize>(y % slots) * 3 * plane + radius
    for (let x: i32 = 0; x < width; x += 16) {
      const at = centre + x
      const r = v128.load(at), g = v128.load(at + plane), b = v128.load(at + 2 * plane)
      const leastR = v128.sub_sat<u8>(r, t), mostR = v128.add_sat<u8>(r, t)
      const leastG = v128.sub_sat<u8>(g, t), mostG = v128.add_sat<u8>(g, t)
      const leastB = v128.sub_sat<u8>(b, t), mostB = v128.add_sat<u8>(b, t)
      let r0 = zero, r1 = zero, g0 = zero, g1 = zero, b0 = zero, b1 = zero, count = zero
      for (let v = y - radius; v <= last; v++) {
        const row = <usize>(max(0, min(height - 1, v)) % slots) * 3
        let from = planes + row * plane + x
        let partR = zero, partG = zero, partB = zero
        for (const end = from + slots; from < end; from++) {
          const nr = v128.load(from), ng = v128.load(from + plane), nb = v128.load(from + 2 * plane)
          let alike = v128.and(inRange(nr, leastR, mostR), inRange(ng, leastG, mostG))
          alike = v128.and(alike, inRange(nb, leastB, mostB))
          partR = v128.add<u8>(partR, v128.and(v128.sub<u8>(nr, r), alike))
          partG = v128.add<u8>(partG, v128.and(v128.sub<u8>(ng, g), alike))
          partB = v128.add<u8>(partB, v128.and(v128.sub<u8>(nb, b), alike))
          count = v128.sub<u8>(count, alike)
        }
        r0 = addLow(r0, partR)
        r1 = addHigh(r1, partR)
        g0 = addLow(g0, partG)
        g1 = addHigh(g1, partG)
        b0 = addLow(b0, partB)
        b1 = addHigh(b1, partB)
      }
      const index = v128.sub<u8>(count, i8x16.splat(1))
      const beyond = v128.sub<u8>(index, i8x16.splat(16))
      const lowByte = v128.or(v128.swizzle(low0, index), v128.swizzle(low1, beyond))
      const highByte = v128.or(v128.swizzle(high0, index), v128.swizzle(high1, beyond))
      const by0 = v128.shuffle<u8>(lowByte, highByte, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
      const by1 = v128.shuffle<u8>(lowByte, highByte, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
      const count0 = v128.extend_low<u8>(count), count1 = v128.extend_high<u8>(count)
      const bias0 = v128.add<i16>(v128.mul<i16>(count0, t16), v128.shr<u16>(count0, 1))
      const bias1 = v128.add<i16>(v128.mul<i16>(count1, t16), v128.shr<u16>(count1, 1))
      interleave(
        out + <usize>((y * width + x) * 3),
        mean(r, r0, r1, bias0, bias1, by0, by1, t),
        mean(g, g0, g1, bias0, bias1, by0, by1, t),
        mean(b, b0, b1, bias0, bias1, by0, by1, t),
      )
    }
  }
}
