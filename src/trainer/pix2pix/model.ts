/**
 * The two nets of pix2pix: a U-Net that paints a photo from a label map, and a PatchGAN that judges label and photo
 * together. Weights carry the names and layouts of pytorch-CycleGAN-and-pix2pix's state dicts behind `G.` and `D.`.
 *
 * @see Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2017, sections 3.2 and 6.1
 */
import { PrepError } from '../../errors.js'
import type { Tensors } from '../engines/engine.js'
import { type Shape, sizeOf, type Value } from '../graph/graph.js'
import {
  addBias,
  concat,
  conv,
  convSize,
  convTranspose,
  fill,
  leakyRelu,
  mul,
  norm,
  relu,
  resizeConv,
  tanh,
} from '../graph/ops.js'

export interface Pix2PixConfig {
  /** Of the images, in pixels; both divisible by 2^downs. */
  readonly width: number
  readonly height: number
  readonly batch: number
  /** Batches a step. */
  readonly accumulate: number
  /** Channels of the label input: 3 for palette colours, one per cluster for one-hot ids. */
  readonly labelChannels: number
  /** Levels of the U-Net. */
  readonly downs: number
  /** Channels of the outermost level of G and of D's first layer. */
  readonly ngf: number
  readonly ndf: number
  /** D's strided layers, 1..6; 3 is the 70x70 PatchGAN. */
  readonly layers: number
  readonly norm: 'batch' | 'instance' | 'none'
  readonly dropout: boolean
  /** How G doubles an image: a transposed 4x4 convolution, or doubled pixels and a 3x3 convolution. */
  readonly upsample: 'transpose' | 'resize'
  /** Updates of each player for a batch. */
  readonly dSteps: number
  readonly gSteps: number
  /** Earlier paintings that D may be shown in the place of new ones. */
  readonly pool: number
  readonly gan: 'bce' | 'mse' | 'hinge'
  /** What the target of photos is short of 1, for D alone. */
  readonly labelSmoothing: number
  readonly lambdaL1: number
  readonly beta1: number
  readonly beta2: number
  /** Share of itself that the average of G's weights keeps at each update; 0: no average. */
  readonly ema: number
}
/** What must be said; the rest has the paper's defaults. */
export type Pix2PixOptions = Pick<Pix2PixConfig, 'width' | 'height' | 'labelChannels'> & Partial<Pix2PixConfig>

/** Makes or looks up a weight. */
export type WeightMaker = (name: string, shape: Shape) => Value

const DOWN = { stride: 2, pad: 1 }
const FLAT = { stride: 1, pad: 1 }
const KERNEL = [4, 4] as const
const DROPPED_LEVELS = 3

/** The receptive fields of D for 1..6 layers, in pixels. */
export const RECEPTIVE_FIELDS = [16, 34, 70, 142, 286, 574] as const

/**
 * Fill in the paper's defaults and check that the nets fit the images.
 *
 * `downs` defaults to as many as both sides allow: at most log2 of the smaller side (8 at 256, 9 at 512).
 * @throws {PrepError} `TRAIN_SIZE` with the depths that fit, `OPTION_OUT_OF_RANGE` for layers outside 1..6
 */
export function pix2pixConfig(options: Pix2PixOptions): Pix2PixConfig {
  const { width, height } = options
  const deepest = deepestDowns(width, height)
  const config: Pix2PixConfig = {
    batch: 1,
    accumulate: 1,
    downs: Math.max(deepest, 1),
    ngf: 64,
    ndf: 64,
    layers: 3,
    norm: 'batch',
    dropout: true,
    upsample: 'transpose',
    dSteps: 1,
    gSteps: 1,
    pool: 0,
    gan: 'bce',
    labelSmoothing: 0,
    lambdaL1: 100,
    beta1: 0.5,
    beta2: 0.999,
    ema: 0,
    ...options,
  }
  const { downs, layers } = config
  if (deepest < 2) {
    throw new PrepError('TRAIN_SIZE', `a U-Net needs sides divisible by 4 or more, found ${width}x${height}`, {
      hint: 'resize to multiples of 32, such as 256 or 512',
    })
  }
  if (!Number.isInteger(downs) || downs < 2 || downs > deepest) {
    throw new PrepError('TRAIN_SIZE', `downs: expected 2 to ${deepest} for ${width}x${height}, found ${downs}`, {
      hint: `use downs: ${deepest}, or sides divisible by ${2 ** downs}`,
    })
  }
  if (!Number.isInteger(layers) || layers < 1 || layers > RECEPTIVE_FIELDS.length) {
    throw new PrepError('OPTION_OUT_OF_RANGE', `layers: expected 1 to ${RECEPTIVE_FIELDS.length}, found ${layers}`, {
      hint: '3 judges patches of 70x70 pixels',
    })
  }
  if (!patchGanFits(config)) {
    const most = [...RECEPTIVE_FIELDS.keys()].findLast(i => patchGanFits({ ...config, layers: i + 1 }))
    throw new PrepError('TRAIN_SIZE', `a discriminator of ${layers} layers is too deep for ${width}x${height}`, {
      hint: most === undefined ? 'use larger images' : `use d_layers: ${most + 1} or fewer, or larger images`,
    })
  }
  return config
}

/** The most levels a U-Net can have here: each halves both sides, and sizes must stay whole. */
export function deepestDowns(width: number, height: number): number {
  const halvings = (n: number): number => (n > 0 && n % 2 === 0 ? 1 + halvings(n / 2) : 0)
  return Math.min(halvings(width), halvings(height))
}

/** Channels of level 0 (outermost) .. downs-1: ngf doubling up to 8 ngf. */
const channels = (width: number, level: number): number => width * Math.min(2 ** level, 8)

