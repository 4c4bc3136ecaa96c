// Superpixels by local k-means: src/labels/slic.ts says how. Plain twin: test/labels/slic.test.ts.
// `lab` i16 [pixels][4], L, a, b in units of 1/16384 of OKLab, and how far the pixel is from its cell's left edge, weighed
// like a colour: all multiples of 4, so that squares leave the lowest 4 bits to the number of the candidate.
// `centres`, 32 bytes each: i32 L, a, b, x and y in 1/16 pixel; `sums`, 48 bytes each: i64 L, a, b, x, y, pixels. Up to 64
// bytes behind `lab` are read.

// OKLab from the cone responses, in 1/4096
const L0: i32 = 862, L1: i32 = 3251, L2: i32 = -17
const A0: i32 = 8102, A1: i32 = -9948, A2: i32 = 1846
const B0: i32 = 106, B1: i32 = 3206, B2: i32 = -3312

// @ts-ignore: decorator
@inline
function quarter(sum: i32): i32 {
  return ((sum + 16384) >> 15) << 2
}

// `light` u64 [3][256], what each channel's code adds to the three cone signals, 21 bits each, 2^20 being full light;
// `roots` u16, the cube root of each 8192nd, 32767 being 1; `offsets` i16 [width], the fourth number of each column.
export function convert(
  rgb: usize, width: u32, height: u32, light: usize, roots: usize, offsets: usize, lab: usize,
): void {
  for (let y: u32 = 0; y < height; y++) {
    for (let x: u32 = 0; x < width; x++) {
      let signals = load<u64>(light + (<usize>load<u8>(rgb) << 3))
      signals += load<u64>(light + (<usize>load<u8>(rgb, 1) << 3), 2048)
      signals += load<u64>(light + (<usize>load<u8>(rgb, 2) << 3), 4096)
      const l = <i32>load<u16>(roots + (<usize>(signals >> 7 & 0x3fff) << 1))
      const m = <i32>load<u16>(roots + (<usize>(signals >> 28 & 0x3fff) << 1))
      const s = <i32>load<u16>(roots + (<usize>(signals >> 49 & 0x3fff) << 1))
      store<i16>(lab, <i16>quarter(L0 * l + L1 * m + L2 * s))
      store<i16>(lab, <i16>quarter(A0 * l + A1 * m + A2 * s), 2)
      store<i16>(lab, <i16>quarter(B0 * l + B1 * m + B2 * s), 4)
      store<i16>(lab, load<i16>(offsets + (<usize>x << 1)), 6)
      rgb += 3
      lab += 8
    }
  }
}

// @ts-ignore: decorator
@inline
function difference(p: usize, q: usize): i32 {
  const l = <i32>load<i16>(p) - <i32>load<i16>(q)
  const a = <i32>load<i16>(p, 2) - <i32>load<i16>(q, 2)
  const b = <i32>load<i16>(p, 4) - <i32>load<i16>(q, 4)
  return l * l + a * a + b * b
}

// Puts a centre at each cell's middle, or at that of its 8 neighbours where the colours change least.
// `columns` u32 [nx + 1] and `rows` u32 [ny + 1], where the cells begin.
export function seed(
  lab: usize, width: i32, height: i32, columns: usize, nx: i32, rows: usize, ny: i32, centres: usize,
): void {
  const line = <usize>width << 3
  for (let j: i32 = 0; j < ny; j++) {
    for (let i: i32 = 0; i < nx; i++) {
      const midX = (load<i32>(columns + (i << 2)) + load<i32>(columns + (i << 2), 4)) >> 1
      const midY = (load<i32>(rows + (j << 2)) + load<i32>(rows + (j << 2), 4)) >> 1
      let bestX = midX
      let bestY = midY
      let least = i32.MAX_VALUE
      for (let y = max(1, midY - 1); y <= min(height - 2, midY + 1); y++) {
        for (let x = max(1, midX - 1); x <= min(width - 2, midX + 1); x++) {
          const at = lab + (<usize>(y * width + x) << 3)
          const change = difference(at + 8, at - 8) + difference(at + line, at - line)
          if (change >= least) continue
          least = change
          bestX = x
          bestY = y
        }
      }
      const at = lab + (<usize>(bestY * width + bestX) << 3)
      store<i32>(centres, load<i16>(at))
      store<i32>(centres, load<i16>(at, 2), 4)
      store<i32>(centres, load<i16>(at, 4), 8)
      store<i32>(centres, bestX << 4, 12)
      store<i32>(centres, bestY << 4, 16)
      centres += 32
    }
  }
}

