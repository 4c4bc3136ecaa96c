/** robots.txt of each host, fetched once and kept for a day. */
import commonJsParser from 'robots-parser'
import { DownloadError } from './failure.js'

export interface RobotsAnswer {
  readonly status: number
  /** How long the host asks to be left alone. */
  readonly waitMs?: number | undefined
  /** The start of the file, where the status is one of success. */
  readonly text: string
}

/** Fetches a robots.txt, following redirects. @throws {DownloadError} when there is no answer */
export type FetchRobots = (url: URL) => Promise<RobotsAnswer>

export interface RobotsRules {
  allows(url: string): boolean
  /** Seconds between requests that the site asks for. */
  readonly crawlDelay: number | undefined
}

/** At least so much of a robots.txt is read (RFC 9309, section 2.5). */
export const ROBOTS_BYTES = 500 * 1024
const ROBOTS_TTL_MS = 24 * 3600 * 1000
/** Hosts whose rules are kept; the longest known are forgotten first. */
const HOSTS = 1000

/** Its types describe an ES module, which it is not. */
const parseRobots = commonJsParser as unknown as (
  url: string,
  text: string,
) => {
  isAllowed(url: string, robot: string): boolean | undefined
  getCrawlDelay(robot: string): number | undefined
}

const ALLOW_ALL: RobotsRules = { allows: () => true, crawlDelay: undefined }

/** @see RFC 9309 */
export class Robots {
  readonly #known = new Map<string, { readonly until: number; readonly rules: Promise<RobotsRules> }>()

  constructor(
    readonly fetch: FetchRobots,
    readonly robot: string,
  ) {}

  /**
   * The rules for a URL's host.
   * @throws {DownloadError} when they cannot be known (the host has a fault): then nothing may be fetched, for now
   */
  rules(url: URL): Promise<RobotsRules> {
    const known = this.#known.get(url.origin)
    if (known && known.until > performance.now()) return known.rules
    const rules = this.#read(new URL('/robots.txt', url.origin))
    this.#known.delete(url.origin)
    this.#known.set(url.origin, { until: performance.now() + ROBOTS_TTL_MS, rules })
    // A failure is not kept: a retry asks again.
    rules.catch(() => this.#known.delete(url.origin))
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= HOSTS) break
      this.#known.delete(oldest)
    }
    return rules
  }

  async #read(url: URL): Promise<RobotsRules> {
    const { status, text, waitMs } = await this.fetch(url)
    // "Unreachable": complete disallow. "Unavailable": no restrictions. RFC 9309, section 2.3.1.
    if (status >= 500 || status === 429)
      throw new DownloadError(
        status === 429 ? 'HTTP_429' : 'HTTP_5XX',
        `${url.href} answers ${status}, so nothing may be fetched from there now`,
        { status, waitMs, ofHost: true },
      )
    if (status < 200 || status >= 300) return ALLOW_ALL
    const parsed = parseRobots(url.href, text.replace(/^\uFEFF/, ''))
    return {
      allows: href => parsed.isAllowed(href, this.robot) ?? true,
      crawlDelay: parsed.getCrawlDelay(this.robot),
    }
  }
}