/** D's sizes after each layer; a normalised layer of one element per channel would lose all it knows. */
function patchGanFits({ width, height, batch, layers, norm }: Pix2PixConfig): boolean {
  let size = [height, width]
  for (let layer = 0; layer <= layers + 1; layer++) {
    size = size.map(n => convSize(n, 4, layer < layers ? DOWN : FLAT))
    if (size.some(n => n < 1)) return false
    const elements = size[0]! * size[1]! * (norm === 'batch' ? batch : 1)
    if (norm !== 'none' && layer > 0 && layer <= layers && elements < 2) return false
  }
  return true
}

/** The levels whose way up is dropped out: the innermost three of 8 ngf channels, the bottleneck itself excepted. */
function droppedLevels({ downs, dropout }: Pix2PixConfig): number[] {
  const inner = Array.from({ length: Math.max(0, downs - 5) }, (_, i) => downs - 2 - i)
  return dropout ? inner.slice(0, DROPPED_LEVELS) : []
}

/** The masks that a batch brings: `dropout.0` (innermost), `dropout.1`, ... with their shapes; none without dropout. */
export function dropoutShapes(config: Pix2PixConfig): Record<string, Shape> {
  return Object.fromEntries(
    droppedLevels(config).map((level, i) => [
      `dropout.${i}`,
      [config.batch, channels(config.ngf, level - 1), config.height >> level, config.width >> level],
    ]),
  )
}

/**
 * Draw masks for one step: 0 or 2, each with probability one half, so that the expectation is unchanged.
 *
 * @param random  uniform in [0, 1)
 */
export function dropoutMasks(config: Pix2PixConfig, random: () => number): Tensors {
  return Object.fromEntries(
    Object.entries(dropoutShapes(config)).map(([name, shape]) => {
      const data = new Float32Array(sizeOf(shape))
      for (let i = 0; i < data.length; i++) data[i] = random() < 0.5 ? 0 : 2
      return [name, { shape, data }]
    }),
  )
}

/** Convolution's bias exists where no normalisation's shift takes its place (instance norm has no affine part). */
function layer(config: Pix2PixConfig, weight: WeightMaker) {
  const biased = config.norm === 'instance'
  const withBias = (y: Value, name: string, bias: boolean): Value =>
    bias ? addBias(y, weight(`${name}.bias`, [y.shape[1]!])) : y
  return {
    conv: (x: Value, name: string, out: number, window = DOWN, bias = biased): Value =>
      withBias(conv(x, weight(`${name}.weight`, [out, x.shape[1]!, ...KERNEL]), window), name, bias),
    up: (x: Value, name: string, out: number, bias = biased): Value => {
      const filters = (kernel: Shape): Value => weight(`${name}.weight`, [x.shape[1]!, out, ...kernel])
      const y = config.upsample === 'resize' ? resizeConv(x, filters([3, 3])) : convTranspose(x, filters(KERNEL), DOWN)
      return withBias(y, name, bias)
    },
    norm: (x: Value, name: string): Value => {
      const shape = [x.shape[1]!]
      if (config.norm === 'none') return x
      // instance norm subtracts a bias again: learning it would be learning from rounding errors
      const bare = config.norm === 'instance' && x.kind === 'addBias' ? x.inputs[0]! : x
      if (config.norm === 'instance') return norm(bare, fill(1, shape), fill(0, shape), 'instance')
      return norm(x, weight(`${name}.weight`, shape), weight(`${name}.bias`, shape), 'batch')
    },
  }
}

/**
 * The U-Net: `downs` levels, each halving the image on the way down and joined to its mirror on the way up.
 *
 * @param label  [N, labelChannels, H, W] in [-1, 1]
 * @param masks  dropout masks, innermost first, as `dropoutShapes` lists them
 * @returns photo [N, 3, H, W] in [-1, 1]
 */
export function generator(config: Pix2PixConfig, weight: WeightMaker, label: Value, masks: readonly Value[]): Value {
  const { conv, up, norm } = layer(config, weight)
  const innermost = config.downs - 1
  const dropped = droppedLevels(config)

  /** One level around the levels below it; its result joins what came in. */
  const level = (x: Value, depth: number, name: string): Value => {
    const inner = depth === innermost
    const below = conv(leakyRelu(x, 0.2), `${name}.1`, channels(config.ngf, depth))
    const deep = inner ? below : level(norm(below, `${name}.2`), depth + 1, `${name}.3.model`)
    const y = up(relu(deep), `${name}.${inner ? 3 : 5}`, x.shape[1]!)
    const normed = norm(y, `${name}.${inner ? 4 : 6}`)
    const mask = masks[dropped.indexOf(depth)]
    return concat(x, mask ? mul(normed, mask) : normed)
  }
  const outer = conv(label, 'G.model.model.0', config.ngf, DOWN)
  return tanh(up(relu(level(outer, 1, 'G.model.model.1.model')), 'G.model.model.3', 3, true))
}

/**
 * The PatchGAN: a logit per patch of label and photo seen together.
 *
 * @param pair  [N, labelChannels + 3, H, W]
 * @returns logits [N, 1, h, w] (30x30 for 256x256 and 3 layers)
 */
export function discriminator(config: Pix2PixConfig, weight: WeightMaker, pair: Value): Value {
  const { conv, norm } = layer(config, weight)
  let x = leakyRelu(conv(pair, 'D.model.0', config.ndf, DOWN, true), 0.2)
  let at = 2
  for (let n = 1; n <= config.layers; n++, at += 3) {
    const y = conv(x, `D.model.${at}`, channels(config.ndf, n), n < config.layers ? DOWN : FLAT)
    x = leakyRelu(norm(y, `D.model.${at + 1}`), 0.2)
  }
  return conv(x, `D.model.${at}`, 1, FLAT, true)
}
