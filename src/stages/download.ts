/** Downloads photos from lists of URLs: each is fetched once, kept by content, and has a verdict that later runs know. */
import { join } from 'node:path'
import { type Attempt, AttemptLog, type LastAttempt, readLastAttempts } from '../download/attempt-log.js'
import type { Validators } from '../download/incoming.js'
import { DownloadStore } from '../download/store.js'
import type { Wanted } from '../download/visit.js'
import { PrepError } from '../errors.js'
import { failureClass, isTransient } from '../failure-classes.js'
import { defineStage, type StageContext } from '../pipeline/stage.js'
import type { Sample } from '../sample.js'
import { type DownloadOptions, downloadOptions, policyOf, rulesOf } from './download-options.js'
import { type ListedUrl, readsStandardInput, readUrlLists } from './url-list.js'

/** Below the output folder. */
const FOLDER = 'downloads'
const LOG = 'downloads.jsonl'

export const download = defineStage({
  name: 'download',
  version: 1,
  summary: 'Download photos from lists of URLs',
  details:
    'Polite and bounded: robots.txt, limits for each host, deadlines, no private addresses. Photos are kept in OUT/downloads by content, every try in OUT/downloads.jsonl. A rerun fetches only what is missing: failures that may pass are tried again, lasting ones are not (prep retry OUT --class http_4xx does).',
  options: downloadOptions,
  needs: [],
  gives: ['photo'],
  source: true,
  async preview(options, output) {
    if (readsStandardInput(options)) return { count: 0, note: 'the list comes on standard input' }
    const listed = await readUrlLists(options, join(output, FOLDER))
    const store = await DownloadStore.open(join(output, FOLDER), { readOnly: true })
    const last = await readLastAttempts(join(output, LOG), new Set(listed.map(({ url }) => url)))
    const here = listed.filter(entry => storedPath(entry, last.get(entry.url), store) !== undefined).length
    return { count: listed.length, note: `URLs listed, ${here} downloaded already` }
  },
  plan: ({ urls }) => [`reads ${[urls].flat().join(', ')}`, `writes OUT/${FOLDER}, OUT/${LOG}`],
  async run(_set, options, context) {
    const folder = join(context.output, FOLDER)
    const listed = await readUrlLists(options, folder)
    const store = await DownloadStore.open(folder)
    const log = new AttemptLog(join(context.output, LOG))
    try {
      const results = await fetchListed(listed, options, store, log, context)
      return { samples: settle(listed, results, store, context), artefacts: {} }
    } finally {
      log.close()
    }
  },
})

/** What became of a URL: its content, or why there is none. */
type Result =
  | { readonly sha256: string; readonly kept: boolean }
  | { readonly code: string; readonly message: string; readonly kept: boolean }

/** Where the photo of an entry lies, if it has been fetched before. */
function storedPath(
  { sha256 }: ListedUrl,
  last: LastAttempt | undefined,
  store: DownloadStore,
): { sha256: string } | undefined {
  const known = sha256 ?? (last?.ok ? last.sha256 : undefined)
  return known !== undefined && store.path(known) !== undefined ? { sha256: known } : undefined
}

/** @returns by URL */
async function fetchListed(
  listed: readonly ListedUrl[],
  options: DownloadOptions,
  store: DownloadStore,
  log: AttemptLog,
  context: StageContext,
): Promise<Map<string, Result>> {
  const results = new Map<string, Result>()
  const last = context.fresh
    ? new Map<string, LastAttempt>()
    : await readLastAttempts(join(context.output, LOG), new Set(listed.map(({ url }) => url)))
  const wanted = new Map<string, Wanted>()
  for (const entry of listed) {
    const { url, problem, sha256 } = entry
    if (problem !== undefined || results.has(url) || wanted.has(url)) continue
    const before = last.get(url)
    const here = context.fresh ? undefined : storedPath(entry, before, store)
    if (here && !(options.revalidate && sha256 === undefined)) results.set(url, { ...here, kept: true })
    else if (before && !before.ok && keepsVerdict(before, entry, options, context.retry))
      results.set(url, { code: before.code!, message: before.message!, kept: true })
    else
      wanted.set(url, {
        url,
        ...(sha256 !== undefined && { sha256 }),
        ...(here && before && { known: { sha256: here.sha256, validators: pickValidators(before) } }),
      })
  }
  await fetchAll([...wanted.values()], results, { options, store, log, context })
  return results
}

/**
 * Does the last failure stand? Without a choice of classes lasting ones do, as long as what refused is the same; with one, all but the chosen do.
 */
