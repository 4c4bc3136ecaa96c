// Counts colours in bins. Plain twin: test/labels/histogram.test.ts.
// Memory: four u32 per bin [sum r, sum g, sum b, count] at `bins`, zeroed by the caller; at `offsets` u32 [3][256], what
// each channel's code adds to the address of its bin; RGB bytes at `rgb`, with one spare byte behind the last pixel
// (four bytes are read at a time).

export function count(rgb: usize, pixels: i32, offsets: usize, bins: usize): void {
  const end = rgb + <usize>pixels * 3
  while (rgb < end) {
    const p = load<u32>(rgb)
    const r = load<u32>(offsets + ((p & 255) << 2))
    const g = load<u32>(offsets + 1024 + ((p >> 6) & 0x3fc))
    const b = load<u32>(offsets + 2048 + ((p >> 14) & 0x3fc))
    const at = bins + r + g + b
    // r, g, b and a one, widened to four 32-bit lanes
    const bytes = i32x4.replace_lane(i32x4.splat(0), 0, (p & 0xffffff) | 0x1000000)
    const lanes = v128.extend_low<u16>(v128.extend_low<u8>(bytes))
    v128.store(at, v128.add<u32>(v128.load(at), lanes))
    rgb += 3
  }
}
