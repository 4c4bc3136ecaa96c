/** The limits and manners that downloading keeps to. */
import type { Resolve } from './connection.js'
import type { TimeLimits } from './watch.js'

export interface DownloadPolicy {
  readonly concurrency: number
  readonly perHost: number
  /** Milliseconds between the starts of two requests to one host. */
  readonly intervalMs: number
  readonly times: TimeLimits
  readonly maxBytes: number
  readonly maxRedirects: number
  /** Tries after the first. */
  readonly retries: number
  readonly firstWaitMs: number
  /** A host that asks for a longer rest is not asked again in this run. */
  readonly maxWaitMs: number
  /** Name in robots.txt and X-Robots-Tag, lower case. */
  readonly robot: string
  readonly userAgent: string
  readonly robots: boolean
  readonly robotsTag: boolean
  readonly allowPrivate: boolean | readonly string[]
  readonly resolve?: Resolve
}
