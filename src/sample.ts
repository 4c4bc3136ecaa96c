/** What flows through a pipeline: samples, and references to the images they carry. */

/** Decoded pixels, row-major, interleaved; 3 channels are sRGB, 1 channel is label ids. */
export interface Pixels {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
}

/** An image that is somewhere else: a file of the user's, or an entry of the run's store. Content-addressed. */
export type ImageRef = FileRef | StoredRef

/** An image in a file: all of it, a member of an archive, one half of a pair drawn side by side. */
export type FileRef = {
  readonly kind: 'file'
  readonly path: string
  /** Of the image's bytes: those of `range` where there is one. */
  readonly sha256: string
  /** Where the image lies inside an archive that stores it as it is. */
  readonly range?: ByteRange
  /** One half of the picture, upright. */
  readonly half?: 'left' | 'right'
}

/** What tells an image's content, as keys of results have it. */
export const contentKey = (ref: ImageRef): string =>
  ref.kind === 'stored' ? ref.key : ref.half ? `${ref.sha256}:${ref.half}` : ref.sha256

export type ByteRange = {
  readonly offset: number
  readonly bytes: number
}

export type StoredRef = {
  readonly kind: 'stored'
  readonly key: string
  readonly width: number
  readonly height: number
}

/** Where a photo lies in the pixels made from its file: what its labels are laid by, also by later steps. */
export type PhotoGeometry = {
  /** The photo's own size, upright. */
  readonly source: Extent
  /** EXIF, 1..8. */
  readonly orientation: number
  /** The whole of it, in the pixels made: what sticks out is cropped, what it leaves free is bars. */
  readonly placement: Extent & { readonly left: number; readonly top: number }
  readonly size: Extent
}
type Extent = { readonly width: number; readonly height: number }

export type Split = (typeof SPLITS)[number]
/** What a model learns from, what may choose between models, and what nobody looks at until the end. */
export const SPLITS = ['train', 'val', 'test'] as const

/** Counts as people say them: `12 train, 3 test`, or `10 train, 2 val, 3 test`. */
export const describeSplits = (rows: Readonly<Record<Split, number>>): string =>
  SPLITS.filter(split => split !== 'val' || rows.val > 0)
    .map(split => `${rows[split]} ${split}`)
    .join(', ')

export const bySplit = <T>(make: (split: Split) => T): Record<Split, T> => ({
  train: make('train'),
  val: make('val'),
  test: make('test'),
})

/** One photo on its way through the pipeline. Plain data: it goes to other processes and is written as a JSON line. */
export interface Sample {
  /** What people call it: the path relative to the pattern's base, without extension, unique within the run. */
  readonly name: string
  /** The file it came from, as given. */
  readonly source: string
  /** sha256 of the source file's bytes, 64 hex digits: the identity that splits and rows use. */
  readonly sha256: string
  readonly photo?: ImageRef
  /** Of a photo that has been resized. */
  readonly geometry?: PhotoGeometry
  /**
   * Label ids, one channel. Those of others, until `classes` numbers them, may be above 255 and then have three: r + 256 g
   * + 65536 b, as COCO's panoptic labels.
   */
  readonly label?: ImageRef
  /** Labels that are drawn in colours, 3 channels: they become ids by a colour table or by clustering. */
  readonly drawing?: ImageRef
  readonly split?: Split
  /** Samples of one group (a scene, a person, near-duplicates) land in the same split. */
  readonly group?: string
  /** sha256 of photos left out as duplicates of this one: it goes where they went in earlier runs. */
  readonly duplicates?: readonly string[]
  /** What a list says of the sample besides: its other columns. */
  readonly columns?: Readonly<Record<string, string>>
  /** Conversions worth knowing: `cmyk`, `16-bit`, `alpha`, `exif-orientation`, ... */
  readonly notes?: readonly string[]
}
