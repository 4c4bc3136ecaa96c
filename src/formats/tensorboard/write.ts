/**
 * TensorBoard's event files: TFRecord frames around `tensorflow.Event` messages, the first of which names the version.
 * This turns events into bytes; where they go, and when, is the caller's.
 */
import { MessageWriter } from '../protobuf.js'
import { frameRecord } from '../tfrecord/write.js'
import {
  DATA_CLASS,
  DIMENSION,
  EVENT,
  METADATA,
  PLUGIN_DATA,
  SHAPE,
  SUMMARY,
  TENSOR,
  TENSOR_TYPE,
  VALUE,
} from './fields.js'

/** One value under a tag; `a/b` is shown as b in a group named a. */
export type SummaryValue = { readonly tag: string } & (
  | { readonly scalar: number }
  | { readonly image: { readonly png: Uint8Array; readonly width: number; readonly height: number } }
  /** Markdown. */
  | { readonly text: string }
)

export interface SummaryEvent {
  /** Seconds since 1970. */
  readonly wallTime: number
  readonly step: number
  readonly values: readonly SummaryValue[]
}

/** The record that every event file begins with. */
export const versionRecord = (wallTime: number): Uint8Array =>
  frame(new MessageWriter().double(EVENT.wallTime, wallTime).string(EVENT.fileVersion, 'brain.Event:2'))

/**
 * An event as a whole record, to be appended to a file; the same event gives the same bytes.
 *
 * Scalars are `simple_value`, rounded to float32; images and texts are string tensors with the name of the plugin that
 * shows them, as TensorFlow 2 writes them: every TensorBoard since 2.0 reads these, with either of its data servers.
 */
export function summaryRecord({ wallTime, step, values }: SummaryEvent): Uint8Array {
  const event = new MessageWriter().double(EVENT.wallTime, wallTime)
  if (step !== 0) event.int(EVENT.step, step)
  return frame(
    event.message(EVENT.summary, summary => {
      for (const value of values) summary.message(SUMMARY.value, out => writeValue(out, value))
    }),
  )
}

const frame = (event: MessageWriter): Uint8Array => Buffer.concat(frameRecord(event.finish()))

function writeValue(out: MessageWriter, value: SummaryValue): void {
  out.string(VALUE.tag, value.tag)
  if ('scalar' in value) out.float(VALUE.simpleValue, value.scalar)
  else if ('text' in value) writeStrings(out, [Buffer.from(value.text)], 'text', DATA_CLASS.tensor)
  else {
    const { png, width, height } = value.image
    writeStrings(out, [Buffer.from(`${width}`), Buffer.from(`${height}`), png], 'images', DATA_CLASS.blobSequence)
  }
}

function writeStrings(out: MessageWriter, strings: readonly Uint8Array[], plugin: string, dataClass: number): void {
  out
    .message(VALUE.tensor, tensor => {
      tensor.int(TENSOR.type, TENSOR_TYPE.string)
      tensor.message(TENSOR.shape, shape =>
        shape.message(SHAPE.dimension, dimension => dimension.int(DIMENSION.size, strings.length)),
      )
      for (const bytes of strings) tensor.bytes(TENSOR.strings, bytes)
    })
    .message(VALUE.metadata, metadata =>
      metadata
        .message(METADATA.pluginData, data => data.string(PLUGIN_DATA.name, plugin))
        .int(METADATA.dataClass, dataClass),
    )
}
