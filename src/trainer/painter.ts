/** What G paints of rows that are looked at or measured, and what it is held against. */
import type { Pixels } from '../sample.js'
import { centreWindow, cropLabel } from './augment.js'
import { type Encoding, encodeCentre, type Pair } from './batch.js'
import type { Session, Tensor } from './engines/engine.js'
import { dropoutMasks, type Pix2PixConfig } from './pix2pix/model.js'
import { randomAt, unitNumbers } from './random.js'
import type { LabelledPhoto } from './resegment.js'
import { toPixels } from './to-pixels.js'

export interface PainterOptions {
  readonly model: Pix2PixConfig
  readonly encoding: Encoding
  /** Whether dropout has its masks in painting, too. */
  readonly dropout: boolean
  readonly seed: number
}

export interface Painter {
  /** The middle of a pair at the scale of training. */
  truth(pair: Pair): LabelledPhoto
  /** What `session` makes of its labels, and the mean absolute difference to the photo in [-1, 1]. */
  paint(session: Session, row: number, pair: Pair): Promise<{ readonly painting: Pixels; readonly l1: number }>
}

/** Dropout masks follow from the row, so that two paintings of a row differ by training alone. */
export function createPainter({ model, encoding, dropout, seed }: PainterOptions): Painter {
  const { framing } = encoding
  return {
    truth: pair => ({
      photo: toPixels(encodeCentre(pair, encoding).photo),
      label: cropLabel(pair.label, framing, centreWindow(framing)),
    }),
    async paint(session, row, pair) {
      const { label, photo } = encodeCentre(pair, encoding)
      const drops = { ...model, batch: 1, dropout: model.dropout && dropout }
      const masks = dropoutMasks(drops, unitNumbers(randomAt(seed, 'sheet', row)))
      const generated = await session.generate({ label, ...masks })
      return { painting: toPixels(generated), l1: meanDistance(generated, photo) }
    },
  }
}

function meanDistance({ data: a }: Tensor, { data: b }: Tensor): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!)
  return sum / a.length
}