function keepsVerdict(
  { class: kind = '', rules = '', status }: LastAttempt,
  { sha256 }: ListedUrl,
  options: DownloadOptions,
  retry: ReadonlySet<string> | undefined,
): boolean {
  if (retry) return !retry.has(kind)
  return !isTransient(kind) && status !== 408 && status !== 425 && rules === rulesOf(kind, options, sha256)
}

const pickValidators = ({ etag, lastModified }: Validators): Validators => ({
  ...(etag !== undefined && { etag }),
  ...(lastModified !== undefined && { lastModified }),
})

interface Fetching {
  readonly options: DownloadOptions
  readonly store: DownloadStore
  readonly log: AttemptLog
  readonly context: StageContext
}

async function fetchAll(
  wanted: readonly Wanted[],
  results: Map<string, Result>,
  { options, store, log, context }: Fetching,
): Promise<void> {
  if (!wanted.length) return
  const began = performance.now()
  const ticks = new Ticks(wanted.length, context)
  const refusedBy = (kind: string, sha256?: string): Pick<Attempt, 'rules'> => {
    const rules = rulesOf(kind, options, sha256)
    return rules ? { rules } : {}
  }
  let bytes = 0
  // here, because every command would wait for the HTTP client to load
  const { Downloader } = await import('../download/downloader.js')
  const downloader = new Downloader({
    policy: policyOf(options),
    store,
    signal: context.signal,
    onAttempt: (attempt, { sha256 }) => {
      bytes += attempt.bytes
      log.append(attempt.ok ? attempt : { ...attempt, ...refusedBy(attempt.class!, sha256) })
    },
    onVerdict: ({ url }, verdict) => {
      if (verdict.ok) results.set(url, { sha256: verdict.sha256, kept: false })
      else {
        const { code, message } = verdict.error
        results.set(url, { code, message, kept: false })
        const kind = failureClass(code)
        const at = new Date().toISOString()
        if (!verdict.asked) log.append({ ...NOT_ASKED, url, at, class: kind, code, message, ...refusedBy(kind) })
      }
      ticks.done()
    },
  })
  await downloader.fetch(wanted)
  const seconds = (performance.now() - began) / 1000
  const done = wanted.filter(({ url }) => results.has(url)).length
  if (done < wanted.length)
    throw new PrepError('INTERRUPTED', `stopped after ${done} of ${wanted.length} URLs; what has come is kept`)
  context.note(
    `asked for ${wanted.length} URLs: ${(bytes / 1e6).toFixed(1)} MB in ${seconds.toFixed(1)} s, ${(wanted.length / seconds).toFixed(1)} a second`,
  )
}

/** How the log says that a host was given up before this URL's turn came. */
const NOT_ASKED = { attempt: 0, ms: 0, bytes: 0, ok: false } as const

/** Progress, at most ten times a second. */
class Ticks {
  #done = 0
  #said = 0

  constructor(
    readonly total: number,
    readonly context: StageContext,
  ) {
    this.#say()
  }

  done(): void {
    this.#done += 1
    if (this.#done === this.total || performance.now() - this.#said > 100) this.#say()
  }

  #say(): void {
    this.#said = performance.now()
    this.context.progress('download', this.#done, this.total)
  }
}

/** Samples in the order of the lists; failures are counted, and those that were not asked for again are told. */
function settle(
  listed: readonly ListedUrl[],
  results: ReadonlyMap<string, Result>,
  store: DownloadStore,
  context: StageContext,
): Sample[] {
  const notAsked = new Map<string, number>()
  let here = 0
  const samples = listed.flatMap(({ url, name, problem, sha256: expected, columns }): Sample[] => {
    const fail = (code: string, message: string): [] => {
      context.fail({ sample: name, source: url, code, message })
      return []
    }
    if (problem !== undefined) return fail('URL_INVALID', problem)
    const result = results.get(url)!
    if ('code' in result) {
      if (result.kept) notAsked.set(failureClass(result.code), (notAsked.get(failureClass(result.code)) ?? 0) + 1)
      return fail(result.code, result.message)
    }
    const { sha256, kept } = result
    if (expected !== undefined && expected !== sha256)
      return fail('CHECKSUM_MISMATCH', `sha256 is ${sha256}, the list says ${expected}`)
    if (kept) here += 1
    const photo = { kind: 'file', path: store.path(sha256)!, sha256 } as const
    return [{ name, source: url, sha256, photo, ...(columns && { columns }) }]
  })
  if (here) context.note(`${here} downloaded before`)
  if (notAsked.size) {
    const classes = [...notAsked].map(([kind, count]) => `${count} ${kind}`).join(', ')
    context.note(
      `failed before and not asked again: ${classes} (prep retry ${context.output} --class ${[...notAsked.keys()].join(',')} does)`,
    )
  }
  return samples
}
