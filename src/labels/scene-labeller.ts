/**
 * Labels by what a pixel is and what lies around it. Lightness and colour are the pixel's own; position and texture are
 * those of the cells around it, and change in a line from one cell's middle to the next.
 */
import type { Cells } from './cells.js'
import { type Features, weightsOf } from './features.js'
import { labelIds, type Palette } from './palette.js'
import type { Scene } from './scene.js'
import { placesOf } from './units.js'

const align = (bytes: number): number => (bytes + 15) & ~15

/** Between which two of `count` cells each pixel lies, and how far towards the second. */
function between(
  pixels: number,
  padded: number,
  cell: number,
  count: number,
): { left: Uint32Array; part: Float32Array } {
  const left = new Uint32Array(padded)
  const part = new Float32Array(padded)
  for (let i = 0; i < padded; i++) {
    const at = Math.max(0, (Math.min(i, pixels - 1) + 0.5) / cell - 0.5)
    left[i] = Math.min(Math.floor(at), count - 1)
    part[i] = Math.min(1, at - left[i]!)
  }
  return { left, part }
}

/** What a palette comes to for the kernel. */
interface Scores {
  /** [k][3]: what a pixel's bytes add to a cluster's score. */
  readonly slopes: Float32Array
  /** [k]: what they start from. */
  readonly offsets: Float64Array
  /** [k]: by how much `offsets` grows with each byte that is taken out of L. */
  readonly shifts: Float64Array
}

export class SceneLabeller {
  private readonly scores: Scores
  private readonly ids: Uint8Array

  /** @throws {RangeError} when centroids have other coordinates than the features ask for */
  constructor(
    private readonly palette: Palette,
    private readonly features: Features,
  ) {
    this.scores = scoresOf(palette, features)
    this.ids = Uint8Array.from(labelIds(palette))
  }

  /**
   * The label of each pixel: of the nearest cluster, the lowest of several equally near. Arithmetic is float32.
   *
   * @param scene  loaded with the photo
   * @param cells  of that scene and these features
   */
  label(scene: Scene, cells: Cells): Uint8Array {
    const { width, height, grid, kernel } = scene
    const { columns, rows, cell } = grid
    const { slopes } = this.scores
    const k = this.ids.length
    const width4 = (width + 3) & ~3
    const across = between(width, width4, cell, columns)
    const down = between(height, height, cell, rows)
    let end = scene.free
    const reserve = (bytes: number): number => {
      const at = end
      end = align(end + bytes)
      return at
    }
    const at = {
      slopes: reserve(48 * k),
      cells: reserve(4 * k * (rows + 1) * (columns + 1)),
      left: reserve(4 * width4),
      part: reserve(4 * width4),
      above: reserve(4 * height),
      down: reserve(4 * height),
      one: reserve(4 * k * width4),
      other: reserve(4 * k * width4),
      ids: reserve(k),
      labels: reserve(width * height + 16),
    }
    const memory = kernel.reserve(end)
    const floats = (start: number, length: number): Float32Array => new Float32Array(memory, start, length)
    for (const [i, slope] of slopes.entries()) floats(at.slopes + 16 * i, 4).fill(slope)
    this.scoreCells(cells, floats(at.cells, k * (rows + 1) * (columns + 1)))
    new Uint32Array(memory, at.left, width4).set(across.left.map(column => 4 * column))
    floats(at.part, width4).set(across.part)
    new Uint32Array(memory, at.above, height).set(down.left)
    floats(at.down, height).set(down.part)
    new Uint8Array(memory, at.ids, k).set(this.ids)
    kernel.run.assign(
      scene.planes,
      scene.stride,
      width,
      height,
      at.slopes,
      at.cells,
      columns,
      rows,
      k,
      at.left,
      at.part,
      at.above,
      at.down,
      at.one,
      at.other,
      at.ids,
      at.labels,
    )
    return new Uint8Array(memory, at.labels, width * height).slice()
  }

  /** @param out  [k][rows + 1][columns + 1], the last row and column twice */
  private scoreCells(cells: Cells, out: Float32Array): void {
    const { columns, rows } = cells
    const weights = weightsOf(this.features).slice(3)
    const further = placesOf(cells, this.features).slice(3)
    const { offsets, shifts } = this.scores
    const shift = Math.round(this.features.exposure * cells.level)
    const scores = new Float64Array(columns * rows)
    for (const [c, { centroid }] of this.palette.clusters.entries()) {
      scores.fill(offsets[c]! + shift * shifts[c]!)
      for (const [axis, places] of further.entries()) {
        const square = weights[axis]! ** 2
        const middle = centroid[3 + axis]!
        for (let i = 0; i < scores.length; i++) scores[i]! += square * (places[i]! - middle) ** 2
      }
      let at = c * (rows + 1) * (columns + 1)
      for (let row = 0; row <= rows; row++) {
        const start = Math.min(row, rows - 1) * columns
        out.set(scores.subarray(start, start + columns), at)
        out[at + columns] = out[at + columns - 1]!
        at += columns + 1
      }
    }
  }
}

/** |w (x - v)|^2 = |w x|^2 - 2 w^2 v . x + |w v|^2, of which the first term is the same for every cluster. */
function scoresOf({ clusters }: Palette, features: Features): Scores {
  const weights = weightsOf(features)
  const k = clusters.length
  const slopes = new Float32Array(3 * k)
  const offsets = new Float64Array(k)
  const shifts = new Float64Array(k)
  for (const [c, { centroid }] of clusters.entries()) {
    if (centroid.length !== weights.length)
      throw new RangeError(`expected centroids of ${weights.length} numbers, found ${centroid.length}`)
    for (let axis = 0; axis < 3; axis++) {
      const [unit, zero] = axis === 0 ? [255, 0] : [512, 128]
      const square = (weights[axis]! * features.detail) ** 2
      const slope = (-2 * square * centroid[axis]!) / unit!
      slopes[3 * c + axis] = slope
      offsets[c]! += square * centroid[axis]! ** 2 - slope * zero!
      if (axis === 0) shifts[c] = -slope
    }
  }
  return { slopes, offsets, shifts }
}
