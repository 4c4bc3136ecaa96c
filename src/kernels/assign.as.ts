// Looks labels up: src/labels/assign.ts says what the tables are. Plain twin: test/labels/assign.test.ts.
// RGB bytes at `rgb`, with one spare byte behind the last pixel (four bytes are read at a time); `blocks` is u32
// [32768], an offset into `cells` each. Stops at the first pixel whose label is 255 and returns its index, else
// returns `pixels`.

export function assign(rgb: usize, from: u32, pixels: u32, blocks: usize, cells: usize, labels: usize): u32 {
  let at = rgb + <usize>from * 3
  for (let i = from; i < pixels; i++) {
    const p = load<u32>(at)
    const block = ((p & 0xf8) << 9) | ((p >> 4) & 0xf80) | ((p >> 17) & 0x7c)
    const low = ((p & 7) << 6) | ((p >> 5) & 0x38) | ((p >> 16) & 7)
    const id = load<u8>(cells + load<u32>(blocks + block) + low)
    if (id == 255) return i
    store<u8>(labels + i, id)
    at += 3
  }
  return pixels
}
