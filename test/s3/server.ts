/** A bucket on loopback: what S3 does of what we use, signatures recomputed, faults on demand. */
import { createHash, createHmac, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const KEYS = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}

interface StoredObject {
  readonly data: Buffer
  readonly sha256: string | undefined
}

export interface Asked {
  readonly method: string
  readonly key: string
  readonly query: string
  readonly status: number
  readonly range: string | undefined
}

/** What to do instead of answering; nothing: answer. */
export type Fault = 'cut' | 'hang up' | { readonly status: number; readonly retryAfter?: number } | undefined

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)

/**
 * Is the request signed with our secret, as the specification says?
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
function isSigned(request: IncomingMessage, url: URL, body: Buffer): boolean {
  const { authorization = '', 'x-amz-date': date = '', 'x-amz-content-sha256': payload = '' } = request.headers
  const [, key, scope = '', names = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)$/.exec(authorization) ?? []
  if (key !== KEYS.AWS_ACCESS_KEY_ID || payload !== sha256(body)) return false
  for (const needed of ['host', 'x-amz-content-sha256', 'x-amz-date'])
    if (!names.split(';').includes(needed)) return false
  const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort()
  const headers = names.split(';').map(name => `${name}:${String(request.headers[name]).trim()}\n`)
  const canonical = [request.method, url.pathname, query.join('&'), headers.join(''), names, payload].join('\n')
  const [day = '', region = '', service = '', end = ''] = scope.split('/')
  const secret = [day, region, service, end].reduce<string | Buffer>(hmac, `AWS4${KEYS.AWS_SECRET_ACCESS_KEY}`)
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')
  return service === 's3' && end === 'aws4_request' && signature === hmac(secret, text).toString('hex')
}

export class S3Server {
  readonly objects = new Map<string, StoredObject>()
  readonly uploads = new Map<string, { key: string; sha256: string | undefined; parts: Map<number, Buffer> }>()
  readonly asked: Asked[] = []
  /** May anybody read? */
  open = false
  fault: (asked: Omit<Asked, 'status'>) => Fault = () => undefined
  readonly #server = createServer((request, response) => void this.#serve(request, response))

  async start(): Promise<string> {
    await new Promise<void>(done => this.#server.listen(0, '127.0.0.1', done))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(done => this.#server.close(done))
  }

  /** How often a method was asked for, by key. */
  count(method: string, key = /./): number {
    return this.asked.filter(asked => asked.method === method && key.test(asked.key)).length
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const url = new URL(request.url!, 'http://x')
    const pieces: Buffer[] = []
    try {
      for await (const piece of request) pieces.push(piece)
    } catch {
      return undefined
    }
    const body = Buffer.concat(pieces)
    const { method = '', headers } = request
    const asked = { method, key: decodeURIComponent(url.pathname.slice(1)), query: url.search, range: headers.range }
    const say = (status: number, data: string | Buffer = '', more: Record<string, string | number> = {}): true => {
      this.asked.push({ ...asked, status })
      response.writeHead(status, { 'content-length': Buffer.byteLength(data), ...more })
      response.end(method === 'HEAD' ? undefined : data)
      return true
    }
    const error = (status: number, code: string): true =>
      say(status, `<Error><Code>${code}</Code><Message>no</Message></Error>`)
    const fault = this.fault(asked)
    if (fault === 'hang up') return request.socket.destroy()
    if (typeof fault === 'object') {
      const more = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter }
      return say(fault.status, '<Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>', more)
    }
    const reading = this.open && (method === 'GET' || method === 'HEAD')
    if (!reading && !isSigned(request, url, body)) return error(403, 'SignatureDoesNotMatch')
    return this.#answer(asked, url.searchParams, headers, body, {
      say,
      error,
      cut: fault === 'cut' ? response : undefined,
    })
  }

  #answer(
    { method, key, range }: Omit<Asked, 'status'>,
    query: URLSearchParams,
    headers: IncomingMessage['headers'],
    body: Buffer,
    {
      say,
      error,
      cut,
    }: {
      say: (status: number, data?: string | Buffer, more?: Record<string, string | number>) => true
      error: (status: number, code: string) => true
      cut: ServerResponse | undefined
    },
  ): true {
    const meta = headers['x-amz-meta-sha256'] as string | undefined
    const upload = this.uploads.get(query.get('uploadId') ?? '')
    const [bucket] = key.split('/')
    if (bucket !== 'bucket') return error(404, 'NoSuchBucket')
    if (query.has('uploads')) {
      if (method === 'POST') {
        const id = randomUUID()
        this.uploads.set(id, { key, sha256: meta, parts: new Map() })
        return say(200, `<R><UploadId>${id}</UploadId></R>`)
      }
      const open = [...this.uploads].map(
        ([id, { key }]) => `<Upload><Key>${key.slice(7)}</Key><UploadId>${id}</UploadId></Upload>`,
      )
      return say(200, `<R>${open.join('')}</R>`)
    }
    if (query.has('uploadId')) {
      if (!upload) return error(404, 'NoSuchUpload')
      if (method === 'PUT') {
        upload.parts.set(Number(query.get('partNumber')), body)
        return say(200, '', { etag: `"${createHash('md5').update(body).digest('hex')}"` })
      }
      this.uploads.delete(query.get('uploadId')!)
      if (method === 'DELETE') return say(204)
      const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([, data]) => data)
      const tags = parts.map(data => `&quot;${createHash('md5').update(data).digest('hex')}&quot;`)
      if (parts.slice(0, -1).some(part => part.length < 5 << 20)) return error(400, 'EntityTooSmall')
      if ([...body.toString().matchAll(/<ETag>(.*?)<\/ETag>/g)].map(([, tag]) => tag).join() !== tags.join())
        return error(400, 'InvalidPart')
      this.objects.set(key, { data: Buffer.concat(parts), sha256: upload.sha256 })
      return say(200, '<R/>')
    }
    if (method === 'PUT') {
      this.objects.set(key, { data: body, sha256: meta })
      return say(200)
    }
    if (method === 'DELETE') {
      this.objects.delete(key)
      return say(204)
    }
    const found = this.objects.get(key)
    if (!found) return error(404, 'NoSuchKey')
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0)
    const data = found.data.subarray(from)
    if (cut && method === 'GET') {
      this.asked.push({ method, key, query: '', range, status: 200 })
      cut.writeHead(from ? 206 : 200, { 'content-length': data.length })
      cut.write(data.subarray(0, Math.ceil(data.length / 2)), () => cut.destroy())
      return true
    }
    return say(from ? 206 : 200, data, found.sha256 ? { 'x-amz-meta-sha256': found.sha256 } : {})
  }
}
