/** A bucket of an S3-compatible server: few operations, each signed (SigV4, by aws4fetch), retried and told in our terms. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AwsClient } from 'aws4fetch'
import { PrepError } from '../errors.js'
import { sha256Hex } from '../files.js'
import type { Place } from './place.js'

const ATTEMPTS = 7
const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 20_000
/** An answer must begin within this time, and a body must not stand still for it. */
export const STALL_MS = 60_000

/** Our own metadata of an object: S3's ETag is no hash of the content where it came in parts. */
const SHA256_HEADER = 'x-amz-meta-sha256'

export interface ObjectHead {
  readonly bytes: number
  /** As its uploader said. */
  readonly sha256: string | undefined
}

interface Call {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer>
}

export class Bucket {
  readonly #client: AwsClient | undefined

  constructor(
    readonly place: Place,
    readonly signal: AbortSignal,
  ) {
    const { credentials, region } = place
    if (credentials) this.#client = new AwsClient({ ...credentials, region, service: 's3', retries: 0 })
  }

  /** @returns nothing when there is no such object */
  async head(key: string): Promise<ObjectHead | undefined> {
    const { status, headers } = await this.send({ method: 'HEAD', key }, [200, 404])
    if (status === 404) return undefined
    return { bytes: Number(headers.get('content-length')), sha256: headers.get(SHA256_HEADER) ?? undefined }
  }

