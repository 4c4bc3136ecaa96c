/** Finds pairs that are drawn side by side in one image, as the pix2pix data sets have them. */
import { z } from 'zod'
import { defineStage } from '../pipeline/stage.js'
import type { Sample } from '../sample.js'
import { hash } from './identity.js'
import { findCycles, findIdentified, listingOptions, previewFiles } from './listing.js'

const options = z.strictObject({
  ...listingOptions,
  layout: z
    .enum(['photo-label', 'label-photo'])
    .default('photo-label')
    .describe('Which half is the photo: the left (photo-label, as in maps and facades) or the right (label-photo)'),
})

export const pairs = defineStage({
  name: 'pairs',
  version: 1,
  summary: 'Find pairs of photo and drawn labels, side by side in one image',
  details:
    'Each image is cut in the middle; of an odd width the column in the middle belongs to neither half. The label half becomes ids by `classes`, when the colours of the classes are known, or by `kmeans` with `of: drawing`.',
  options,
  needs: [],
  gives: ['photo', 'drawing'],
  source: true,
  tasks: { hash },
  preview: previewFiles,
  plan: ({ patterns, layout }) => [`reads ${patterns.join(', ')}, each an image of two halves: ${layout}`],
  check: ({ patterns }, { output }) => findCycles('patterns', patterns, output),
  async run(_set, options, context) {
    const [photo, drawing] =
      options.layout === 'photo-label' ? (['left', 'right'] as const) : (['right', 'left'] as const)
    const files = await findIdentified(options, context)
    const samples = files.map(({ name, path, sha256 }): Sample => {
      const file = { kind: 'file', path, sha256 } as const
      return { name, source: path, sha256, photo: { ...file, half: photo }, drawing: { ...file, half: drawing } }
    })
    context.note(`${samples.length} pairs`)
    return { samples, artefacts: {} }
  },
})
