/** What a run and its worker processes say to each other. */
import type { WorkerCall, WorkerReply } from './sample-worker.js'

export type ToWorker =
  | { readonly batch: number; readonly calls: readonly WorkerCall[] }
  /** The memory asked for is there. */
  | { readonly granted: number }

export type FromWorker =
  | { readonly ready: true }
  /** One call of a batch is over; they end in their order. */
  | { readonly batch: number; readonly reply: WorkerReply }
  /** A bug of ours, or of a custom stage. */
  | { readonly batch: number; readonly thrown: Error }
  /** From now on the call in hand may take so many seconds; absent: it is not on the clock. */
  | { readonly batch: number; readonly clock: number | undefined }
  /** The call in hand waits, its clock standing still, until so many bytes are free; they are its until the clock is stopped. */
  | { readonly batch: number; readonly reserve: number }
