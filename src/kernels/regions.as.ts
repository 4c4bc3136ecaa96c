// Connected regions of equal ids, and the merging of small ones: src/labels/regions.ts says how. Plain twins:
// test/labels/regions.test.ts. A run is a stretch of one id within a row. Pixels are numbered row by row; `bits` has bit
// p set where a run starts at pixel p, `ranks` u32 the runs that start before each word of 64 pixels: so the run of any
// pixel is found by counting bits, without a map of all pixels.
// Memory: 80 bytes before `ids` and 64 behind them may be read, and the 8 bytes before `bits` and behind them are 0.

const NONE: u32 = -1
const UNLABELLED: u32 = 255

// @ts-ignore: decorator
@inline
function startsAt(ids: usize): u64 {
  return <u64>i8x16.bitmask(v128.ne<u8>(v128.load(ids), v128.load(ids - 1)))
}

// @ts-ignore: decorator
@inline
function equalAt(ids: usize, other: usize): u64 {
  return <u64>i8x16.bitmask(v128.eq<u8>(v128.load(ids), v128.load(other)))
}

// Fills `bits` and `ranks`; returns the number of runs.
export function markRuns(ids: usize, width: u32, height: u32, bits: usize, ranks: usize): u32 {
  const pixels = width * height
  const words = (pixels + 63) >> 6
  for (let word: u32 = 0; word < words; word++) {
    const at = ids + (<usize>word << 6)
    const mask = startsAt(at) | (startsAt(at + 16) << 16) | (startsAt(at + 32) << 32) | (startsAt(at + 48) << 48)
    store<u64>(bits + (<usize>word << 3), mask)
  }
  for (let p: u32 = 0; p < pixels; p += width) {
    const at = bits + (<usize>(p >> 6) << 3)
    store<u64>(at, load<u64>(at) | ((<u64>1) << (p & 63)))
  }
  if (pixels & 63) {
    const last = bits + (<usize>(words - 1) << 3)
    store<u64>(last, load<u64>(last) & (((<u64>1) << (pixels & 63)) - 1))
  }
  let runs: u32 = 0
  for (let word: u32 = 0; word < words; word++) {
    store<u32>(ranks + (<usize>word << 2), runs)
    runs += <u32>popcnt(load<u64>(bits + (<usize>word << 3)))
  }
  return runs
}

// @ts-ignore: decorator
@inline
function runOf(pixel: u32, bits: usize, ranks: usize): u32 {
  const word = <usize>(pixel >> 6)
  const upTo = ((<u64>2) << (pixel & 63)) - 1
  return load<u32>(ranks + (word << 2)) + <u32>popcnt(load<u64>(bits + (word << 3)) & upTo) - 1
}

// @ts-ignore: decorator
@inline
function word(at: usize, index: u32): u32 {
  return load<u32>(at + (<usize>index << 2))
}

// @ts-ignore: decorator
@inline
function rootOf(parents: usize, index: u32): u32 {
  let parent = word(parents, index)
  while (parent != index) {
    const above = word(parents, parent)
    store<u32>(parents + (<usize>index << 2), above)
    index = above
    parent = word(parents, index)
  }
  return index
}

