/**
 * Adam over one flat state: all weights, first and second moments side by side in one memory, each tensor a view, so
 * that engines read weights in place. The pass over it is bound by memory, and fused: every number is touched once.
 *
 * @see Kingma, Ba, Adam: A Method for Stochastic Optimization, 2015, algorithm 1
 */
import { PrepError } from '../../errors.js'
import kernelBase64 from '../../kernels/adam.wasm.js'
import { instantiate } from '../../kernels/instantiate.js'
import type { Rates, Tensors } from '../engines/engine.js'
import { type AdamConstants, type Phase, type Shape, type StepGraph, sizeOf } from './graph.js'
import { MOST_POSITIONS, type Product } from './product.js'

/** One update's numbers: the rate with both bias corrections folded in, so that a weight costs few operations. */
export interface AdamFactors {
  readonly beta1: number
  readonly beta2: number
  /** rate / (1 - beta1^t) */
  readonly rate: number
  /** 1 / sqrt(1 - beta2^t) */
  readonly correction: number
  readonly epsilon: number
}

/** The factors of update number t, counted from 1. */
export function adamFactors({ beta1, beta2, epsilon }: AdamConstants, rate: number, t: number): AdamFactors {
  return { beta1, beta2, epsilon, rate: rate / (1 - beta1 ** t), correction: 1 / Math.sqrt(1 - beta2 ** t) }
}

/** One Adam update in place, rounded to float32 at each operation: the kernel's twin, bit for bit. */
export function adamUpdate(
  weights: Float32Array,
  m: Float32Array,
  v: Float32Array,
  gradient: Float32Array,
  factors: AdamFactors,
): void {
  const f = Math.fround
  const [beta1, beta2, rate] = [f(factors.beta1), f(factors.beta2), f(factors.rate)]
  const [rest1, rest2] = [f(1 - factors.beta1), f(1 - factors.beta2)]
  const [correction, epsilon] = [f(factors.correction), f(factors.epsilon)]
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i]!
    const mi = f(f(beta1 * m[i]!) + f(rest1 * g))
    const vi = f(f(beta2 * v[i]!) + f(f(rest2 * g) * g))
    m[i] = mi
    v[i] = vi
    weights[i] = f(weights[i]! - f(f(rate * mi) / f(f(f(Math.sqrt(vi)) * correction) + epsilon)))
  }
}

/**
 * The share of itself that an average keeps at update t of the weights: `ema`, and less in the beginning, so that it is
 * not tied to weights that have learnt nothing yet.
 */
export const averageDecay = (ema: number, t: number): number => Math.min(ema, (1 + t) / (10 + t))

interface Kernel {
  average(mean: number, weights: number, count: number, rest: number): void
  adam(...args: [weights: number, m: number, v: number, gradient: number, count: number, ...factors: number[]]): void
  product(gradient: number, row: number, columns: number, stride: number, rank: number, count: number): void
}

const PAGE = 65536
const MAX_PAGES = 65536
/** Gradients are copied in and used while in the cache. */
const TILE = 8192
const ALIGN = 16
/** Before the state: a tile of gradient, a tile of each column of a product, a row of it. */
const SCRATCH = TILE * (1 + MOST_POSITIONS) + ALIGN

type TensorMap = Record<string, { shape: Shape; data: Float32Array }>

/** How often a step of these phases updates each player. */
export function updatesPerStep(phases: readonly Phase[]): Readonly<Record<keyof Rates, number>> {
  const updating = (player: keyof Rates): number =>
    phases.filter(({ gradients }) => Object.keys(gradients).some(name => name.startsWith(`${player}.`))).length
  return { G: updating('G'), D: updating('D') }
}

