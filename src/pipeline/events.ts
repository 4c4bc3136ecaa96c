/** Everything that a run says: the one source of the terminal view, --json, run.jsonl and report.json. */
import type { ErrorCode } from '../errors.js'
import type { TrainEvent } from '../trainer/events.js'
import type { Failure } from './stage.js'

export type RunEvent =
  | {
      readonly type: 'run-start'
      readonly pipeline: string
      readonly output: string
      readonly steps: readonly string[]
    }
  | { readonly type: 'step-start'; readonly step: number; readonly stage: string; readonly reason: string }
  | {
      readonly type: 'progress'
      readonly step: number
      readonly label: string
      readonly done: number
      readonly total: number
      /** Results that were found in the store. */
      readonly cached: number
    }
  | { readonly type: 'note'; readonly step: number; readonly message: string }
  | { readonly type: 'warning'; readonly step: number; readonly message: string }
  | { readonly type: 'skip'; readonly step: number; readonly failure: Failure }
  | { readonly type: 'train'; readonly step: number; readonly event: TrainEvent }
  | {
      readonly type: 'step-end'
      readonly step: number
      readonly stage: string
      readonly status: 'done' | 'unchanged'
      readonly samples: number
      readonly seconds: number
    }
  | {
      readonly type: 'run-end'
      readonly pipeline: string
      readonly status: 'done' | 'unchanged' | 'interrupted' | 'failed'
      readonly samples: number
      readonly skipped: number
      readonly seconds: number
      readonly code?: ErrorCode
      readonly message?: string
    }
