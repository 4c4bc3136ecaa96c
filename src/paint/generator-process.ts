/** The process that paints: label ids in, a photo out, by G of one checkpoint. */
import type { Pixels } from '../sample.js'
import { encodeLabel, labelChannels } from '../trainer/batch.js'
import { displayColours } from '../trainer/corpus.js'
import { openGenerator } from '../trainer/generator.js'
import { dropoutMasks } from '../trainer/pix2pix/model.js'
import { randomAt, unitNumbers } from '../trainer/random.js'
import { toPixels } from '../trainer/to-pixels.js'
import { serveRequests } from './serve-requests.js'

export interface GeneratorSetup {
  readonly checkpoint: string
  readonly engine: string
  readonly threads?: number | undefined
}

export interface Painting {
  readonly pixels: Pixels
  /** In this process: encoding, one forward pass, and back to bytes. */
  readonly computeMs: number
}

serveRequests<GeneratorSetup, Uint8Array, Painting>(async ({ checkpoint, engine, threads }) => {
  const { state, session } = await openGenerator(checkpoint, { engine, threads })
  const { model, options } = state
  const { width, height } = model
  const encoding = {
    labelInput: options.label_input,
    colours: displayColours(state.palette, checkpoint),
  }
  const channels = labelChannels(encoding)
  // the same masks for every picture: a stroke changes what was painted, and not the noise
  const { dropout_at_inference: dropout = true } = options
  const drops = { ...model, batch: 1, dropout: model.dropout && dropout }
  const masks = dropoutMasks(drops, unitNumbers(randomAt(state.seed, 'sheet', 0)))
  return async ids => {
    const started = performance.now()
    const label = { shape: [1, channels, height, width], data: new Float32Array(channels * height * width) }
    encodeLabel(ids, encoding, label.data)
    const pixels = toPixels(await session.generate({ label, ...masks }))
    return { pixels, computeMs: performance.now() - started }
  }
})
