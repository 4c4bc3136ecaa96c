// Looks labels up, and works out those of new colours: src/labels/assign.ts says how. Plain twin: test/labels/assign.test.ts.
// Memory: at 0, u32 [32768], for each block an offset into `cells`, 0 for a block not met yet; `codes` u64 [3][256],
// what each channel's code adds to a pixel's `place`; `light` f64 [3][256], what it adds to each of the three cone
// signals, three apart: [channel][code][cone]; `scores` f64 [k][4], slope and offset; `ids` u8 [k], the label of each
// cluster; RGB bytes at `rgb`, with one spare byte behind the last pixel (four bytes are read at a time).

function fraction(light: usize, p: u32, cone: usize): f64 {
  const at = light + (cone << 3)
  const r = load<f64>(at + <usize>(p & 255) * 24)
  const g = load<f64>(at + 6144 + <usize>((p >> 8) & 255) * 24)
  return r + g + load<f64>(at + 12288 + <usize>((p >> 16) & 255) * 24)
}

// The index of the lowest score, or 255 when another is within `margin` of it.
function lowest(p: u32, light: usize, roots: bool, scores: usize, k: u32, margin: f64): u32 {
  let x = fraction(light, p, 0)
  let y = fraction(light, p, 1)
  let z = fraction(light, p, 2)
  if (roots) {
    x = Math.cbrt(x)
    y = Math.cbrt(y)
    z = Math.cbrt(z)
  }
  let first = Infinity
  let second = Infinity
  let id: u32 = 0
  for (let c: u32 = 0; c < k; c++) {
    const at = scores + (<usize>c << 5)
    const score = load<f64>(at) * x + load<f64>(at + 8) * y + load<f64>(at + 16) * z + load<f64>(at + 24)
    if (score < first) {
      second = first
      first = score
      id = c
    } else if (score < second) second = score
  }
  return second - first > margin ? id : 255
}

// What the channels' codes add up to: the address of the block's offset, and from bit 32 on the cell within the block.
// @ts-ignore: decorator
@inline
function place(at: usize, codes: usize): u64 {
  const r = load<u64>(codes + (<usize>load<u8>(at) << 3))
  const g = load<u64>(codes + (<usize>load<u8>(at, 1) << 3), 2048)
  return r + g + load<u64>(codes + (<usize>load<u8>(at, 2) << 3), 4096)
}

// @ts-ignore: decorator
@inline
function cellAt(place: u64, cells: usize): usize {
  return cells + load<u32>(<usize>(place & 0xffffffff)) + <usize>(place >> 32)
}

// Labels pixels from index `from` on. Stops at the first whose block is new or whose label is too close to call and
// returns its index, else returns `pixels`.
export function assign(
  rgb: usize, from: u32, pixels: u32, labels: usize, codes: usize, cells: usize,
  light: usize, roots: bool, scores: usize, ids: usize, k: u32, margin: f64,
): u32 {
  let at = rgb + <usize>from * 3
  for (let i = from; i < pixels; i++) {
    const p = place(at, codes)
    const cell = cellAt(p, cells)
    let id: u32 = load<u8>(cell)
    if (id == 255) {
      if (load<u32>(<usize>(p & 0xffffffff)) == 0) return i
      id = lowest(load<u32>(at), light, roots, scores, k, margin)
      if (id == 255) return i
      id = load<u8>(ids + id)
      store<u8>(cell, id)
    }
    store<u8>(labels + i, id)
    at += 3
  }
  return pixels
}