// Fills `starts` u32 [runs + 1], each run's first pixel and at last the number of pixels, and `owners` u32 [runs], each
// run's region: regions are numbered by their first pixels. Returns the number of regions.
export function joinRuns(
  ids: usize, width: u32, height: u32, bits: usize, ranks: usize, starts: usize, owners: usize,
): u32 {
  const pixels = width * height
  let runs: u32 = 0
  for (let p: u32 = 0; p < pixels; p += 64) {
    let mask = load<u64>(bits + (<usize>(p >> 6) << 3))
    for (; mask; mask &= mask - 1) {
      store<u32>(starts + (<usize>runs << 2), p + <u32>ctz(mask))
      store<u32>(owners + (<usize>runs << 2), runs)
      runs++
    }
  }
  store<u32>(starts + (<usize>runs << 2), pixels)
  for (let p: u32 = width & ~63; p < pixels; p += 64) {
    const at = ids + <usize>p
    const up = at - <usize>width
    let equal = equalAt(at, up) | (equalAt(at + 16, up + 16) << 16)
    equal |= (equalAt(at + 32, up + 32) << 32) | (equalAt(at + 48, up + 48) << 48)
    // two runs that touch do so first where one of them starts
    const own = load<u64>(bits + (<usize>(p >> 6) << 3))
    const before = <i32>p - <i32>width
    const shift = <u64>(before & 63)
    const above = bits + <usize>((before >> 6) << 3)
    let upper = load<u64>(above) >> shift
    if (shift) upper |= load<u64>(above, 8) << (64 - shift)
    let mask = equal & (own | upper)
    if (before < 0) mask &= -1 << <u64>(-before)
    if (pixels - p < 64) mask &= ((<u64>1) << <u64>(pixels - p)) - 1
    const first = load<u32>(ranks + (<usize>(p >> 6) << 2)) - 1
    for (; mask; mask &= mask - 1) {
      const run = first + <u32>popcnt(own & (mask ^ (mask - 1)))
      const a = rootOf(owners, run)
      const b = rootOf(owners, runOf(<u32>before + <u32>ctz(mask), bits, ranks))
      if (a < b) store<u32>(owners + (<usize>b << 2), a)
      else store<u32>(owners + (<usize>a << 2), b)
    }
  }
  let regions: u32 = 0
  for (let run: u32 = 0; run < runs; run++) {
    // a run's parent comes before it, and has its region by now
    const parent = word(owners, run)
    store<u32>(owners + (<usize>run << 2), parent == run ? regions++ : word(owners, parent))
  }
  return regions
}

// Adds the pixels of each region but the unlabelled ones to `sizes` u32, and those of each id to `counts` u32 [256]; both
// are zeroed by the caller.
export function measure(ids: usize, starts: usize, owners: usize, runs: u32, sizes: usize, counts: usize): void {
  for (let run: u32 = 0; run < runs; run++) {
    const start = word(starts, run)
    const pixels = word(starts, run + 1) - start
    const id = <u32>load<u8>(ids + <usize>start)
    const count = counts + (<usize>id << 2)
    store<u32>(count, load<u32>(count) + pixels)
    if (id == UNLABELLED) continue
    const size = sizes + (<usize>word(owners, run) << 2)
    store<u32>(size, load<u32>(size) + pixels)
  }
}

// Fills `map` u32 with the region of each pixel; up to 12 bytes behind it are overwritten.
export function mapRegions(starts: usize, owners: usize, runs: u32, map: usize): void {
  let at = map
  for (let run: u32 = 0; run < runs; run++) {
    const end = map + (<usize>word(starts, run + 1) << 2)
    const region = i32x4.splat(word(owners, run))
    for (; at < end; at += 16) v128.store(at, region)
    at = end
  }
}

// Merging. For each region 32 bytes at `regions`, what its neighbours ask for: mean f32 r, g, b; u32 first pixel, border
// (0 but while a neighbour is looked at), id, and the one before and the one behind it in the queue of its size; 48 bytes
// at `totals`: f64 r, g, b, pixels; u32 number of runs, the first and the last of them.
const PLACE: usize = 12
const BORDER: usize = 16
const ID: usize = 20
const BEFORE: usize = 24
const BEHIND: usize = 28
const PIXELS: usize = 24
const RUNS: usize = 32
const FIRST: usize = 36
const LAST: usize = 40

let regions: usize = 0
let totals: usize = 0
let queues: usize = 0 // u32 [limit][2], the first and the last region of each size, smaller than `limit`
let touched: usize = 0 // u32, the regions found so far beside the one looked at
let neighbours: u32 = 0
let limit: u32 = 0

// @ts-ignore: decorator
@inline
function regionAt(region: u32): usize {
  return regions + (<usize>region << 5)
}

// @ts-ignore: decorator
@inline
function totalAt(region: u32): usize {
  return totals + <usize>region * 48
}

function enqueue(region: u32): void {
  const pixels = load<f64>(totalAt(region), PIXELS)
  const at = regionAt(region)
  if (pixels >= <f64>limit || load<u32>(at, ID) == UNLABELLED) return
  const queue = queues + (<usize>pixels << 3)
  const last = load<u32>(queue, 4)
  store<u32>(at, last, BEFORE)
  store<u32>(at, NONE, BEHIND)
  if (last == NONE) store<u32>(queue, region)
  else store<u32>(regionAt(last), region, BEHIND)
  store<u32>(queue, region, 4)
}

