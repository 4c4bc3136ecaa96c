/** Connections to hosts: each address is checked when it is connected to, so that no answer of a name server gets past. */
import { promises as dns, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, buildConnector } from 'undici'
import type { AddressRules } from './address.js'
import { DownloadError } from './failure.js'

export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

export interface ConnectionOptions {
  readonly rules: AddressRules
  readonly connectMs: number
  /** Where addresses come from: the system's resolver by default. */
  readonly resolve?: Resolve | undefined
  /** Connections that may stay open for further requests; above it each is closed after its answer. */
  readonly idle: number
}

/** Longer headers are refused. */
const MAX_HEADER_BYTES = 32 * 1024
/** An answer of a name server is believed for so long. */
const DNS_TTL_MS = 60_000
const DNS_ENTRIES = 10_000

export class Connections {
  readonly agent: Agent
  readonly #idle: number
  #open = 0

  constructor({ rules, connectMs, resolve = resolveBySystem, idle }: ConnectionOptions) {
    this.#idle = idle
    const lookup = checkedLookup(rules, cached(withTimeout(resolve, connectMs)))
    const connect = buildConnector({ timeout: connectMs, lookup })
    this.agent = new Agent({
      maxHeaderSize: MAX_HEADER_BYTES,
      // Time is watched for each exchange as a whole.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, callback) => {
        const literal = options.hostname.replace(/^\[|\]$/g, '')
        // Addresses written out are not looked up.
        if (isIP(literal) && !rules.permits(literal)) {
          queueMicrotask(() => callback(refusal(literal, [literal]), null))
          return
        }
        connect(options, (error, socket) => {
          if (error) return callback(error, null)
          this.#open += 1
          socket.once('close', () => (this.#open -= 1))
          callback(null, socket)
        })
      },
    })
  }

  /** Sockets that are open now. */
  get open(): number {
    return this.#open
  }

  /** Are so many open that a further one should close after its answer? */
  get crowded(): boolean {
    return this.#open >= this.#idle
  }

  close(): Promise<void> {
    return this.agent.destroy()
  }
}

const resolveBySystem: Resolve = hostname => dns.lookup(hostname, { all: true, order: 'verbatim' } as { all: true })

const refusal = (hostname: string, addresses: readonly string[]): DownloadError =>
  new DownloadError(
    'PRIVATE_ADDRESS',
    addresses[0] === hostname
      ? `${hostname} is no public address`
      : `${hostname} has no public address (${addresses.join(', ')})`,
  )

function checkedLookup(rules: AddressRules, resolve: Resolve): LookupFunction {
  return (hostname, { all }, callback) => {
    resolve(hostname).then(
      found => {
        const permitted = found.filter(({ address }) => rules.permits(address))
        const [first] = permitted
        if (!first) {
          const addresses = found.map(({ address }) => address)
          callback(found.length ? refusal(hostname, addresses) : notFound(hostname), [])
        } else if (all) callback(null, [...permitted])
        else callback(null, first.address, first.family)
      },
      error => callback(error as NodeJS.ErrnoException, []),
    )
  }
}

const notFound = (hostname: string): DownloadError => new DownloadError('DNS_FAILED', `${hostname} has no address`)

function withTimeout(resolve: Resolve, ms: number): Resolve {
  return async hostname => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new DownloadError('DNS_FAILED', `no answer about ${hostname} within ${ms / 1000} s`)),
        ms,
      )
    })
    return Promise.race([resolve(hostname), late]).finally(() => clearTimeout(timer))
  }
}

/** Answers, also those still under way, kept for a while; failures are not. */
function cached(resolve: Resolve): Resolve {
  const answers = new Map<string, { readonly until: number; readonly answer: ReturnType<Resolve> }>()
  return hostname => {
    const known = answers.get(hostname)
    if (known && known.until > performance.now()) return known.answer
    const answer = resolve(hostname)
    answers.delete(hostname)
    answers.set(hostname, { until: performance.now() + DNS_TTL_MS, answer })
    answer.catch(() => answers.delete(hostname))
    for (const oldest of answers.keys()) {
      if (answers.size <= DNS_ENTRIES) break
      answers.delete(oldest)
    }
    return answer
  }
}
