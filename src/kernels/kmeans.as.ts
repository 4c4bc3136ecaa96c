// The passes of weighted k-means over points in three dimensions, several points at a time. Plain twins:
// test/labels/kmeans.test.ts. All arrays are f32 unless said otherwise; n is a multiple of 8 (padding weighs nothing).
// `points` holds x[n], y[n], z[n], weight[n]; `near` holds, for the centres of the last `assign`, the squared distance
// to the nearest centre [n], to the second nearest [n], and the nearest centre's index as u32 [n].

function square(dx: v128, dy: v128, dz: v128): v128 {
  return v128.add<f32>(v128.add<f32>(v128.mul<f32>(dx, dx), v128.mul<f32>(dy, dy)), v128.mul<f32>(dz, dz))
}

function distance(points: usize, stride: usize, x: v128, y: v128, z: v128): v128 {
  const dx = v128.sub<f32>(v128.load(points), x)
  const dy = v128.sub<f32>(v128.load(points + stride), y)
  return square(dx, dy, v128.sub<f32>(v128.load(points + 2 * stride), z))
}

function add(at: usize, value: f64): void {
  store<f64>(at, load<f64>(at) + value)
}

// The sum of the four f32 lanes' weighted costs, as two f64 lanes.
function widen(cost: v128): v128 {
  const high = f64x2.promote_low_f32x4(v128.shuffle<i32>(cost, cost, 2, 3, 2, 3))
  return v128.add<f64>(f64x2.promote_low_f32x4(cost), high)
}

// Fills `near` for k `centres` (xyz each); returns the inertia.
export function assign(points: usize, n: usize, centres: usize, k: u32, near: usize): f64 {
  const stride = n << 2
  let inertia = f64x2.splat(0)
  for (let i: usize = 0; i < stride; i += 32) {
    const p = points + i
    const x0 = v128.load(p)
    const x1 = v128.load(p, 16)
    const y0 = v128.load(p + stride)
    const y1 = v128.load(p + stride, 16)
    const z0 = v128.load(p + 2 * stride)
    const z1 = v128.load(p + 2 * stride, 16)
    let first0 = f32x4.splat(f32.MAX_VALUE)
    let first1 = first0
    let second0 = first0
    let second1 = first0
    let index0 = i32x4.splat(0)
    let index1 = index0
    let centre = centres
    for (let c: u32 = 0; c < k; c++) {
      const x = v128.load32_splat(centre)
      const y = v128.load32_splat(centre, 4)
      const z = v128.load32_splat(centre, 8)
      const at = i32x4.splat(c)
      const d0 = square(v128.sub<f32>(x0, x), v128.sub<f32>(y0, y), v128.sub<f32>(z0, z))
      const d1 = square(v128.sub<f32>(x1, x), v128.sub<f32>(y1, y), v128.sub<f32>(z1, z))
      index0 = v128.max<i32>(index0, v128.and(v128.lt<f32>(d0, first0), at))
      index1 = v128.max<i32>(index1, v128.and(v128.lt<f32>(d1, first1), at))
      second0 = v128.pmin<f32>(second0, v128.pmax<f32>(first0, d0))
      second1 = v128.pmin<f32>(second1, v128.pmax<f32>(first1, d1))
      first0 = v128.pmin<f32>(first0, d0)
      first1 = v128.pmin<f32>(first1, d1)
      centre += 12
    }
    const out = near + i
    v128.store(out, first0)
    v128.store(out, first1, 16)
    v128.store(out + stride, second0)
    v128.store(out + stride, second1, 16)
    v128.store(out + 2 * stride, index0)
    v128.store(out + 2 * stride, index1, 16)
    const w = p + 3 * stride
    const cost = v128.add<f32>(v128.mul<f32>(first0, v128.load(w)), v128.mul<f32>(first1, v128.load(w, 16)))
    inertia = v128.add<f64>(inertia, widen(cost))
  }
  return f64x2.extract_lane(inertia, 0) + f64x2.extract_lane(inertia, 1)
}

// Adds one point, [wx, wy, wz, w], to the sums at `at`.
function accumulate(at: usize, weighted: usize): void {
  const point = v128.load(weighted)
  v128.store(at, v128.add<f64>(v128.load(at), f64x2.promote_low_f32x4(point)))
  const high = f64x2.promote_low_f32x4(v128.shuffle<i32>(point, point, 2, 3, 2, 3))
  v128.store(at + 16, v128.add<f64>(v128.load(at + 16), high))
}

