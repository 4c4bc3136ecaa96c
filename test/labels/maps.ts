/** Label maps for tests: written as pictures, and drawn at random. */
import fc from 'fast-check'
import { seededRandom } from './lloyd.js'

export interface LabelMap {
  readonly ids: Uint8Array
  readonly width: number
  readonly height: number
}

/** A map from a picture: a letter for each pixel, a = 0, b = 1; a dot is unlabelled. */
export function idsOf(picture: string): LabelMap {
  const rows = picture.trim().split(/\s+/)
  const ids = Uint8Array.from(rows.join(''), c => (c === '.' ? 255 : c.charCodeAt(0) - 97))
  return { ids, width: rows[0]!.length, height: rows.length }
}

export const pictureOf = (ids: Uint8Array, width: number): string =>
  Array.from({ length: ids.length / width }, (_, y) =>
    Array.from(ids.subarray(y * width, (y + 1) * width), id => (id === 255 ? '.' : String.fromCharCode(97 + id))).join(
      '',
    ),
  ).join('\n')

/** Maps of any size up to `maxSide` and up to `maxIds` ids, from noise to patches, with or without unlabelled pixels. */
export function labelMap({ maxSide = 60, maxIds = 6 } = {}): fc.Arbitrary<LabelMap> {
  return fc
    .record({
      width: fc.integer({ min: 1, max: maxSide }),
      height: fc.integer({ min: 1, max: Math.min(maxSide, 40) }),
      clusters: fc.integer({ min: 1, max: maxIds }),
      patch: fc.constantFrom(1, 2, 5),
      noise: fc.constantFrom(0, 0.1, 1),
      unlabelled: fc.constantFrom(0, 0.1),
      seed: fc.nat(1_000_000),
    })
    .map(({ width, height, clusters, patch, noise, unlabelled, seed }) => {
      const random = seededRandom(seed + 1)
      const draw = () => Math.floor(random() * clusters)
      const patches = Array.from({ length: width * height }, draw)
      const ids = Uint8Array.from({ length: width * height }, (_, p) => {
        const x = Math.floor((p % width) / patch)
        const y = Math.floor(p / width / patch)
        if (random() < unlabelled) return 255
        return random() < noise ? draw() : patches[y * width + x]!
      })
      return { ids, width, height }
    })
}
