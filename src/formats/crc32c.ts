/** CRC-32C, the checksum of data set rows and of TFRecord and TensorBoard frames: without native code. */
import binary from '../kernels/crc32c.wasm.js'
import { instantiate } from '../kernels/instantiate.js'

interface Kernel {
  tabulate(tables: number): void
  fold(from: number, to: number): void
  drop(end: number): void
  update(tables: number, register: number, from: number, to: number): number
}

/** The furthest that the kernel's fold reaches back, in bytes. */
const REACH = 5275
/** Bytes folded at a time, a multiple of the kernel's 64. */
const CHUNK = 32768
/** Shorter input goes through the tables alone. */
const FOLD_FROM = 3 * REACH

const TABLES = 0
const START = 13504 // 64-aligned, after 8 KiB of tables and REACH bytes of history

const { run: kernel, reserve } = instantiate<Kernel>(binary)
const memory = reserve(START + CHUNK)
const memoryBytes = new Uint8Array(memory)
const firstWord = new Uint32Array(memory, START, 1)
kernel.tabulate(TABLES)

/**
 * The CRC-32C (Castagnoli: reflected 0x82F63B78, inverted at both ends) of `bytes`.
 *
 * @param initial  the CRC of what came before: `crc32c(b, crc32c(a))` is the CRC of a followed by b
 * @returns an unsigned 32-bit integer
 * @see RFC 3720, appendix B.4
 */
export function crc32c(bytes: Uint8Array, initial = 0): number {
  return ~(bytes.length < FOLD_FROM ? lookUp(bytes, ~initial) : fold(bytes, ~initial)) >>> 0
}

function lookUp(bytes: Uint8Array, register: number): number {
  memoryBytes.set(bytes, START)
  return kernel.update(TABLES, register, START, START + bytes.length)
}

/** Fold all but the last REACH to REACH + 63 bytes onto those, and look these up. */
function fold(bytes: Uint8Array, register: number): number {
  const folded = bytes.length - REACH - ((bytes.length - REACH) % 64)
  memoryBytes.fill(0, START - REACH, START)
  let end = START
  for (let at = 0; at < folded; ) {
    memoryBytes.copyWithin(START - REACH, end - REACH, end)
    const next = Math.min(at + CHUNK, folded)
    memoryBytes.set(bytes.subarray(at, next), START)
    if (at === 0) firstWord[0]! ^= register
    end = START + next - at
    kernel.fold(START, end)
    at = next
  }
  memoryBytes.set(bytes.subarray(folded), end)
  kernel.drop(end)
  return kernel.update(TABLES, 0, end, end + bytes.length - folded)
}
