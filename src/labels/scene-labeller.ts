/**
 * Labels by what a pixel is and what lies around it. Lightness and colour are the pixel's own; position and texture are
 * those of the cells around it, and change in a line from one cell's middle to the next.
 */
import { type Surroundings, yOf } from './cells.js'
import { type Features, weightsOf } from './features.js'
import { labelIds, type Palette } from './palette.js'
import type { Scene } from './scene.js'

const align = (bytes: number): number => (bytes + 15) & ~15

/** Which of `count` cells is to the left of (or above) each of `length` pixels, and how far they are towards the next. */
function between(length: number, cell: number, count: number): { left: Uint32Array; part: Float32Array } {
  const left = new Uint32Array(length)
  const part = new Float32Array(length)
  for (let i = 0; i < length; i++) {
    const at = Math.max(0, (i + 0.5) / cell - 0.5)
    left[i] = Math.min(Math.floor(at), count - 1)
    part[i] = Math.min(1, at - left[i]!)
  }
  return { left, part }
}

/** The pixel from which on each of `count` cells is the left one; the last is where the row ends. */
function edgesOf(left: Uint32Array, count: number): Uint32Array {
  const edges = new Uint32Array(count + 1).fill(left.length)
  for (let i = left.length - 1; i >= 0; i--) edges[left[i]!] = i
  for (let column = count - 1; column >= 0; column--) edges[column] = Math.min(edges[column]!, edges[column + 1]!)
  edges[0] = 0
  return edges
}

/** What a palette comes to for the kernel. */
interface Scores {
  /** [k][3]: what a pixel's bytes add to a cluster's score. */
  readonly slopes: Float32Array
  /** [k]: what they start from. */
  readonly offsets: Float64Array
  /** [k]: by how much `offsets` grows with each byte that is taken out of L. */
  readonly shifts: Float64Array
  /** [k]: what each byte of texture, across and down, adds; empty where texture does not count. */
  readonly textures: readonly (readonly [Float64Array, Float64Array])[]
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
   * The label of each pixel; arithmetic is float32. At full size it is that of the nearest cluster, the lowest of several
   * equally near.
   *
   * Photos that the scene has in half size are labelled in half size. Where nine pixels there agree, so do those that the
   * middle one stands for; elsewhere each pixel has the nearest of the clusters of those nine.
   *
   * @param scene  loaded with the photo
   * @param around  of that scene and these features
   */
  label(scene: Scene, around: Surroundings): Uint8Array {
    const { grid, kernel, step } = scene
    const { columns, rows } = grid
    const { slopes } = this.scores
    const k = this.ids.length
    const pixels = scene.width * scene.height
    const width = Math.ceil(scene.width / step)
    const height = Math.ceil(scene.height / step)
    const pitch = ((width + 7) & ~7) + 4
    const across = between(width, grid.cell / step, columns)
    const down = between(height, grid.cell / step, rows)
    // rows of the map of half size have others before and behind them, and room for what is read and written beyond
    const apart = step === 1 ? width : align(width + 32)
    let end = scene.free
    const reserve = (bytes: number): number => {
      const at = end
      end = align(end + bytes)
      return at
    }
    const at = {
      slopes: reserve(48 * k),
      cells: reserve(4 * k * (rows + 1) * (columns + 1)),
      edges: reserve(4 * (columns + 1)),
      left: reserve(4 * width),
      part: reserve(4 * pitch),
      above: reserve(4 * height),
      down: reserve(4 * height),
      one: reserve(4 * k * pitch),
      other: reserve(4 * k * pitch),
      ids: reserve(k),
      map: reserve(step === 1 ? 0 : apart * (height + 2) + 32) + apart + 16,
      labels: reserve(pixels + 48),
    }
    const memory = kernel.reserve(end)
    const floats = (start: number, length: number): Float32Array => new Float32Array(memory, start, length)
    for (const [i, slope] of slopes.entries()) floats(at.slopes + 16 * i, 4).fill(slope)
    this.scoreCells(around, floats(at.cells, k * (rows + 1) * (columns + 1)))
    new Uint32Array(memory, at.edges, columns + 1).set(edgesOf(across.left, columns))
    new Uint32Array(memory, at.left, width).set(across.left)
    floats(at.part, width).set(across.part)
    new Uint32Array(memory, at.above, height).set(down.left)
    floats(at.down, height).set(down.part)
    new Uint8Array(memory, at.ids, k).set(this.ids)
    const { run } = kernel
    // biome-ignore format: one call
    run.assign(
      scene.planes, scene.stride, width, height, at.slopes, at.cells, columns, rows, k, at.edges, at.part, at.above,
      at.down, at.one, at.other, step === 1 ? at.labels : at.map, apart,
    )
    if (step === 2)
      // biome-ignore format: one call
      run.refine(
        scene.rgb, scene.width, scene.height, 0, at.map, apart, at.slopes, at.cells, columns, rows, at.left, at.part,
        at.above, at.down, at.labels,
      )
    if (this.ids.some((id, cluster) => id !== cluster)) run.rename(at.labels, pixels, at.ids)
    return new Uint8Array(memory, at.labels, pixels).slice()
  }

  /** @param out  [k][rows + 1][columns + 1], the last row and column twice */
  private scoreCells({ columns, rows, level, texture }: Surroundings, out: Float32Array): void {
    const { offsets, shifts, textures } = this.scores
    const { position, exposure } = this.features
    const shift = Math.round(exposure * level)
    for (const [c, { centroid }] of this.palette.clusters.entries()) {
      const base = offsets[c]! + shift * shifts[c]!
      const [across, down] = textures[c] ?? []
      for (let row = 0, i = 0, at = c * (rows + 1) * (columns + 1); row < rows; row++, at++) {
        const place = position ? (position * (yOf(row, rows) - centroid[3]!)) ** 2 : 0
        for (let column = 0; column < columns; column++, i++, at++) {
          const around = across && down && texture ? across[texture[0][i]!]! + down[texture[1][i]!]! : 0
          out[at] = base + place + around
        }
        out[at] = out[at - 1]!
      }
      const end = (c + 1) * (rows + 1) * (columns + 1)
      out.copyWithin(end - columns - 1, end - 2 * (columns + 1), end - columns - 1)
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
  const addition = (middle: number): Float64Array =>
    Float64Array.from({ length: 256 }, (_, byte) => (features.texture * (byte / 255 - middle)) ** 2)
  const textures = features.texture
    ? clusters.map(({ centroid }) => [addition(centroid.at(-2)!), addition(centroid.at(-1)!)] as const)
    : []
  return { slopes, offsets, shifts, textures }
}
