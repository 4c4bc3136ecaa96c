/** downloads.jsonl: every try at a URL, one JSON object a line, across runs; and what the last try at each URL gave. */
import { appendFileSync, closeSync, createReadStream, existsSync, openSync, readSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileError } from '../errors.js'
import { makeFolder } from '../files.js'
import type { Validators } from './incoming.js'

/** One try. */
export interface Attempt extends Validators {
  /** As listed, before redirects. */
  readonly url: string
  /** From 1, within one run; 0 for a verdict without a try, because the host had been given up. */
  readonly attempt: number
  /** When it ended, ISO 8601. */
  readonly at: string
  readonly ms: number
  /** Bytes that came in this try. */
  readonly bytes: number
  readonly ok: boolean
  /** HTTP status of the last answer. */
  readonly status?: number
  /** Where redirects led. */
  readonly final?: string
  /** Of the content; also of one that is not what the list says. */
  readonly sha256?: string
  /** Of a try that failed. */
  readonly class?: string
  readonly code?: string
  readonly message?: string
  /** The options that refused it, or the checksum that it should have had. */
  readonly rules?: string
}

/** What is kept of the last try at a URL. */
export type LastAttempt = Pick<
  Attempt,
  'ok' | 'sha256' | 'etag' | 'lastModified' | 'class' | 'code' | 'message' | 'rules' | 'status'
>

export class AttemptLog {
  readonly #path: string
  #file: number

  /** @throws {PrepError} `FILE_UNREADABLE`, `OUTPUT_READ_ONLY` */
  constructor(path: string) {
    this.#path = path
    try {
      makeFolder(dirname(path))
      const torn = existsSync(path) && !endsWithNewline(path)
      this.#file = openSync(path, 'a')
      if (torn) appendFileSync(this.#file, '\n')
    } catch (error) {
      throw fileError(error, path, 'write the log of downloads')
    }
  }

  /** Written at once: what is in the log is not asked for again. @throws {PrepError} `DISK_FULL` */
  append(attempt: Attempt): void {
    try {
      appendFileSync(this.#file, `${JSON.stringify(attempt)}\n`)
    } catch (error) {
      throw fileError(error, this.#path, 'write the log of downloads')
    }
  }

  close(): void {
    closeSync(this.#file)
  }
}

/**
 * The last try at each URL, over all runs. Lines that a kill has torn are passed over.
 * @param wanted  URLs to know about
 */
export async function readLastAttempts(path: string, wanted: ReadonlySet<string>): Promise<Map<string, LastAttempt>> {
  const last = new Map<string, LastAttempt>()
  if (!existsSync(path)) return last
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    const attempt = parse(line)
    if (!attempt || !wanted.has(attempt.url)) continue
    const { ok, sha256, etag, lastModified, code, message, rules, status } = attempt
    last.set(attempt.url, {
      ok,
      ...(sha256 !== undefined && { sha256 }),
      ...(etag !== undefined && { etag }),
      ...(lastModified !== undefined && { lastModified }),
      ...(status !== undefined && { status }),
      ...(!ok && {
        class: attempt.class ?? '',
        code: code ?? '',
        message: message ?? '',
        ...(rules !== undefined && { rules }),
      }),
    })
  }
  return last
}

function parse(line: string): Attempt | undefined {
  if (!line) return undefined
  try {
    const value = JSON.parse(line) as Partial<Attempt>
    return typeof value.url === 'string' && typeof value.ok === 'boolean' ? (value as Attempt) : undefined
  } catch {
    return undefined
  }
}

function endsWithNewline(path: string): boolean {
  const { size } = statSync(path)
  if (size === 0) return true
  const file = openSync(path, 'r')
  try {
    const last = Buffer.alloc(1)
    readSync(file, last, 0, 1, size - 1)
    return last[0] === 10
  } finally {
    closeSync(file)
  }
}
