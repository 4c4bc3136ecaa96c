/** The generator of a checkpoint as one ONNX file for any runtime: ids of classes in, a photo out. */

import type { OnnxNode, OnnxTensor } from '../formats/onnx/model.js'
import { encodeOnnx } from '../formats/onnx/write.js'
import { readCheckpoint } from './checkpoint.js'
import { displayColours } from './corpus.js'
import { translate } from './engines/onnx/translate.js'
import { dropoutMasks } from './pix2pix/model.js'
import { buildStep } from './pix2pix/step.js'
import { randomAt, unitNumbers } from './random.js'

const OPSET = 18

/**
 * Input `label` uint8 [1, H, W], the class of each pixel; output `photo` float32 [1, 3, H, W] in [-1, 1]. Dropout, where
 * painting has it, is held to one fixed mask, so that the same ids always give the same photo.
 *
 * @throws {PrepError} as `readCheckpoint` does
 */
export async function generatorOnnx(checkpointFile: string): Promise<Uint8Array> {
  const { state, tensors } = await readCheckpoint(checkpointFile, name => /^(ema\.)?G\./.test(name))
  const { model, options, seed } = state
  const { emitter, fed, outputs } = translate([buildStep(model).generate(1)], new Map())
  const { dropout_at_inference: dropout = true } = options
  const drops = { ...model, batch: 1, dropout: model.dropout && dropout }
  const masks = dropoutMasks(drops, unitNumbers(randomAt(seed, 'sheet', 0)))

  const fixed: OnnxTensor[] = []
  for (const value of fed) {
    if (value.kind !== 'input' && value.kind !== 'weight') continue
    const { name } = value.attributes
    if (name === 'label') continue
    const data =
      (tensors[`ema.${name}`] ?? tensors[name] ?? masks[name])?.data ??
      // a mask left out is one that drops nothing
      new Float32Array(value.shape.reduce((product, n) => product * n, 1)).fill(1)
    fixed.push({ name, shape: value.shape, data })
  }
  const colours = displayColours(state.palette, checkpointFile)
  const encoding = options.label_input === 'onehot' ? oneHot(colours.length) : asColours(colours)
  return encodeOnnx({
    name: 'generator',
    opsets: { '': OPSET },
    nodes: [
      ...encoding.nodes,
      ...emitter.nodes.map(node => ({
        ...node,
        inputs: node.inputs.map(input => (input === 'label' ? PLANES : input)),
      })),
      { op: 'Identity', inputs: [outputs[0]!], outputs: ['photo'] },
    ],
    initializers: [...encoding.initializers, ...emitter.initializers, ...fixed],
    inputs: [{ name: 'label', type: 'uint8', shape: [1, model.height, model.width] }],
    outputs: [{ name: 'photo', type: 'float32' }],
  })
}

const PLANES = 'label_planes'

interface Part {
  readonly nodes: readonly OnnxNode[]
  readonly initializers: readonly OnnxTensor[]
}

const indices: OnnxNode = { op: 'Cast', inputs: ['label'], outputs: ['label_index'], attributes: { to: { int: 7 } } }

const oneHot = (classes: number): Part => ({
  nodes: [
    indices,
    {
      op: 'OneHot',
      inputs: ['label_index', 'label_classes', 'label_values'],
      outputs: [PLANES],
      attributes: { axis: { int: 1 } },
    },
  ],
  initializers: [
    { name: 'label_classes', shape: [1], data: BigInt64Array.of(BigInt(classes)) },
    { name: 'label_values', shape: [2], data: Float32Array.of(0, 1) },
  ],
})

const asColours = (colours: readonly (readonly number[])[]): Part => ({
  nodes: [
    indices,
    {
      op: 'Gather',
      inputs: ['label_colours', 'label_index'],
      outputs: ['label_pixels'],
      attributes: { axis: { int: 0 } },
    },
    {
      op: 'Transpose',
      inputs: ['label_pixels'],
      outputs: [PLANES],
      attributes: { perm: { ints: [0, 3, 1, 2] } },
    },
  ],
  initializers: [
    {
      name: 'label_colours',
      shape: [colours.length, 3],
      data: Float32Array.from(colours.flat(), value => value / 127.5 - 1),
    },
  ],
})
