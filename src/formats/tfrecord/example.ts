/**
 * tf.train.Example, what TFRecord files of images hold: named features, each a list of bytes, floats or integers.
 *
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/example/feature.proto
 */
import { type Field, MessageWriter, readFields, readVarints } from '../protobuf.js'

export type Feature =
  | { readonly kind: 'bytes'; readonly values: readonly Uint8Array[] }
  | { readonly kind: 'floats'; readonly values: readonly number[] }
  | { readonly kind: 'ints'; readonly values: readonly bigint[] }

export type Example = ReadonlyMap<string, Feature>

const EXAMPLE = { features: 1 } as const
const FEATURES = { feature: 1 } as const
const ENTRY = { key: 1, value: 2 } as const
const FEATURE = { bytes: 1, floats: 2, ints: 3 } as const
const LIST = { value: 1 } as const

/**
 * The features of a serialised Example; values of bytes lie within `message`, not in memory of their own.
 * @throws {RangeError} when the bytes are no protocol buffer
 */
export function decodeExample(message: Uint8Array): Example {
  const example = new Map<string, Feature>()
  for (const features of fieldsOf(message, EXAMPLE.features))
    for (const entry of fieldsOf(features.bytes, FEATURES.feature)) {
      const [key] = fieldsOf(entry.bytes, ENTRY.key)
      const [value] = fieldsOf(entry.bytes, ENTRY.value)
      const feature = value && decodeFeature(value.bytes)
      if (feature) example.set(Buffer.from(key?.bytes ?? []).toString('utf8'), feature)
    }
  return example
}

const fieldsOf = (message: Uint8Array, number: number): Field[] =>
  [...readFields(message)].filter(({ field }) => field === number)

function decodeFeature(message: Uint8Array): Feature | undefined {
  for (const { field, bytes } of readFields(message)) {
    const values = fieldsOf(bytes, LIST.value)
    if (field === FEATURE.bytes) return { kind: 'bytes', values: values.map(value => value.bytes) }
    if (field === FEATURE.floats) return { kind: 'floats', values: values.flatMap(value => floatsOf(value.bytes)) }
    // Packed into one field, as TensorFlow writes them, or one field each.
    if (field === FEATURE.ints)
      return {
        kind: 'ints',
        values: values.flatMap(value => (value.wire === 0 ? [value.varint] : readVarints(value.bytes))),
      }
  }
  return undefined
}

function floatsOf(bytes: Uint8Array): number[] {
  if (bytes.length % 4) throw new RangeError(`protobuf: ${bytes.length} bytes of 32-bit floats`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true))
}

/** Features in the order of their names, so that equal examples are equal bytes. */
export function encodeExample(example: Example): Uint8Array {
  const sorted = [...example].sort(([a], [b]) => (a < b ? -1 : 1))
  return new MessageWriter()
    .message(EXAMPLE.features, features => {
      for (const [key, feature] of sorted)
        features.message(FEATURES.feature, entry =>
          entry.string(ENTRY.key, key).message(ENTRY.value, value => writeFeature(value, feature)),
        )
    })
    .finish()
}

function writeFeature(out: MessageWriter, feature: Feature): void {
  if (feature.kind === 'bytes')
    out.message(FEATURE.bytes, list => {
      for (const value of feature.values) list.bytes(LIST.value, value)
    })
  else if (feature.kind === 'ints')
    out.message(FEATURE.ints, list => {
      if (feature.values.length) list.packedInts(LIST.value, feature.values)
    })
  else
    out.message(FEATURE.floats, list => {
      const floats = Buffer.alloc(4 * feature.values.length)
      for (const [i, value] of feature.values.entries()) floats.writeFloatLE(value, 4 * i)
      if (floats.length) list.bytes(LIST.value, floats)
    })
}
