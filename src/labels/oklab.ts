/**
 * OKLab, the colour space in which equal distances look about equally different: what clustering by colour should
 * measure. Conversion from and to 8-bit sRGB.
 *
 * @see Ottosson, A perceptual color space for image processing, 2020 (matrices as revised 2021-01-25)
 * @see IEC 61966-2-1 (the sRGB transfer curve)
 */

/** `[L, a, b]`; L in 0..1, a and b within about -0.4..0.4. */
export type OkLab = readonly [L: number, a: number, b: number]
/** `[r, g, b]`, sRGB as photos store it, each 0..255, not necessarily whole. */
export type Rgb = readonly [r: number, g: number, b: number]

/** Linear light 0..1 of each 8-bit code; rounded far below what matters so that no `Math.pow` can change a palette. */
const LINEAR = Float64Array.from({ length: 256 }, (_, code) => {
  const v = code / 255
  const linear = v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
  return Math.round(linear * 2 ** 40) / 2 ** 40
})

/** Linear light of a code 0..255; between whole codes (means of colours) the curve is taken as straight. */
function linearLight(code: number): number {
  const whole = Math.floor(code)
  const from = LINEAR[whole]!
  return whole === code ? from : from + (LINEAR[whole + 1]! - from) * (code - whole)
}

/** How much light of an sRGB colour each kind of cone catches, 0..1 each: the sum of what r, g and b give. */
export function coneSignals(r: number, g: number, b: number): [l: number, m: number, s: number] {
  const lr = linearLight(r)
  const lg = linearLight(g)
  const lb = linearLight(b)
  return [
    0.4122214708 * lr + 0.5363325363 * lg + 0.0514459929 * lb,
    0.2119034982 * lr + 0.6806995451 * lg + 0.1073969566 * lb,
    0.0883024619 * lr + 0.2817188376 * lg + 0.6299787005 * lb,
  ]
}

/**
 * The cone responses l', m', s', cube roots of the signals: OKLab before its last, linear step.
 * Each grows with r, g and b alike, which bounds a whole box of colours by two of its corners.
 */
export function coneResponses(r: number, g: number, b: number): [l: number, m: number, s: number] {
  const signals = coneSignals(r, g, b)
  return [Math.cbrt(signals[0]), Math.cbrt(signals[1]), Math.cbrt(signals[2])]
}

/** OKLab = CONES_TO_LAB . (l', m', s'), row by row. */
export const CONES_TO_LAB = [
  [0.2104542553, 0.793617785, -0.0040720468],
  [1.9779984951, -2.428592205, 0.4505937099],
  [0.0259040371, 0.7827717662, -0.808675766],
] as const

/** @param r,g,b  sRGB, 0..255, not necessarily whole */
export function okLab(r: number, g: number, b: number): OkLab {
  const u = coneResponses(r, g, b)
  const [L, A, B] = CONES_TO_LAB
  return [
    L[0] * u[0] + L[1] * u[1] + L[2] * u[2],
    A[0] * u[0] + A[1] * u[1] + A[2] * u[2],
    B[0] * u[0] + B[1] * u[1] + B[2] * u[2],
  ]
}

/** The nearest 8-bit sRGB colour; what lies outside sRGB is clipped channel by channel. */
export function okLabToRgb([L, a, b]: OkLab): Rgb {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3
  return [
    encodeLight(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    encodeLight(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    encodeLight(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ]
}

function encodeLight(linear: number): number {
  const v = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055
  return Math.min(255, Math.max(0, Math.round(v * 255)))
}
