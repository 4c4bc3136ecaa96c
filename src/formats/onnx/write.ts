/** Writes an ONNX model: the bytes that onnxruntime loads. */

import { MessageWriter } from '../protobuf.js'
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  DIMENSION,
  GRAPH,
  IR_VERSION,
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
  type OnnxTensor,
  type OnnxValueInfo,
} from './model.js'

/** The model as bytes; the same model always gives the same bytes. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const out = new MessageWriter()
  out.int(MODEL.irVersion, IR_VERSION).string(MODEL.producer, 'prep-toolkit')
  for (const [domain, version] of Object.entries(model.opsets)) {
    out.message(MODEL.opsetImport, opset => opset.string(OPSET.domain, domain).int(OPSET.version, version))
  }
  out.message(MODEL.graph, graph => {
    graph.string(GRAPH.name, model.name)
    for (const { op, inputs, outputs, attributes = {}, domain } of model.nodes) {
      graph.message(GRAPH.node, node => {
        for (const input of inputs) node.string(NODE.input, input)
        for (const output of outputs) node.string(NODE.output, output)
        node.string(NODE.name, outputs[0] ?? op).string(NODE.op, op)
        if (domain) node.string(NODE.domain, domain)
        for (const [name, attribute] of Object.entries(attributes)) writeAttribute(node, name, attribute)
      })
    }
    for (const tensor of model.initializers) graph.message(GRAPH.initializer, out => writeTensor(out, tensor))
    for (const input of model.inputs) graph.message(GRAPH.input, out => writeValueInfo(out, input))
    for (const output of model.outputs) graph.message(GRAPH.output, out => writeValueInfo(out, output))
  })
  for (const [key, value] of Object.entries(model.metadata ?? {}))
    out.message(MODEL.metadata, entry => entry.string(METADATA.key, key).string(METADATA.value, value))
  return out.finish()
}

function writeAttribute(node: MessageWriter, name: string, attribute: OnnxAttribute): void {
  node.message(NODE.attribute, out => {
    out.string(ATTRIBUTE.name, name)
    if ('float' in attribute) out.float(ATTRIBUTE.float, attribute.float).int(ATTRIBUTE.type, ATTRIBUTE_TYPE.float)
    else if ('int' in attribute) out.int(ATTRIBUTE.int, attribute.int).int(ATTRIBUTE.type, ATTRIBUTE_TYPE.int)
    else if ('string' in attribute) {
      out.string(ATTRIBUTE.string, attribute.string).int(ATTRIBUTE.type, ATTRIBUTE_TYPE.string)
    } else if ('floats' in attribute) {
      for (const value of attribute.floats) out.float(ATTRIBUTE.floats, value)
      out.int(ATTRIBUTE.type, ATTRIBUTE_TYPE.floats)
    } else {
      for (const value of attribute.ints) out.int(ATTRIBUTE.ints, value)
      out.int(ATTRIBUTE.type, ATTRIBUTE_TYPE.ints)
    }
  })
}

function writeTensor(out: MessageWriter, { name, shape, data }: OnnxTensor): void {
  for (const size of shape) out.int(TENSOR.dims, size)
  out.int(TENSOR.dataType, ELEMENT_TYPES[typeOf(data)])
  out.string(TENSOR.name, name)
  out.bytes(TENSOR.rawData, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
}

function typeOf(data: OnnxTensor['data']): ElementType {
  if (data instanceof Float32Array) return 'float32'
  return data instanceof Uint16Array ? 'float16' : 'int64'
}

function writeValueInfo(out: MessageWriter, { name, type, shape }: OnnxValueInfo): void {
  out.string(VALUE_INFO.name, name).message(VALUE_INFO.type, typed =>
    typed.message(TYPE.tensor, tensor => {
      tensor.int(TENSOR_TYPE.element, ELEMENT_TYPES[type])
      if (!shape) return
      tensor.message(TENSOR_TYPE.shape, dims => {
        for (const size of shape) dims.message(SHAPE.dim, dim => dim.int(DIMENSION.value, size))
      })
    }),
  )
}