/** All that training changes, for one step graph. */
export class AdamState {
  /** Weights, and buffers beside them. */
  readonly weights: Tensors
  /** The weights to generate with: averages in the place of weights that have one. */
  readonly painting: Tensors
  /** Where in the memory the averages are, in floats. */
  private readonly averages = new Map<string, { readonly at: number; readonly data: Float32Array }>()
  private readonly moments = new Map<
    string,
    { readonly at: number; readonly m: Float32Array; readonly v: Float32Array }
  >()
  private readonly kernel: Kernel
  private readonly scratch: Float32Array
  /** From a weight to its m, and on to its v, in floats. */
  private readonly stride: number
  /** Steps done, and in the step at hand the updates of each weight. */
  private t = 0
  private readonly updates = new Map<string, number>()

  /** The state of a graph. @throws as the constructor does */
  static of({ weights, buffers, adam, ema, phases }: StepGraph, initial: Tensors): AdamState {
    return new AdamState(weights, adam, initial, ema, updatesPerStep(phases), buffers)
  }

  /**
   * @param initial  weights, and optionally moments `adam.m.*`, `adam.v.*` and the counter `adam.t`, with `ema` then
   *   also averages `ema.G.*`
   * @throws {PrepError} `CHECKPOINT_MISMATCH` when a tensor is missing or has another shape
   */
  constructor(
    private readonly shapes: Readonly<Record<string, Shape>>,
    private readonly constants: AdamConstants,
    initial: Tensors,
    private readonly ema = 0,
    /** Updates that each player has in a step. */
    private readonly perStep: Readonly<Record<keyof Rates, number>> = { G: 1, D: 1 },
    private readonly buffers: Readonly<Record<string, Shape>> = {},
  ) {
    const padded = (shape: Shape): number => Math.ceil(sizeOf(shape) / ALIGN) * ALIGN
    const total = Object.values(shapes).reduce((sum, shape) => sum + padded(shape), SCRATCH)
    const averaged = Object.entries(shapes).filter(([name]) => ema > 0 && name.startsWith('G.'))
    const averages = averaged.reduce((sum, [, shape]) => sum + padded(shape), 0)
    const pages = Math.ceil(((3 * total - 2 * SCRATCH + averages) * 4) / PAGE)
    if (pages > MAX_PAGES) {
      throw new PrepError(
        'OPTION_OUT_OF_RANGE',
        `the nets need ${(pages / 16384).toFixed(1)} GiB of state, at most 4 fit`,
        {
          hint: 'lower width or d_width',
        },
      )
    }
    const { run, reserve } = instantiate<Kernel>(kernelBase64)
    this.kernel = run
    const memory = reserve(pages * PAGE)
    this.scratch = new Float32Array(memory, 0, SCRATCH)
    const floats = (at: number, shape: Shape): Float32Array => new Float32Array(memory, at * 4, sizeOf(shape))

    this.stride = total - SCRATCH
    let at = SCRATCH
    const weights: TensorMap = {}
    for (const [name, shape] of Object.entries(shapes)) {
      const data = floats(at, shape)
      const [m, v] = [floats(at + this.stride, shape), floats(at + 2 * this.stride, shape)]
      data.set(initialData(initial, name, shape))
      if (initial['adam.t']) {
        m.set(initialData(initial, `adam.m.${name}`, shape))
        v.set(initialData(initial, `adam.v.${name}`, shape))
      }
      weights[name] = { shape, data }
      this.moments.set(name, { at, m, v })
      at += padded(shape)
    }
    for (const [name, shape] of Object.entries(buffers))
      weights[name] = { shape, data: initialData(initial, name, shape).slice() }
    this.weights = weights
    at += 2 * this.stride
    const painting: TensorMap = { ...weights }
    for (const [name, shape] of averaged) {
      const data = floats(at, shape)
      data.set(initial['adam.t'] ? initialData(initial, `ema.${name}`, shape) : weights[name]!.data)
      painting[name] = { shape, data }
      this.averages.set(name, { at, data })
      at += padded(shape)
    }
    this.painting = painting
    this.t = initial['adam.t']?.data[0] ?? 0
  }

