// The passes of weighted k-means over points in three dimensions, four points at a time. Plain twins:
// test/labels/kmeans.test.ts. All arrays are f32 unless said otherwise; n is a multiple of 4 (padding weighs nothing).
// `points` holds x[n], y[n], z[n], weight[n]; `near` holds, for the centres of the last `assign`, the squared distance
// to the nearest centre [n], to the second nearest [n], and the nearest centre's index as u32 [n].

function distance(points: usize, stride: usize, x: v128, y: v128, z: v128): v128 {
  const dx = v128.sub<f32>(v128.load(points), x)
  const dy = v128.sub<f32>(v128.load(points + stride), y)
  const dz = v128.sub<f32>(v128.load(points + 2 * stride), z)
  return v128.add<f32>(v128.add<f32>(v128.mul<f32>(dx, dx), v128.mul<f32>(dy, dy)), v128.mul<f32>(dz, dz))
}

function add(at: usize, value: f64): void {
  store<f64>(at, load<f64>(at) + value)
}

// Fills `near` for k `centres` (xyz each); returns nothing: `accumulate` sums.
export function assign(points: usize, n: usize, centres: usize, k: u32, near: usize): void {
  const stride = n << 2
  for (let i: usize = 0; i < stride; i += 16) {
    let first = f32x4.splat(f32.MAX_VALUE)
    let second = first
    let index = i32x4.splat(0)
    for (let c: u32 = 0; c < k; c++) {
      const at = centres + <usize>c * 12
      const d = distance(points + i, stride, v128.load32_splat(at), v128.load32_splat(at + 4), v128.load32_splat(at + 8))
      index = v128.bitselect(i32x4.splat(c), index, v128.lt<f32>(d, first))
      second = v128.pmin<f32>(second, v128.pmax<f32>(first, d))
      first = v128.pmin<f32>(first, d)
    }
    v128.store(near + i, first)
    v128.store(near + stride + i, second)
    v128.store(near + 2 * stride + i, index)
  }
}

// Adds [sum wx, sum wy, sum wz, sum w] per centre to f64 `sums` (zeroed here); returns the inertia.
export function accumulate(points: usize, n: usize, near: usize, k: u32, sums: usize): f64 {
  memory.fill(sums, 0, <usize>k << 5)
  const stride = n << 2
  let inertia: f64 = 0
  for (let i: usize = 0; i < stride; i += 4) {
    const w = <f64>load<f32>(points + 3 * stride + i)
    const at = sums + (<usize>load<u32>(near + 2 * stride + i) << 5)
    const xy = f64x2.replace_lane(f64x2.splat(<f64>load<f32>(points + i)), 1, <f64>load<f32>(points + stride + i))
    const z1 = f64x2.replace_lane(f64x2.splat(<f64>load<f32>(points + 2 * stride + i)), 1, 1)
    const weight = f64x2.splat(w)
    v128.store(at, v128.add<f64>(v128.load(at), v128.mul<f64>(xy, weight)))
    v128.store(at + 16, v128.add<f64>(v128.load(at + 16), v128.mul<f64>(z1, weight)))
    inertia += <f64>load<f32>(near + i) * w
  }
  return inertia
}

// Distances once a centre at (x, y, z) is added, min(near, d), into `out` [n]; returns the inertia.
export function join(points: usize, n: usize, near: usize, x: f32, y: f32, z: f32, out: usize): f64 {
  const stride = n << 2
  const vx = f32x4.splat(x)
  const vy = f32x4.splat(y)
  const vz = f32x4.splat(z)
  let low = f64x2.splat(0)
  let high = f64x2.splat(0)
  for (let i: usize = 0; i < stride; i += 16) {
    const d = v128.pmin<f32>(v128.load(near + i), distance(points + i, stride, vx, vy, vz))
    v128.store(out + i, d)
    const cost = v128.mul<f32>(d, v128.load(points + 3 * stride + i))
    low = v128.add<f64>(low, f64x2.promote_low_f32x4(cost))
    high = v128.add<f64>(high, f64x2.promote_low_f32x4(v128.shuffle<i32>(cost, cost, 2, 3, 2, 3)))
  }
  const both = v128.add<f64>(low, high)
  return f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1)
}

// What the inertia becomes once a centre at (x, y, z) is added: returned; and what taking centre c away then adds to
// it: f64 `losses` [k] (zeroed here).
export function trySwap(points: usize, n: usize, near: usize, k: u32, x: f32, y: f32, z: f32, losses: usize): f64 {
  memory.fill(losses, 0, <usize>k << 3)
  const stride = n << 2
  const vx = f32x4.splat(x)
  const vy = f32x4.splat(y)
  const vz = f32x4.splat(z)
  let inertia: f64 = 0
  for (let i: usize = 0; i < stride; i += 16) {
    const d = distance(points + i, stride, vx, vy, vz)
    const w = v128.load(points + 3 * stride + i)
    const kept = v128.pmin<f32>(v128.load(near + i), d)
    const loss = v128.mul<f32>(v128.sub<f32>(v128.pmin<f32>(v128.load(near + stride + i), d), kept), w)
    const cost = v128.mul<f32>(kept, w)
    const index = near + 2 * stride + i
    add(losses + (<usize>load<u32>(index) << 3), <f64>f32x4.extract_lane(loss, 0))
    add(losses + (<usize>load<u32>(index + 4) << 3), <f64>f32x4.extract_lane(loss, 1))
    add(losses + (<usize>load<u32>(index + 8) << 3), <f64>f32x4.extract_lane(loss, 2))
    add(losses + (<usize>load<u32>(index + 12) << 3), <f64>f32x4.extract_lane(loss, 3))
    inertia += <f64>f32x4.extract_lane(cost, 0) + <f64>f32x4.extract_lane(cost, 1)
    inertia += <f64>f32x4.extract_lane(cost, 2) + <f64>f32x4.extract_lane(cost, 3)
  }
  return inertia
}
