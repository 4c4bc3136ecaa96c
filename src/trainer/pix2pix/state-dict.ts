/**
 * Nets as pytorch-CycleGAN-and-pix2pix keeps them: a file a net, whose names are ours without `G.` or `D.`. How a net is
 * built follows from the names and shapes of its tensors.
 */
import type { Tensor as StoredTensor } from '../../formats/safetensors/layout.js'
import type { Tensor, Tensors } from '../engines/engine.js'
import { type Shape, sameShape } from '../graph/graph.js'
import { type Pix2PixConfig, pix2pixConfig } from './model.js'
import { weightShapes } from './step.js'

export type NetName = 'G' | 'D'
/** Shapes by the names of a state dict. */
export type Shapes = Readonly<Record<string, Shape>>

/** What a net's tensors tell of how it is built, by the names of the train options. */
export type Traits = Readonly<Record<string, number | string>>

/** Layers that every U-Net and every PatchGAN begin with: what tells a net from another, or from something else. */
const FIRST: Readonly<Record<NetName, string>> = { G: 'model.model.0.weight', D: 'model.0.weight' }

/** Kept by PyTorch's normalisation beside what is learnt; ours, as theirs in use, takes the statistics of the batch. */
const STATISTICS = ['running_mean', 'running_var', 'num_batches_tracked'] as const

export const isStatistic = (name: string): boolean => STATISTICS.some(end => name.endsWith(`.${end}`))

/** Which net a state dict holds, if either. */
export function netOf(shapes: Shapes): NetName | undefined {
  const isNet = (net: NetName): boolean => shapes[FIRST[net]]?.length === 4
  return isNet('G') ? 'G' : isNet('D') && shapes['model.2.weight']?.length === 4 ? 'D' : undefined
}

/** How a net is built, read off its tensors; `netOf` must have known it. */
export function traitsOf(net: NetName, shapes: Shapes): Traits {
  const names = Object.keys(shapes)
  const [width, inputs] = shapes[FIRST[net]] as unknown as readonly [number, number]
  const scaled = names.some(name => name.endsWith('.weight') && shapes[name]!.length === 1)
  if (net === 'D') {
    const last = Math.max(...names.map(name => Number(/^model\.(\d+)\./.exec(name)?.[1] ?? 0)))
    const norm = scaled ? 'batch' : 'model.2.bias' in shapes ? 'instance' : 'none'
    return { d_width: width, d_layers: Math.floor((last - 2) / 3), norm, 'label channels': inputs - 3 }
  }
  // each level but the outermost two lies within one `.3.model`
  const deepest = Math.max(...names.map(name => name.split('.3.model').length - 1))
  const norm = scaled ? 'batch' : 'model.model.0.bias' in shapes ? 'instance' : 'none'
  const upsample = shapes['model.model.3.weight']?.[3] === 3 ? 'resize' : 'transpose'
  return { width, downs: deepest + 2, norm, upsample, 'label channels': inputs }
}

/** The traits that a net of this configuration has. */
export const traitsOfConfig = (net: NetName, config: Pix2PixConfig): Traits =>
  net === 'D'
    ? { d_width: config.ndf, d_layers: config.layers, norm: config.norm, 'label channels': config.labelChannels }
    : {
        width: config.ngf,
        downs: config.downs,
        norm: config.norm,
        upsample: config.upsample,
        'label channels': config.labelChannels,
      }

/** Fields of a configuration that say what traits say. */
export function configOfTraits(net: NetName, traits: Traits): Omit<Partial<Pix2PixConfig>, 'width' | 'height'> {
  const norm = traits.norm as Pix2PixConfig['norm']
  const labelChannels = Number(traits['label channels'])
  if (net === 'D') return { norm, labelChannels, ndf: Number(traits.d_width), layers: Number(traits.d_layers) }
  const upsample = traits.upsample as Pix2PixConfig['upsample']
  return { norm, labelChannels, upsample, ngf: Number(traits.width), downs: Number(traits.downs) }
}

/** The tensors of one net, by the names of its state dict, in the order of the layers. */
export const shapesOf = (net: NetName, config: Pix2PixConfig): Shapes =>
  Object.fromEntries(
    Object.entries(weightShapes(config)).flatMap(([name, shape]) =>
      name.startsWith(`${net}.`) ? [[name.slice(2), shape]] : [],
    ),
  )

/** Where the tensors of a net are not those of its own traits: every one that is missing, too many or of another shape. */
export function misfits(net: NetName, found: Shapes): string[] {
  const expected = shapesOf(net, roomyConfig(net, traitsOf(net, found)))
  const names = new Set([...Object.keys(expected), ...Object.keys(found)])
  return [...names].flatMap(name => {
    const [wanted, is] = [expected[name], found[name]]
    if (!is) return [`${name}: missing, expected [${wanted}]`]
    if (!wanted) return [`${name}: unknown, found [${is}]`]
    return sameShape(wanted, is) ? [] : [`${name}: expected [${wanted}], found [${is}]`]
  })
}

/** Weights do not depend on the size of images: one that any net of these traits fits. */
function roomyConfig(net: NetName, traits: Traits): Pix2PixConfig {
  const sizePx = 2 ** Math.max(9, net === 'G' ? Number(traits.downs) : 0)
  return pix2pixConfig({ labelChannels: 3, ...configOfTraits(net, traits), width: sizePx, height: sizePx })
}

/**
 * One net of a checkpoint as a state dict that PyTorch loads strictly: running statistics are neutral (mean 0, variance
 * 1), since none are kept.
 *
 * @param weights  `G.*` and `D.*`
 */
export function toStateDict(net: NetName, config: Pix2PixConfig, weights: Tensors): Record<string, StoredTensor> {
  const dict: Record<string, StoredTensor> = {}
  for (const [name, shape] of Object.entries(shapesOf(net, config))) {
    dict[name] = { dtype: 'F32', shape, data: weights[`${net}.${name}`]!.data as Float32Array<ArrayBuffer> }
    const layer = name.replace(/\.bias$/, '')
    // a shift whose scale came before it: the layer is a normalisation
    if (layer === name || dict[`${layer}.weight`]?.shape.length !== 1) continue
    dict[`${layer}.running_mean`] = { dtype: 'F32', shape, data: new Float32Array(shape[0]!) }
    dict[`${layer}.running_var`] = { dtype: 'F32', shape, data: new Float32Array(shape[0]!).fill(1) }
    dict[`${layer}.num_batches_tracked`] = { dtype: 'I64', shape: [], data: new BigInt64Array(1) }
  }
  return dict
}

/** Names as sessions know them. */
export const withPrefix = (net: NetName, tensors: Tensors): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${net}.${name}`, tensor]))
