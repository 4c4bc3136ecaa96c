// Counts colours in 64x64x64 bins and writes them as the bytes of src/labels/histogram.ts. Plain twins:
// test/labels/histogram.test.ts. Memory, zeroed once by the caller and left zeroed by `encode`: u64 [bins] at 0, a
// bin's pixels and how far their sums exceed the bin's darkest colour, packed as below; u32 [bins][4] at `wide`, what
// did not fit; a byte for each row of 64 bins at `rows`. RGB bytes at `rgb`.

// A packed bin: r, g, b in 16 bits each, then the count in 14, then whether `wide` has more of this bin.
const ONE: u64 = 1 << 48
const FULL: u64 = 1 << 61 // 8192 pixels, at most 7 a channel each: the sums still fit
const SPILT: u64 = 1 << 62

function spill(at: usize, sums: u64, wide: usize): void {
  const more = wide + (at << 1)
  store<u32>(more, load<u32>(more) + <u32>(sums >> 48 & 0x3fff))
  store<u32>(more + 4, load<u32>(more + 4) + <u32>(sums & 0xffff))
  store<u32>(more + 8, load<u32>(more + 8) + <u32>(sums >> 16 & 0xffff))
  store<u32>(more + 12, load<u32>(more + 12) + <u32>(sums >> 32 & 0xffff))
  store<u64>(at, SPILT)
}

// What the channels' codes add up to: 3 bits each of excess of r, g and b; from bit 9 on the address of the bin.
// @ts-ignore: decorator
@inline
function code(rgb: usize, codes: usize): u32 {
  const r = load<u32>(codes + (<usize>load<u8>(rgb) << 2))
  const g = load<u32>(codes + (<usize>load<u8>(rgb, 1) << 2), 1024)
  return r + g + load<u32>(codes + (<usize>load<u8>(rgb, 2) << 2), 2048)
}

// @ts-ignore: decorator
@inline
function add(code: u32, wide: usize, rows: usize): void {
  store<u8>(rows + (code >> 18), 1)
  const at = <usize>(code >> 9)
  // three copies, 13 bits apart: r, g and b fall on bits 0, 16 and 32
  const excess = (<u64>(code & 511) * 0x4002001) & 0x700070007
  const sums = load<u64>(at) + (excess | ONE)
  store<u64>(at, sums)
  if (sums & FULL) spill(at, sums, wide)
}

// At `codes` u32 [3][256], what each channel's code adds to `code`.
export function count(rgb: usize, pixels: i32, codes: usize, wide: usize, rows: usize): void {
  const end = rgb + <usize>pixels * 3
  // two at a time: the second is looked up while the first is added
  for (; rgb + 6 <= end; rgb += 6) {
    const first = code(rgb, codes)
    const second = code(rgb + 3, codes)
    add(first, wide, rows)
    add(second, wide, rows)
  }
  if (rgb < end) add(code(rgb, codes), wide, rows)
}

// LEB128; returns the address behind it.
function write(at: usize, value: u32): usize {
  while (value >= 128) {
    store<u8>(at++, value | 128)
    value >>= 7
  }
  store<u8>(at++, value)
  return at
}

// Writes the number of occupied bins (u32) at `out`, and from `out` + 16 on the bins; returns the end.
export function encode(wide: usize, rows: usize, out: usize): usize {
  let found: u32 = 0
  let next: usize = 0
  let to = out + 16
  for (let row: usize = 0; row < 4096; row++) {
    if (load<u8>(rows + row) == 0) continue
    store<u8>(rows + row, 0)
    for (let at = row << 9; at < (row + 1) << 9; at += 8) {
      const sums = load<u64>(at)
      if (sums == 0) continue
      store<u64>(at, 0)
      found += 1
      const step = <u32>(at - next) >> 3
      next = at + 8
      if ((sums & 0xff80ff80ff80ff80) == 0 && step < 128) {
        // each in one byte: step, count, r, g, b
        const rgb = (sums << 16 & 0xff0000) | (sums << 8 & 0xff000000) | (sums & 0xff00000000)
        store<u64>(to, rgb | (sums >> 40 & 0xff00) | step)
        to += 5
        continue
      }
      to = write(to, step)
      if (sums & SPILT) {
        spill(at, sums, wide)
        store<u64>(at, 0)
        const more = wide + (at << 1)
        for (let i: usize = 0; i < 16; i += 4) {
          to = write(to, load<u32>(more + i))
          store<u32>(more + i, 0)
        }
        continue
      }
      to = write(to, <u32>(sums >> 48))
      to = write(to, <u32>(sums & 0xffff))
      to = write(to, <u32>(sums >> 16 & 0xffff))
      to = write(to, <u32>(sums >> 32 & 0xffff))
    }
  }
  store<u32>(out, found)
  return to
}
