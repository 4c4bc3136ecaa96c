/** Options of the kmeans step that say what labels are told apart by and how they are made to hang together. */
import { z } from 'zod'
import type { Coherence } from '../labels/coherence.js'
import { COLOUR_ALONE, type Features } from '../labels/features.js'
import { MAX_MAJORITY_RADIUS } from '../labels/majority.js'
import type { Problem } from '../pipeline/stage.js'

const weight = z.number().min(0).max(20)

/**
 * Found on half of the camvid photos, in blocks of the recording, and checked on the others (docs/labels.md).
 */
const SCENE = { chroma: 8.5, position: 'auto', texture: 0.85, exposure: 0.6, detail: 2 } as const

export const sceneOptions = {
  features: z
    .enum(['scene', 'colour'])
    .optional()
    .describe(
      'What tells classes apart: scene is colour, height in the photo and texture; colour is colour alone. Default: scene, but colour with space: rgb, scope: image or of: drawing',
    ),
  chroma: weight
    .positive()
    .default(SCENE.chroma)
    .describe('For scene: weight of hue and saturation beside lightness; 1 is how different they look'),
  position: z
    .union([weight, z.literal('auto')])
    .default(SCENE.position)
    .describe(
      'For scene: weight of height in the photo; auto: 0.7 if up and down mean the same in all photos (streets), 0 if they mean nothing (aerial photos)',
    ),
  texture: weight.default(SCENE.texture).describe('For scene: weight of fine structure, such as leaves and windows'),
  exposure: z
    .number()
    .min(0)
    .max(1)
    .default(SCENE.exposure)
    .describe(
      'For scene: how much of each photo’s own brightness is taken out first, so that night and day share classes',
    ),
  detail: z
    .number()
    .positive()
    .max(10)
    .default(SCENE.detail)
    .describe('For scene: weight of a pixel’s own colour when it is labelled; more follows edges, less is calmer'),
  majority: z
    .int()
    .min(0)
    .max(MAX_MAJORITY_RADIUS)
    .optional()
    .describe(
      'Each pixel takes the most frequent class this many pixels around it (1: 3x3); 0: off. Default: 1, but 0 with of: drawing',
    ),
  min_region: z
    .union([z.int().min(0), z.literal('auto')])
    .optional()
    .describe(
      'Regions of fewer pixels join the neighbour of the closest colour; 0: off; auto: a 4096th of the photo (64 at 512x512). Default: auto, but 0 with of: drawing',
    ),
}

interface SceneOptions {
  readonly of: 'photo' | 'drawing'
  readonly space: 'oklab' | 'rgb'
  readonly scope: 'dataset' | 'image'
  readonly features?: 'scene' | 'colour' | undefined
  readonly chroma: number
  readonly position: number | 'auto'
  readonly texture: number
  readonly exposure: number
  readonly detail: number
  readonly majority?: number | undefined
  readonly min_region?: number | 'auto' | undefined
}

export const usesScenes = ({ of, space, scope, features }: Omit<SceneOptions, 'majority' | 'min_region'>): boolean =>
  (features ?? (of === 'photo' && space === 'oklab' && scope === 'dataset' ? 'scene' : 'colour')) === 'scene'

export const featuresOf = (
  options: SceneOptions,
): Omit<Features, 'position'> & { readonly position: number | 'auto' } => {
  if (!usesScenes(options)) return COLOUR_ALONE
  const { chroma, position, texture, exposure, detail } = options
  return { chroma, position, texture, exposure, detail }
}

export const coherenceOf = ({ of, majority, min_region }: SceneOptions): Coherence => ({
  majority: majority ?? (of === 'photo' ? 1 : 0),
  minRegion: min_region ?? (of === 'photo' ? 'auto' : 0),
})

/** What does not go together. */
export function checkScene({ features, space, scope }: SceneOptions): Problem[] {
  if (features !== 'scene') return []
  const [found, hint] =
    space === 'rgb'
      ? ['space is rgb', 'remove space:, or set features: colour']
      : scope === 'image'
        ? ['scope is image', 'set scope: dataset, or features: colour']
        : []
  return found
    ? [{ option: 'features', code: 'OPTION_OUT_OF_RANGE', message: `features: scene, but ${found}`, hint }]
    : []
}
