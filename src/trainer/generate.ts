/** Photos for label maps, one file after the other: what is there already is not made again. */
import { existsSync, realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { PrepError } from '../errors.js'
import { sha256File, sha256Hex } from '../files.js'
import { placeNearest } from '../images/nearest.js'
import { readPhotoFile } from '../images/photo-file.js'
import { encodePng } from '../images/png.js'
import type { Pixels } from '../sample.js'
import type { Size } from './augment.js'
import { encodeLabels } from './batch.js'
import { readCheckpointState } from './checkpoint.js'
import { displayColours } from './corpus.js'
import { GenerateRecord } from './generate-record.js'
import { type Generator, openGenerator } from './generator.js'
import { createLabelSource, type InputKind, type LabelMap } from './label-source.js'
import { cropToMiddle, type Padding, padIds, roundUp } from './padding.js'
import { mostPixels } from './painting-memory.js'
import { dropoutMasks } from './pix2pix/model.js'
import { randomAt, unitNumbers } from './random.js'
import { isOutOfMemory } from './run.js'
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
  /** Of a padded map; default: what there is memory for. */
  readonly maxPixels?: number | undefined
  /** One more file in `out`, drawn when the photos are there. */
  readonly sheet?: Sheet | undefined
  readonly signal?: AbortSignal | undefined
  readonly onFile?: ((file: GeneratedFile) => void) | undefined
}

export interface Sheet {
  readonly file: string
  /** @returns the bytes of the file, or nothing where there is nothing to show */
  readonly draw: (files: readonly GeneratedFile[]) => Promise<Uint8Array | undefined>
}

export interface GeneratedFile {
  readonly input: string
  readonly output: string
  readonly status: 'made' | 'kept' | 'failed'
  readonly kind?: InputKind
  readonly error?: PrepError
}

/**
 * @returns what became of each input, in order; a bad one is `failed` and stops nothing
 * @throws {PrepError} `USAGE` when a file would be written over an input or over another output, `OUTPUT_FOREIGN` for a
 *   sheet that is there and not ours, both before anything is painted; as `openGenerator`; `INTERRUPTED`, `DISK_FULL`,
 *   `OUTPUT_READ_ONLY`
 */
export async function generatePhotos(options: GenerateOptions): Promise<GeneratedFile[]> {
  const { checkpoint, inputs, out, input, padding, resize, noise, force, signal, sheet } = options
  checkTargets(inputs, out, sheet?.file)
  const state = await readCheckpointState(checkpoint)
  const { model } = state
  const colours = displayColours(state.palette, checkpoint)
  const read = createLabelSource(state.palette, colours, model, input)
  const encoding = { labelInput: state.options.label_input, colours }
  const settings = [versionsHere().prep, sha256File(checkpoint), input, padding, resize, noise ?? null]
  const most = options.maxPixels ?? mostPixels(model)
  const record = await GenerateRecord.open(out)
  // one at a time: a net at another size is another model in the engine's memory
  let open: { readonly size: Size; readonly generator: Generator } | undefined

  const generatorFor = async (size: Size): Promise<Generator> => {
    if (open?.size.width === size.width && open.size.height === size.height) return open.generator
    const before = open
    open = undefined
    await before?.generator.close()
    open = { size, generator: await openGenerator(checkpoint, { ...options, size }) }
    return open.generator
  }
  const paint = async (map: LabelMap, hash: string, path: string): Promise<Pixels> => {
    const { width, height } = model
    const fitted = resize ? resizeIds(map, { width, height }) : map
    const size = roundUp(fitted.size, 2 ** model.downs)
    checkPixels(size, most, path)
    const label = encodeLabels(padIds(fitted.ids, fitted.size, size, padding), size, encoding)
    const drawn = { ...model, ...size, batch: 1, dropout: model.dropout && noise !== undefined }
    const masks = dropoutMasks(drawn, unitNumbers(randomAt(noise ?? 0, 'sheet', Number.parseInt(hash.slice(0, 8), 16))))
    const { session } = await generatorFor(size)
    return cropToMiddle(toPixels(await session.generate({ label, ...masks })), fitted.size)
  }
  const checkOwner = (file: string): void => {
    if (force || record.keyOf(file) !== undefined || !existsSync(join(out, file))) return
    throw new PrepError('OUTPUT_FOREIGN', `${join(out, file)} is there, and was not made by prep generate`, {
      hint: 'choose another folder with --out, or replace it with --force',
    })
  }
  const one = async ({ path, output }: GenerateInput): Promise<GeneratedFile> => {
    const target = join(out, output)
    let made: { readonly key: string; readonly kind: InputKind; readonly photo: Pixels }
    try {
      const { data } = await readPhotoFile(path)
      const bytes = typeof data === 'string' ? await readFile(data) : data
      const hash = sha256Hex(bytes)
      const key = sha256Hex(JSON.stringify([hash, ...settings]))
      if (record.keyOf(output) === key && existsSync(target)) return { input: path, output: target, status: 'kept' }
      checkOwner(output)
      const map = await read(bytes, path)
      made = { key, kind: map.kind, photo: await paint(map, hash, path) }
    } catch (error) {
      return { input: path, output: target, status: 'failed', error: failureOf(error, path) }
    }
    await record.write(output, made.key, await encodePng(made.photo))
    return { input: path, output: target, status: 'made', kind: made.kind }
  }

  const files: GeneratedFile[] = []
  try {
    if (sheet) checkOwner(sheet.file)
    for (const given of inputs) {
      if (signal?.aborted)
        throw new PrepError('INTERRUPTED', `interrupted: ${files.length} of ${inputs.length} files are done`)
      const file = await one(given)
      files.push(file)
      options.onFile?.(file)
    }
    const drawn = await sheet?.draw(files)
    if (sheet && drawn) await record.write(sheet.file, sha256Hex(drawn), drawn)
  } finally {
    await open?.generator.close()
    await record.close()
  }
  return files
}

