/** Fetches photos by URL into the store: politely, within limits, again where it may help. Every URL ends with a verdict. */
import { setMaxListeners } from 'node:events'
import { failureClass, isTransient } from '../failure-classes.js'
import { AddressRules } from './address.js'
import type { Attempt } from './attempt-log.js'
import { Connections } from './connection.js'
import { DownloadError } from './failure.js'
import type { Incoming } from './incoming.js'
import type { DownloadPolicy } from './policy.js'
import { backoffMs } from './retry.js'
import { Robots } from './robots.js'
import { fetchRobots } from './robots-fetch.js'
import { Schedule } from './schedule.js'
import type { DownloadStore } from './store.js'
import { ChecksumError, keepsPartial, type Stored, visit, type Wanted } from './visit.js'

export type Verdict =
  | { readonly ok: true; readonly sha256: string; readonly path: string; readonly bytes: number }
  | { readonly ok: false; readonly error: DownloadError; readonly asked: boolean }

/** One try at a URL, on its way through redirects, as it waits. */
interface WaitingJob {
  readonly wanted: Wanted
  readonly attempt: number
  /** Where a redirect led. */
  readonly url?: URL
  readonly hops: number
  readonly ms: number
}

/** The same at work. */
type Job = WaitingJob & { readonly url: URL }

export interface DownloaderOptions {
  readonly policy: DownloadPolicy
  readonly store: DownloadStore
  /** Aborted: stop; what has come is kept for later. */
  readonly signal: AbortSignal
  readonly onAttempt: (attempt: Attempt, wanted: Wanted) => void
  readonly onVerdict: (wanted: Wanted, verdict: Verdict) => void
}

/** After so many tries in a row without an answer a host is given up for this run. */
const GIVE_UP_AFTER = 12

export class Downloader {
  readonly #options: DownloaderOptions
  readonly #policy: DownloadPolicy
  readonly #schedule: Schedule<WaitingJob>
  readonly #connections: Connections
  readonly #robots: Robots
  /** Hosts that are not asked any more, and why. */
  readonly #closed = new Map<string, DownloadError>()
  /** Tries in a row without an answer. */
  readonly #silent = new Map<string, number>()

