// The most frequent id of each pixel's window: src/labels/majority.ts says how. Plain twin:
// test/labels/majority.test.ts. At `columns`, zeroed by the caller, u8 [k][stride]: how many of the window's rows have
// the id, for each column; 16 columns of zeros on both sides of the image. Bytes up to 15 behind the last pixel of `ids`
// and of `out` are read and written.

// Lanes that lie within the row, for 16 pixels of which `left` remain.
// @ts-ignore: decorator
@inline
function within(left: i32): v128 {
  const lanes = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
  return v128.lt<u8>(lanes, i8x16.splat(<i8>min(left, 16)))
}

// Counts a row of ids in (`entering`) and one out; an address of 0 means that there is none.
function slide(entering: usize, leaving: usize, width: i32, k: u32, columns: usize, stride: usize): void {
  for (let x: i32 = 0; x < width; x += 16) {
    const inside = within(width - x)
    // 255 counts for no id
    const beyond = v128.not(inside)
    const enters = entering ? v128.or(v128.load(entering + x), beyond) : i8x16.splat(-1)
    const leaves = leaving ? v128.or(v128.load(leaving + x), beyond) : i8x16.splat(-1)
    let at = columns + x
    let id = i8x16.splat(0)
    const one = i8x16.splat(1)
    for (let i: u32 = 0; i < k; i++) {
      const counts = v128.sub<u8>(v128.load(at), v128.eq<u8>(enters, id))
      v128.store(at, v128.add<u8>(counts, v128.eq<u8>(leaves, id)))
      id = v128.add<u8>(id, one)
      at += stride
    }
  }
}

// The sum of 2 * radius + 1 columns about each of 16.
// @ts-ignore: decorator
@inline
function across(at: usize, radius: i32): v128 {
  let sum = v128.add<u8>(v128.add<u8>(v128.load(at - 1), v128.load(at)), v128.load(at + 1))
  if (radius == 1) return sum
  sum = v128.add<u8>(sum, v128.add<u8>(v128.load(at - 2), v128.load(at + 2)))
  for (let d: usize = 3; d <= <usize>radius; d++) {
    sum = v128.add<u8>(sum, v128.add<u8>(v128.load(at - d), v128.load(at + d)))
  }
  return sum
}

// Ids from k on, 255 among them, are not counted and stay.
export function majority(
  ids: usize, width: i32, height: i32, k: u32, radius: i32, columns: usize, stride: usize, out: usize,
): void {
  const counts = columns + 16
  for (let y: i32 = 0; y < min(radius, height); y++) slide(ids + y * width, 0, width, k, counts, stride)
  for (let y: i32 = 0; y < height; y++) {
    const entering = y + radius < height ? ids + (y + radius) * width : 0
    const leaving = y > radius ? ids + (y - radius - 1) * width : 0
    if (entering | leaving) slide(entering, leaving, width, k, counts, stride)
    const row = y * width
    for (let x: i32 = 0; x < width; x += 16) {
      const own = v128.load(ids + row + x)
      let at = counts + x
      let id = i8x16.splat(0)
      let most = id
      let winner = id
      let ownCount = id
      const one = i8x16.splat(1)
      for (let i: u32 = 0; i < k; i++) {
        const count = across(at, radius)
        // from the lowest id on, so that the lowest of equals is kept
        winner = v128.bitselect(id, winner, v128.gt<u8>(count, most))
        most = v128.max<u8>(most, count)
        ownCount = v128.or(ownCount, v128.and(count, v128.eq<u8>(own, id)))
        id = v128.add<u8>(id, one)
        at += stride
      }
      // an id that is not counted counts 0, and any id that is counts 1 or more where it is the pixel's own
      const stays = v128.or(v128.eq<u8>(ownCount, most), v128.eq<u8>(ownCount, i8x16.splat(0)))
      v128.store(out + row + x, v128.bitselect(own, winner, stays))
    }
  }
}
