// One fused Adam update over `count` floats at byte addresses; rounds exactly as the JS twin in graph/adam.ts does.
export function adam(
  weights: usize, m: usize, v: usize, gradient: usize, count: i32,
  beta1: f32, beta2: f32, rest1: f32, rest2: f32, rate: f32, correction: f32, epsilon: f32,
): void {
  const b1 = f32x4.splat(beta1), b2 = f32x4.splat(beta2), r1 = f32x4.splat(rest1), r2 = f32x4.splat(rest2)
  const lr = f32x4.splat(rate), cor = f32x4.splat(correction), eps = f32x4.splat(epsilon)
  const bytes: usize = <usize>count * 4
  const whole: usize = bytes & ~15
  for (let i: usize = 0; i < whole; i += 16) {
    const g = v128.load(gradient + i)
    const mi = f32x4.add(f32x4.mul(b1, v128.load(m + i)), f32x4.mul(r1, g))
    const vi = f32x4.add(f32x4.mul(b2, v128.load(v + i)), f32x4.mul(f32x4.mul(r2, g), g))
    v128.store(m + i, mi)
    v128.store(v + i, vi)
    const step = f32x4.div(f32x4.mul(lr, mi), f32x4.add(f32x4.mul(f32x4.sqrt(vi), cor), eps))
    v128.store(weights + i, f32x4.sub(v128.load(weights + i), step))
  }
  for (let i: usize = whole; i < bytes; i += 4) {
    const g = load<f32>(gradient + i)
    const mi: f32 = beta1 * load<f32>(m + i) + rest1 * g
    const vi: f32 = beta2 * load<f32>(v + i) + rest2 * g * g
    store<f32>(m + i, mi)
    store<f32>(v + i, vi)
    store<f32>(weights + i, load<f32>(weights + i) - (rate * mi) / (sqrt<f32>(vi) * correction + epsilon))
  }
}

// mean[i] moves towards weights[i] by `rest` of the way, for `count` floats; rounds exactly as the JS twin does.
export function average(mean: usize, weights: usize, count: i32, rest: f32): void {
  const r = f32x4.splat(rest)
  const bytes: usize = <usize>count * 4
  const whole: usize = bytes & ~15
  for (let i: usize = 0; i < whole; i += 16) {
    const e = v128.load(mean + i)
    v128.store(mean + i, f32x4.add(e, f32x4.mul(r, f32x4.sub(v128.load(weights + i), e))))
  }
  for (let i: usize = whole; i < bytes; i += 4) {
    const e = load<f32>(mean + i)
    store<f32>(mean + i, e + rest * (load<f32>(weights + i) - e))
  }
}

// gradient[i] = sum over p of row[p] * columns[p * stride + i], summed in order, for `count` floats rounded up to 16.
export function product(gradient: usize, row: usize, columns: usize, stride: usize, rank: i32, count: i32): void {
  const bytes: usize = <usize>count * 4
  for (let i: usize = 0; i < bytes; i += 64) {
    let at = columns + i
    let factor = v128.load32_splat(row)
    let a = f32x4.mul(factor, v128.load(at)), b = f32x4.mul(factor, v128.load(at, 16))
    let c = f32x4.mul(factor, v128.load(at, 32)), d = f32x4.mul(factor, v128.load(at, 48))
    for (let p: i32 = 1; p < rank; p++) {
      at += stride * 4
      factor = v128.load32_splat(row + (<usize>p << 2))
      a = f32x4.add(a, f32x4.mul(factor, v128.load(at)))
      b = f32x4.add(b, f32x4.mul(factor, v128.load(at, 16)))
      c = f32x4.add(c, f32x4.mul(factor, v128.load(at, 32)))
      d = f32x4.add(d, f32x4.mul(factor, v128.load(at, 48)))
    }
    v128.store(gradient + i, a)
    v128.store(gradient + i, b, 16)
    v128.store(gradient + i, c, 32)
    v128.store(gradient + i, d, 48)
  }
}
