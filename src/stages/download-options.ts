/** The options of the download stage, and the policy that they make. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { isAddressRange } from '../download/address.js'
import type { DownloadPolicy } from '../download/policy.js'
import { TABLE_FORMATS } from '../formats/table/read.js'

const seconds = z.number().positive().max(86_400)
const column = z.string().min(1)

export const downloadOptions = z.strictObject({
  urls: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .describe(
      'Lists: .txt with one URL a line, .csv, .tsv or .jsonl with columns, - for standard input; or URLs themselves',
    ),
  format: z
    .enum(TABLE_FORMATS)
    .optional()
    .describe('What kind of lists they are (default: by extension, or by content)'),
  columns: z
    .strictObject({
      url: column.default('url').describe('Column of the URLs'),
      key: column.default('key').describe('Column of names for the photos (default name: from the URL)'),
      sha256: column.default('sha256').describe('Column of checksums that the content must have'),
    })
    .prefault({})
    .describe('Names of columns, letter case does not matter; all others stay with the photo as its columns'),
  limit: z.int().min(1).optional().describe('Take only the first so many'),
  concurrency: z.int().min(1).max(1024).default(32).describe('Requests under way at a time, over all hosts'),
  host: z
    .strictObject({
      concurrency: z.int().min(1).max(256).default(4).describe('Requests under way at a time with one host'),
      rate: z.number().min(0).default(20).describe('Requests a second to one host; 0 sets no limit'),
    })
    .prefault({})
    .describe('Politeness; a longer Crawl-delay in robots.txt is respected too'),
  timeouts: z
    .strictObject({
      connect: seconds.default(10).describe('Seconds for name, connection and encryption together'),
      stall: seconds.default(20).describe('Seconds in which min_speed must be kept on average; also until an answer'),
      min_speed: z.number().min(1).default(1000).describe('Bytes a second'),
      total: seconds.default(300).describe('Seconds for one try in all'),
    })
    .prefault({})
    .describe('When a try ends unfinished; what has come is kept, and a later try goes on with it'),
  retry: z
    .strictObject({
      times: z.int().min(0).max(100).default(3).describe('Tries after the first, where another may help'),
      wait: seconds.default(1).describe('Seconds before the second try, doubled for each further one, with jitter'),
      max_wait: seconds
        .default(120)
        .describe('Longest wait in seconds; a host that asks for more (Retry-After) is left alone for this run'),
    })
    .prefault({})
    .describe('Tries after dns, connect, stall, deadline, http_429, http_5xx and protocol failures'),
  max_bytes: z
    .int()
    .min(1)
    .default(64 * 2 ** 20)
    .describe('Largest file in bytes, also once unpacked'),
  max_redirects: z.int().min(0).max(20).default(5).describe('Redirects followed for one URL'),
  contact: z
    .string()
    .regex(/^[\x21-\x7e][\x20-\x7e]*$/)
    .optional()
    .describe('Web page or mail address by which a site can reach you; part of the User-Agent'),
  robots: z.boolean().default(true).describe('Respect robots.txt (RFC 9309)'),
  x_robots_tag: z
    .boolean()
    .default(true)
    .describe('Respect X-Robots-Tag headers: noindex, none, noimageindex, noai, noimageai'),
  allow_private: z
    .union([z.boolean(), z.array(z.string().refine(isAddressRange, 'addresses such as 10.0.0.0/8')).min(1)])
    .default(false)
    .describe('Fetch from private, loopback and other special addresses: all of them, or these ranges'),
  revalidate: z
    .boolean()
    .default(false)
    .describe('Ask the hosts whether stored photos have changed (ETag, Last-Modified); without it they are not asked'),
})
export type DownloadOptions = z.output<typeof downloadOptions>

/** Which options decide about a class of failure. */
const RULES: Readonly<Record<string, readonly (keyof DownloadOptions)[]>> = {
  robots: ['robots', 'x_robots_tag'],
  too_large: ['max_bytes'],
  redirect: ['max_redirects'],
  private_address: ['allow_private'],
}

/**
 * What refused, as text: options, or the checksum of the list. A lasting verdict of this class holds while it stays the
 * same.
 */
export const rulesOf = (failureClass: string, options: DownloadOptions, sha256: string | undefined): string =>
  failureClass === 'checksum'
    ? `sha256: ${sha256}`
    : (RULES[failureClass] ?? []).map(name => `${name}: ${JSON.stringify(options[name])}`).join(', ')

const ROBOT = 'prep-toolkit'

export function policyOf(options: DownloadOptions): DownloadPolicy {
  const { host, timeouts, retry, contact } = options
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return {
    concurrency: options.concurrency,
    perHost: host.concurrency,
    intervalMs: host.rate > 0 ? 1000 / host.rate : 0,
    times: {
      connectMs: 1000 * timeouts.connect,
      stallMs: 1000 * timeouts.stall,
      minBytesPerSecond: timeouts.min_speed,
      totalMs: 1000 * timeouts.total,
    },
    maxBytes: options.max_bytes,
    maxRedirects: options.max_redirects,
    retries: retry.times,
    firstWaitMs: 1000 * retry.wait,
    maxWaitMs: 1000 * retry.max_wait,
    robot: ROBOT,
    userAgent: `${ROBOT}/${version}${contact ? ` (+${contact})` : ''}`,
    robots: options.robots,
    robotsTag: options.x_robots_tag,
    allowPrivate: options.allow_private,
  }
}
