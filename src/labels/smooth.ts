/**
 * Edge-preserving smoothing of a photo before its pixels are labelled: noise and fine texture go, so that labels do not
 * follow them, and edges stay where they are.
 *
 * @see Lee, Digital image smoothing and the sigma filter, 1983
 */
import { instantiate } from '../kernels/instantiate.js'
import smoothKernel from '../kernels/smooth.wasm.js'

export interface SmoothOptions {
  /**
   * median: each channel's median of the window.
   * sigma: the mean of those pixels of the window whose r, g and b are all within `threshold` of the pixel's own.
   */
  readonly method: 'median' | 'sigma'
  /** The window is (2 * radius + 1)^2 pixels: 3x3 or 5x5. */
  readonly radius: 1 | 2
  /** For sigma: 8-bit codes, 1..25. */
  readonly threshold?: number
}

/** Ways of smoothing by name. */
export const SMOOTHINGS = {
  median3: { method: 'median', radius: 1 },
  median5: { method: 'median', radius: 2 },
  sigma: { method: 'sigma', radius: 2 },
} as const satisfies Readonly<Record<string, SmoothOptions>>
export type Smoothing = keyof typeof SMOOTHINGS

/** About what sensor noise and JPEG leave in even surfaces, and well below the edges of things. */
const DEFAULT_THRESHOLD = 20
/** Five differences of this size still add up in a signed byte. */
const MAX_THRESHOLD = 25

interface Smooth {
  widen(rgb: number, width: number, height: number, radius: number, rows: number, stride: number): void
  median3(rows: number, stride: number, width: number, height: number, lines: number, out: number): void
  median5(rows: number, stride: number, width: number, height: number, lines: number, out: number): void
  sigma(
    rows: number,
    stride: number,
    width: number,
    height: number,
    radius: number,
    threshold: number,
    planes: number,
    plane: number,
    reciprocals: number,
    out: number,
  ): void
}

const kernel = instantiate<Smooth>(smoothKernel)

/**
 * Smooth a photo and keep its edges. Beyond the image's edges its outermost pixels are repeated.
 *
 * @param rgb  interleaved pixels, length 3*H*W
 * @returns new pixels, length 3*H*W; the mean of sigma rounded to the nearest, halves up
 */
export function smooth(
  rgb: Uint8Array,
  width: number,
  height: number,
  { method, radius, threshold = DEFAULT_THRESHOLD }: SmoothOptions,
): Uint8Array<ArrayBuffer> {
  if (rgb.length !== 3 * width * height) throw new RangeError(`${rgb.length} bytes are not RGB of ${width}x${height}`)
  if (radius !== 1 && radius !== 2) throw new RangeError(`radius: expected 1 or 2, found ${radius}`)
  if (!(threshold >= 1 && threshold <= MAX_THRESHOLD))
    throw new RangeError(`threshold: expected 1 to ${MAX_THRESHOLD}, found ${threshold}`)
  // the kernel's memory in bytes; src/kernels/smooth.as.ts says what lies there
  const size = 2 * radius + 1
  const plane = 16 * Math.ceil((width + 2 * radius) / 16) + 16
  const stride = 3 * plane
  const linesAt = 64
  const rgbAt = linesAt + size * stride + 64
  const outAt = rgbAt + rgb.length + 64
  const rowsAt = outAt + rgb.length + 64
  const buffer = kernel.reserve(rowsAt + height * stride + 64)
  new Uint8Array(buffer, rgbAt, rgb.length).set(rgb)
  kernel.run.widen(rgbAt, width, height, radius, rowsAt, stride)
  if (method === 'sigma') {
    new Uint8Array(buffer, 0, 64).set(RECIPROCALS)
    kernel.run.sigma(rowsAt, stride, width, height, radius, Math.floor(threshold), linesAt, plane, 0, outAt)
  } else if (radius === 1) kernel.run.median3(rowsAt, stride, width, height, linesAt, outAt)
  else kernel.run.median5(rowsAt, stride, width, height, linesAt, outAt)
  return new Uint8Array(buffer, outAt, rgb.length).slice()
}

/** 2^15 / count rounded up, for counts from 1 on: 32 low bytes, then 32 high bytes. */
const RECIPROCALS = Uint8Array.from({ length: 64 }, (_, i) => Math.ceil(32768 / ((i % 32) + 1)) >> (i < 32 ? 0 : 8))
