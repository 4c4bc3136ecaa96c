/** What a training will be, before anything is computed: the nets, the order of rows, the length, and what to warn of. */
import { totalmem } from 'node:os'
import { PrepError } from '../errors.js'
import { planFraming, type Size } from './augment.js'
import { type Encoding, labelChannels } from './batch.js'
import type { Corpus } from './corpus.js'
import { inOrder, type StepGraph, sizeOf } from './graph/graph.js'
import type { TrainOptions } from './options.js'
import { type Pix2PixConfig, pix2pixConfig } from './pix2pix/model.js'
import { buildStep } from './pix2pix/step.js'
import { RANDOM_SCHEME } from './random.js'
import type { Identity } from './resume.js'
import { createSampler, type Sampler } from './sampler.js'

export interface TrainPlan {
  readonly model: Pix2PixConfig
  readonly encoding: Encoding
  readonly sampler: Sampler
  readonly pairsPerStep: number
  readonly totalSteps: number
  readonly identity: Identity
  readonly warnings: readonly string[]
}

/**
 * @param initial  sha256 of the weights that training begins with, if they are given
 * @throws {PrepError} `TRAIN_SIZE`, `OPTION_OUT_OF_RANGE` when the nets or the crop do not fit the images
 */
export function planTraining(
  corpus: Corpus,
  options: TrainOptions,
  seed: number,
  initial: string | null = null,
): TrainPlan {
  const { colours, size, rows, fingerprint, paletteHash } = corpus
  const { buffer, epochs, max_steps = Number.POSITIVE_INFINITY } = options
  const encoding = { framing: planFraming(size, options.augment), labelInput: options.label_input, colours }
  const model = planNets(encoding.framing.crop, labelChannels(encoding), options)
  const batch = model.batch * model.accumulate
  const sampler = createSampler({ rows: rows.train, batch, buffer, seed })
  const dataset = { fingerprint, rows: rows.train }
  const warnings = [
    rows.test === 0 && options.sample_every > 0 && 'the data set has no test rows: sample sheets show training rows',
    rows.train < batch &&
      `a step of ${batch} pairs is filled from ${rows.train} training rows, so each is in it more than once`,
  ]
  return {
    model,
    encoding,
    sampler,
    pairsPerStep: batch,
    totalSteps: Math.min(epochs * sampler.stepsPerEpoch, max_steps),
    identity: { seed, random: RANDOM_SCHEME, options, model, paletteHash, dataset, initial },
    warnings: warnings.filter(warning => warning !== false),
  }
}

/**
 * Would these nets fit images of this size? For asking before there are any.
 * @throws {PrepError} `TRAIN_SIZE`, `OPTION_OUT_OF_RANGE`
 */
export function checkNets(size: Size, options: TrainOptions): void {
  planNets(planFraming(size, options.augment).crop, 3, options)
}

const planNets = (size: Size, labelChannels: number, options: TrainOptions): Pix2PixConfig =>
  pix2pixConfig({
    ...size,
    batch: options.batch,
    accumulate: options.accumulate,
    labelChannels,
    ...(options.downs === 'auto' ? {} : { downs: options.downs }),
    ngf: options.width,
    ndf: options.d_width,
    layers: options.d_layers,
    norm: options.norm,
    spectralNorm: options.spectral_norm,
    dropout: options.dropout,
    upsample: options.upsample,
    dSteps: options.d_steps,
    gSteps: options.g_steps,
    pool: options.pool,
    gan: options.gan,
    labelSmoothing: options.label_smoothing,
    lambdaL1: options.lambda_l1,
    beta1: options.beta1,
    beta2: options.beta2,
    ema: options.ema,
  })

/**
 * About how much memory training takes at its peak, in bytes: weights and two moments for each parameter (an average with
 * `ema`, a sum with `accumulate`), once more what they are read from, and the values of the larger phase of the step.
 */
export function estimateMemory({ phases, weights, ema, accumulate }: StepGraph): number {
  const parameters = Object.values(weights).reduce((sum, shape) => sum + sizeOf(shape), 0)
  const averages = ema > 0 ? 2 * parameters : 0
  const sums = accumulate > 1 ? parameters : 0
  const values = phases.map(({ losses, gradients }) =>
    inOrder([...Object.values(losses), ...Object.values(gradients)]).reduce((sum, { shape }) => sum + sizeOf(shape), 0),
  )
  return 4 * (6 * parameters + averages + sums + Math.max(...values))
}

/** Beyond so many times the memory there is, training would end before its first step, or swap for ever. */
const FAR_BEYOND = 1.5

/**
 * What to say of the memory that a training needs, if it is more than there is.
 *
 * @param limit  bytes of memory that there are
 * @throws {PrepError} `OUT_OF_MEMORY` when it is far more, with the largest batch or width that fits
 */
export function checkMemory(model: Pix2PixConfig, needed: number, limit: number): string | undefined {
  if (needed <= limit) return undefined
  const problem = `training needs about ${gigabytes(needed)} of memory, and there are ${gigabytes(limit)}`
  if (needed <= FAR_BEYOND * limit) return problem
  throw new PrepError('OUT_OF_MEMORY', problem, { hint: hintThatFits(model, limit) })
}

function hintThatFits(model: Pix2PixConfig, limit: number): string {
  const fits = (changed: Partial<Pix2PixConfig>): boolean =>
    estimateMemory(buildStep({ ...model, ...changed })) <= limit
  const batch = largest(model.batch - 1, batch => fits({ batch }))
  const batchHint = batch > 0 ? [`batch: ${batch} fits`] : []
  const width = largest(model.ngf - 1, ngf => fits({ ngf, batch: 1 }))
  const widthHint = width > 0 && batch === 0 ? [`width: ${width} fits with batch: 1`] : []
  return [...batchHint, ...widthHint, 'smaller images take less: set size in resize, or augment.crop'].join('; ')
}

/** The largest of 1..most that fits, 0 when none does; if one fits, so do all below it. */
function largest(most: number, fits: (value: number) => boolean): number {
  let [low, high] = [0, most]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle - 1
  }
  return low
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

/** Bytes of memory this process may have: the machine's, or less in a container. */
export const memoryLimit = (): number => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
