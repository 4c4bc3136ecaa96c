/** Engines run graphs: they translate ops and hold the state; what a training step is, model.ts and losses.ts say. */
import type { StepGraph } from '../graph/graph.js'

/** A float32 tensor, row-major; images are NCHW in [-1, 1]. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}
export type Tensors = Readonly<Record<string, Tensor>>

export type EngineName = 'onnx-cpu' | 'onnx-webgpu' | 'onnx-cuda' | 'tfjs' | 'reference'

/** Learning rates of this step (a schedule changes them). */
export interface Rates {
  readonly G: number
  readonly D: number
}

/** What does the computing: a graphics processor, native code on the CPU, or JavaScript, hundreds of times slower. */
export type DeviceKind = 'gpu' | 'native' | 'javascript'

export type Probe =
  | {
      readonly available: true
      readonly device: string
      readonly kind: DeviceKind
      /** What would make it faster here, and why it is not so yet. */
      readonly hint?: string
    }
  | { readonly available: false; readonly reason: string; readonly hint: string }

export interface LoadOptions {
  readonly threads?: number
}

export interface Engine {
  readonly name: EngineName
  /** Never throws: an engine that cannot run says why and what to do about it. */
  probe(): Promise<Probe>
  /**
   * @param initial  weights under `G.*` and `D.*`, and optionally the Adam state under `adam.m.*`, `adam.v.*`, `adam.t`
   *                 (absent: zeros) and the averages of G under `ema.G.*`, as `state()` gives them
   * @param options.threads  how many cores to use; default: all. The same number gives the same bits again.
   */
  load(step: StepGraph, initial: Tensors, options?: LoadOptions): Promise<Session>
}

/** One net in training: owns weights and moments, which may live on a device. */
export interface Session {
  /**
   * One training step (D update, then G update through the new D).
   *
   * @param batch  the graph's inputs, with `accumulate` times their images
   * @returns the step's scalar losses by name, means over all images
   */
  step(batch: Tensors, rates: Rates): Promise<Readonly<Record<string, number>>>
  /** Seconds of the last step by player and work, as `D compute` and `G update`; of engines that can tell. */
  timing?(): Readonly<Record<string, number>>
  /** What G painted at the beginning of the last step, for all its images; only of a graph that has `painting`. */
  painting(): Tensor
  /**
   * The generator's output for `batch` with the weights as they are (their average with `ema`); nothing is updated. Needs `label` only: any
   * number of images, whose own statistics normalise; dropout masks left out mean no dropout.
   */
  generate(batch: Tensors): Promise<Tensor>
  /** All weights, moments, averages and the step counter `adam.t`, by name; in place, so valid until the next step. */
  state(): Promise<Tensors>
  dispose(): Promise<void>
}
