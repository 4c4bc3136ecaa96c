/** What flows through a pipeline: samples, and references to the images they carry. */

/** Decoded pixels, row-major, interleaved; 3 channels are sRGB, 1 channel is label ids. */
export interface Pixels {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
}

/** An image that is somewhere else: a file of the user's, or an entry of the run's store. Content-addressed. */
export type ImageRef =
  | { readonly kind: 'file'; readonly path: string; readonly sha256: string }
  | { readonly kind: 'stored'; readonly key: string; readonly width: number; readonly height: number }

export type Split = 'train' | 'test'

/** One photo on its way through the pipeline. Plain data: it crosses threads and is written as a JSON line. */
export interface Sample {
  /** What people call it: the path relative to the pattern's base, without extension, unique within the run. */
  readonly name: string
  /** The file it came from, as given. */
  readonly source: string
  /** sha256 of the source file's bytes, 64 hex digits: the identity that splits and rows use. */
  readonly sha256: string
  readonly photo?: ImageRef
  readonly label?: ImageRef
  readonly split?: Split
  /** Conversions worth knowing: `cmyk`, `16-bit`, `alpha`, `exif-orientation`, ... */
  readonly notes?: readonly string[]
}
