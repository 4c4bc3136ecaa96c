/** One request and its answer: status, headers, and the body as bytes that are counted, unpacked and bounded. */
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { request } from 'undici'
import { PrepError } from '../errors.js'
import type { Connections } from './connection.js'
import { classifyNetworkError, DownloadError } from './failure.js'
import { type TimeLimits, Watch } from './watch.js'

export interface Asking {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly connections: Connections
  readonly limits: TimeLimits
  readonly signal: AbortSignal
  /** Nothing more will be asked of this host: the connection need not stay open. */
  readonly last?: boolean
}

export interface Answer {
  readonly status: number
  header(name: string): string | undefined
  headers(name: string): readonly string[]
  /** Is the body packed (a Content-Encoding)? */
  readonly packed: boolean
  /**
   * Hand over the body, unpacked, chunk by chunk.
   * @throws {DownloadError} `TOO_LARGE` above `maxBytes`, and what breaks the connection
   */
  read(maxBytes: number, take: (chunk: Uint8Array) => Promise<void> | undefined): Promise<void>
  /** Read no more of it. */
  leave(): void
}

/** Bodies up to this length are read to their end unseen, so that the connection can be used again. */
const DRAIN_BYTES = 64 * 1024
const DRAIN_MS = 2000

/**
 * Ask, and give the answer to `use`; the exchange is watched until that is done.
 *
 * @throws {DownloadError} of the network's classes; whatever `use` throws
 */
export async function exchange<T>(
  { url, headers, connections, limits, signal, last }: Asking,
  use: (answer: Answer) => Promise<T>,
): Promise<T> {
  const watch = new Watch(limits, signal)
  try {
    const {
      statusCode,
      headers: received,
      body,
    } = await request(url, {
      dispatcher: connections.agent,
      headers: { ...headers, 'accept-encoding': 'identity' },
      signal: watch.signal,
      reset: last === true || connections.crowded,
    })
    watch.answered()
    // Left unread, it may still fail.
    body.on('error', () => {})
    const values = (name: string): readonly string[] => {
      const value = received[name]
      return value === undefined ? [] : typeof value === 'string' ? [value] : value
    }
    const coding = values('content-encoding').join().trim().toLowerCase()
    let finished = false
    const answer: Answer = {
      status: statusCode,
      header: name => values(name)[0],
      headers: values,
      packed: coding !== '' && coding !== 'identity',
      async read(maxBytes, take) {
        await readBody(body, coding, watch, maxBytes, take)
        finished = true
      },
      leave() {
        if (finished || body.destroyed) return
        finished = true
        if (Number(values('content-length')[0] ?? Number.POSITIVE_INFINITY) <= DRAIN_BYTES)
          body.dump({ limit: DRAIN_BYTES, signal: AbortSignal.timeout(DRAIN_MS) }).catch(() => body.destroy())
        else body.destroy()
      },
    }
    try {
      return await use(answer)
    } finally {
      answer.leave()
    }
  } catch (error) {
    if (error instanceof PrepError && error !== watch.signal.reason) throw error
    // What aborted it says more than that it was aborted.
    throw watch.signal.aborted ? watch.signal.reason : classifyNetworkError(error)
  } finally {
    watch.close()
  }
}

async function readBody(
  body: Readable,
  coding: string,
  watch: Watch,
  maxBytes: number,
  take: (chunk: Uint8Array) => Promise<void> | undefined,
): Promise<void> {
  let bytes = 0
  const takeBounded = (chunk: Uint8Array): Promise<void> | undefined => {
    bytes += chunk.length
    if (bytes > maxBytes) throw new DownloadError('TOO_LARGE', 'more bytes came than max_bytes allows')
    return take(chunk)
  }
  if (coding === '' || coding === 'identity') {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      watch.received(chunk.length)
      const waiting = takeBounded(chunk)
      if (waiting) await waiting
    }
    return
  }
  const counter = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      watch.received(chunk.length)
      done(null, chunk)
    },
  })
  // The pipeline may end with its own word for being stopped.
  let refusal: unknown
  const consume = async (unpacked: AsyncIterable<Uint8Array>): Promise<void> => {
    try {
      for await (const chunk of unpacked) {
        const waiting = takeBounded(chunk)
        if (waiting) await waiting
      }
    } catch (error) {
      refusal = error
      throw error
    }
  }
  await pipeline(body, counter, unpacker(coding), consume).catch(error => {
    throw refusal instanceof PrepError ? refusal : error
  })
}

/** Answers come packed now and then although none was asked for. */
function unpacker(coding: string): Transform {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    case 'br':
      return createBrotliDecompress()
    default:
      throw new DownloadError('HTTP_INVALID', `the answer is packed as ${coding.slice(0, 40)}, which nobody asked for`)
  }
}
