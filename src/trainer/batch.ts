/**
 * From rows of a data set to what a step takes: pairs are read ahead of the step, framed by their augmentation, and
 * turned into tensors.
 */
import { PrepError } from '../errors.js'
import type { Colour } from '../images/colour.js'
import { centreWindow, cropLabel, cropPhoto, drawWindow, type Framing, type Size, type Window } from './augment.js'
import type { Tensor } from './engines/engine.js'
import type { TrainOptions } from './options.js'
import { randomAt } from './random.js'
import type { Pick, Sampler } from './sampler.js'

/** One row as stored: ids, length H * W, and RGB bytes, length 3 * H * W. */
export interface Pair {
  readonly label: Uint8Array
  readonly photo: Uint8Array
}

/** Rows of one split, in any order. */
export type PairReader = (row: number) => Promise<Pair>

/** How pairs become tensors. */
export interface Encoding {
  readonly framing: Framing
  readonly labelInput: TrainOptions['label_input']
  /** The palette's display colour of each label id. */
  readonly colours: readonly Colour[]
}

/** A paired batch: label [N, C, H, W] (0 or 1 per class, or colours in [-1, 1]), photo [N, 3, H, W] in [-1, 1]. */
export interface PairBatch {
  readonly label: Tensor
  readonly photo: Tensor
}

export const labelChannels = ({ labelInput, colours }: Omit<Encoding, 'framing'>): number =>
  labelInput === 'onehot' ? colours.length : 3

/**
 * Encode pairs, each through its window.
 *
 * @throws {PrepError} `SHARD_DAMAGED` for a label id that the palette does not have
 */
export function encodeBatch(pairs: readonly Pair[], windows: readonly Window[], encoding: Encoding): PairBatch {
  const { height, width } = encoding.framing.crop
  const plane = height * width
  const channels = labelChannels(encoding)
  const label = new Float32Array(pairs.length * channels * plane)
  const photo = new Float32Array(pairs.length * 3 * plane)
  pairs.forEach((pair, n) => {
    const window = windows[n]!
    const ids = cropLabel(pair.label, encoding.framing, window)
    encodeLabel(ids, encoding, label.subarray(n * channels * plane, (n + 1) * channels * plane))
    cropPhoto(pair.photo, encoding.framing, window, photo.subarray(n * 3 * plane, (n + 1) * 3 * plane))
  })
  return {
    label: { shape: [pairs.length, channels, height, width], data: label },
    photo: { shape: [pairs.length, 3, height, width], data: photo },
  }
}

/**
 * One map of ids as the net takes it.
 *
 * @param out  zeros, one plane per channel
 */
export function encodeLabel(
  ids: Uint8Array,
  { labelInput, colours }: Omit<Encoding, 'framing'>,
  out: Float32Array,
): void {
  let top = 0
  for (const id of ids) top = Math.max(top, id)
  if (top >= colours.length)
    throw new PrepError('SHARD_DAMAGED', `expected label ids below ${colours.length}, found ${top}`, {
      hint: 'check the data set with prep verify, or pack it again',
    })
  const plane = ids.length
  if (labelInput === 'onehot') {
    for (let i = 0; i < plane; i++) out[ids[i]! * plane + i] = 1
    return
  }
  for (let channel = 0; channel < 3; channel++) {
    const values = Float32Array.from(colours, colour => colour[channel]! / 127.5 - 1)
    for (let i = 0; i < plane; i++) out[channel * plane + i] = values[ids[i]!]!
  }
}

/** One label map of any size as the net takes it. @param ids  row-major @throws {PrepError} as `encodeBatch` does */
export function encodeLabels(ids: Uint8Array, { width, height }: Size, encoding: Omit<Encoding, 'framing'>): Tensor {
  const channels = labelChannels(encoding)
  const data = new Float32Array(channels * width * height)
  encodeLabel(ids, encoding, data)
  return { shape: [1, channels, height, width], data }
}

/** Batches in the order of the steps. */
export interface Feed {
  /** The batch of the next step, and how long it had to be waited for, its augmentation included. */
  next(): Promise<PairBatch & { readonly waitMs: number }>
}

export interface FeedOptions {
  readonly read: PairReader
  readonly sampler: Sampler
  readonly encoding: Encoding
  readonly flip: boolean
  readonly seed: number
  /** The first step that is asked for, counted from 1, and the last one. */
  readonly first: number
  readonly last: number
}

// a step may block this thread, so a read and the decode that follows it each take one step's time
const STEPS_AHEAD = 3

/** Batches of steps `first`..`last`, whose rows are being read while earlier steps run. */
export function createFeed({ read, sampler, encoding, flip, seed, first, last }: FeedOptions): Feed {
  const ahead: { picks: readonly Pick[]; pairs: Promise<readonly Pair[]> }[] = []
  let unread = first
  return {
    async next() {
      while (ahead.length < STEPS_AHEAD && unread <= last) {
        const picks = sampler.picks(unread++)
        const pairs = Promise.all(picks.map(pick => read(pick.row)))
        // a failure is reported when its step comes, not as an unhandled rejection before
        pairs.catch(() => {})
        ahead.push({ picks, pairs })
      }
      const { picks, pairs } = ahead.shift()!
      const asked = performance.now()
      const arrived = await pairs
      const windows = picks.map(({ epoch, place }) =>
        drawWindow(encoding.framing, flip, randomAt(seed, 'augment', epoch, place)),
      )
      const batch = encodeBatch(arrived, windows, encoding)
      return { ...batch, waitMs: performance.now() - asked }
    },
  }
}

/** One pair as sample sheets take it: the middle of the image, at the scale of training. */
export const encodeCentre = (pair: Pair, encoding: Encoding): PairBatch =>
  encodeBatch([pair], [centreWindow(encoding.framing)], encoding)