/** @throws {PrepError} `USAGE`: whatever else may be replaced, what one paints from may not */
function checkTargets(inputs: readonly GenerateInput[], out: string, sheet: string | undefined): void {
  const given = new Map(inputs.map(({ path }) => [realPath(path), path]))
  const taken = new Map<string, string>()
  const outputs = [...inputs, ...(sheet === undefined ? [] : [{ path: 'the sheet', output: sheet }])]
  for (const { path, output } of outputs) {
    const target = join(out, output)
    const input = given.get(realPath(target))
    if (input !== undefined)
      throw new PrepError('USAGE', `${target} would be written over the input ${input}`, {
        hint: 'choose another folder with --out',
      })
    const other = taken.get(resolve(target))
    if (other !== undefined)
      throw new PrepError('USAGE', `${other} and ${path} would both become ${target}`, {
        hint: 'rename one, or give them one at a time',
      })
    taken.set(resolve(target), path)
  }
}

/** Where a file lies, or would, whatever links lead there. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const folder = dirname(resolve(path))
    return folder === resolve(path) ? folder : join(realPath(folder), resolve(path).slice(folder.length))
  }
}

/** @throws {PrepError} `TOO_MANY_PIXELS` */
function checkPixels({ width, height }: Size, most: number, path: string): void {
  if (width * height <= most) return
  throw new PrepError(
    'TOO_MANY_PIXELS',
    `${path}: expected at most ${megapixels(most)} for the net at hand and the memory there is, found ${width}x${height}`,
    { hint: 'bring maps to the size of training with --resize' },
  )
}

const megapixels = (pixels: number): string => `${Number((pixels / 1e6).toPrecision(3))} megapixels`

/** What concerns the checkpoint or the machine stops all; what concerns one input is its own failure. */
const FOR_ALL: readonly string[] = ['ENGINE_UNAVAILABLE', 'CHECKPOINT_DAMAGED', 'INTERRUPTED']

function failureOf(error: unknown, path: string): PrepError {
  if (isOutOfMemory(error))
    return new PrepError('OUT_OF_MEMORY', `${path}: there is not enough memory to paint it`, {
      hint: 'bring maps to the size of training with --resize',
      cause: error,
    })
  if (!(error instanceof PrepError) || FOR_ALL.includes(error.code)) throw error
  return error
}

function resizeIds({ ids, size, kind }: LabelMap, to: Size): LabelMap {
  const pixels = placeNearest({ data: ids, ...size, channels: 1 }, { left: 0, top: 0, ...to }, to, [0])
  return { ids: pixels.data, size: to, kind }
}
