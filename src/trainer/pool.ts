/**
 * The history pool: pairs of label and painting from earlier steps, shown to D in the place of new ones, so that it does
 * not forget what G no longer makes.
 *
 * @see Shrivastava et al., Learning from Simulated and Unsupervised Images through Adversarial Training, 2017, section 2.3
 */
import type { Tensor, Tensors } from './engines/engine.js'
import type { TrainOptions } from './options.js'
import { drawBelow, type Random } from './random.js'

/** A pair as it is held: the painting [3,H,W], and the label in bytes. */
interface Held {
  readonly painting: Float32Array
  readonly label: Uint8Array
}

/** What D is shown in a step, decided before G has painted. */
export interface Drawn {
  /** `pool.label`, `pool.painting` and `pool.fresh` of a batch. */
  readonly inputs: Tensors
  /** Per image, where its new pair goes; undefined: it is not held. */
  readonly slots: readonly (number | undefined)[]
}

/** Tensors by which a checkpoint holds a pool. */
export interface StoredPool {
  readonly tensors: Tensors
  readonly bytes: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Uint8Array }>>
}

const PAINTINGS = 'pool.painting'
const LABELS = 'pool.label'

/** A pool of at most `size` pairs. All its draws come from the numbers it is given. */
export class HistoryPool {
  private readonly held: Held[] = []

  /** @param stored  what `store` gave, to go on from there; a pool starts empty without */
  constructor(
    private readonly size: number,
    private readonly labelInput: TrainOptions['label_input'],
    stored?: StoredPool,
  ) {
    const [paintings, labels] = [stored?.tensors[PAINTINGS], stored?.bytes[LABELS]]
    if (!paintings || !labels) return
    const count = paintings.shape[0]!
    for (let i = 0; i < count; i++)
      this.held.push({ painting: part(paintings.data, i, count), label: part(labels.data, i, count) })
  }

  /**
   * Decide what D sees of a batch: until the pool is full the new paintings, which it takes in; then one half of them, and
   * for the other half pairs of the pool, whose place the new ones take. The images of a batch see the pool as it was
   * before them.
   *
   * @param label  of the batch [N,C,H,W]
   */
  draw(label: Tensor, random: Random): Drawn {
    const [images, , height, width] = label.shape as [number, number, number, number]
    const before = this.held.length
    const shape = [images, 3, height, width]
    const painting = new Float32Array(images * 3 * height * width)
    const fresh = new Float32Array(painting.length).fill(1)
    const labels = label.data.slice()
    const slots = Array.from({ length: images }, (_, i) => {
      if (before + i < this.size) return before + i
      if (before === 0 || drawBelow(random, 2) === 0) return undefined
      const slot = drawBelow(random, before)
      const old = this.held[slot]!
      part(painting, i, images).set(old.painting)
      part(fresh, i, images).fill(0)
      unpackLabel(old.label, this.labelInput, part(labels, i, images))
      return slot
    })
    const inputs = {
      'pool.label': { shape: label.shape, data: labels },
      'pool.painting': { shape, data: painting },
      'pool.fresh': { shape, data: fresh },
    }
    return { inputs, slots }
  }

  /** Take in what was drawn for, once G has painted it. @param painting  of the whole batch */
  hold({ slots }: Drawn, label: Tensor, painting: Tensor): void {
    slots.forEach((slot, i) => {
      if (slot === undefined) return
      this.held[slot] = {
        painting: part(painting.data, i, slots.length).slice(),
        label: packLabel(part(label.data, i, slots.length), this.labelInput, label.shape[1]!),
      }
    })
  }

  /** All pairs for a checkpoint: `pool.painting` [K,3,H,W] and `pool.label` [K,...,H,W] in bytes; nothing while empty. */
  store([height, width]: readonly [number, number]): StoredPool {
    const count = this.held.length
    if (count === 0) return { tensors: {}, bytes: {} }
    const planes = this.held[0]!.label.length / (height * width)
    const paintings = new Float32Array(count * this.held[0]!.painting.length)
    const labels = new Uint8Array(count * this.held[0]!.label.length)
    this.held.forEach(({ painting, label }, i) => {
      part(paintings, i, count).set(painting)
      part(labels, i, count).set(label)
    })
    return {
      tensors: { [PAINTINGS]: { shape: [count, 3, height, width], data: paintings } },
      bytes: { [LABELS]: { shape: [count, planes, height, width], data: labels } },
    }
  }
}

/** Image i of `count`, as a view. */
const part = <A extends Float32Array | Uint8Array>(data: A, i: number, count: number): A =>
  data.subarray((i * data.length) / count, ((i + 1) * data.length) / count) as A

/** One label in bytes, exactly: of one-hot planes the class of each pixel, of colours their 8 bits. */
function packLabel(planes: Float32Array, labelInput: TrainOptions['label_input'], channels: number): Uint8Array {
  if (labelInput === 'colours') return Uint8Array.from(planes, value => Math.round((value + 1) * 127.5))
  const pixels = planes.length / channels
  const ids = new Uint8Array(pixels)
  for (let id = 1; id < channels; id++) for (let i = 0; i < pixels; i++) if (planes[id * pixels + i]! > 0) ids[i] = id
  return ids
}

function unpackLabel(bytes: Uint8Array, labelInput: TrainOptions['label_input'], out: Float32Array): void {
  if (labelInput === 'colours') {
    bytes.forEach((byte, i) => {
      out[i] = byte / 127.5 - 1
    })
    return
  }
  out.fill(0)
  bytes.forEach((id, i) => {
    out[id * bytes.length + i] = 1
  })
}
