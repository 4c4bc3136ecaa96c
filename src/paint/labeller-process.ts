/** The process that makes drawings of files: a photo is labelled by the palette, a label map gives its ids. */

import { PrepError } from '../errors.js'
import { decodeImage } from '../images/decode.js'
import { decodeLabelIds } from '../images/label-ids.js'
import { createLabeller, type Labeller } from '../labels/labeller.js'
import type { Palette } from '../labels/palette.js'
import { serveRequests } from './serve-requests.js'

export interface LabellerSetup {
  readonly width: number
  readonly height: number
  readonly classes: number
  /** Or why photos cannot be labelled. */
  readonly palette: Palette | string
}

export interface Opened {
  readonly ids: Uint8Array
  /** What the file was taken for. */
  readonly from: 'photo' | 'label map'
}

/** 64 Mpx: more than cameras make, and what the memory of one process takes. */
const MAX_PIXELS = 2 ** 26

serveRequests<LabellerSetup, Uint8Array, Opened>(async ({ width, height, classes, palette }) => {
  let label: Labeller | undefined
  const labelMap = (file: Uint8Array): Uint8Array | undefined => {
    try {
      const { labels } = decodeLabelIds(file, 'the file', MAX_PIXELS)
      const fits = labels.channels === 1 && labels.data.every(id => id < classes)
      return fits ? nearestIds(labels.data, labels, { width, height }) : undefined
    } catch (error) {
      if (error instanceof PrepError) return undefined
      throw error
    }
  }
  return async file => {
    const ids = labelMap(file)
    if (ids) return { ids, from: 'label map' }
    const how = { fit: 'cover', position: 'centre', background: [255, 255, 255], maxPixels: MAX_PIXELS } as const
    const { pixels } = await decodeImage(file, { ...how, name: 'the file', size: { width, height } })
    if (typeof palette === 'string')
      throw new PrepError('PALETTE_INVALID', palette, { hint: 'open a label map instead' })
    // as kmeans does it unless told otherwise
    label ??= createLabeller(palette, { majority: 1, minRegion: 'auto' })
    return { ids: label(pixels.data, width, height), from: 'photo' }
  }
})

interface Size {
  readonly width: number
  readonly height: number
}

/** The middle of a map at the size of the net: ids are never blended. */
function nearestIds(ids: Uint8Array, from: Size, to: Size): Uint8Array {
  const scale = Math.min(from.width / to.width, from.height / to.height)
  const [left, top] = [(from.width - scale * to.width) / 2, (from.height - scale * to.height) / 2]
  const out = new Uint8Array(to.width * to.height)
  for (let y = 0; y < to.height; y++) {
    const row = Math.floor(top + (y + 0.5) * scale) * from.width
    for (let x = 0; x < to.width; x++) out[y * to.width + x] = ids[row + Math.floor(left + (x + 0.5) * scale)]!
  }
  return out
}
