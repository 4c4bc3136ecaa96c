// Adds histograms as src/labels/histogram.ts writes them. Plain twin: test/labels/histogram.test.ts.
// At 0, u64 [262144][4]: a bin's count and the excess of its r, g and b.

const BINS: u32 = 262144

let cursor: usize = 0

// The LEB128 integer at `cursor`, up to 2^53; a larger one, or one that goes on beyond `end`, gives -1.
function read(end: usize): u64 {
  let value: u64 = 0
  for (let shift: u64 = 0; shift < 56 && cursor < end; shift += 7) {
    const byte = <u64>load<u8>(cursor++)
    value |= (byte & 127) << shift
    if (byte < 128) return value > 1 << 53 ? -1 : value
  }
  return -1
}

// Goes through the `size` bins from `at` to `end`, and adds them if `adding`; bytes up to 8 behind `end` are read.
// Returns whether they are bins indeed: to be asked before they are added.
export function walk(at: usize, end: usize, size: u32, adding: bool): bool {
  let bin: u64 = 0
  for (let i: u32 = 0; i < size; i++) {
    const five = load<u64>(at)
    let low: v128, high: v128
    if ((five & 0x8080808080) == 0) {
      // step, count, r, g, b: a byte each, as nearly all are
      bin += five & 255
      if (bin >= BINS || (five & 0xff00) == 0) return false
      at += 5
      if (at > end) return false
      const sums = v128.extend_low<u16>(v128.extend_low<u8>(i64x2.splat(five >> 8)))
      low = v128.extend_low<u32>(sums)
      high = v128.extend_high<u32>(sums)
    } else {
      cursor = at
      const step = read(end)
      const n = read(end)
      const r = read(end)
      const g = read(end)
      const b = read(end)
      if (step >= BINS || n + 1 <= 1 || r == -1 || g == -1 || b == -1) return false
      bin += step
      if (bin >= BINS) return false
      at = cursor
      low = i64x2.replace_lane(i64x2.splat(n), 1, r)
      high = i64x2.replace_lane(i64x2.splat(g), 1, b)
    }
    if (adding) {
      const sums = <usize>bin << 5
      v128.store(sums, v128.add<i64>(v128.load(sums), low))
      v128.store(sums + 16, v128.add<i64>(v128.load(sums, 16), high))
    }
    bin += 1
  }
  return at == end
}
