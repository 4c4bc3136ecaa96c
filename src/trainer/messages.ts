/** What the trainer's process and the one that started it say to each other; errors cross whole. */
import { PrepError, type PrepErrorDetails } from '../errors.js'
import type { TrainEvent, TrainResult } from './events.js'
import type { TrainJob } from './setup.js'

/** Said to the trainer: its job, once; then perhaps that it is to stop after the step in hand. */
export type ToTrainer = { readonly type: 'train'; readonly job: TrainJob } | { readonly type: 'stop' }

/** Said by the trainer: events, and at last a result or an error. */
export type FromTrainer =
  | { readonly type: 'event'; readonly event: TrainEvent }
  | { readonly type: 'result'; readonly result: TrainResult }
  | { readonly type: 'error'; readonly error: SentError }

/** A thrown value as plain data: structured cloning would lose the class and fields of a PrepError. */
export interface SentError {
  readonly prep?: { readonly code: PrepError['code'] } & PrepErrorDetails
  readonly message: string
  readonly stack: string | undefined
}

export function packError(thrown: unknown): SentError {
  const { message, stack } = thrown instanceof Error ? thrown : new Error(String(thrown))
  if (!(thrown instanceof PrepError)) return { message, stack }
  const { code, hint, at, cause } = thrown
  return { prep: { code, hint, at, cause: cause instanceof Error ? cause.message : undefined }, message, stack }
}

export function unpackError({ prep, message, stack }: SentError): Error {
  const error = prep ? new PrepError(prep.code, message, prep) : new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}
