/**
 * Protocol buffers, as far as ONNX needs them: a message is a list of fields, a field a number, a wire type and bytes.
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

  string(field: number, text: string): this {
    return this.bytes(field, new TextEncoder().encode(text))
  }

  bytes(field: number, value: Uint8Array): this {
    return this.push(varint(tag(field, BYTES)), varint(value.length), value)
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

function varint(value: number): Uint8Array {
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
  readonly int: number
  readonly bytes: Uint8Array
}

/**
 * The fields of a message in their order.
 *
 * @throws {RangeError} when the bytes end within a field or a wire type is unknown
 */
export function* readFields(message: Uint8Array): Generator<Field> {
  let at = 0
  const readVarint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++]
      if (byte === undefined) break
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, value)
    }
    throw new RangeError(`protobuf: a number is cut off at byte ${at}`)
  }
  const take = (count: number): Uint8Array => {
    if (count < 0 || at + count > message.length) throw new RangeError(`protobuf: a field is cut off at byte ${at}`)
    return message.subarray(at, (at += count))
  }
  while (at < message.length) {
    const key = Number(readVarint())
    const field = Math.floor(key / 8)
    const none = new Uint8Array()
    switch (key % 8) {
      case VARINT:
        yield { field, int: Number(readVarint()), bytes: none }
        break
      case FIXED64:
        yield { field, int: 0, bytes: take(8) }
        break
      case BYTES:
        yield { field, int: 0, bytes: take(Number(readVarint())) }
        break
      case FIXED32:
        yield { field, int: 0, bytes: take(4) }
        break
      default:
        throw new RangeError(`protobuf: wire type ${key % 8} of field ${field} is unknown`)
    }
  }
}