  constructor(options: DownloaderOptions) {
    const { policy } = options
    this.#options = options
    this.#policy = policy
    // Each exchange listens to it.
    setMaxListeners(0, options.signal)
    this.#schedule = new Schedule({
      concurrency: policy.concurrency,
      perHost: policy.perHost,
      intervalMs: policy.intervalMs,
    })
    this.#connections = new Connections({
      rules: new AddressRules(policy.allowPrivate),
      connectMs: policy.times.connectMs,
      resolve: policy.resolve,
      idle: 2 * policy.concurrency,
    })
    this.#robots = new Robots(
      url =>
        fetchRobots({
          url,
          headers: { 'user-agent': policy.userAgent },
          connections: this.#connections,
          limits: policy.times,
          signal: options.signal,
        }),
      policy.robot,
    )
  }

  /**
   * Fetch all, in any order; `onVerdict` is called once for each unless the signal aborts.
   * @throws {PrepError} what stops a run, such as `DISK_FULL`
   */
  async fetch(all: Iterable<Wanted>): Promise<void> {
    for (const wanted of all) this.#enqueue(wanted, 1)
    try {
      await this.#schedule.run(job => this.#work(job), this.#options.signal)
    } finally {
      await this.#connections.close()
    }
  }

  #enqueue(wanted: Wanted, attempt: number, delayMs = 0): void {
    // Only the text is kept while it waits: a parsed URL takes much more memory.
    this.#schedule.add(new URL(wanted.url).host, { wanted, attempt, hops: 0, ms: 0 }, { delayMs })
  }

  async #work(waiting: WaitingJob): Promise<void> {
    const { wanted, url = new URL(wanted.url) } = waiting
    const job = { ...waiting, url }
    const closed = this.#closed.get(url.host)
    if (closed) return this.#options.onVerdict(wanted, { ok: false, error: closed, asked: false })
    const began = performance.now()
    const incoming = await this.#options.store.incoming(wanted.url)
    const before = incoming.bytes
    const spent = (): number => Math.round(job.ms + performance.now() - began)
    try {
      const end = await this.#visit(job, incoming)
      this.#silent.delete(url.host)
      if (end instanceof URL) {
        await this.#options.store.setAside(incoming)
        return this.#follow(job, end, spent())
      }
      const { bytes } = end
      this.#report(job, spent(), bytes - (bytes >= before ? before : 0), { ok: true, ...end.facts })
      this.#options.onVerdict(wanted, { ok: true, sha256: end.facts.sha256, path: end.path, bytes })
    } catch (error) {
      const received = Math.max(0, incoming.bytes - before)
      if (error instanceof DownloadError && !keepsPartial(error)) await incoming.discard()
      else await this.#options.store.setAside(incoming)
      if (this.#options.signal.aborted) return
      if (!(error instanceof DownloadError)) throw error
      this.#failed(job, error, spent(), received)
    }
  }

  /** One request. @returns where it is redirected to, or what was stored */
  async #visit({ url, wanted }: Job, incoming: Incoming): Promise<URL | Stored> {
    const { policy, store, signal } = this.#options
    if (policy.robots) await this.#obeyRobots(url)
    return visit(url, wanted, incoming, {
      policy,
      store,
      connections: this.#connections,
      signal,
      last: this.#schedule.isLast(url.host),
    })
  }

  async #obeyRobots(url: URL): Promise<void> {
    const { allows, crawlDelay } = await this.#robots.rules(url)
    if (crawlDelay) this.#schedule.slowDown(url.host, Math.min(crawlDelay * 1000, this.#policy.maxWaitMs))
    if (!allows(url.href)) throw new DownloadError('ROBOTS_REFUSED', `robots.txt of ${url.host} disallows it`)
  }

  #follow(job: Job, url: URL, ms: number): void {
    const hops = job.hops + 1
    const { maxRedirects } = this.#policy
    if (hops <= maxRedirects) this.#schedule.add(url.host, { ...job, url, hops, ms }, { first: true })
    else {
      const message = `more than ${maxRedirects} redirects (max_redirects), the last to ${url.href.slice(0, 200)}`
      this.#failed(job, new DownloadError('REDIRECT_REFUSED', message), ms, 0)
    }
  }

  #failed(job: Job, error: DownloadError, ms: number, bytes: number): void {
    const { wanted, attempt, url } = job
    const { status, code, message } = error
    const kind = failureClass(code)
    this.#report(job, ms, bytes, {
      ok: false,
      ...(status !== undefined && { status }),
      ...(error instanceof ChecksumError && { sha256: error.sha256 }),
      class: kind,
      code,
      message,
    })
    const silence = this.#countSilence(url.host, error)
    const mayHelp = isTransient(kind) || status === 408 || status === 425
    const wait = mayHelp ? this.#rest(url.host, attempt, error, silence) : 0
    if (mayHelp && attempt <= this.#policy.retries && !this.#closed.has(url.host))
      this.#enqueue(wanted, attempt + 1, wait)
    else this.#options.onVerdict(wanted, { ok: false, error, asked: true })
  }

  /** How long to wait before the next try; a host that asks for a rest gets it from all of its URLs. */
  #rest(host: string, attempt: number, { code, waitMs, status }: DownloadError, silence: number): number {
    const { firstWaitMs, maxWaitMs } = this.#policy
    const own = backoffMs(attempt, { firstMs: firstWaitMs, maxMs: maxWaitMs }, Math.random())
    if (waitMs !== undefined && waitMs > maxWaitMs)
      this.#giveUp(
        host,
        new DownloadError(
          code,
          `${host} asks for ${Math.ceil(waitMs / 1000)} s of rest, longer than retry.max_wait: not asked again in this run`,
          { status },
        ),
      )
    const wait = waitMs === undefined ? own : Math.max(waitMs, own)
    if (code === 'HTTP_429' || waitMs !== undefined || silence > 1) this.#schedule.rest(host, wait)
    return wait
  }

  /** @returns how many tries in a row this host has left without an answer */
  #countSilence(host: string, { code, message, ofHost }: DownloadError): number {
    if (!ofHost) {
      this.#silent.delete(host)
      return 0
    }
    const count = (this.#silent.get(host) ?? 0) + 1
    this.#silent.set(host, count)
    if (count >= GIVE_UP_AFTER)
      this.#giveUp(host, new DownloadError(code, `not asked: ${host} failed ${count} times in a row: ${message}`))
    return count
  }

  /** Ask this host nothing more; what waits for it gets the verdict at once. */
  #giveUp(host: string, error: DownloadError): void {
    if (this.#closed.has(host)) return
    this.#closed.set(host, error)
    for (const { wanted } of this.#schedule.drain(host))
      this.#options.onVerdict(wanted, { ok: false, error, asked: false })
  }

  #report(
    { wanted, attempt, url, hops }: Job,
    ms: number,
    bytes: number,
    end: Partial<Attempt> & { ok: boolean },
  ): void {
    const final = hops > 0 ? { final: url.href } : {}
    const at = new Date().toISOString()
    this.#options.onAttempt({ url: wanted.url, attempt, at, ms, bytes, ...final, ...end }, wanted)
  }
}
