/** One training step of pix2pix as a graph, and what it starts from. */
import type { Tensors } from '../engines/engine.js'
import { gradients } from '../graph/gradients.js'
import { type InputSpec, type Phase, type Shape, type StepGraph, sizeOf, type Value } from '../graph/graph.js'
import { add, concat, input, mul, spectralNorm, weight } from '../graph/ops.js'
import { discriminatorLosses, generatorLosses } from './losses.js'
import { discriminator, dropoutShapes, generator, type Pix2PixConfig, type WeightMaker } from './model.js'

/** Weights by name, each made once, as they stand when a phase begins. */
class Weights {
  readonly all = new Map<string, Value>()
  /** What its new values are when this phase ends, by name. */
  readonly buffers: Record<string, Value> = {}
  constructor(readonly phase: number) {}
  readonly make: WeightMaker = (name, shape) => this.read(name, shape)

  protected read(name: string, shape: Shape): Value {
    const made = this.all.get(name) ?? weight(name, shape, this.phase)
    this.all.set(name, made)
    return made
  }
}

/** The name of the buffer of a filter's power iteration. */
const spectralName = (filter: string): string => `spectral.${filter}`
const spectralShape = ([outputs]: Shape): Shape => [outputs!, 1, 1, 1]

/** Weights whose filters are held to a largest singular value of 1. */
class SpectralWeights extends Weights {
  private readonly normed = new Map<string, Value>()
  override readonly make: WeightMaker = (name, shape) => {
    const made = this.read(name, shape)
    if (shape.length !== 4) return made
    const known = this.normed.get(name)
    if (known) return known
    const buffer = spectralName(name)
    const { filters, u } = spectralNorm(made, weight(buffer, spectralShape(shape), this.phase))
    this.buffers[buffer] = u
    this.normed.set(name, filters)
    return filters
  }
}

/** @param loss  of `losses`, the one that these weights are to lower */
function phase(losses: object, loss: Value, weights: Weights): Phase {
  const found = gradients(loss, [...weights.all.values()])
  const named = [...weights.all.keys()].map((name, i) => [name, found[i]] as const)
  return {
    buffers: weights.buffers,
    losses: { ...losses },
    gradients: Object.fromEntries(named.filter((entry): entry is [string, Value] => entry[1] !== undefined)),
  }
}

/**
 * G paints once; D learns to tell its painting from the photo, `dSteps` times; then G learns `gSteps` times to please
 * the D that has just learnt, painting anew after each but the last.
 *
 * A batch brings `label` [N, labelChannels, H, W] and `photo` [N, 3, H, W] in [-1, 1], and with dropout the masks
 * of `dropoutShapes` (left out: no dropout). With a pool D judges the pair that `pool.label`, `pool.painting` and
 * `pool.fresh` (1: this step's own painting, 0: the pool's) make. Normalisation always uses the batch's own statistics,
 * in generating too.
 * @see Isola et al. 2017, section 3.3
 */
export function buildStep(config: Pix2PixConfig): StepGraph {
  const { beta1, beta2, ema, accumulate, dSteps, gSteps, pool } = config
  const inputs = inputSpecs(config)
  const given = (name: string): Value => input(name, inputs[name]!.shape)
  const [label, photo] = [given('label'), given('photo')]

  const paint = (G: Weights): Value => generator(config, G.make, label, dropoutInputs(config))
  const judge = (D: Weights, image: Value, of = label): Value => discriminator(config, D.make, concat(of, image))

  const judging = (phase: number): Weights => new (config.spectralNorm ? SpectralWeights : Weights)(phase)

  const first = new Weights(0)
  const fake = paint(first)
  // an earlier pair of the pool in the place of this one, where `pool.fresh` is 0
  const pooled = pool > 0 && {
    label: given('pool.label'),
    painting: add(mul(fake, given('pool.fresh')), given('pool.painting')),
  }
  const shown = pooled || { label, painting: fake }
  const phasesD = Array.from({ length: dSteps }, (_, at) => {
    const D = judging(at)
    const losses = discriminatorLosses(config, judge(D, photo), judge(D, shown.painting, shown.label))
    return { D, phase: phase(losses, losses.loss_D, D) }
  })
  // D stays as it is from here on: one for all of G's updates
  const learnt = judging(dSteps)
  const phasesG = Array.from({ length: gSteps }, (_, i) => {
    const G = i === 0 ? first : new Weights(dSteps + i)
    const painting = i === 0 ? fake : paint(G)
    const losses = generatorLosses(config, judge(learnt, painting), painting, photo)
    return phase(losses, losses.loss_G, G)
  })

  return {
    name: 'pix2pix',
    inputs,
    weights: Object.fromEntries([...first.all, ...phasesD[0]!.D.all].map(([name, { shape }]) => [name, shape])),
    buffers: bufferShapes(config),
    phases: [...phasesD.map(({ phase }) => phase), ...phasesG],
    adam: { beta1, beta2, epsilon: 1e-8 },
    ema,
    accumulate,
    ...(pool > 0 && { painting: fake }),
    generate: batch => buildGenerator(config).generate(batch),
  }
}

