/** Reads event files, for tests: what is in them, through our readers of TFRecord and protocol buffers. */
import { ArchiveFile } from '../../src/formats/archive-file.js'
import { type Field, readFields } from '../../src/formats/protobuf.js'
import { readRecords } from '../../src/formats/tfrecord/read.js'

export interface FoundEvent {
  readonly wallTime: number
  readonly step: number
  readonly fileVersion?: string
  readonly values: readonly FoundValue[]
}

export interface FoundValue {
  readonly tag: string
  readonly scalar?: number
  readonly plugin?: string
  readonly dataClass?: number
  readonly strings?: readonly Buffer[]
}

/** The events of a file; a record that is torn or damaged throws. */
export function readEvents(path: string): FoundEvent[] {
  const file = new ArchiveFile(path)
  try {
    return [...readRecords(file)].map(({ data, intact }) => {
      if (!intact) throw new Error(`${path}: a record does not fit its checksum`)
      return decodeEvent(data)
    })
  } finally {
    file.close()
  }
}

const all = (message: Uint8Array, ...path: readonly number[]): Field[] => {
  const [number, ...rest] = path
  const found = [...readFields(message)].filter(({ field }) => field === number)
  return rest.length === 0 ? found : found.flatMap(({ bytes }) => all(bytes, ...rest))
}
const text = (fields: readonly Field[]): string | undefined => fields[0] && Buffer.from(fields[0].bytes).toString()

function decodeEvent(event: Uint8Array): FoundEvent {
  const fileVersion = text(all(event, 3))
  return {
    wallTime: Buffer.from(all(event, 1)[0]!.bytes).readDoubleLE(),
    step: all(event, 2)[0]?.int ?? 0,
    ...(fileVersion !== undefined && { fileVersion }),
    values: all(event, 5, 1).map(({ bytes }) => decodeValue(bytes)),
  }
}

function decodeValue(value: Uint8Array): FoundValue {
  const tag = text(all(value, 1))!
  const [scalar] = all(value, 2)
  if (scalar) return { tag, scalar: Buffer.from(scalar.bytes).readFloatLE() }
  const [type] = all(value, 8, 1)
  const [size] = all(value, 8, 2, 2, 1)
  const strings = all(value, 8, 8).map(({ bytes }) => Buffer.from(bytes))
  if (type?.int !== 7 || size?.int !== strings.length) throw new Error(`${tag}: no tensor of strings`)
  return { tag, plugin: text(all(value, 9, 1, 1))!, dataClass: all(value, 9, 4)[0]!.int, strings }
}
