/** What the trainer says while it works: plain data, in order, printed by none of it. */
import type { Split } from '../sample.js'
import type { EngineName } from './engines/engine.js'
import type { Figures } from './evaluate.js'
import type { HeldOutMetric } from './options.js'

/** The scalars of a step by name: loss_D, loss_G and their parts, acc_real and acc_fake in 0..1. */
export type Losses = Readonly<Record<string, number>>

export type TrainEvent =
  | {
      readonly type: 'train-start'
      readonly engine: EngineName
      readonly device: string
      /** Why this engine, in words. */
      readonly why: string
      /** Pixels that the net sees. */
      readonly size: { readonly height: number; readonly width: number }
      readonly rows: Readonly<Record<Split, number>>
      readonly parameters: { readonly G: number; readonly D: number }
      /** Rough estimate of the memory that training needs. */
      readonly memoryBytes: number
      readonly epochs: number
      readonly stepsPerEpoch: number
      readonly totalSteps: number
      /** The checkpoint that training goes on from, if any, and its step. */
      readonly resumed?: { readonly checkpoint: string; readonly epoch: number; readonly step: number }
    }
  | {
      readonly type: 'step'
      readonly epoch: number
      readonly step: number
      readonly losses: Losses
      readonly imagesPerSecond: number
      /** Time of the whole step, the wait for its rows included. */
      readonly stepMs: number
      /** Time that the step waited for its rows. */
      readonly dataWaitMs: number
    }
  | {
      readonly type: 'epoch'
      readonly epoch: number
      readonly step: number
      /** Means over the steps of the epoch. */
      readonly means: Losses
      /** Means over those of its steps that this run did, the wait for their rows included. */
      readonly speed: { readonly imagesPerSecond: number; readonly stepMs: number; readonly dataWaitMs: number }
      /** The log line, e.g. `[Epoch 10/100] [Step 320/3200] [D loss: 0.299655, acc: 43%] [G loss: 18.155773]`. */
      readonly line: string
    }
  | {
      /** G on rows that it was not trained on. */
      readonly type: 'eval'
      readonly epoch: number
      readonly step: number
      readonly split: Split
      /** How many rows were painted, and how long that took. */
      readonly rows: number
      readonly seconds: number
      readonly figures: Figures
      /** Why labels are left out, if they are. */
      readonly unlabelled?: string
    }
  | { readonly type: 'sheet'; readonly epoch: number; readonly step: number; readonly file: string }
  | { readonly type: 'checkpoint'; readonly epoch: number; readonly step: number; readonly file: string }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'train-end'; readonly result: TrainResult }

export interface TrainResult {
  /** True when a stop was asked for before the last step; the same call goes on from there. */
  readonly interrupted: boolean
  /** True when that was because `max_minutes` were over. */
  readonly outOfTime?: boolean
  /** Epochs completed and steps done, over all runs. */
  readonly epoch: number
  readonly step: number
  /** The newest checkpoint. */
  readonly checkpoint: string
  /** The checkpoint that `keep_best` keeps, and its figure. */
  readonly best?: { readonly checkpoint: string; readonly metric: HeldOutMetric; readonly value: number }
  /** The newest sample sheet of this run, if it drew one. */
  readonly sheet?: string
  /** Means of the last epoch that was completed, if any. */
  readonly losses?: Losses
  /** curves.png, the metrics over time, and progress.png, predictions over time, where there was anything to draw. */
  readonly curves?: string
  readonly progress?: string
}
