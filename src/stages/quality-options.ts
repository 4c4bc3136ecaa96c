/** What a user may set of the quality gate of steps that make label maps. Limits: docs/labels.md says how they were found. */
import { z } from 'zod'
import type { Limit } from '../labels/verdict.js'

const level = z.union([z.number().min(0), z.literal(false)])

/**
 * false, or one or both limits; the other keeps its default. By default only what no model learns from is rejected:
 * a photo of one colour, black or white, and labels that say nothing. A blurred photo may be a drawing, a dark one a night,
 * one of a single cluster the sky.
 */
const limit = (defaults: Limit, what: string) =>
  z
    .union([
      z.literal(false),
      z.strictObject({ warn: level.default(defaults.warn), reject: level.default(defaults.reject) }),
    ])
    .default(defaults)
    .describe(what)

/**
 * @param of  clusters: ids were found by colour; classes: they were given, so that one class alone, or two classes of one
 *   colour, may be right
 */
export const qualityOptions = (of: 'clusters' | 'classes') =>
  z
    .strictObject({
      on_reject: z
        .enum(['skip', 'fail', 'keep'])
        .default('skip')
        .describe(
          'Rejected samples: skip and count them (reason QC_...), fail with exit code 3, or keep and only report',
        ),
      unlabelled: limit({ warn: 0.5, reject: 0.98 }, 'Share of pixels without a label, at least'),
      one_cluster: limit(
        { warn: of === 'clusters' ? 1.5 : 1.05, reject: false },
        'Effective number of clusters, exp(H) of their shares, at most (1: a single one)',
      ),
      dominant: limit({ warn: 0.9, reject: false }, 'Share of the largest cluster, at least'),
      speckle: limit({ warn: 0.8, reject: false }, 'Share of pixels in regions under 64 px, at least'),
      alike_clusters: limit(
        { warn: of === 'clusters' ? 0.02 : false, reject: false },
        'Where labels are by colour alone: smallest OKLab distance of two clusters in the photo, at most',
      ),
      flat: limit({ warn: 0.2, reject: 0.06 }, 'Contrast: lightest less darkest (0 to 1), at most'),
      low_information: limit({ warn: 1, reject: false }, 'Entropy of lightness in bits (0 to 8), at most'),
      dark: limit({ warn: 0.25, reject: false }, 'Lightness that 5% of the pixels exceed (0 to 1), at most'),
      bright: limit({ warn: 0.4, reject: false }, 'Share of white pixels, at least'),
      blurred: limit({ warn: 0.45, reject: false }, 'Sharpness (0 to 1), at most'),
      noisy: limit({ warn: 10, reject: false }, 'Standard deviation of noise in 8-bit codes, at least'),
      near_duplicate: limit(
        { warn: 10, reject: false },
        'Bits of 64 in which its hash differs from that of a photo earlier in the order of names, at most',
      ),
    })
    .prefault({})
    .describe(
      'Checks of each photo and its labels, each with a limit to warn at and one to reject at; false: off. See quality.json and quality-sheet.png',
    )
export type QualityOptions = z.output<ReturnType<typeof qualityOptions>>
