import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { countExactColours, labelImage } from '../../src/labels/image.js'
import { toPoints } from '../../src/labels/points.js'
import { bestOf, inertiaOf } from './lloyd.js'

const shared = process.env.PREP_SHARED ?? resolve(import.meta.dirname, '../../../shared')
const folder = join(shared, 'data/camvid/photos')
const present = existsSync(folder)

/** Four photos far apart in the recording, small: `npm run bench -- labels` does it at 512x512. */
const files = present
  ? readdirSync(folder)
      .sort()
      .filter((_, i) => i % 12 === 5)
  : []

describe.skipIf(!present)(`on real photos (skipped when ${folder} is absent)`, () => {
  test.each(files)('%s: within 1% of the best of 8 full-pixel runs', async file => {
    const rgb = new Uint8Array(
      await sharp(join(folder, file)).removeAlpha().resize(160, 160, { fit: 'fill' }).raw().toBuffer(),
    )
    for (const space of ['oklab', 'rgb'] as const) {
      const pixels = toPoints(countExactColours(rgb), space)
      for (const clusters of [8, 16]) {
        const best = bestOf(8, pixels, clusters, 1)
        for (const seed of [1, 2, 3]) {
          const { palette } = labelImage(rgb, { clusters, space, seed })
          const inertia = inertiaOf(
            pixels,
            palette.clusters.map(({ centroid }) => centroid),
          )
          expect(inertia / best, `${space} K=${clusters} seed=${seed}`).toBeLessThan(1.01)
        }
      }
    }
  })
})
