/** Photos for label maps, one file after the other: what is there already is not made again. */
import { existsSync } from 'node:fs'
import { appendFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileError, PrepError } from '../errors.js'
import { makeFolder, readFileChecked, sha256File, sha256Hex, writeFileAtomic } from '../files.js'
import { placeNearest } from '../images/nearest.js'
import { readPhotoFile } from '../images/photo-file.js'
import { encodePng } from '../images/png.js'
import type { Pixels } from '../sample.js'
import type { Size } from './augment.js'
import { encodeLabels } from './batch.js'
import { readCheckpointState } from './checkpoint.js'
import { displayColours } from './corpus.js'
import { type Generator, openGenerator } from './generator.js'
import { createLabelSource, type InputKind, type LabelMap } from './label-source.js'
import { cropToMiddle, type Padding, padIds, roundUp } from './padding.js'
import { dropoutMasks } from './pix2pix/model.js'
import { randomAt, unitNumbers } from './random.js'
import { toPixels } from './to-pixels.js'
import { versionsHere } from './versions.js'

export interface GenerateInput {
  readonly path: string
  /** Of the photo to make, within `out`. */
  readonly output: string
}

export interface GenerateOptions {
  readonly checkpoint: string
  readonly inputs: readonly GenerateInput[]
  readonly out: string
  readonly input: InputKind | 'auto'
  readonly padding: Padding
  /** Maps are brought to the size of the net, and photos come in it. */
  readonly resize: boolean
  /** Seed of dropout; absent: none, and the same map gives the same photo. */
  readonly noise?: number | undefined
  /** Replace files that we did not make. */
  readonly force: boolean
  readonly engine: string
  readonly threads?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onFile?: ((file: GeneratedFile) => void) | undefined
}

export interface GeneratedFile {
  readonly input: string
  readonly output: string
  readonly status: 'made' | 'kept' | 'failed'
  readonly kind?: InputKind
  readonly error?: PrepError
}

/** In the folder of the photos: what each was made from, so that a second run makes only what is missing. */
export const RECORD_FILE = 'generated.json'
/** What a run adds to the record, line by line, until it ends: after a kill the photos are still known as ours. */
const JOURNAL_FILE = '.generated.jsonl'
/** The key of a photo that was about to be written. */
const UNFINISHED = ''

/**
 * @returns what became of each input, in order; a bad one is `failed` and stops nothing
 * @throws {PrepError} as `openGenerator`; `INTERRUPTED`, `DISK_FULL`, `OUTPUT_READ_ONLY`
 */
export async function generatePhotos(options: GenerateOptions): Promise<GeneratedFile[]> {
  const { checkpoint, inputs, out, input, padding, resize, noise, force, signal } = options
  const state = await readCheckpointState(checkpoint)
  const { model } = state
  const colours = displayColours(state.palette, checkpoint)
  const read = createLabelSource(state.palette, colours, model, input)
  const encoding = { labelInput: state.options.label_input, colours }
  const settings = [versionsHere().prep, sha256File(checkpoint), input, padding, resize, noise ?? null]
  const record = await readRecord(out)
  // one at a time: a net at another size is another model in the engine's memory
  let open: { readonly size: Size; readonly generator: Generator } | undefined

  const generatorFor = async (size: Size): Promise<Generator> => {
    if (open?.size.width === size.width && open.size.height === size.height) return open.generator
    await open?.generator.close()
    open = undefined
    open = { size, generator: await openGenerator(checkpoint, { ...options, size }) }
    return open.generator
  }
  const paint = async (map: LabelMap, hash: string): Promise<Pixels> => {
    const { width, height } = model
    const fitted = resize ? resizeIds(map, { width, height }) : map
    const size = roundUp(fitted.size, 2 ** model.downs)
    const label = encodeLabels(padIds(fitted.ids, fitted.size, size, padding), size, encoding)
    const drawn = { ...model, ...size, batch: 1, dropout: model.dropout && noise !== undefined }
    const masks = dropoutMasks(drawn, unitNumbers(randomAt(noise ?? 0, 'sheet', Number.parseInt(hash.slice(0, 8), 16))))
    const { session } = await generatorFor(size)
    return cropToMiddle(toPixels(await session.generate({ label, ...masks })), fitted.size)
  }
  const one = async ({ path, output }: GenerateInput): Promise<GeneratedFile> => {
    const target = join(out, output)
    let map: LabelMap
    let hash: string
    let key: string
    try {
      const { data } = await readPhotoFile(path)
      const bytes = typeof data === 'string' ? await readFile(data) : data
      hash = sha256Hex(bytes)
      key = sha256Hex(JSON.stringify([hash, ...settings]))
      if (existsSync(target)) {
        if (record[output] === key) return { input: path, output: target, status: 'kept' }
        if (record[output] === undefined && !force)
          throw new PrepError('OUTPUT_FOREIGN', `${target} is there, and was not made by prep generate`, {
            hint: 'choose another folder with --out, or replace it with --force',
          })
      }
      map = await read(bytes, path)
    } catch (error) {
      if (!(error instanceof PrepError)) throw error
      return { input: path, output: target, status: 'failed', error }
    }
    const photo = await encodePng(await paint(map, hash))
    await journal(out, output, UNFINISHED)
    await writeFileAtomic(target, photo)
    await journal(out, output, key)
    record[output] = key
    return { input: path, output: target, status: 'made', kind: map.kind }
  }

  const files: GeneratedFile[] = []
  try {
    for (const given of inputs) {
      if (signal?.aborted)
        throw new PrepError('INTERRUPTED', `interrupted: ${files.length} of ${inputs.length} files are done`)
      const file = await one(given)
      files.push(file)
      options.onFile?.(file)
    }
  } finally {
    await open?.generator.close()
    if (existsSync(join(out, JOURNAL_FILE))) {
      await writeFileAtomic(join(out, RECORD_FILE), `${JSON.stringify(sorted(record), null, 2)}\n`)
      await rm(join(out, JOURNAL_FILE), { force: true })
    }
  }
  return files
}

function resizeIds({ ids, size, kind }: LabelMap, to: Size): LabelMap {
  const pixels = placeNearest({ data: ids, ...size, channels: 1 }, { left: 0, top: 0, ...to }, to, [0])
  return { ids: pixels.data, size: to, kind }
}

async function readRecord(out: string): Promise<Record<string, string>> {
  const lines = await readIfThere(join(out, JOURNAL_FILE))
  const added = lines.split('\n').flatMap(line => {
    const entry = parse<[string, string]>(line)
    return entry ? [entry] : []
  })
  return { ...parse<Record<string, string>>(await readIfThere(join(out, RECORD_FILE))), ...Object.fromEntries(added) }
}

const readIfThere = async (file: string): Promise<string> =>
  existsSync(file) ? String(await readFileChecked(file)) : ''

/** Nothing where the text is no whole JSON, as the last line of a killed run. */
function parse<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}

async function journal(out: string, output: string, key: string): Promise<void> {
  const file = join(out, JOURNAL_FILE)
  try {
    makeFolder(out)
    await appendFile(file, `${JSON.stringify([output, key])}\n`)
  } catch (error) {
    throw fileError(error, file, 'note what was made in')
  }
}

const sorted = (record: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