/** G alone, for any size that it can halve as often as it has levels: nothing of it learns. */
export function buildGenerator(config: Pix2PixConfig): StepGraph {
  const G = new Weights(0)
  const paint = (batch: number, weights: Weights): Value => {
    const whole = { ...config, batch }
    return generator(whole, weights.make, input('label', labelShape(whole)), dropoutInputs(whole))
  }
  paint(1, G)
  const { beta1, beta2 } = config
  return {
    name: 'generator',
    inputs: inputSpecs({ ...config, pool: 0 }),
    weights: Object.fromEntries([...G.all].map(([name, { shape }]) => [name, shape])),
    buffers: {},
    phases: [],
    adam: { beta1, beta2, epsilon: 1e-8 },
    // weights are given as painting needs them
    ema: 0,
    accumulate: 1,
    generate: batch => paint(batch, new Weights(0)),
  }
}

function inputSpecs(config: Pix2PixConfig): Record<string, InputSpec> {
  const { batch, height, width, pool } = config
  const image = { shape: [batch, 3, height, width] }
  const specs: Record<string, InputSpec> = {
    label: { shape: labelShape(config) },
    photo: image,
    ...(pool > 0 && { 'pool.label': { shape: labelShape(config) }, 'pool.painting': image, 'pool.fresh': image }),
  }
  for (const [name, shape] of Object.entries(dropoutShapes(config))) specs[name] = { shape, fill: 1 }
  return specs
}

const labelShape = ({ batch, labelChannels, height, width }: Pix2PixConfig): Shape => [
  batch,
  labelChannels,
  height,
  width,
]

const dropoutInputs = (config: Pix2PixConfig): Value[] =>
  Object.entries(dropoutShapes(config)).map(([name, shape]) => input(name, shape))

/** Shapes of all weights, G's first, in the order of the layers. */
export function weightShapes(config: Pix2PixConfig): Record<string, Shape> {
  const weights = new Weights(0)
  const small = { ...config, batch: 1 }
  const label = input('label', labelShape(small))
  const fake = generator(small, weights.make, label, dropoutInputs(small))
  discriminator(small, weights.make, concat(label, fake))
  return Object.fromEntries([...weights.all].map(([name, { shape }]) => [name, shape]))
}

/** Shapes of what a step remembers beside weights. */
function bufferShapes(config: Pix2PixConfig): Record<string, Shape> {
  const filters = Object.entries(weightShapes(config)).filter(
    ([name, { length }]) => name.startsWith('D.') && length === 4,
  )
  if (!config.spectralNorm) return {}
  return Object.fromEntries(filters.map(([name, shape]) => [spectralName(name), spectralShape(shape)]))
}

/** How many numbers each net learns. */
export function countParameters(config: Pix2PixConfig): { readonly G: number; readonly D: number } {
  const count = { G: 0, D: 0 }
  for (const [name, shape] of Object.entries(weightShapes(config))) count[name[0] as 'G' | 'D'] += sizeOf(shape)
  return count
}

const SPREAD = 0.02

/**
 * Weights before training: filters from N(0, 0.02), normalisation scales from N(1, 0.02), biases 0. Buffers, with
 * `spectralNorm`, are drawn after them, from N(0, 1).
 *
 * @param random  uniform in [0, 1); the same draws give the same weights
 */
export function initialWeights(config: Pix2PixConfig, random: () => number): Tensors {
  const normal = normals(random)
  const weights = Object.entries(weightShapes(config)).map(([name, shape]) => {
    const data = new Float32Array(sizeOf(shape))
    const mean = shape.length === 1 ? 1 : 0
    if (!name.endsWith('.bias')) for (let i = 0; i < data.length; i++) data[i] = mean + SPREAD * normal()
    return [name, { shape, data }] as const
  })
  const buffers = Object.entries(bufferShapes(config)).map(
    ([name, shape]) => [name, { shape, data: Float32Array.from({ length: sizeOf(shape) }, normal) }] as const,
  )
  return Object.fromEntries([...weights, ...buffers])
}

/** Standard normal numbers from uniform ones, two at a time (Box, Muller, 1958). */
function normals(random: () => number): () => number {
  let spare: number | undefined
  return () => {
    if (spare !== undefined) {
      const value = spare
      spare = undefined
      return value
    }
    const radius = Math.sqrt(-2 * Math.log(1 - random()))
    const angle = 2 * Math.PI * random()
    spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
}
