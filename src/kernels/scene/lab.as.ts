// OKLab of four pixels at a time, from linear light.
// @ts-ignore: decorator
@inline
export function lightOf(table: usize, code: usize): usize {
  return table + (<usize>load<u8>(code) << 2)
}

// Linear light of four codes.
// @ts-ignore: decorator
@inline
export function light(table: usize, a: usize, b: usize, c: usize, d: usize): v128 {
  let v = v128.load32_zero(lightOf(table, a))
  v = v128.load_lane<f32>(lightOf(table, b), v, 1)
  v = v128.load_lane<f32>(lightOf(table, c), v, 2)
  return v128.load_lane<f32>(lightOf(table, d), v, 3)
}

// @ts-ignore: decorator
@inline
export function mix(r: v128, g: v128, b: v128, x: f32, y: f32, z: f32): v128 {
  const rg = v128.add<f32>(v128.mul<f32>(r, f32x4.splat(x)), v128.mul<f32>(g, f32x4.splat(y)))
  return v128.add<f32>(rg, v128.mul<f32>(b, f32x4.splat(z)))
}

// One step of Halley's method towards the cube root of v.
// @ts-ignore: decorator
@inline
export function halley(t: v128, v: v128): v128 {
  const cube = v128.mul<f32>(v128.mul<f32>(t, t), t)
  const twice = v128.add<f32>(cube, cube)
  return v128.mul<f32>(t, v128.div<f32>(v128.add<f32>(cube, v128.add<f32>(v, v)), v128.add<f32>(twice, v)))
}

// Cube roots of 0..1 to 1e-4: a third of the exponent, which is within 4%, then a step that triples the right digits.
// @ts-ignore: decorator
@inline
export function cubeRoot(v: v128): v128 {
  const third = v128.mul<f32>(f32x4.convert_i32x4_s(v), f32x4.splat(1.0 / 3.0))
  const guess = v128.add<i32>(i32x4.trunc_sat_f32x4_s(third), i32x4.splat(709921077))
  return halley(guess, v)
}

// @ts-ignore: decorator
@inline
export function storeBytes(to: usize, v: v128): void {
  const words = i32x4.trunc_sat_f32x4_s(f32x4.nearest(v))
  const shorts = i16x8.narrow_i32x4_s(words, words)
  v128.store_lane<u32>(to, i8x16.narrow_i16x8_u(shorts, shorts), 0)
}

// What OKLab's planes have of four pixels, from the cube roots of their cone responses.
// @ts-ignore: decorator
@inline
export function lightness(l: v128, m: v128, s: v128): v128 {
  return mix(l, m, s, 255 * 0.2104542553, 255 * 0.793617785, 255 * -0.0040720468)
}

// @ts-ignore: decorator
@inline
export function greenRed(l: v128, m: v128, s: v128): v128 {
  return v128.add<f32>(mix(l, m, s, 512 * 1.9779984951, 512 * -2.428592205, 512 * 0.4505937099), f32x4.splat(128))
}

// @ts-ignore: decorator
@inline
export function blueYellow(l: v128, m: v128, s: v128): v128 {
  return v128.add<f32>(mix(l, m, s, 512 * 0.0259040371, 512 * 0.7827717662, 512 * -0.808675766), f32x4.splat(128))
}

// @ts-ignore: decorator
@inline
export function longCone(r: v128, g: v128, b: v128): v128 {
  return cubeRoot(mix(r, g, b, 0.4122214708, 0.5363325363, 0.0514459929))
}

// @ts-ignore: decorator
@inline
export function middleCone(r: v128, g: v128, b: v128): v128 {
  return cubeRoot(mix(r, g, b, 0.2119034982, 0.6806995451, 0.1073969566))
}

// @ts-ignore: decorator
@inline
export function shortCone(r: v128, g: v128, b: v128): v128 {
  return cubeRoot(mix(r, g, b, 0.0883024619, 0.2817188376, 0.6299787005))
}
