// Counts colours in bins. Plain twin: test/labels/histogram.test.ts.
// Memory, all zeroed by the caller once and left zeroed by `take`: four u32 per bin [sum r, sum g, sum b, count] at
// `bins`, and a byte for each row of 64 bins at `rows`. At `offsets` u32 [3][256], what each channel's code adds to the
// address of its bin. RGB bytes at `rgb`, with one spare byte behind the last pixel (four bytes are read at a time).

export function count(rgb: usize, pixels: i32, offsets: usize, bins: usize, rows: usize): void {
  const end = rgb + <usize>pixels * 3
  while (rgb < end) {
    const p = load<u32>(rgb)
    const r = load<u32>(offsets + ((p & 255) << 2))
    const g = load<u32>(offsets + 1024 + ((p >> 6) & 0x3fc))
    const b = load<u32>(offsets + 2048 + ((p >> 14) & 0x3fc))
    store<u8>(rows + ((r + g) >> 10), 1)
    const at = bins + r + g + b
    // r, g, b and a one, widened to four 32-bit lanes
    const bytes = i32x4.replace_lane(i32x4.splat(0), 0, (p & 0xffffff) | 0x1000000)
    const lanes = v128.extend_low<u16>(v128.extend_low<u8>(bytes))
    v128.store(at, v128.add<u32>(v128.load(at), lanes))
    rgb += 3
  }
}

// Moves the occupied bins, ascending, to `out` as u32 [bin, sum r, sum g, sum b, count] each; returns how many.
export function take(bins: usize, rows: usize, out: usize): u32 {
  let found: u32 = 0
  for (let row: usize = 0; row < 4096; row++) {
    if (load<u8>(rows + row) == 0) continue
    store<u8>(rows + row, 0)
    for (let bin = row << 6; bin < (row + 1) << 6; bin++) {
      const at = bins + (bin << 4)
      const sums = v128.load(at)
      if (i32x4.extract_lane(sums, 3) == 0) continue
      v128.store(at, i32x4.splat(0))
      store<u32>(out, <u32>bin)
      v128.store(out + 4, sums)
      out += 20
      found += 1
    }
  }
  return found
}
