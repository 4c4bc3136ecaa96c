/**
 * SLIC superpixels: a photo cut into connected pieces of about one size that follow its edges. K-means in colour and
 * place, in which a pixel is compared only with the centres near it: those of its own cell of the starting grid and of
 * the 8 cells around it.
 *
 * @see Achanta et al., SLIC superpixels compared to state-of-the-art superpixel methods, 2012
 */
import { instantiate } from '../kernels/instantiate.js'
import slicKernel from '../kernels/slic.wasm.js'
import { coneSignals } from './oklab.js'
import { numberRegions, removeSmallRegions } from './regions.js'

export interface SlicOptions {
  /** Pixels of a superpixel, about; at least 4. Default: a 1024th of the image, 256 at 512x512. */
  readonly size?: number
  /** How much closeness counts against colour, 1..40, in units of L = 0..100: low follows edges, high gives squares. */
  readonly compactness?: number
  /** 4 or 5 are enough. */
  readonly iterations?: number
}

const DEFAULT_SUPERPIXELS = 1024
const DEFAULT_COMPACTNESS = 10
const DEFAULT_ITERATIONS = 5
/** Pieces that hang apart and are smaller than this part of `size` go to a neighbour. */
const SMALLEST = 1 / 4

interface Slic {
  convert(rgb: number, width: number, height: number, light: number, roots: number, offsets: number, lab: number): void
  seed(
    lab: number,
    width: number,
    height: number,
    columns: number,
    nx: number,
    rows: number,
    ny: number,
    centres: number,
  ): void
  iterate(
    lab: number,
    width: number,
    columns: number,
    nx: number,
    rows: number,
    ny: number,
    weight: number,
    centres: number,
    sums: number,
    scratch: number,
    codes: number,
    stride: number,
  ): void
}

const kernel = instantiate<Slic>(slicKernel)

export interface Superpixels {
  /** The superpixel of each pixel, 0..count-1, length H*W; numbered by their first pixels. */
  readonly segments: Uint32Array<ArrayBuffer>
  readonly count: number
}

/**
 * Cut a photo into superpixels. Each is connected (4-connected), and of at least a quarter of `size`, unless the image
 * is smaller than that.
 *
 * Integers throughout, so the same photo is cut in the same way everywhere.
 *
 * @param rgb  interleaved sRGB pixels, length 3*H*W
 */
export function slic(rgb: Uint8Array, width: number, height: number, options: SlicOptions = {}): Superpixels {
  const {
    size = Math.max(4, (width * height) / DEFAULT_SUPERPIXELS),
    compactness = DEFAULT_COMPACTNESS,
    iterations = DEFAULT_ITERATIONS,
  } = options
  if (rgb.length !== 3 * width * height) throw new RangeError(`${rgb.length} bytes are not RGB of ${width}x${height}`)
  if (!(size >= 4)) throw new RangeError(`size: expected at least 4, found ${size}`)
  if (!(compactness >= 1 && compactness <= 40))
    throw new RangeError(`compactness: expected 1 to 40, found ${compactness}`)
  if (!(iterations >= 1)) throw new RangeError(`iterations: expected at least 1, found ${iterations}`)
  const step = Math.sqrt(size)
  const columns = edges(width, step)
  const rows = edges(height, step)
  const nx = columns.length - 1
  const ny = rows.length - 1
  const weight = Math.round((256 * 4096 * compactness) / 100 / step)

  // the kernel's memory in bytes; src/kernels/slic.as.ts says what lies there
  const rootsAt = TABLES.light.byteLength
  const scratch = align(rootsAt + TABLES.roots.byteLength)
  const columnsAt = align(scratch + 1024 + width + 16)
  const rowsAt = columnsAt + 4 * columns.length
  const offsetsAt = rowsAt + 4 * rows.length
  const centres = align(offsetsAt + 2 * width)
  const sums = centres + 32 * nx * ny
  const labAt = align(sums + 48 * nx * ny)
  const stride = width + 8
  const codesAt = labAt + 8 * width * height + 64
  const rgbAt = codesAt + stride * height
  const buffer = kernel.reserve(rgbAt + rgb.length)
  const bytes = new Uint8Array(buffer)
  bytes.set(new Uint8Array(TABLES.light.buffer), 0)
  bytes.set(new Uint8Array(TABLES.roots.buffer), rootsAt)
  new Uint32Array(buffer, columnsAt, columns.length).set(columns)
  new Uint32Array(buffer, rowsAt, rows.length).set(rows)
  const offsets = new Int16Array(buffer, offsetsAt, width)
  for (let i = 0; i < nx; i++)
    for (let x = columns[i]!; x < columns[i + 1]!; x++) offsets[x] = 4 * (((x - columns[i]!) * weight) >> 8)
  bytes.fill(0, sums, labAt)
  bytes.set(rgb, rgbAt)

  const { convert, seed, iterate } = kernel.run
  convert(rgbAt, width, height, 0, rootsAt, offsetsAt, labAt)
  seed(labAt, width, height, columnsAt, nx, rowsAt, ny, centres)
  for (let i = 0; i < iterations; i++)
    iterate(labAt, width, columnsAt, nx, rowsAt, ny, weight, centres, sums, scratch, codesAt, stride)

  // codes repeat only every 15 cells: pieces of different superpixels that touch have different ones
  const codes = new Uint8Array(width * height)
  for (let y = 0; y < height; y++)
    codes.set(bytes.subarray(codesAt + y * stride, codesAt + y * stride + width), y * width)
  return numberRegions(removeSmallRegions(codes, rgb, width, height, size * SMALLEST), width, height)
}

const align = (at: number): number => 16 * Math.ceil(at / 16)

/** Where the cells of a side begin, and its end: about `step` pixels each. */
function edges(length: number, step: number): number[] {
  const cells = Math.max(1, Math.round(length / step))
  return Array.from({ length: cells + 1 }, (_, i) => Math.floor((i * length) / cells))
}

/** Light and its cube root, rounded: `convert` of the kernel says how they are used. */
const TABLES = {
  light: Uint32Array.from({ length: 2 * 3 * 256 }, (_, at) => {
    const colour: [number, number, number] = [0, 0, 0]
    colour[at >> 9] = (at >> 1) & 255
    const [l, m, s] = coneSignals(...colour).map(signal => Math.round(signal * 2 ** 20)) as [number, number, number]
    return at & 1 ? (m >> 11) | (s << 10) : l | (m << 21)
  }),
  roots: Uint16Array.from({ length: 8224 }, (_, i) => Math.round(32767 * Math.cbrt(i / 8192))),
}
