/**
 * A small JPEG that takes very long to decode, though nothing in it is wrong: a grey progressive one whose zeros are
 * sent in as many scans as ITU-T T.81 allows, a bit of a coefficient at a time. Every scan is a pass over all blocks.
 */

const COEFFICIENTS = 63
const BITS = 14
/** Run lengths that the code of symbol 0xE0 (EOB14) can say. */
const [SHORTEST_RUN, LONGEST_RUN] = [1 << 14, (1 << 15) - 1]

/** @param side  pixels, a multiple of 8, at least 1456 */
export function scanBomb(side: number): Buffer {
  const blocks = (side / 8) ** 2
  const runs = Math.ceil(blocks / LONGEST_RUN)
  if (blocks / runs < SHORTEST_RUN) throw new Error(`${blocks} blocks cannot be split into runs`)
  const zeros: (readonly [value: number, bits: number])[] = Array.from({ length: runs }, (_, i) => {
    const run = Math.floor(((i + 1) * blocks) / runs) - Math.floor((i * blocks) / runs)
    // Code 0 of symbol 0xE0, then how much longer than the shortest run.
    return [run - SHORTEST_RUN, 15]
  })
  const run = entropyCoded(zeros)
  const scans: Buffer[] = [scan(0, 0, 0, 0, Buffer.alloc(Math.ceil(blocks / 8)))]
  for (let k = 1; k <= COEFFICIENTS; k++)
    for (let bit = BITS - 1; bit >= 0; bit--) scans.push(scan(k, k, bit === BITS - 1 ? 0 : bit + 1, bit, run))
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xdb, [0, ...new Array<number>(64).fill(1)]),
    segment(0xc2, [8, side >> 8, side & 255, side >> 8, side & 255, 1, 1, 0x11, 0]),
    // One code of one bit each: DC category 0, AC symbol 0xE0.
    segment(0xc4, [0x00, 1, ...new Array<number>(15).fill(0), 0x00]),
    segment(0xc4, [0x10, 1, ...new Array<number>(15).fill(0), 0xe0]),
    ...scans,
    Buffer.from([0xff, 0xd9]),
  ])
}

const segment = (marker: number, content: readonly number[]): Buffer =>
  Buffer.from([0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 255, ...content])

const scan = (from: number, to: number, high: number, low: number, data: Buffer): Buffer =>
  Buffer.concat([segment(0xda, [1, 1, 0, from, to, (high << 4) | low]), data])

function entropyCoded(parts: readonly (readonly [value: number, bits: number])[]): Buffer {
  const bits = parts.map(([value, length]) => value.toString(2).padStart(length, '0')).join('')
  const padded = bits.padEnd(8 * Math.ceil(bits.length / 8), '1')
  const bytes = padded.match(/.{8}/g)!.map(byte => Number.parseInt(byte, 2))
  return Buffer.from(bytes.flatMap(byte => (byte === 0xff ? [0xff, 0] : [byte])))
}
