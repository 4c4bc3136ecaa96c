/** When to ask again: what a host's Retry-After says, and growing waits where it says nothing. */

/**
 * @param value  a Retry-After header: seconds, or an HTTP date
 * @returns milliseconds from `now`, not negative; nothing for what cannot be read
 * @see RFC 9110, section 10.2.3
 */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim()
  if (!text) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  // Date.parse takes much that is no HTTP date, such as "-5".
  if (!/^[A-Za-z]+,? /.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

export interface Backoff {
  /** Milliseconds before the second try, doubled for each further one. */
  readonly firstMs: number
  readonly maxMs: number
}

/**
 * @param attempt  tries made so far, from 1
 * @param random   0 to 1: half of the wait is left to it, so that many clients do not come back at one moment
 */
export function backoffMs(attempt: number, { firstMs, maxMs }: Backoff, random: number): number {
  const whole = Math.min(maxMs, firstMs * 2 ** (attempt - 1))
  return whole / 2 + (whole / 2) * random
}
