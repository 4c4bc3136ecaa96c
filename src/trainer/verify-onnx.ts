/** A generator in an ONNX file held against the engine: the same labels through both. */
import { availableParallelism } from 'node:os'
import { PrepError } from '../errors.js'
import type { Split } from '../sample.js'
import { centreWindow, cropLabel, planFraming, type Size } from './augment.js'
import { encodeLabels } from './batch.js'
import type { CheckpointState } from './checkpoint.js'
import { displayColours, openCorpus } from './corpus.js'
import { openGenerator } from './generator.js'
import { drawBelow, randomAt } from './random.js'

/** How far photos in [-1, 1] may be apart: what rounding makes of float32, and half a step of 8 bits of 16-bit weights. */
export const TOLERANCE = { float32: { largest: 1e-4 }, float16: { mean: 1 / 255 } } as const

export interface OnnxDifference {
  /** Label maps that both painted, and where these come from. */
  readonly maps: number
  readonly from: Split | 'drawn'
  /** Of values in [-1, 1]. */
  readonly largest: number
  readonly mean: number
}

export interface VerifyOnnx {
  readonly checkpoint: string
  readonly onnx: Uint8Array
  readonly size?: Size
  /** Folder of a data set whose held-out rows are painted; absent: label maps are drawn. */
  readonly dataset?: string | undefined
  readonly rows: number
  readonly threads?: number
}

/** @throws {PrepError} `EXPORT_DIFFERS` when a photo is not finite; as `openGenerator` and `openCorpus` do */
export async function verifyOnnx(options: VerifyOnnx): Promise<OnnxDifference> {
  const { checkpoint, onnx, threads = availableParallelism() } = options
  const generator = await openGenerator(checkpoint, {
    // what this machine has else may differ by more than an export does
    engine: 'onnx-cpu',
    threads,
    ...(options.size && { size: options.size }),
  })
  try {
    const { state, session } = generator
    const size = options.size ?? state.model
    const colours = displayColours(state.palette, checkpoint)
    const { maps, from } = await labelMaps(state, size, colours.length, options)
    const ort = await import('onnxruntime-node').then(module => module.default ?? module)
    const file = await ort.InferenceSession.create(onnx, { intraOpNumThreads: threads, logSeverityLevel: 3 })
    try {
      let [largest, sum, count] = [0, 0, 0]
      for (const ids of maps) {
        const label = encodeLabels(ids, size, { labelInput: state.options.label_input, colours })
        const ours = (await session.generate({ label })).data
        const input = new ort.Tensor('uint8', ids, [1, size.height, size.width])
        const theirs = (await file.run({ label: input })).photo!.data as Float32Array
        for (let i = 0; i < ours.length; i++) {
          const difference = Math.abs(ours[i]! - theirs[i]!)
          if (!(difference <= largest)) largest = difference
          sum += difference
        }
        count += ours.length
      }
      if (!Number.isFinite(sum))
        throw new PrepError(
          'EXPORT_DIFFERS',
          `${checkpoint}: the exported generator paints values that are not finite`,
          {
            hint: 'export without --fp16',
          },
        )
      return { maps: maps.length, from, largest, mean: sum / count }
    } finally {
      await file.release()
    }
  } finally {
    await generator.close()
  }
}

/** @throws {PrepError} `EXPORT_DIFFERS` */
export function checkDifference({ largest, mean }: OnnxDifference, fp16: boolean): void {
  const [found, limit, which] = fp16
    ? [mean, TOLERANCE.float16.mean, 'mean']
    : [largest, TOLERANCE.float32.largest, 'largest']
  if (found <= limit) return
  throw new PrepError(
    'EXPORT_DIFFERS',
    `the exported generator differs from the checkpoint: expected a ${which} difference of at most ${limit.toPrecision(2)} in [-1, 1], found ${found.toPrecision(3)}`,
    { hint: fp16 ? 'export without --fp16' : 'report it: nothing was written' },
  )
}

async function labelMaps(
  { options, model }: CheckpointState,
  size: Size,
  classes: number,
  { dataset, rows }: VerifyOnnx,
): Promise<{ maps: Uint8Array[]; from: OnnxDifference['from'] }> {
  const own = size.width === model.width && size.height === model.height
  const corpus = dataset !== undefined && own ? await openCorpus(dataset) : undefined
  try {
    if (corpus) {
      const split = (['test', 'val', 'train'] as const).find(split => corpus.rows[split] > 0)!
      const framing = planFraming(corpus.size, options.augment)
      const fits = framing.crop.width === model.width && framing.crop.height === model.height
      if (fits && corpus.colours.length === classes) {
        const read = corpus.reader(split)
        const maps: Uint8Array[] = []
        for (let row = 0; row < Math.min(rows, corpus.rows[split]); row++)
          maps.push(cropLabel((await read(row)).label, framing, centreWindow(framing)))
        return { maps, from: split }
      }
    }
    return { maps: Array.from({ length: rows }, (_, n) => drawBlocks(size, classes, n)), from: 'drawn' }
  } finally {
    await corpus?.close()
  }
}

/** Rectangles of classes over each other. */
function drawBlocks({ width, height }: Size, classes: number, n: number): Uint8Array {
  const random = randomAt(n, 'sheet')
  const ids = new Uint8Array(width * height).fill(drawBelow(random, classes))
  for (let block = 0; block < 24; block++) {
    const [left, top, id] = [drawBelow(random, width), drawBelow(random, height), drawBelow(random, classes)]
    const [right, bottom] = [left + 1 + drawBelow(random, width), top + 1 + drawBelow(random, height)]
    for (let y = top; y < Math.min(bottom, height); y++)
      ids.fill(id, y * width + left, y * width + Math.min(right, width))
  }
  return ids
}