  /** Call once per step, before its updates. */
  begin(): void {
    this.t += 1
    this.updates.clear()
  }

  /** Give a buffer its new value. */
  assign(name: string, value: Float32Array): void {
    this.weights[name]!.data.set(value)
  }

  /** Update one weight in place with its gradient. */
  update(name: string, gradient: Float32Array, rates: Rates): void {
    const update = this.updater(name, rates)
    for (let from = 0; from < gradient.length; from += TILE) {
      const part = gradient.subarray(from, from + TILE)
      this.scratch.set(part)
      update(from, part.length)
    }
  }

  /** Update one weight in place with a gradient of at most `MOST_POSITIONS` columns, multiplied out in the cache. */
  updateByProduct(name: string, { rank, width, rows, columns }: Product, rates: Rates): void {
    const update = this.updater(name, rates)
    const [columnsAt, rowAt] = [TILE, TILE * (1 + MOST_POSITIONS)]
    for (let from = 0; from < width; from += TILE) {
      const count = Math.min(TILE, width - from)
      for (let p = 0; p < rank; p++) {
        const start = p * width + from
        this.scratch.set(columns.subarray(start, start + count), columnsAt + p * TILE)
      }
      for (let row = 0; row * rank < rows.length; row++) {
        this.scratch.set(rows.subarray(row * rank, (row + 1) * rank), rowAt)
        this.kernel.product(0, rowAt * 4, columnsAt * 4, TILE, rank, count)
        update(row * width + from, count)
      }
    }
  }

  /** Updates some of a weight's numbers with the gradient at the start of the scratch memory. */
  private updater(name: string, rates: Rates): (from: number, count: number) => void {
    const { at } = this.moments.get(name)!
    const player = name[0] as keyof Rates
    const update = (this.updates.get(name) ?? 0) + 1
    this.updates.set(name, update)
    const t = (this.t - 1) * this.perStep[player] + update
    const factors = adamFactors(this.constants, rates[player], t)
    const { beta1, beta2, rate, correction, epsilon } = factors
    const average = this.averages.get(name)
    const rest = 1 - averageDecay(this.ema, t)
    return (from, count) => {
      const w = (at + from) * 4
      const [m, v] = [w + this.stride * 4, w + this.stride * 8]
      this.kernel.adam(w, m, v, 0, count, beta1, beta2, 1 - beta1, 1 - beta2, rate, correction, epsilon)
      // while the weights are in the cache
      if (average) this.kernel.average((average.at + from) * 4, w, count, rest)
    }
  }

  /** Everything by the names of a checkpoint, in place: a later update changes it. */
  state(): Tensors {
    const state: TensorMap = {}
    for (const [name, shape] of Object.entries(this.shapes)) {
      const { m, v } = this.moments.get(name)!
      state[name] = this.weights[name]!
      state[`adam.m.${name}`] = { shape, data: m }
      state[`adam.v.${name}`] = { shape, data: v }
    }
    for (const name of Object.keys(this.buffers)) state[name] = this.weights[name]!
    for (const [name, { data }] of this.averages) state[`ema.${name}`] = { shape: this.shapes[name]!, data }
    state['adam.t'] = { shape: [], data: Float32Array.of(this.t) }
    return state
  }
}

/** The numbers that a state begins with. @throws {PrepError} `CHECKPOINT_MISMATCH` when they are missing or too many or few */
export function initialData(initial: Tensors, name: string, shape: Shape): Float32Array {
  const tensor = initial[name]
  if (tensor && tensor.data.length === sizeOf(shape)) return tensor.data
  const found = tensor ? `[${tensor.shape}]` : 'nothing'
  throw new PrepError('CHECKPOINT_MISMATCH', `weights: expected ${name} [${shape}], found ${found}`, {
    hint: 'train with the options that the checkpoint was made with, or start afresh',
  })
}
