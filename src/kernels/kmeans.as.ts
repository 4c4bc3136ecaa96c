// The passes of weighted k-means over points in three dimensions or more, several points at a time. Plain twins:
// test/labels/kmeans.test.ts. All arrays are f32 unless said otherwise; n is a multiple of 8 (padding weighs nothing).
// `points` holds a column [n] for each of `dims` dimensions, then weight [n]; `near` holds, for the centres of the last
// `assign`, the squared distance to the nearest centre [n], to the second nearest [n], and the nearest centre's index as
// u32 [n]. Coordinates are summed in order, the first three from registers: most points are colours.

function square(dx: v128, dy: v128, dz: v128): v128 {
  return v128.add<f32>(v128.add<f32>(v128.mul<f32>(dx, dx), v128.mul<f32>(dy, dy)), v128.mul<f32>(dz, dz))
}

// @ts-ignore: decorator
@inline
function further(sum: v128, column: usize, value: v128): v128 {
  const d = v128.sub<f32>(v128.load(column), value)
  return v128.add<f32>(sum, v128.mul<f32>(d, d))
}

// Adds to squared distances in the first three dimensions what the others give.
// @ts-ignore: decorator
@inline
function beyondColour(sum: v128, points: usize, stride: usize, dims: usize, place: usize): v128 {
  points += 3 * stride
  for (let axis: usize = 3; axis < dims; axis++) {
    sum = further(sum, points, v128.load32_splat(place + (axis << 2)))
    points += stride
  }
  return sum
}

// From four points to one place (f32 [dims]).
// @ts-ignore: decorator
@inline
function distance(points: usize, stride: usize, dims: usize, place: usize, x: v128, y: v128, z: v128): v128 {
  const dx = v128.sub<f32>(v128.load(points), x)
  const dy = v128.sub<f32>(v128.load(points + stride), y)
  const d = square(dx, dy, v128.sub<f32>(v128.load(points + 2 * stride), z))
  return beyondColour(d, points, stride, dims, place)
}

function add(at: usize, value: f64): void {
  store<f64>(at, load<f64>(at) + value)
}

// The sum of the four f32 lanes' weighted costs, as two f64 lanes.
function widen(cost: v128): v128 {
  const high = f64x2.promote_low_f32x4(v128.shuffle<i32>(cost, cost, 2, 3, 2, 3))
  return v128.add<f64>(f64x2.promote_low_f32x4(cost), high)
}

// Fills `near` for k `centres` (f32 [k][dims]); returns the inertia.
// @ts-ignore: decorator
@inline
function assignIn(dims: usize, points: usize, n: usize, centres: usize, k: u32, near: usize): f64 {
  const stride = n << 2
  const end = dims * stride
  const step = dims << 2
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
      const near0 = square(v128.sub<f32>(x0, x), v128.sub<f32>(y0, y), v128.sub<f32>(z0, z))
      const near1 = square(v128.sub<f32>(x1, x), v128.sub<f32>(y1, y), v128.sub<f32>(z1, z))
      const d0 = beyondColour(near0, p, stride, dims, centre)
      const d1 = beyondColour(near1, p + 16, stride, dims, centre)
      index0 = v128.max<i32>(index0, v128.and(v128.lt<f32>(d0, first0), at))
      index1 = v128.max<i32>(index1, v128.and(v128.lt<f32>(d1, first1), at))
      second0 = v128.pmin<f32>(second0, v128.pmax<f32>(first0, d0))
      second1 = v128.pmin<f32>(second1, v128.pmax<f32>(first1, d1))
      first0 = v128.pmin<f32>(first0, d0)
      first1 = v128.pmin<f32>(first1, d1)
      centre += step
    }
    const out = near + i
    v128.store(out, first0)
    v128.store(out, first1, 16)
    v128.store(out + stride, second0)
    v128.store(out + stride, second1, 16)
    v128.store(out + 2 * stride, index0)
    v128.store(out + 2 * stride, index1, 16)
    const w = p + end
    const cost = v128.add<f32>(v128.mul<f32>(first0, v128.load(w)), v128.mul<f32>(first1, v128.load(w, 16)))
    inertia = v128.add<f64>(inertia, widen(cost))
  }
  return f64x2.extract_lane(inertia, 0) + f64x2.extract_lane(inertia, 1)
}

// Adds four f32 to four f64.
// @ts-ignore: decorator
@inline
function addPart(to: usize, part: v128): void {
  v128.store(to, v128.add<f64>(v128.load(to), f64x2.promote_low_f32x4(part)))
  const high = f64x2.promote_low_f32x4(v128.shuffle<i32>(part, part, 2, 3, 2, 3))
  v128.store(to, v128.add<f64>(v128.load(to, 16), high), 16)
}

// Adds one point's row (f32, `size` bytes) to the sums (f64) at `at`.
// @ts-ignore: decorator
@inline
function accumulate(at: usize, weighted: usize, size: usize): void {
  addPart(at, v128.load(weighted))
  if (size > 16) for (let i: usize = 16; i < size; i += 16) addPart(at + (i << 1), v128.load(weighted + i))
}