function dequeue(region: u32): void {
  const pixels = load<f64>(totalAt(region), PIXELS)
  if (pixels >= <f64>limit) return
  const queue = queues + (<usize>pixels << 3)
  const at = regionAt(region)
  const before = load<u32>(at, BEFORE)
  const behind = load<u32>(at, BEHIND)
  if (before == NONE) store<u32>(queue, behind)
  else store<u32>(regionAt(before), behind, BEHIND)
  if (behind == NONE) store<u32>(queue, before, 4)
  else store<u32>(regionAt(behind), before, BEFORE)
}

// @ts-ignore: decorator
@inline
function average(region: u32): void {
  const at = regionAt(region)
  const total = totalAt(region)
  const pixels = load<f64>(total, PIXELS)
  store<f32>(at, <f32>(load<f64>(total) / pixels))
  store<f32>(at, <f32>(load<f64>(total, 8) / pixels), 4)
  store<f32>(at, <f32>(load<f64>(total, 16) / pixels), 8)
}

function gather(ids: usize, rgb: usize, starts: usize, owners: usize, runs: u32, nexts: usize): void {
  let found: u32 = 0
  let at = rgb
  for (let run: u32 = 0; run < runs; run++) {
    const start = word(starts, run)
    const stop = word(starts, run + 1)
    const end = rgb + <usize>stop * 3
    let sums = i32x4.splat(0)
    for (; at < end; at += 3) {
      sums = v128.add<i32>(sums, v128.extend_low<u16>(v128.extend_low<u8>(v128.load32_zero(at))))
    }
    sums = i32x4.replace_lane(sums, 3, stop - start)
    const low = f64x2.convert_low_i32x4_u(sums)
    const high = f64x2.convert_low_i32x4_u(v128.shuffle<i32>(sums, sums, 2, 3, 2, 3))
    const region = word(owners, run)
    const total = totalAt(region)
    store<u32>(nexts + (<usize>run << 2), NONE)
    if (region == found) {
      found++
      store<u32>(regionAt(region), start, PLACE)
      store<u32>(regionAt(region), 0, BORDER)
      store<u32>(regionAt(region), load<u8>(ids + <usize>start), ID)
      v128.store(total, low)
      v128.store(total, high, 16)
      store<u32>(total, 1, RUNS)
      store<u32>(total, run, FIRST)
    } else {
      v128.store(total, v128.add<f64>(v128.load(total), low))
      v128.store(total, v128.add<f64>(v128.load(total, 16), high), 16)
      store<u32>(total, load<u32>(total, RUNS) + 1, RUNS)
      store<u32>(nexts + (<usize>load<u32>(total, LAST) << 2), run)
    }
    store<u32>(total, run, LAST)
  }
  for (let region: u32 = 0; region < found; region++) {
    average(region)
    enqueue(region)
  }
}

// Notes that the region of `run` lies along so many pixels' sides.
// @ts-ignore: decorator
@inline
function touch(owners: usize, run: u32, border: u32): void {
  const region = word(owners, run)
  const at = regionAt(region)
  const before = load<u32>(at, BORDER)
  // written in any case: a branch would go either way
  store<u32>(touched + (<usize>neighbours << 2), region)
  neighbours += <u32>(before == 0)
  store<u32>(at, before + border, BORDER)
}

// Notes the regions of another row from pixel `from` to `to`.
function touchRow(from: u32, to: u32, bits: usize, ranks: usize, starts: usize, owners: usize): void {
  for (let run = runOf(from, bits, ranks); from < to; run++) {
    const end = min(word(starts, run + 1), to)
    touch(owners, run, end - from)
    from = end
  }
}

