/**
 * Protocol buffers, as far as ONNX, TFRecord and TensorBoard need them: a message is a list of fields, a field a number,
 * a wire type and bytes.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

/** Collects the fields of one message. Integers are 64-bit two's complement, as int64 asks. */
export class MessageWriter {
  private readonly chunks: Uint8Array[] = []
  private size = 0

  int(field: number, value: number): this {
    return this.push(varint(tag(field, VARINT)), varint(value))
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    return this.push(varint(tag(field, FIXED32)), bytes)
  }

  double(field: number, value: number): this {
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setFloat64(0, value, true)
    return this.push(varint(tag(field, FIXED64)), bytes)
  }

  string(field: number, text: string): this {
    return this.bytes(field, new TextEncoder().encode(text))
  }

  bytes(field: number, value: Uint8Array): this {
    return this.push(varint(tag(field, BYTES)), varint(value.length), value)
  }

  /** Integers as one field, each 64-bit two's complement. */
  packedInts(field: number, values: readonly bigint[]): this {
    return this.bytes(field, Buffer.concat(values.map(varint)))
  }

  message(field: number, write: (message: MessageWriter) => void): this {
    const inner = new MessageWriter()
    write(inner)
    return this.push(varint(tag(field, BYTES)), varint(inner.size), ...inner.chunks)
  }

  private push(...chunks: Uint8Array[]): this {
    for (const chunk of chunks) {
      this.chunks.push(chunk)
      this.size += chunk.length
    }
    return this
  }

  finish(): Uint8Array {
    const bytes = new Uint8Array(this.size)
    let at = 0
    for (const chunk of this.chunks) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return bytes
  }
}

const tag = (field: number, wire: number): number => field * 8 + wire

function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value))
  const bytes: number[] = []
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    bytes.push(rest > 0n ? low | 0x80 : low)
  } while (rest > 0n)
  return Uint8Array.from(bytes)
}

/** One field as found: an integer, or the bytes of a float, a string or a message. */
export interface Field {
  readonly field: number
  readonly wire: number
  readonly int: number
  /** `int` without loss. */
  readonly varint: bigint
  readonly bytes: Uint8Array
}

/**
 * The fields of a message in their order.
 *
 * @throws {RangeError} when the bytes end within a field or a wire type is unknown
 */
export function* readFields(message: Uint8Array): Generator<Field> {
  const cursor = { at: 0 }
  const take = (count: number): Uint8Array => {
    const { at } = cursor
    if (count < 0 || at + count > message.length) throw new RangeError(`protobuf: a field is cut off at byte ${at}`)
    cursor.at += count
    return message.subarray(at, at + count)
  }
  const none = new Uint8Array()
  while (cursor.at < message.length) {
    const key = Number(readVarint(message, cursor))
    const [field, wire] = [Math.floor(key / 8), key % 8]
    if (wire === VARINT) {
      const varint = readVarint(message, cursor)
      yield { field, wire, int: Number(varint), varint, bytes: none }
    } else if (wire === FIXED64) yield { field, wire, int: 0, varint: 0n, bytes: take(8) }
    else if (wire === FIXED32) yield { field, wire, int: 0, varint: 0n, bytes: take(4) }
    else if (wire === BYTES) yield { field, wire, int: 0, varint: 0n, bytes: take(Number(readVarint(message, cursor))) }
    else throw new RangeError(`protobuf: wire type ${wire} of field ${field} is unknown`)
  }
}

/** Integers packed into one field. @throws {RangeError} when the last is cut off */
export function readVarints(bytes: Uint8Array): bigint[] {
  const cursor = { at: 0 }
  const values: bigint[] = []
  while (cursor.at < bytes.length) values.push(readVarint(bytes, cursor))
  return values
}

function readVarint(bytes: Uint8Array, cursor: { at: number }): bigint {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = bytes[cursor.at++]
    if (byte === undefined) break
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return BigInt.asIntN(64, value)
  }
  throw new RangeError(`protobuf: a number is cut off at byte ${cursor.at}`)
}
