/** float32 as float16 (IEEE 754 binary16), which Node 20 has no array of. */

/** The bits of each number, rounded to the nearest, ties to even; beyond 65504 it is infinite. */
export function toHalf(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  return Uint16Array.from(bits, halfBits)
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x47800000) return sign | 0x7c00
  if (magnitude >= 0x38800000) return sign | roundEven(magnitude - 0x38000000, 13)
  // below 2^-14 the exponent stays and the leading one becomes a bit like others
  const shift = 126 - (magnitude >>> 23)
  if (shift > 25) return sign
  return sign | roundEven((magnitude & 0x7fffff) | 0x800000, shift)
}

/** value / 2^shift; a carry into the exponent is right as it comes. */
function roundEven(value: number, shift: number): number {
  const down = value >>> shift
  const rest = value & (2 ** shift - 1)
  const half = 2 ** (shift - 1)
  return rest > half || (rest === half && (down & 1) === 1) ? down + 1 : down
}