// Makes `a` and `b` one, by the number of the one with more runs, which is returned. Its mean is not brought up to date.
function unite(a: u32, b: u32, owners: usize, nexts: usize): u32 {
  const aIsLess = load<u32>(totalAt(a), RUNS) < load<u32>(totalAt(b), RUNS)
  const whole = aIsLess ? b : a
  const part = aIsLess ? a : b
  const to = totalAt(whole)
  const from = totalAt(part)
  const first = load<u32>(from, FIRST)
  for (let run = first; run != NONE; run = word(nexts, run)) store<u32>(owners + (<usize>run << 2), whole)
  v128.store(to, v128.add<f64>(v128.load(to), v128.load(from)))
  v128.store(to, v128.add<f64>(v128.load(to, 16), v128.load(from, 16)), 16)
  store<u32>(to, load<u32>(to, RUNS) + load<u32>(from, RUNS), RUNS)
  store<u32>(nexts + (<usize>load<u32>(to, LAST) << 2), first)
  store<u32>(to, load<u32>(from, LAST), LAST)
  store<u32>(regionAt(whole), min(load<u32>(regionAt(whole), PLACE), load<u32>(regionAt(part), PLACE)), PLACE)
  return whole
}

// Of the labelled regions noted beside `region` the one of closest mean colour, then of longest border, then the first;
// NONE if there is none.
function closest(region: u32): u32 {
  const own = regionAt(region)
  const r = <f64>load<f32>(own)
  const g = <f64>load<f32>(own, 4)
  const b = <f64>load<f32>(own, 8)
  let best = NONE
  let longest: u32 = 0
  let nearest = Infinity
  for (let i: u32 = 0; i < neighbours; i++) {
    const other = word(touched, i)
    const at = regionAt(other)
    const border = load<u32>(at, BORDER)
    store<u32>(at, 0, BORDER)
    if (other == region || load<u32>(at, ID) == UNLABELLED) continue
    const dr = <f64>load<f32>(at) - r
    const dg = <f64>load<f32>(at, 4) - g
    const db = <f64>load<f32>(at, 8) - b
    const distance = dr * dr + dg * dg + db * db
    if (distance > nearest) continue
    if (distance == nearest) {
      if (border < longest) continue
      if (border == longest && load<u32>(at, PLACE) > load<u32>(regionAt(best), PLACE)) continue
    }
    best = other
    longest = border
    nearest = distance
  }
  return best
}

// Merges the regions of fewer than `minimum` pixels and writes their new ids over `ids`. `nexts` u32 [runs], the run
// behind each in its region; `touching` u32 [regions + 1]; `queue` u32 [minimum][2], all NONE.
export function mergeSmall(
  ids: usize, rgb: usize, width: u32, height: u32, bits: usize, ranks: usize, starts: usize, owners: usize, runs: u32,
  nexts: usize, region: usize, total: usize, touching: usize, queue: usize, minimum: u32,
): void {
  regions = region
  totals = total
  touched = touching
  queues = queue
  limit = minimum
  const pixels = width * height
  gather(ids, rgb, starts, owners, runs, nexts)
  for (let size: u32 = 1; size < limit; size++) {
    for (;;) {
      const small = word(queues, size << 1)
      if (small == NONE) break
      dequeue(small)
      neighbours = 0
      for (let run = load<u32>(totalAt(small), FIRST); run != NONE; run = word(nexts, run)) {
        const from = word(starts, run)
        const to = word(starts, run + 1)
        const x = from % width
        if (x) touch(owners, run - 1, 1)
        if (x + to - from < width) touch(owners, run + 1, 1)
        if (from >= width) touchRow(from - width, to - width, bits, ranks, starts, owners)
        if (from + width < pixels) touchRow(from + width, to + width, bits, ranks, starts, owners)
      }
      const target = closest(small)
      if (target == NONE) continue
      const id = load<u32>(regionAt(target), ID)
      let whole = small
      // others of the target's id lie beside its new part: they are one with it now
      for (let i: u32 = 0; i < neighbours; i++) {
        const other = word(touched, i)
        if (load<u32>(regionAt(other), ID) != id) continue
        dequeue(other)
        whole = unite(whole, other, owners, nexts)
      }
      store<u32>(regionAt(whole), id, ID)
      average(whole)
      enqueue(whole)
    }
  }
  for (let run: u32 = 0; run < runs; run++) {
    const start = <usize>word(starts, run)
    const id = load<u32>(regionAt(word(owners, run)), ID)
    if (load<u8>(ids + start) == id) continue
    const end = ids + <usize>word(starts, run + 1)
    for (let at = ids + start; at < end; at++) store<u8>(at, <u8>id)
  }
}