// One pass of Lloyd's. A point's row in `weighted` is its weight times each coordinate, its weight, and zeros up to a
// multiple of four. The rows of the points nearest to each centre are added into f64 `sums` [4][k][row]: four partial
// sums, so that a point need not wait for the one before it; the first is then their total. Returns the inertia. `near`
// is left alone.
// @ts-ignore: decorator
@inline
function sumIn(dims: usize, points: usize, weighted: usize, n: usize, centres: usize, k: u32, sums: usize): f64 {
  const row = (dims + 4) & ~3
  const size = row << 2
  const shift = row << 3
  const bank = <usize>k * shift
  memory.fill(sums, 0, bank << 2)
  const stride = n << 2
  const end = dims * stride
  const step = dims << 2
  let from = weighted
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
      const near0 = square(v128.sub<f32>(x0, x), v128.sub<f32>(y0, y), v128.sub<f32>(z0, z))
      const near1 = square(v128.sub<f32>(x1, x), v128.sub<f32>(y1, y), v128.sub<f32>(z1, z))
      const d0 = beyondColour(near0, p, stride, dims, centre)
      const d1 = beyondColour(near1, p + 16, stride, dims, centre)
      // indices rise, so the larger is the later
      index0 = v128.max<i32>(index0, v128.and(v128.lt<f32>(d0, first0), at))
      index1 = v128.max<i32>(index1, v128.and(v128.lt<f32>(d1, first1), at))
      first0 = v128.pmin<f32>(first0, d0)
      first1 = v128.pmin<f32>(first1, d1)
      centre += step
    }
    const w = p + end
    const cost = v128.add<f32>(v128.mul<f32>(first0, v128.load(w)), v128.mul<f32>(first1, v128.load(w, 16)))
    inertia = v128.add<f64>(inertia, widen(cost))
    accumulate(sums + <usize>i32x4.extract_lane(index0, 0) * shift, from, size)
    accumulate(sums + bank + <usize>i32x4.extract_lane(index0, 1) * shift, from + size, size)
    accumulate(sums + 2 * bank + <usize>i32x4.extract_lane(index0, 2) * shift, from + 2 * size, size)
    accumulate(sums + 3 * bank + <usize>i32x4.extract_lane(index0, 3) * shift, from + 3 * size, size)
    from += 4 * size
    accumulate(sums + <usize>i32x4.extract_lane(index1, 0) * shift, from, size)
    accumulate(sums + bank + <usize>i32x4.extract_lane(index1, 1) * shift, from + size, size)
    accumulate(sums + 2 * bank + <usize>i32x4.extract_lane(index1, 2) * shift, from + 2 * size, size)
    accumulate(sums + 3 * bank + <usize>i32x4.extract_lane(index1, 3) * shift, from + 3 * size, size)
    from += 4 * size
  }
  for (let at = sums; at < sums + bank; at += 16) {
    const low = v128.add<f64>(v128.load(at), v128.load(at + bank))
    v128.store(at, v128.add<f64>(low, v128.add<f64>(v128.load(at + 2 * bank), v128.load(at + 3 * bank))))
  }
  return f64x2.extract_lane(inertia, 0) + f64x2.extract_lane(inertia, 1)
}

// Distances once a centre at `place` is added, min(near, d), into `out` [n]; returns the inertia.
// @ts-ignore: decorator
@inline
function joinIn(dims: usize, points: usize, n: usize, near: usize, place: usize, out: usize): f64 {
  const stride = n << 2
  const end = dims * stride
  const x = v128.load32_splat(place)
  const y = v128.load32_splat(place, 4)
  const z = v128.load32_splat(place, 8)
  let sum = f64x2.splat(0)
  for (let i: usize = 0; i < stride; i += 16) {
    const d = v128.pmin<f32>(v128.load(near + i), distance(points + i, stride, dims, place, x, y, z))
    v128.store(out + i, d)
    sum = v128.add<f64>(sum, widen(v128.mul<f32>(d, v128.load(points + end + i))))
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)
}

// What the inertia becomes once a centre at `place` is added: returned; and what taking centre c away then adds to it:
// f64 `losses` [4][k], four partial sums, of which the first is then the total.
// @ts-ignore: decorator
@inline
function trySwapIn(dims: usize, points: usize, n: usize, near: usize, k: u32, place: usize, losses: usize): f64 {
  const bank = <usize>k << 3
  memory.fill(losses, 0, bank << 2)
  const stride = n << 2
  const end = dims * stride
  const x = v128.load32_splat(place)
  const y = v128.load32_splat(place, 4)
  const z = v128.load32_splat(place, 8)
  let sum = f64x2.splat(0)
  for (let i: usize = 0; i < stride; i += 16) {
    const d = distance(points + i, stride, dims, place, x, y, z)
    const w = v128.load(points + end + i)
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

// The passes as the host calls them. Most calls are for three dimensions: known as a constant, they need no inner loops
// (the compiler drops what an `if` excludes), which saves a tenth to a quarter of the time.

export function assign(dims: usize, points: usize, n: usize, centres: usize, k: u32, near: usize): f64 {
  return dims == 3 ? assignIn(3, points, n, centres, k, near) : assignIn(dims, points, n, centres, k, near)
}

export function sum(dims: usize, points: usize, weighted: usize, n: usize, centres: usize, k: u32, sums: usize): f64 {
  return dims == 3
    ? sumIn(3, points, weighted, n, centres, k, sums)
    : sumIn(dims, points, weighted, n, centres, k, sums)
}

export function join(dims: usize, points: usize, n: usize, near: usize, place: usize, out: usize): f64 {
  return dims == 3 ? joinIn(3, points, n, near, place, out) : joinIn(dims, points, n, near, place, out)
}

export function trySwap(dims: usize, points: usize, n: usize, near: usize, k: u32, place: usize, losses: usize): f64 {
  return dims == 3
    ? trySwapIn(3, points, n, near, k, place, losses)
    : trySwapIn(dims, points, n, near, k, place, losses)
}
