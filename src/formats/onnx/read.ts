/** Reads an ONNX model back: for looking at what an engine made, and for holding the writer to the format. */

import { type Field, readFields } from '../protobuf.js'
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  DIMENSION,
  GRAPH,
  METADATA,
  MODEL,
  NODE,
  OPSET,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  VALUE_INFO,
} from './fields.js'
import {
  ELEMENT_TYPES,
  type ElementType,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from './model.js'

/** A message's fields, looked up by number. */
class Message {
  private readonly fields: readonly Field[]
  constructor(bytes: Uint8Array) {
    this.fields = [...readFields(bytes)]
  }
  private all = (field: number): readonly Field[] => this.fields.filter(found => found.field === field)
  has = (field: number): boolean => this.all(field).length > 0
  ints = (field: number): number[] => this.all(field).map(({ int }) => int)
  int = (field: number): number => this.ints(field)[0] ?? 0
  bytes = (field: number): Uint8Array => this.all(field)[0]?.bytes ?? new Uint8Array()
  strings = (field: number): string[] => this.all(field).map(({ bytes }) => new TextDecoder().decode(bytes))
  string = (field: number): string => this.strings(field)[0] ?? ''
  floats = (field: number): number[] =>
    this.all(field).map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true))
  messages = (field: number): Message[] => this.all(field).map(({ bytes }) => new Message(bytes))
  message = (field: number): Message => new Message(this.bytes(field))
}

/**
 * The model that `encodeOnnx` wrote.
 *
 * @throws {RangeError} when the bytes are no protocol buffer, or hold a type that we do not write
 */
export function decodeOnnx(bytes: Uint8Array): OnnxModel {
  const model = new Message(bytes)
  const graph = model.message(MODEL.graph)
  const metadata = model.messages(MODEL.metadata)
  return {
    name: graph.string(GRAPH.name),
    opsets: Object.fromEntries(
      model.messages(MODEL.opsetImport).map(opset => [opset.string(OPSET.domain), opset.int(OPSET.version)]),
    ),
    nodes: graph.messages(GRAPH.node).map(readNode),
    initializers: graph.messages(GRAPH.initializer).map(readTensor),
    inputs: graph.messages(GRAPH.input).map(readValueInfo),
    outputs: graph.messages(GRAPH.output).map(readValueInfo),
    ...(metadata.length > 0 && {
      metadata: Object.fromEntries(metadata.map(entry => [entry.string(METADATA.key), entry.string(METADATA.value)])),
    }),
  }
}

function readNode(node: Message): OnnxNode {
  const domain = node.string(NODE.domain)
  return {
    op: node.string(NODE.op),
    inputs: node.strings(NODE.input),
    outputs: node.strings(NODE.output),
    attributes: Object.fromEntries(
      node.messages(NODE.attribute).map(attribute => [attribute.string(ATTRIBUTE.name), readAttribute(attribute)]),
    ),
    ...(domain && { domain }),
  }
}

function readAttribute(attribute: Message): OnnxAttribute {
  switch (attribute.int(ATTRIBUTE.type)) {
    case ATTRIBUTE_TYPE.float:
      return { float: attribute.floats(ATTRIBUTE.float)[0] ?? 0 }
    case ATTRIBUTE_TYPE.int:
      return { int: attribute.int(ATTRIBUTE.int) }
    case ATTRIBUTE_TYPE.string:
      return { string: attribute.string(ATTRIBUTE.string) }
    case ATTRIBUTE_TYPE.floats:
      return { floats: attribute.floats(ATTRIBUTE.floats) }
    case ATTRIBUTE_TYPE.ints:
      return { ints: attribute.ints(ATTRIBUTE.ints) }
    default:
      throw new RangeError(`onnx: attribute type ${attribute.int(ATTRIBUTE.type)} is not one we write`)
  }
}

function readTensor(tensor: Message): OnnxTensor {
  const raw = Uint8Array.from(tensor.bytes(TENSOR.rawData)).buffer
  const type = elementType(tensor.int(TENSOR.dataType))
  if (type === 'uint8') throw new RangeError('onnx: initializers of uint8 are none that we write')
  const data = { float32: Float32Array, float16: Uint16Array, int64: BigInt64Array }[type]
  return { name: tensor.string(TENSOR.name), shape: tensor.ints(TENSOR.dims), data: new data(raw) }
}

function readValueInfo(info: Message): OnnxValueInfo {
  const tensor = info.message(VALUE_INFO.type).message(TYPE.tensor)
  const dims = tensor.message(TENSOR_TYPE.shape).messages(SHAPE.dim)
  return {
    name: info.string(VALUE_INFO.name),
    type: elementType(tensor.int(TENSOR_TYPE.element)),
    ...(tensor.has(TENSOR_TYPE.shape) && { shape: dims.map(dim => dim.int(DIMENSION.value)) }),
  }
}

function elementType(number: number): ElementType {
  const found = Object.entries(ELEMENT_TYPES).find(([, value]) => value === number)
  if (!found) throw new RangeError(`onnx: element type ${number} is not one we write`)
  return found[0] as ElementType
}
