/** What the scene kernel does, number by number in float64. */
import type { Cells } from '../../src/labels/cells.js'
import { type Features, weightsOf } from '../../src/labels/features.js'
import { okLab } from '../../src/labels/oklab.js'
import type { Palette } from '../../src/labels/palette.js'
import { placesOf } from '../../src/labels/units.js'

type Planes = [Float64Array, Float64Array, Float64Array]

/** OKLab of each pixel on the scale of the planes' bytes, not rounded. */
export function plainColours(rgb: Uint8Array): Planes {
  const planes = [0, 1, 2].map(() => new Float64Array(rgb.length / 3)) as Planes
  for (let i = 0; i < rgb.length / 3; i++) {
    const [L, a, b] = okLab(rgb[3 * i]!, rgb[3 * i + 1]!, rgb[3 * i + 2]!)
    for (const [axis, value] of [255 * L, 128 + 512 * a, 128 + 512 * b].entries()) planes[axis]![i] = value
  }
  return planes
}

/** The same, but what is beyond bytes (vivid blue, magenta) clipped. */
export const plainPlanes = (rgb: Uint8Array): Planes =>
  plainColours(rgb).map(plane => plane.map(value => Math.max(0, Math.min(255, value)))) as Planes

/** A photo at half its size: rounded means of 2x2 pixels, of which a last column or row that is alone counts twice. */
export function plainHalf({ rgb, width, height }: Photo): Photo {
  const [wide, high] = [Math.ceil(width / 2), Math.ceil(height / 2)]
  const half = new Uint8Array(3 * wide * high)
  for (let y = 0; y < high; y++)
    for (let x = 0; x < wide; x++)
      for (let c = 0; c < 3; c++) {
        let sum = 0
        for (const v of [2 * y, Math.min(height - 1, 2 * y + 1)])
          for (const u of [2 * x, Math.min(width - 1, 2 * x + 1)]) sum += rgb[3 * (v * width + u) + c]!
        half[3 * (y * wide + x) + c] = Math.floor((sum + 2) / 4)
      }
  return { rgb: half, width: wide, height: high }
}

/** The lightness, as a byte, of the grey of each pixel's luma. */
export const plainLightness = (rgb: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: rgb.length / 3 }, (_, i) => {
    const [r, g, b] = rgb.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number]
    const luma = Math.floor((77 * r + 150 * g + 29 * b) / 256)
    return Math.round(255 * okLab(luma, luma, luma)[0])
  })

export interface Photo {
  readonly rgb: Uint8Array
  readonly width: number
  readonly height: number
}

type Plane = { readonly bytes: Uint8Array; readonly width: number; readonly height: number }

/** Sums over cells: of bytes, or of how far each is from its right or lower neighbour. */
export function plainSums({ bytes, width, height }: Plane, cell: number, what: 'bytes' | 'across' | 'down'): number[] {
  const columns = Math.ceil(width / cell)
  const sums = new Array<number>(columns * Math.ceil(height / cell)).fill(0)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const own = bytes[y * width + x]!
      const across = x + 1 < width ? Math.abs(bytes[y * width + x + 1]! - own) : 0
      const down = y + 1 < height ? Math.abs(bytes[(y + 1) * width + x]! - own) : 0
      sums[Math.floor(y / cell) * columns + Math.floor(x / cell)]! += { bytes: own, across, down }[what]
    }
  return sums
}

/** Means of a plane's cells, as bytes. */
export const plainMeans = (plane: Plane, cell: number): number[] => {
  const pixels = plainSums({ ...plane, bytes: new Uint8Array(plane.bytes.length).fill(1) }, cell, 'bytes')
  return plainSums(plane, cell, 'bytes').map((sum, i) => Math.round(sum / pixels[i]!))
}

/** Texture of cells: the sums of 5x5 of them, those at the border repeated, on a scale of logarithms. */
export function plainTexture(plane: Plane, cell: number, what: 'across' | 'down'): number[] {
  const sums = plainSums(plane, cell, what)
  const columns = Math.ceil(plane.width / cell)
  const rows = sums.length / columns
  const clip = (i: number, count: number): number => Math.max(0, Math.min(count - 1, i))
  return sums.map((_, i) => {
    let around = 0
    for (let v = -2; v <= 2; v++)
      for (let u = -2; u <= 2; u++)
        around += sums[clip(Math.floor(i / columns) + v, rows) * columns + clip((i % columns) + u, columns)]!
    return Math.round(Math.min(255, 55.26 * Math.log1p(around / (25 * cell * cell) / 2.55)))
  })
}

/**
 * Gives the squared distance of a pixel to each cluster; what lies around it is a mean of the cells whose middles are
 * nearest. Its colour is the one in the planes unless another is given.
 */
export function plainDistances(
  planes: ReadonlyArray<ArrayLike<number>>,
  { width }: { readonly width: number },
  cells: Cells,
  { clusters }: Palette,
  features: Features,
): (x: number, y: number, colour?: readonly number[]) => number[] {
  const weights = weightsOf(features)
  const further = placesOf(cells, features).slice(3)
  const near = (at: number, count: number): Array<readonly [index: number, share: number]> => {
    const place = Math.max(0, Math.min(count - 1, (at + 0.5) / cells.cell - 0.5))
    const first = Math.floor(place)
    return [
      [first, 1 - (place - first)],
      [Math.min(count - 1, first + 1), place - first],
    ]
  }
  return (x, y, colour = planes.map(plane => plane[y * width + x]!)) => {
    const [L, a, b] = colour as [number, number, number]
    const own = [(L - Math.round(features.exposure * cells.level)) / 255, (a - 128) / 512, (b - 128) / 512]
    return clusters.map(({ centroid }) => {
      let distance = 0
      for (const [axis, value] of own.entries())
        distance += (features.detail * weights[axis]! * (value - centroid[axis]!)) ** 2
      for (const [row, down] of near(y, cells.rows))
        for (const [column, across] of near(x, cells.columns))
          for (const [axis, places] of further.entries()) {
            const apart = weights[3 + axis]! * (places[row * cells.columns + column]! - centroid[3 + axis]!)
            distance += down * across * apart ** 2
          }
      return distance
    })
  }
}