// One pass of Lloyd's: [sum wx, sum wy, sum wz, sum w] of the points nearest to each centre into f64 `sums` [4][k][4]:
// four partial sums, so that a point need not wait for the one before it; the first is then their total. Returns the
// inertia. `weighted` holds [wx, wy, wz, w] of each point; `near` is left alone.
export function sum(points: usize, weighted: usize, n: usize, centres: usize, k: u32, sums: usize): f64 {
  const bank = <usize>k << 5
  memory.fill(sums, 0, bank << 2)
  const stride = n << 2
  let inertia = f64x2.splat(0)
  for (let i: usize = 0; i < stride; i += 32) {
    const p = points + i
    const x0 = v128.load(p)
    const x1 = v128.load(p, 16)
    const y0 = v128.load(p + stride)
    const y1 = v128.load(p + stride, 16)
    const z0 = v128.load(p + 2 * stride)
    const z1 = v128.load(p + 2 * stride, 16)
    let first0 = f32x4.splat(f32.MAX_VALUE)
    let first1 = first0
    let index0 = i32x4.splat(0)
    let index1 = index0
    let centre = centres
    for (let c: u32 = 0; c < k; c++) {
      const x = v128.load32_splat(centre)
      const y = v128.load32_splat(centre, 4)
      const z = v128.load32_splat(centre, 8)
      const at = i32x4.splat(c)
      const d0 = square(v128.sub<f32>(x0, x), v128.sub<f32>(y0, y), v128.sub<f32>(z0, z))
      const d1 = square(v128.sub<f32>(x1, x), v128.sub<f32>(y1, y), v128.sub<f32>(z1, z))
      // indices rise, so the larger is the later
      index0 = v128.max<i32>(index0, v128.and(v128.lt<f32>(d0, first0), at))
      index1 = v128.max<i32>(index1, v128.and(v128.lt<f32>(d1, first1), at))
      first0 = v128.pmin<f32>(first0, d0)
      first1 = v128.pmin<f32>(first1, d1)
      centre += 12
    }
    const w = p + 3 * stride
    const cost = v128.add<f32>(v128.mul<f32>(first0, v128.load(w)), v128.mul<f32>(first1, v128.load(w, 16)))
    inertia = v128.add<f64>(inertia, widen(cost))
    const from = weighted + (i << 2)
    accumulate(sums + (<usize>i32x4.extract_lane(index0, 0) << 5), from)
    accumulate(sums + bank + (<usize>i32x4.extract_lane(index0, 1) << 5), from + 16)
    accumulate(sums + 2 * bank + (<usize>i32x4.extract_lane(index0, 2) << 5), from + 32)
    accumulate(sums + 3 * bank + (<usize>i32x4.extract_lane(index0, 3) << 5), from + 48)
    accumulate(sums + (<usize>i32x4.extract_lane(index1, 0) << 5), from + 64)
    accumulate(sums + bank + (<usize>i32x4.extract_lane(index1, 1) << 5), from + 80)
    accumulate(sums + 2 * bank + (<usize>i32x4.extract_lane(index1, 2) << 5), from + 96)
    accumulate(sums + 3 * bank + (<usize>i32x4.extract_lane(index1, 3) << 5), from + 112)
  }
  for (let at = sums; at < sums + bank; at += 16) {
    const low = v128.add<f64>(v128.load(at), v128.load(at + bank))
    v128.store(at, v128.add<f64>(low, v128.add<f64>(v128.load(at + 2 * bank), v128.load(at + 3 * bank))))
  }
  return f64x2.extract_lane(inertia, 0) + f64x2.extract_lane(inertia, 1)
}

// Distances once a centre at (x, y, z) is added, min(near, d), into `out` [n]; returns the inertia.
export function join(points: usize, n: usize, near: usize, x: f32, y: f32, z: f32, out: usize): f64 {
  const stride = n << 2
  const vx = f32x4.splat(x)
  const vy = f32x4.splat(y)
  const vz = f32x4.splat(z)
  let sum = f64x2.splat(0)
  for (let i: usize = 0; i < stride; i += 16) {
    const d = v128.pmin<f32>(v128.load(near + i), distance(points + i, stride, vx, vy, vz))
    v128.store(out + i, d)
    sum = v128.add<f64>(sum, widen(v128.mul<f32>(d, v128.load(points + 3 * stride + i))))
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)
}

// What the inertia becomes once a centre at (x, y, z) is added: returned; and what taking centre c away then adds to
// it: f64 `losses` [4][k], four partial sums, of which the first is then the total.
export function trySwap(points: usize, n: usize, near: usize, k: u32, x: f32, y: f32, z: f32, losses: usize): f64 {
  const bank = <usize>k << 3
  memory.fill(losses, 0, bank << 2)
  const stride = n << 2
  const vx = f32x4.splat(x)
  const vy = f32x4.splat(y)
  const vz = f32x4.splat(z)
  let sum = f64x2.splat(0)
  for (let i: usize = 0; i < stride; i += 16) {
    const d = distance(points + i, stride, vx, vy, vz)
    const w = v128.load(points + 3 * stride + i)
    const kept = v128.pmin<f32>(v128.load(near + i), d)
    const loss = v128.mul<f32>(v128.sub<f32>(v128.pmin<f32>(v128.load(near + stride + i), d), kept), w)
    sum = v128.add<f64>(sum, widen(v128.mul<f32>(kept, w)))
    const index = near + 2 * stride + i
    add(losses + (<usize>load<u32>(index) << 3), <f64>f32x4.extract_lane(loss, 0))
    add(losses + bank + (<usize>load<u32>(index + 4) << 3), <f64>f32x4.extract_lane(loss, 1))
    add(losses + 2 * bank + (<usize>load<u32>(index + 8) << 3), <f64>f32x4.extract_lane(loss, 2))
    add(losses + 3 * bank + (<usize>load<u32>(index + 12) << 3), <f64>f32x4.extract_lane(loss, 3))
  }
  for (let at = losses; at < losses + bank; at += 8) {
    add(at, load<f64>(at + bank) + load<f64>(at + 2 * bank) + load<f64>(at + 3 * bank))
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)
}
