/** The process that makes drawings of files: a photo is labelled by the palette, a label map gives its ids. */
import type { Colour } from '../images/colour.js'
import { placeWithin } from '../images/geometry.js'
import { placeNearest } from '../images/nearest.js'
import { createLabelSource } from '../trainer/label-source.js'
import { serveRequests } from './serve-requests.js'

export interface LabellerSetup {
  readonly width: number
  readonly height: number
  readonly colours: readonly Colour[]
  /** Of the checkpoint, as it is. */
  readonly palette: unknown
}

export interface Opened {
  readonly ids: Uint8Array
  /** What the file was taken for. */
  readonly from: 'photo' | 'label map'
}

/** 64 Mpx: more than cameras make, and what the memory of one process takes. */
const MAX_PIXELS = 2 ** 26

serveRequests<LabellerSetup, Uint8Array, Opened>(async ({ width, height, colours, palette }) => {
  const size = { width, height }
  const read = createLabelSource(palette, colours, size, 'auto', MAX_PIXELS)
  return async file => {
    const { kind, ids, size: own } = await read(file, 'the file')
    if (kind === 'photos') return { ids, from: 'photo' }
    // the middle of a map, at the size of the net
    const middle = placeWithin(own, size, { fit: 'cover', position: 'centre' })
    return { ids: placeNearest({ data: ids, ...own, channels: 1 }, middle, size, [0]).data, from: 'label map' }
  }
})
