// CRC-32C (Castagnoli) without a carry-less multiply: fold with xor alone, then look the short rest up in tables.
//
// P(x) = 0x11EDC6F41 divides Q(x) = x^5275 + x^4508 + x^2751 + 1, its multiple of four terms of least degree. Squaring
// thrice, P divides Q(x^8) too: the byte at p may be added (xor) to the bytes at p + 767, p + 2524 and p + 5275 and
// then dropped, and the remainder stays. Every gap is past 64 bytes, so whole vectors go at once.

const GAP_A: usize = 767
const GAP_B: usize = 2524
const GAP_C: usize = 5275

/** Fill the 8 tables of 256 u32 at `tables` (slicing by 8). */
export function tabulate(tables: usize): void {
  for (let i: u32 = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78 & (0 - (crc & 1)))
    store<u32>(tables + (<usize>i << 2), crc)
  }
  for (let i: usize = 1024; i < 8192; i += 4) {
    const before = load<u32>(tables + i - 1024)
    store<u32>(tables + i, (before >> 8) ^ load<u32>(tables + ((<usize>before & 255) << 2)))
  }
}

// @ts-ignore: decorator
@inline
function foldVector(at: usize): void {
  const own = v128.xor(v128.load(at), v128.load(at - GAP_A))
  v128.store(at, v128.xor(own, v128.xor(v128.load(at - GAP_B), v128.load(at - GAP_C))))
}

/** Gather into each byte of from..to what falls on it from before; the 5275 bytes before `from` are gathered already. */
export function fold(from: usize, to: usize): void {
  for (let at = from; at < to; at += 64) {
    foldVector(at)
    foldVector(at + 16)
    foldVector(at + 32)
    foldVector(at + 48)
  }
}

// @ts-ignore: decorator
@inline
function dropGap(end: usize, gap: usize): void {
  let from = end - gap
  for (; from + 16 <= end; from += 16) {
    v128.store(from + gap, v128.xor(v128.load(from + gap), v128.load(from)))
  }
  for (; from < end; from++) store<u8>(from + gap, load<u8>(from + gap) ^ load<u8>(from))
}

/** Drop the last gathered bytes, those before `end`, onto the at least 5275 bytes that follow. */
export function drop(end: usize): void {
  dropGap(end, GAP_A)
  dropGap(end, GAP_B)
  dropGap(end, GAP_C)
}

/** The register after the bytes from..to, from the register `crc` (no inversion here). */
export function update(tables: usize, crc: u32, from: usize, to: usize): u32 {
  for (; from + 8 <= to; from += 8) {
    const a = load<u32>(from) ^ crc
    const b = load<u32>(from, 4)
    crc =
      load<u32>(tables + ((<usize>a & 255) << 2), 7168) ^
      load<u32>(tables + (((<usize>a >> 8) & 255) << 2), 6144) ^
      load<u32>(tables + (((<usize>a >> 16) & 255) << 2), 5120) ^
      load<u32>(tables + ((<usize>a >> 24) << 2), 4096) ^
      load<u32>(tables + ((<usize>b & 255) << 2), 3072) ^
      load<u32>(tables + (((<usize>b >> 8) & 255) << 2), 2048) ^
      load<u32>(tables + (((<usize>b >> 16) & 255) << 2), 1024) ^
      load<u32>(tables + ((<usize>b >> 24) << 2))
  }
  for (; from < to; from++) crc = (crc >> 8) ^ load<u32>(tables + (((<usize>crc ^ load<u8>(from)) & 255) << 2))
  return crc
}
