// Counts colours in 64x64x64 bins of 4x4x4. Plain twin: test/labels/histogram.test.ts.
// Memory: four u32 per bin [sum r, sum g, sum b, count] at `bins`, zeroed by the caller; RGB bytes at `rgb`, with one
// spare byte behind the last pixel (four bytes are read at a time).

export function count(rgb: usize, pixels: i32, bins: usize): void {
  const end = rgb + <usize>pixels * 3
  while (rgb < end) {
    const p = load<u32>(rgb)
    const bin = ((p & 0xfc) << 10) | ((p >> 4) & 0xfc0) | ((p >> 18) & 63)
    const at = bins + ((<usize>bin) << 4)
    // r, g, b and a one, widened to four 32-bit lanes
    const bytes = i32x4.replace_lane(i32x4.splat(0), 0, (p & 0xffffff) | 0x1000000)
    const lanes = v128.extend_low<u16>(v128.extend_low<u8>(bytes))
    v128.store(at, v128.add<u32>(v128.load(at), lanes))
    rgb += 3
  }
}