  /** A small object whole; nothing when there is none. */
  async get(key: string): Promise<Uint8Array | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      const response = await this.send({ method: 'GET', key }, [200, 404])
      if (response.status === 404) return undefined
      try {
        return new Uint8Array(await response.arrayBuffer())
      } catch (error) {
        await this.pause(attempt, undefined, `the body of ${key} was cut`, error)
      }
    }
  }

  async put(key: string, body: Uint8Array<ArrayBuffer>, sha256: string): Promise<void> {
    await this.send({ method: 'PUT', key, headers: { [SHA256_HEADER]: sha256 }, body }, [200])
  }

  async remove(key: string): Promise<void> {
    await this.send({ method: 'DELETE', key }, [200, 204, 404])
  }

  /**
   * Upload in parts; what a killed run left of one is removed first.
   * @param parts  all but the last of one size, 5 MiB or more
   */
  async putInParts(key: string, parts: AsyncIterable<Uint8Array<ArrayBuffer>>, sha256: string): Promise<void> {
    await this.#abandon(key)
    const begun = await this.send(
      { method: 'POST', key, query: { uploads: '' }, headers: { [SHA256_HEADER]: sha256 } },
      [200],
    )
    const uploadId = tagsOf(await begun.text(), 'UploadId')[0]
    if (!uploadId) throw this.failed(`no UploadId in the answer for ${key}`)
    try {
      const etags: string[] = []
      for await (const body of parts) {
        const query = { partNumber: String(etags.length + 1), uploadId }
        const { headers } = await this.send({ method: 'PUT', key, query, body }, [200])
        etags.push(headers.get('etag') ?? '')
      }
      await this.#complete(key, uploadId, etags, sha256)
    } catch (error) {
      // Parts that lie about cost money and show in no listing; when even this fails the next run tries again.
      await new Bucket(this.place, AbortSignal.timeout(5000))
        .send({ method: 'DELETE', key, query: { uploadId } }, [200, 204, 404])
        .catch(() => {})
      throw error
    }
  }

  async #complete(key: string, uploadId: string, etags: readonly string[], sha256: string): Promise<void> {
    const list = etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`)
    const body = Buffer.from(`<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`)
    const response = await this.send({ method: 'POST', key, query: { uploadId }, body }, [200, 404])
    const text = await response.text()
    // An answer of 200 may still be an error; and after a lost answer a second try finds no upload, but the object.
    if (response.status === 200 && !text.includes('<Error>')) return
    if ((await this.head(key))?.sha256 !== sha256)
      throw this.failed(`the parts of ${key} were not put together: ${problemOf(text)}`)
  }

  async #abandon(key: string): Promise<void> {
    const prefix = this.place.prefix + key
    const response = await this.send({ method: 'GET', key: '', query: { uploads: '', prefix } }, [200])
    const uploads = tagsOf(await response.text(), 'Upload')
    for (const upload of uploads)
      if (tagsOf(upload, 'Key')[0] === prefix)
        await this.send({ method: 'DELETE', key, query: { uploadId: tagsOf(upload, 'UploadId')[0]! } }, [200, 204, 404])
  }

  /**
   * One request, with new attempts where that may help: 5xx, 429, 408 and broken connections.
   * @param expected  statuses that are answers; others are errors
   * @throws {PrepError} `REMOTE_REFUSED`, `REMOTE_FAILED`, `INTERRUPTED`
   */
  async send(call: Call, expected: readonly number[]): Promise<Response> {
    for (let attempt = 1; ; attempt += 1) {
      let response: Response
      const began = new AbortController()
      const timer = setTimeout(() => began.abort(new Error(`no answer within ${STALL_MS / 1000} s`)), STALL_MS)
      try {
        const request = await this.#sign(call)
        response = await fetch(request, { signal: AbortSignal.any([this.signal, began.signal]) })
      } catch (error) {
        await this.pause(attempt, undefined, `${call.method} ${this.#nameOf(call)}: ${reasonOf(error)}`, error)
        continue
      } finally {
        clearTimeout(timer)
      }
      if (expected.includes(response.status)) return response
      const text = await response.text().catch(() => '')
      const problem = `${call.method} ${this.#nameOf(call)}: ${response.status} ${problemOf(text)}`
      if (response.status < 500 && response.status !== 429 && response.status !== 408)
        throw this.#refused(response.status, problem)
      await this.pause(attempt, response.headers.get('retry-after'), problem)
    }
  }

  /**
   * Wait before the next attempt, longer each time and never in step with others.
   * @throws {PrepError} `REMOTE_FAILED` when there have been enough, `INTERRUPTED`
   */
  async pause(attempt: number, retryAfter: string | null | undefined, problem: string, cause?: unknown): Promise<void> {
    if (this.signal.aborted) throw new PrepError('INTERRUPTED', 'stopped while talking to the bucket')
    if (attempt >= ATTEMPTS) throw this.failed(`${problem} (${attempt} attempts)`, cause)
    const asked = 1000 * Number(retryAfter ?? Number.NaN)
    const wait = Number.isFinite(asked) ? asked : FIRST_WAIT_MS * 2 ** (attempt - 1) * (0.5 + Math.random())
    await sleep(Math.min(wait, LONGEST_WAIT_MS), undefined, { signal: this.signal }).catch(() => {
      throw new PrepError('INTERRUPTED', 'stopped while talking to the bucket')
    })
  }

  failed(problem: string, cause?: unknown): PrepError {
    return new PrepError('REMOTE_FAILED', `${this.place.address}: ${problem}`, {
      hint: 'check the endpoint and the network, then run the same command again: finished files are not sent twice',
      cause,
    })
  }

  #refused(status: number, problem: string): PrepError {
    return new PrepError('REMOTE_REFUSED', `${this.place.address}: ${problem}`, {
      hint: this.place.credentials
        ? status === 404
          ? 'check the name of the bucket'
          : 'check the credentials, the region and the rights on the bucket'
        : 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN)',
    })
  }

  readonly #nameOf = ({ key }: Call): string => (key ? this.place.prefix + key : 'the bucket')

  async #sign({ method, key, query = {}, headers = {}, body }: Call): Promise<Request> {
    const { bucket, prefix } = this.place
    const path = key === '' ? '' : (prefix + key).split('/').map(encodeURIComponent).join('/')
    const url = new URL(path, bucket)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const all = { ...headers, 'x-amz-content-sha256': sha256Hex(body ?? '') }
    const init = { method, headers: all, ...(body && { body }) }
    return this.#client ? this.#client.sign(url.href, init) : new Request(url, init)
  }
}

/** The texts between <name> and </name>. */
const tagsOf = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(([, text]) => unescapeXml(text!))

/** What the server says of an error, without the rest. */
const problemOf = (xml: string): string =>
  [...tagsOf(xml, 'Code'), ...tagsOf(xml, 'Message')].join(': ') || 'no reason given'

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' } as const
const escapeXml = (text: string): string => text.replace(/[&<>"]/g, mark => ENTITIES[mark as keyof typeof ENTITIES])
const unescapeXml = (text: string): string =>
  Object.entries(ENTITIES).reduceRight((plain, [mark, entity]) => plain.replaceAll(entity, mark), text)

const reasonOf = (error: unknown): string => {
  const { message, cause } = error as Error
  return cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : message
}
