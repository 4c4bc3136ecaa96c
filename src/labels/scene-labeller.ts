/**
 * Labels by what a pixel is and what lies around it. Lightness and colour are the pixel's own; position, surroundings and
 * texture are those of the cells around it, and change in a line from one cell's middle to the next.
 */
import type { Features } from './features.js'
import { weightsOf } from './features.js'
import { labelIds, type Palette } from './palette.js'
import { type Cells, coordinatesOf, type Scene } from './scene.js'

const align = (bytes: number): number => (bytes + 15) & ~15

/** Between which two of `count` cells each pixel lies, and how far towards the second. */
function between(pixels: number, padded: number, cell: number, count: number): { left: Uint32Array; part: Float32Array } {
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
  readonly offsets: Float64Array
  /** Of each cluster, from the fourth coordinate on: weighted. */
  readonly places: readonly (readonly number[])[]
}

export class SceneLabeller {
  private readonly scores: Scores
  private readonly ids: Uint8Array

  /** @throws {RangeError} when centroids have other coordinates than the features ask for */
  constructor(
    palette: Palette,
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
    const { slopes, places } = this.scores
    const k = places.length
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
    slopes.forEach((slope, i) => floats(at.slopes + 16 * i, 4).fill(slope))
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
  private scoreCells({ columns, rows, bytes }: Cells, out: Float32Array): void {
    const { offsets, places } = this.scores
    const weights = weightsOf(this.features).slice(3)
    const read = coordinatesOf(this.features).slice(3)
    // a byte's place along each coordinate, weighted
    const tables = read.map((coordinate, axis) =>
      Float64Array.from({ length: 256 }, (_, byte) => weights[axis]! * coordinate(byte)),
    )
    const further = bytes.slice(3)
    for (let c = 0, at = 0; c < places.length; c++) {
      const place = places[c]!
      for (let row = 0; row <= rows; row++) {
        const start = Math.min(row, rows - 1) * columns
        for (let column = 0; column <= columns; column++, at++) {
          const cell = start + Math.min(column, columns - 1)
          let score = offsets[c]!
          for (let axis = 0; axis < place.length; axis++) {
            const d = tables[axis]![further[axis]![cell]!]! - place[axis]!
            score += d * d
          }
          out[at] = score
        }
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
  const places = clusters.map(({ centroid }, c) => {
    if (centroid.length !== weights.length)
      throw new RangeError(`expected centroids of ${weights.length} numbers, found ${centroid.length}`)
    for (let axis = 0; axis < 3; axis++) {
      const [unit, zero] = axis === 0 ? [255, 0] : [512, 128]
      const slope = -2 * weights[axis]! ** 2 * centroid[axis]!
      slopes[3 * c + axis] = slope / unit
      offsets[c]! += (weights[axis]! * centroid[axis]!) ** 2 - (slope / unit) * zero
    }
    return centroid.slice(3).map((value, axis) => weights[axis + 3]! * value)
  })
  return { slopes, offsets, places }
}
