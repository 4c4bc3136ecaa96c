/** The generator of a checkpoint as one ONNX file for any runtime: ids of classes in, a photo out. */
import { PrepError } from '../errors.js'
import type { OnnxNode, OnnxTensor } from '../formats/onnx/model.js'
import { encodeOnnx } from '../formats/onnx/write.js'
import type { Size } from './augment.js'
import { type CheckpointState, readCheckpoint } from './checkpoint.js'
import { displayColours } from './corpus.js'
import { Emitter } from './engines/onnx/emitter.js'
import { translate } from './engines/onnx/translate.js'
import { sizeOf } from './graph/graph.js'
import { toHalf } from './half.js'
import { buildGenerator } from './pix2pix/step.js'
import { paintingWeights } from './pretrained.js'
import { versionsHere } from './versions.js'

const OPSET = 18
const FLOAT32 = { to: { int: 1 } }

export interface GeneratorOnnxOptions {
  /** Store the weights in 16 bits, which halves the file; what is computed stays in float32, so any runtime can. */
  readonly fp16?: boolean
  /** Of the images, in pixels; default: that of training. Sides that 2^downs divides. */
  readonly size?: Size
  /** Entries to add to the file's metadata. */
  readonly metadata?: Readonly<Record<string, string>>
}

/**
 * Input `label` uint8 [1, H, W], the class of each pixel; output `photo` float32 [1, 3, H, W] in [-1, 1]. Weights are in
 * the file (their average where there is one), ops are those of ONNX's own set 18, dropout is off: the same ids always
 * give the same photo. Metadata: `palette`, `size`, `norm`, `downs`, `label_input`, `trained`, `versions`, `format`.
 *
 * @throws {PrepError} as `readCheckpoint` does; `TRAIN_SIZE`; `PALETTE_INVALID` for a checkpoint without a palette
 */
export async function generatorOnnx(
  checkpointFile: string,
  { fp16 = false, size, metadata = {} }: GeneratorOnnxOptions = {},
): Promise<Uint8Array> {
  const { state, tensors } = await readCheckpoint(checkpointFile, name => /^(ema\.)?G\./.test(name))
  const model = { ...state.model, ...size, dropout: false }
  checkSize(model, model.downs)
  const colours = displayColours(state.palette, checkpointFile)
  const { emitter, fed, outputs } = translate([buildGenerator(model).generate(1)], new Map(), { plain: true })

  const encoder = new Emitter()
  const planes = encodeIds(encoder, colours, state.options.label_input)
  const painting = paintingWeights(tensors)
  const weights: OnnxTensor[] = []
  const casts: OnnxNode[] = []
  for (const value of fed) {
    if (value.kind !== 'weight') continue
    const { name } = value.attributes
    const { shape, data } = painting[name]!
    if (fp16 && sizeOf(shape) > 1 && shape.length > 1) {
      weights.push({ name: `${name}.fp16`, shape, data: toHalf(data) })
      casts.push({ op: 'Cast', inputs: [`${name}.fp16`], outputs: [name], attributes: FLOAT32 })
    } else weights.push({ name, shape, data })
  }
  const rename = (name: string): string => (name === 'label' ? planes : inGenerator(name))
  const inGenerator = (name: string): string => (isEmitted.has(name) ? `g.${name}` : name)
  const isEmitted = new Set([...emitter.nodes.flatMap(node => node.outputs), ...emitter.initializers.map(t => t.name)])
  return encodeOnnx({
    name: 'generator',
    opsets: { '': OPSET },
    nodes: [
      ...casts,
      ...encoder.nodes,
      ...emitter.nodes.map(node => ({
        ...node,
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(inGenerator),
      })),
      { op: 'Identity', inputs: [inGenerator(outputs[0]!)], outputs: ['photo'] },
    ],
    initializers: [
      ...encoder.initializers,
      ...emitter.initializers.map(tensor => ({ ...tensor, name: inGenerator(tensor.name) })),
      ...weights,
    ],
    inputs: [{ name: 'label', type: 'uint8', shape: [1, model.height, model.width] }],
    outputs: [{ name: 'photo', type: 'float32', shape: [1, 3, model.height, model.width] }],
    metadata: { ...describe(state, model, fp16, Object.keys(tensors)), ...metadata },
  })
}

/** One-hot planes of `label`, or the colours that the net has learnt: a sum of one colour and zeros. @returns its name */
function encodeIds(
  out: Emitter,
  colours: readonly (readonly number[])[],
  labelInput: CheckpointState['options']['label_input'],
): string {
  const classes = colours.length
  const ids = out.op('Unsqueeze', [out.op('Cast', ['label'], FLOAT32), out.ints([1])])
  const each = out.floats([...colours.keys()], [1, classes, 1, 1])
  const onehot = out.op('Cast', [out.op('Equal', [ids, each])], FLOAT32)
  if (labelInput === 'onehot') return onehot
  const filters = [0, 1, 2].flatMap(channel => colours.map(colour => colour[channel]! / 127.5 - 1))
  return out.op('Conv', [onehot, out.floats(filters, [3, classes, 1, 1])])
}

/** @throws {PrepError} `TRAIN_SIZE` where the net cannot halve a side as often as it has levels */
export function checkSize({ width, height }: Size, downs: number): void {
  const step = 2 ** downs
  if (width > 0 && height > 0 && width % step === 0 && height % step === 0) return
  throw new PrepError(
    'TRAIN_SIZE',
    `the net has ${downs} levels: expected sides divisible by ${step}, found ${width}x${height}`,
    {
      hint: `use multiples of ${step}`,
    },
  )
}

function describe(state: CheckpointState, size: Size, fp16: boolean, names: readonly string[]): Record<string, string> {
  const { model, options, palette, paletteHash, dataset, epoch, step, engine } = state
  const weights = names.some(name => name.startsWith('ema.')) ? 'average' : 'last'
  return {
    format: 'prep-generator/1',
    palette: JSON.stringify(palette),
    palette_hash: paletteHash,
    size: `${size.width}x${size.height}`,
    trained_size: `${model.width}x${model.height}`,
    downs: String(model.downs),
    norm: model.norm,
    label_input: options.label_input,
    weights: fp16 ? 'float16' : 'float32',
    trained: JSON.stringify({ epoch, step, engine, weights, dataset }),
    versions: JSON.stringify({ trained: state.versions ?? null, exported: versionsHere() }),
  }
}
