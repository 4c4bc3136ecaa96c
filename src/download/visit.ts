/** One request for a photo: what is asked, what is refused before the body is read, and the way into the store. */
import type { Format } from '../images/format.js'
import { type Answer, type Asking, exchange } from './exchange.js'
import { DownloadError } from './failure.js'
import { canResume, type Incoming, type Validators } from './incoming.js'
import type { DownloadPolicy } from './policy.js'
import { checkStatus, receive, validatorsOf } from './receive.js'
import { isRedirect, redirectTarget } from './redirect.js'
import { refusalInTags } from './robots-tag.js'
import type { DownloadStore } from './store.js'

/** What is wanted. */
export interface Wanted {
  /** http or https, canonical. */
  readonly url: string
  readonly sha256?: string
  /** What was stored before, to be fetched only if the host has something else now. */
  readonly known?: { readonly sha256: string; readonly validators: Validators }
}

export interface Stored {
  readonly path: string
  readonly bytes: number
  readonly facts: { readonly sha256: string; readonly status: number } & Validators
}

const ACCEPT = 'image/avif,image/webp,image/png,image/jpeg,image/*;q=0.9,*/*;q=0.5'

interface VisitOptions extends Required<Pick<Asking, 'connections' | 'signal' | 'last'>> {
  readonly policy: DownloadPolicy
  readonly store: DownloadStore
}

/**
 * @param url       of the list, or where redirects led
 * @param incoming  gets what comes, and may hold what came before
 * @returns where it is redirected to, or what was stored
 * @throws {DownloadError} of any class
 */
export async function visit(
  url: URL,
  wanted: Wanted,
  incoming: Incoming,
  { policy, store, connections, signal, last }: VisitOptions,
): Promise<URL | Stored> {
  const resumes = incoming.bytes > 0 && canResume(incoming.validators)
  const asking: Asking = {
    url,
    headers: {
      accept: ACCEPT,
      'user-agent': policy.userAgent,
      ...(resumes ? restHeaders(incoming) : conditionHeaders(wanted)),
    },
    connections,
    limits: policy.times,
    signal,
    last,
  }
  return exchange(asking, async answer => {
    if (isRedirect(answer)) return redirectTarget(answer, url)
    if (policy.robotsTag) {
      const refusal = refusalInTags(answer.headers('x-robots-tag'), policy.robot)
      if (refusal) throw new DownloadError('ROBOTS_REFUSED', `the site says ${refusal} in X-Robots-Tag`)
    }
    const unchanged = answer.status === 304 && !resumes && wanted.known
    if (unchanged) {
      const path = store.path(unchanged.sha256)
      if (path) return { path, bytes: 0, facts: { sha256: unchanged.sha256, status: 304, ...unchanged.validators } }
    }
    checkStatus(answer, resumes)
    const format = await receive(answer, incoming, policy.maxBytes)
    return keep(answer, incoming, format, wanted, store)
  })
}

/** @throws {DownloadError} `CHECKSUM_MISMATCH` when it is not what the list says */
async function keep(
  answer: Answer,
  incoming: Incoming,
  format: Format,
  wanted: Wanted,
  store: DownloadStore,
): Promise<Stored> {
  const [sha256, { bytes }] = [incoming.sha256(), incoming]
  if (wanted.sha256 !== undefined && wanted.sha256 !== sha256)
    throw new ChecksumError(`sha256 is ${sha256}, the list says ${wanted.sha256}`, sha256, answer.status)
  const path = await store.take(incoming, sha256, format)
  return { path, bytes, facts: { sha256, status: answer.status, ...validatorsOf(answer) } }
}

export class ChecksumError extends DownloadError {
  constructor(
    message: string,
    readonly sha256: string,
    status: number,
  ) {
    super('CHECKSUM_MISMATCH', message, { status })
  }
}

/** Only a transfer that broke off is worth going on with. */
export const keepsPartial = ({ code }: DownloadError): boolean =>
  code === 'CONNECT_FAILED' ||
  code === 'STALLED' ||
  code === 'DEADLINE_PASSED' ||
  code === 'HTTP_5XX' ||
  code === 'HTTP_429'

const restHeaders = ({ bytes, validators: { etag, lastModified } }: Incoming): Record<string, string> => ({
  range: `bytes=${bytes}-`,
  'if-range': etag ?? lastModified!,
})

function conditionHeaders({ known }: Wanted): Record<string, string> {
  const { etag, lastModified } = known?.validators ?? {}
  if (etag !== undefined) return { 'if-none-match': etag }
  return lastModified === undefined ? {} : { 'if-modified-since': lastModified }
}
