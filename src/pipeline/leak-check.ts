/** Does a split leak? Held-out pictures of a packed data set, or of a run, that have a near-duplicate in another split. */
import { findLeaks, type Leak } from '../duplicates/leaks.js'
import { signatureOf } from '../duplicates/signature.js'
import { SignatureSet } from '../duplicates/signature-set.js'
import { PrepError } from '../errors.js'
import { type Dataset, openDataset } from '../formats/dataset/read.js'
import { decodeAsIs } from '../images/decode.js'
import { bySplit, type Pixels, type Sample, SPLITS, type Split } from '../sample.js'
import { signatureTask } from '../stages/signatures.js'
import { makeTools, UNWATCHED } from '../workers/task-tools.js'
import { cacheFolder } from './output.js'
import { Store } from './store.js'
import { readRecords } from './why.js'

export interface LeakCheckOptions {
  /** Bits of the hash that may differ. */
  readonly threshold: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void
}

export interface LeakReport {
  readonly pictures: Readonly<Record<Split, number>>
  readonly leaks: readonly NamedLeak[]
}

export interface NamedLeak {
  readonly held: NamedPicture
  readonly twin: NamedPicture
  /** Bits of the hash that differ. */
  readonly distance: number
  /** The two come from the same bytes. */
  readonly copy: boolean
}

export interface NamedPicture {
  readonly split: Split
  readonly name: string
  readonly source?: string
  readonly sha256?: string
}

/** Rows read at a time. */
const READ_AHEAD = 8

/**
 * Look for leaks in a packed data set: every row is read once, 104 bytes of each are kept.
 * @throws {PrepError} as `openDataset`, `SHARD_DAMAGED`
 */
export async function checkDataset(folder: string, options: LeakCheckOptions): Promise<LeakReport> {
  const { threshold, signal } = options
  const dataset = await openDataset(folder)
  try {
    const pictures = bySplit(split => dataset.rows(split))
    const rows = SPLITS.flatMap(split => Array.from({ length: pictures[split] }, (_, row) => ({ split, row })))
    const signatures = await signAll(rows, ({ split, row }) => pixelsOf(dataset, split, row).then(signatureOf), options)
    const leaks = await findLeaks(
      signatures,
      rows.map(({ split }) => split),
      { threshold, signal },
    )
    const names = await namesOf(
      dataset,
      leaks.flatMap(({ picture, twin }) => [rows[picture]!, rows[twin]!]),
    )
    const named = (i: number): NamedPicture => {
      const { split, row } = rows[i]!
      return names.get(`${split} ${row}`) ?? { split, name: `row ${row}` }
    }
    return { pictures, leaks: leaks.map(leak => nameLeak(leak, named)) }
  } finally {
    await dataset.close()
  }
}

/**
 * Look for leaks among the samples that a run has split, packed or not.
 * @throws {PrepError} `DATASET_MISSING` when no step has split anything
 */
export async function checkRun(output: string, options: LeakCheckOptions): Promise<LeakReport> {
  const { threshold, signal } = options
  const records = await readRecords(output)
  const samples = records.findLast(({ result }) => result.samples.some(({ split }) => split))?.result.samples ?? []
  const split = samples.filter(({ split, photo }) => split && photo)
  if (!split.length)
    throw new PrepError('DATASET_MISSING', `${output}: expected a data set or a run with a split, found neither`, {
      hint: 'name the folder that a pack step wrote, or the output of a run with a split step',
    })
  const store = new Store(cacheFolder(output))
  const sign = async ({ photo }: Sample): Promise<Uint8Array> => {
    const tools = makeTools(store, UNWATCHED)
    const { facts } = await signatureTask({ photo: photo! }, tools).finally(tools.releaseAll)
    return Buffer.from(String(facts!.signature), 'base64')
  }
  const signatures = await signAll(split, sign, options)
  const leaks = await findLeaks(
    signatures,
    split.map(({ split }) => split!),
    { threshold, signal },
  )
  const named = (i: number): NamedPicture => {
    const { name, source, sha256, split: side } = split[i]!
    return { split: side!, name, source, sha256 }
  }
  return {
    pictures: bySplit(side => split.filter(({ split }) => split === side).length),
    leaks: leaks.map(leak => nameLeak(leak, named)),
  }
}

async function signAll<T>(
  items: readonly T[],
  sign: (item: T) => Promise<Uint8Array>,
  { signal, onProgress }: LeakCheckOptions,
): Promise<SignatureSet> {
  const signatures = new SignatureSet(items.length)
  for (let from = 0; from < items.length; from += READ_AHEAD) {
    signal?.throwIfAborted()
    const piece = items.slice(from, from + READ_AHEAD)
    for (const [i, signature] of (await Promise.all(piece.map(sign))).entries()) signatures.set(from + i, signature)
    onProgress?.({ done: from + piece.length, total: items.length })
  }
  return signatures
}

async function pixelsOf(dataset: Dataset, split: Split, row: number): Promise<Pixels> {
  const { photo } = await dataset.read(split, row)
  const { width, height } = dataset.form
  return dataset.form.photo === 'jpeg' ? decodeAsIs(photo) : { data: photo, width, height, channels: 3 }
}

/** What samples.jsonl calls these rows. */
async function namesOf(
  dataset: Dataset,
  rows: readonly { readonly split: Split; readonly row: number }[],
): Promise<Map<string, NamedPicture>> {
  const wanted = new Set(rows.map(({ split, row }) => `${split} ${row}`))
  const names = new Map<string, NamedPicture>()
  if (wanted.size)
    for await (const { split, row, name, source, sha256 } of dataset.samples()) {
      const place = `${split} ${row}`
      if (wanted.has(place))
        names.set(place, {
          split: split as Split,
          name: String(name),
          source: String(source),
          sha256: String(sha256),
        })
    }
  return names
}

function nameLeak({ picture, twin, distance }: Leak, named: (index: number) => NamedPicture): NamedLeak {
  const [held, other] = [named(picture), named(twin)]
  return { held, twin: other, distance, copy: held.sha256 !== undefined && held.sha256 === other.sha256 }
}