// @ts-ignore: decorator
@inline
function distance(la: v128, bt: v128, centreLa: v128, centreBt: v128, rest: v128): v128 {
  const p = v128.sub<i16>(la, centreLa)
  const q = v128.sub<i16>(bt, centreBt)
  const sum = v128.add<i32>(i32x4.dot_i16x8_s(p, p), i32x4.dot_i16x8_s(q, q))
  return v128.add<i32>(sum, rest)
}

// Gives the pixels of one row of a cell the nearest of `found` candidates, 48 bytes each: their L and a, their b and x,
// and what y adds, each four times over. Writes the candidates' numbers to `picks` and their `codes` to `out`.
function pick(lab: usize, pixels: i32, candidates: usize, found: usize, codes: v128, picks: usize, out: usize): void {
  const end = candidates + found * 48
  for (let x: i32 = 0; x < pixels; x += 8) {
    const p0 = v128.load(lab), p1 = v128.load(lab, 16), p2 = v128.load(lab, 32), p3 = v128.load(lab, 48)
    const la0 = v128.shuffle<i32>(p0, p1, 0, 2, 4, 6), bt0 = v128.shuffle<i32>(p0, p1, 1, 3, 5, 7)
    const la1 = v128.shuffle<i32>(p2, p3, 0, 2, 4, 6), bt1 = v128.shuffle<i32>(p2, p3, 1, 3, 5, 7)
    let best0 = i32x4.splat(i32.MAX_VALUE)
    let best1 = best0
    for (let at = candidates; at < end; at += 48) {
      const la = v128.load(at), bt = v128.load(at, 16), rest = v128.load(at, 32)
      best0 = v128.min<i32>(best0, distance(la0, bt0, la, bt, rest))
      best1 = v128.min<i32>(best1, distance(la1, bt1, la, bt, rest))
    }
    const fifteen = i32x4.splat(15)
    const wide = v128.narrow<i32>(v128.and(best0, fifteen), v128.and(best1, fifteen))
    const numbers = v128.narrow<i16>(wide, wide)
    v128.store64_lane(picks + x, numbers, 0)
    v128.store64_lane(out + x, v128.swizzle(codes, numbers), 0)
    lab += 64
  }
}

// @ts-ignore: decorator
@inline
function addTo(at: usize, value: i32): void {
  store<i64>(at, load<i64>(at) + <i64>value)
}

// Adds what a cell's pixels gave to each candidate, 32 bytes each (i32 L, a, b, -, pixels, x, y, -), to the sums of the
// centres that the candidates are, and clears it.
function flush(local: usize, found: usize, numbers: usize, sums: usize, x: i32, y: i32): void {
  for (let c: usize = 0; c < found; c++) {
    const from = local + (c << 5)
    const to = sums + <usize>load<u32>(numbers + (c << 2)) * 48
    const pixels = load<i32>(from, 16)
    addTo(to, load<i32>(from))
    addTo(to + 8, load<i32>(from, 4))
    addTo(to + 16, load<i32>(from, 8))
    store<i64>(to, load<i64>(to, 24) + <i64>load<i32>(from, 20) + <i64>pixels * x, 24)
    store<i64>(to, load<i64>(to, 32) + <i64>load<i32>(from, 24) + <i64>pixels * y, 32)
    addTo(to + 40, pixels)
    v128.store(from, i32x4.splat(0))
    v128.store(from, i32x4.splat(0), 16)
  }
}

