/** Finds photos on disk: patterns in, one sample per file out, ordered by path, identified by content. */
import { z } from 'zod'
import { defineStage } from '../pipeline/stage.js'
import type { Sample } from '../sample.js'
import { hash } from './identity.js'
import { findCycles, findIdentified, listingOptions, previewFiles } from './listing.js'

const options = z.strictObject(listingOptions)

export const glob = defineStage({
  name: 'glob',
  version: 1,
  summary: 'Find photos by glob patterns',
  details:
    'Directory links are not followed. Each file becomes a sample whose identity is the sha256 of its bytes; a copy of a photo under another name is a sample of its own that always lands in the same split.',
  options,
  needs: [],
  gives: ['photo'],
  source: true,
  tasks: { hash },
  preview: previewFiles,
  plan: ({ patterns }) => [`reads ${patterns.join(', ')}`],
  check: ({ patterns }, { output }) => findCycles('patterns', patterns, output),
  async run(_set, options, context) {
    const files = await findIdentified(options, context)
    const samples = files.map(
      ({ name, path, sha256 }): Sample => ({ name, source: path, sha256, photo: { kind: 'file', path, sha256 } }),
    )
    return { samples, artefacts: {} }
  },
})
