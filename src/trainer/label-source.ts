/** Label maps for a generator out of whatever file shows them: ids, display colours, or a photo to be labelled. */
import { PrepError } from '../errors.js'
import type { Colour } from '../images/colour.js'
import { idsOfColours, shareOfColours } from '../images/coloured-labels.js'
import { type DecodeOptions, decodeImage, MAX_PIXELS } from '../images/decode.js'
import { decodeLabelIds, type LabelIds } from '../images/label-ids.js'
import { createLabeller, type Labeller } from '../labels/labeller.js'
import { parsePalette } from '../labels/palette.js'
import type { Size } from './augment.js'

export const INPUT_KINDS = ['ids', 'colours', 'photos'] as const
export type InputKind = (typeof INPUT_KINDS)[number]

export interface LabelMap {
  readonly kind: InputKind
  readonly ids: Uint8Array
  readonly size: Size
}

export type LabelSource = (bytes: Uint8Array, name: string) => Promise<LabelMap>

/** A picture with fewer of its pixels in display colours is a photo. */
const MOSTLY = 0.9
const AS_IT_IS = { fit: 'fill', position: 'centre', background: [0, 0, 0] } as const
/** As kmeans makes labels coherent unless told otherwise. */
const COHERENT = { majority: 1, minRegion: 'auto' } as const

/**
 * @param palette  of the checkpoint, as it is
 * @param size     of the net: photos are cut to it, as they were for training; maps keep their size
 * @returns reads one file. Throws `CLASS_UNKNOWN` for ids and colours that no class has, `LABELS_NOT_IDS`,
 *   `PALETTE_MISMATCH` for photos where the classes were not found in photos, and what decoding throws
 */
export function createLabelSource(
  palette: unknown,
  colours: readonly Colour[],
  size: Size,
  input: InputKind | 'auto',
  maxPixels = MAX_PIXELS,
): LabelSource {
  let labeller: Labeller | undefined
  const decode = (bytes: Uint8Array, name: string, options: Omit<DecodeOptions, 'maxPixels'>) =>
    decodeImage(bytes, { ...options, maxPixels, name })

  const readIds = ({ labels }: LabelIds, name: string): LabelMap => {
    const { data, width, height, channels } = labels
    const top = channels === 1 ? data.reduce((max, id) => Math.max(max, id), 0) : 256
    if (top >= colours.length)
      throw new PrepError(
        'CLASS_UNKNOWN',
        `${name}: expected ids below ${colours.length}, found ${top}${channels === 1 ? '' : ' or more'}`,
        {
          hint: 'ids are those of palette.json; a grey photo is read as JPEG, or with --input photos',
        },
      )
    return { kind: 'ids', ids: data, size: { width, height } }
  }
  const readColours = async (bytes: Uint8Array, name: string): Promise<LabelMap> => {
    const { pixels } = await decode(bytes, name, AS_IT_IS)
    const { width, height } = pixels
    return { kind: 'colours', ids: idsOfColours(pixels, colours, name), size: { width, height } }
  }
  const readPhoto = async (bytes: Uint8Array, name: string): Promise<LabelMap> => {
    labeller ??= labellerOf(palette)
    const { pixels } = await decode(bytes, name, { ...AS_IT_IS, fit: 'cover', size })
    return { kind: 'photos', ids: labeller(pixels.data, size.width, size.height), size }
  }
  const readAny = async (bytes: Uint8Array, name: string): Promise<LabelMap> => {
    const found = tryIds(bytes, name, maxPixels)
    if (found && !inOtherOrder(found, colours)) return readIds(found, name)
    const isPng = bytes[0] === 0x89 && bytes[1] === 0x50
    if (!isPng) return readPhoto(bytes, name)
    const { pixels } = await decode(bytes, name, AS_IT_IS)
    return shareOfColours(pixels, colours) >= MOSTLY ? readColours(bytes, name) : readPhoto(bytes, name)
  }
  return async (bytes, name) => {
    if (input === 'ids') return readIds(decodeLabelIds(bytes, name, maxPixels), name)
    if (input === 'colours') return readColours(bytes, name)
    return input === 'photos' ? readPhoto(bytes, name) : readAny(bytes, name)
  }
}

/** Nothing for pictures in colour, which are no ids. */
function tryIds(bytes: Uint8Array, name: string, maxPixels: number): LabelIds | undefined {
  try {
    return decodeLabelIds(bytes, name, maxPixels)
  } catch (error) {
    if (error instanceof PrepError && ['LABELS_NOT_IDS', 'NOT_AN_IMAGE'].includes(error.code)) return undefined
    throw error
  }
}

/** A palette PNG in display colours, whose program numbered them its own way. */
function inOtherOrder({ labels, colours: own }: LabelIds, colours: readonly Colour[]): boolean {
  if (own.length === 0 || labels.channels !== 1) return false
  const same = (a?: Colour, b?: Colour): boolean => a !== undefined && b !== undefined && a.every((v, c) => v === b[c])
  const used = [...new Set(labels.data)]
  if (used.every(id => same(own[id], colours[id]))) return false
  return used.every(id => colours.some(colour => same(own[id], colour)))
}

function labellerOf(palette: unknown): Labeller {
  const parsed = parsePalette(JSON.stringify(palette), 'the palette of the checkpoint')
  if (!parsed.fit)
    throw new PrepError('PALETTE_MISMATCH', 'photos cannot be labelled: the classes were given, not found in photos', {
      hint: 'give label maps, in ids or display colours',
    })
  return createLabeller(parsed, COHERENT)
}