// One iteration: every pixel goes to the nearest of the centres of its own cell and the 8 around it; every centre moves
// to the mean of its pixels. `weight` is what a pixel of distance counts, in 1/256 of 1/4096 of OKLab. The code of a
// centre's cell (i, j), i % 15 + 15 * (j % 15), is written for each pixel to `codes`, rows of `stride` bytes. `scratch`
// has room for 1024 bytes and a cell's width; `sums` is zero, and is again afterwards.
export function iterate(
  lab: usize, width: i32, columns: usize, nx: i32, rows: usize, ny: i32, weight: i32, centres: usize, sums: usize,
  scratch: usize, codes: usize, stride: i32,
): void {
  const local = scratch + 432
  const numbers = scratch + 720
  const picks = scratch + 768
  memory.fill(local, 0, 288)
  for (let j: i32 = 0; j < ny; j++) {
    const top = load<i32>(rows + (j << 2))
    const bottom = load<i32>(rows + (j << 2), 4)
    for (let i: i32 = 0; i < nx; i++) {
      const left = load<i32>(columns + (i << 2))
      const pixels = load<i32>(columns + (i << 2), 4) - left
      let found: usize = 0
      let code = i8x16.splat(0)
      for (let v = max(0, j - 1); v <= min(ny - 1, j + 1); v++) {
        for (let u = max(0, i - 1); u <= min(nx - 1, i + 1); u++) {
          const centre = centres + (<usize>(v * nx + u) << 5)
          const at = scratch + found * 48
          const x = (((load<i32>(centre, 12) - (left << 4)) * weight) >> 12) << 2
          v128.store(at, i32x4.splat((load<i32>(centre) & 0xffff) | (load<i32>(centre, 4) << 16)))
          v128.store(at, i32x4.splat((load<i32>(centre, 8) & 0xffff) | (x << 16)), 16)
          store<u32>(numbers + (found << 2), v * nx + u)
          store<u8>(picks + found, <u8>((u % 15) + 15 * (v % 15)))
          found++
        }
      }
      code = v128.load(picks)
      let pending: i32 = 0
      let first = top
      for (let y = top; y < bottom; y++) {
        for (let c: usize = 0; c < found; c++) {
          const centre = centres + (<usize>load<u32>(numbers + (c << 2)) << 5)
          const dy = ((((y << 4) - load<i32>(centre, 16)) * weight) >> 12) << 2
          v128.store(scratch + c * 48, i32x4.splat(dy * dy + <i32>c), 32)
        }
        const row = lab + (<usize>(y * width + left) << 3)
        pick(row, pixels, scratch, found, code, picks, codes + <usize>(y * stride + left))
        if (pending + pixels > 65536) {
          flush(local, found, numbers, sums, left, first)
          pending = 0
          first = y
        }
        pending += pixels
        let place = i32x4(1, 0, 0, 0)
        place = i32x4.replace_lane(place, 2, y - first)
        const step = i32x4(0, 1, 0, 0)
        for (let x: i32 = 0; x < pixels; x++) {
          const to = local + (<usize>load<u8>(picks + x) << 5)
          v128.store(to, v128.add<i32>(v128.load(to), v128.load_ext<i16>(row + (<usize>x << 3))))
          v128.store(to, v128.add<i32>(v128.load(to, 16), place), 16)
          place = v128.add<i32>(place, step)
        }
      }
      flush(local, found, numbers, sums, left, first)
    }
  }
  for (let c: i32 = 0; c < nx * ny; c++) {
    const pixels = load<i64>(sums, 40)
    if (pixels > 0) {
      const half = pixels << 1
      store<i32>(centres, <i32>((load<i64>(sums) + half) / (pixels << 2)) << 2)
      store<i32>(centres, <i32>((load<i64>(sums, 8) + half) / (pixels << 2)) << 2, 4)
      store<i32>(centres, <i32>((load<i64>(sums, 16) + half) / (pixels << 2)) << 2, 8)
      store<i32>(centres, <i32>((load<i64>(sums, 24) << 4) / pixels), 12)
      store<i32>(centres, <i32>((load<i64>(sums, 32) << 4) / pixels), 16)
    }
    memory.fill(sums, 0, 48)
    centres += 32
    sums += 48
  }
}
