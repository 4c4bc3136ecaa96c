/** From an answer to a photo's bytes: what is not wanted is refused as early as it shows. */
import { type Format, HEAD_BYTES, sniffFormat } from '../images/format.js'
import type { Answer } from './exchange.js'
import { DownloadError } from './failure.js'
import type { Incoming, Validators } from './incoming.js'
import { parseRetryAfter } from './retry.js'

/** What the host says about its file, for asking again later. */
export function validatorsOf(answer: Answer): Validators {
  const [etag, lastModified] = [answer.header('etag'), answer.header('last-modified')]
  return { ...(etag !== undefined && { etag }), ...(lastModified !== undefined && { lastModified }) }
}

/**
 * Refuse an answer that brings no file.
 * @throws {DownloadError} `HTTP_429`, `HTTP_4XX`, `HTTP_5XX`, `HTTP_INVALID`
 */
export function checkStatus(answer: Answer, asksForRest: boolean): void {
  const { status } = answer
  if ((status >= 200 && status < 300 && status !== 206) || (status === 206 && asksForRest)) return
  const waitMs = parseRetryAfter(answer.header('retry-after'), Date.now())
  const details = { status, waitMs }
  if (status === 429) throw new DownloadError('HTTP_429', 'the host answers 429, too many requests', details)
  if (status === 416 && asksForRest)
    throw new DownloadError('HTTP_INVALID', 'the host has no rest of the file (416)', details)
  if (status >= 400 && status < 500) throw new DownloadError('HTTP_4XX', `the host answers ${status}`, details)
  if (status >= 500 && status < 600) throw new DownloadError('HTTP_5XX', `the host answers ${status}`, details)
  throw new DownloadError('HTTP_INVALID', `the host answers ${status}, which fits no such request`, details)
}

/**
 * Read the body after the `incoming` bytes that are there already, or anew where the host sends all of it.
 * @returns the format, by content
 * @throws {DownloadError} `TOO_LARGE`, `NOT_AN_IMAGE`, `UNSUPPORTED_FORMAT`, and what breaks the connection
 */
export async function receive(answer: Answer, incoming: Incoming, maxBytes: number): Promise<Format> {
  if (answer.status === 206) await checkRest(answer, incoming)
  else await incoming.restart(answer.packed ? {} : validatorsOf(answer))
  const announced = incoming.bytes + Number(answer.header('content-length') ?? 0)
  if (announced > maxBytes)
    throw new DownloadError('TOO_LARGE', `the host announces ${announced} bytes, max_bytes allows ${maxBytes}`)
  let sniffed = incoming.head.length >= HEAD_BYTES
  await answer.read(maxBytes - incoming.bytes, chunk => {
    const written = incoming.write(chunk)
    if (!sniffed && incoming.head.length >= HEAD_BYTES) {
      formatOf(incoming.head)
      sniffed = true
    }
    return written
  })
  return formatOf(incoming.head)
}

/** Is this the rest of what has come before? @see RFC 9110, section 15.3.7 */
async function checkRest(answer: Answer, incoming: Incoming): Promise<void> {
  const range = answer.header('content-range') ?? ''
  const start = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range)?.[1]
  const { etag } = validatorsOf(answer)
  const same = etag === undefined || incoming.validators.etag === undefined || etag === incoming.validators.etag
  if (Number(start) === incoming.bytes && same && !answer.packed) return
  const { bytes } = incoming
  await incoming.discard()
  throw new DownloadError('HTTP_INVALID', `asked for the bytes from ${bytes} on, the host sends others (${range})`)
}

function formatOf(head: Uint8Array): Format {
  if (head.length === 0) throw new DownloadError('NOT_AN_IMAGE', 'the answer is empty (0 bytes)')
  const found = sniffFormat(head)
  if (found.kind === 'photo') return found.format
  if (found.kind === 'unsupported')
    throw new DownloadError('UNSUPPORTED_FORMAT', `is ${found.name}, which cannot be decoded here`)
  throw new DownloadError('NOT_AN_IMAGE', `is ${found.looksLike}, not an image`)
}
