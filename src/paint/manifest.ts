/** What a page is told about the model that it paints with: plain JSON, the same from a server and in a static folder. */

export interface PaintClass {
  readonly id: number
  readonly name: string
  /** `#rrggbb`: on the canvas, and as the photos have it on average. */
  readonly display: string
  readonly mean: string
  /** The part of the training photos' pixels. */
  readonly share: number
}

/** A label map of the data set that may be opened. */
export interface PaintMap {
  readonly name: string
  readonly split: string
  /** Where its ids are, relative to the page. */
  readonly url: string
}

export interface Manifest {
  readonly title: string
  /** `epoch 20` */
  readonly trained: string
  readonly width: number
  readonly height: number
  /** Hash of the palette: drawings of another one are opened with a warning. */
  readonly palette: string
  readonly classes: readonly PaintClass[]
  readonly maps: readonly PaintMap[]
  /** Where pictures are made: by the server over a socket, or in the browser by this ONNX file. */
  readonly model:
    | { readonly kind: 'server' }
    | { readonly kind: 'browser'; readonly url: string; readonly bytes: number }
  /** Whether photos can be labelled, or why not. */
  readonly photos: true | string
}

/** An outline cut out of a training label map, as `encodeRuns` writes masks. */
export interface BlockRecord {
  readonly id: number
  readonly width: number
  readonly height: number
  readonly runs: readonly number[]
  /** The map that it was cut out of. */
  readonly from: string
}
