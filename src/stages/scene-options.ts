/** Options of the kmeans step that say what labels are told apart by and how they are made to hang together. */
import { z } from 'zod'
import { COLOUR_ALONE, type Features } from '../labels/features.js'
import type { Labelling } from '../labels/labeller.js'
import { MAX_MAJORITY_RADIUS } from '../labels/majority.js'
import type { Looking } from '../labels/measure.js'
import type { Smoothing } from '../labels/smooth.js'
import { LEAST_SUPERPIXEL, type SuperpixelSize } from '../labels/superpixels.js'
import type { Problem } from '../pipeline/stage.js'

const weight = z.number().min(0).max(20)
/** 256 px across. */
const MOST_SUPERPIXEL = 65_536

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
  smooth: z
    .enum(['none', 'median3', 'median5', 'sigma'])
    .default('none')
    .describe(
      'Smooth photos before they are measured and labelled (not what is packed): median of 3x3 or 5x5 pixels, or sigma, the mean of those of 5x5 that are alike, which keeps edges best',
    ),
  regions: z
    .enum(['pixels', 'slic'])
    .default('pixels')
    .describe(
      'What gets a class as a whole: each pixel, or each superpixel (slic), a piece that follows edges: calmer maps, without thin things',
    ),
  region_size: z
    .union([z.int().min(LEAST_SUPERPIXEL).max(MOST_SUPERPIXEL), z.literal('auto')])
    .optional()
    .describe('For slic: pixels of a superpixel, about (default: auto, a 1024th of the photo)'),
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
  readonly smooth: 'none' | Smoothing
  readonly regions: 'pixels' | 'slic'
  readonly region_size?: SuperpixelSize | undefined
  readonly majority?: number | undefined
  readonly min_region?: number | 'auto' | undefined
}

const tellsByScene = ({
  of,
  space,
  scope,
  features = of === 'photo' && space === 'oklab' && scope === 'dataset' ? 'scene' : 'colour',
}: Pick<SceneOptions, 'of' | 'space' | 'scope' | 'features'>): boolean => features === 'scene'

/** Whether the palette of a data set is fitted to the units of scenes; else to colours. */
export const usesScenes = (options: Pick<SceneOptions, 'of' | 'space' | 'scope' | 'features' | 'regions'>): boolean =>
  options.regions === 'slic' || tellsByScene(options)

export const featuresOf = (
  options: SceneOptions,
): Omit<Features, 'position'> & { readonly position: number | 'auto' } => {
  if (!tellsByScene(options)) return COLOUR_ALONE
  const { chroma, position, texture, exposure, detail } = options
  return { chroma, position, texture, exposure, detail }
}

/** Only what is not the default, so that the keys of results made by default do not name it. */
export const lookingOf = ({
  smooth,
  regions,
  region_size = 'auto',
}: Pick<SceneOptions, 'smooth' | 'regions' | 'region_size'>): Looking => ({
  ...(smooth !== 'none' && { smooth }),
  ...(regions === 'slic' && { superpixels: region_size }),
})

export const labellingOf = (options: SceneOptions): Labelling => {
  const { of, majority, min_region } = options
  return {
    ...lookingOf(options),
    majority: majority ?? (of === 'photo' ? 1 : 0),
    minRegion: min_region ?? (of === 'photo' ? 'auto' : 0),
  }
}

/** What does not go together. */
export function checkScene({ features, space, scope, regions, region_size }: SceneOptions): Problem[] {
  const problem = (option: string, message: string, hint: string): Problem[] => [
    { option, code: 'OPTION_OUT_OF_RANGE', message, hint },
  ]
  return [
    ...(features === 'scene' && space === 'rgb'
      ? problem('features', 'features: scene, but space is rgb', 'remove space:, or set features: colour')
      : features === 'scene' && scope === 'image'
        ? problem('features', 'features: scene, but scope is image', 'set scope: dataset, or features: colour')
        : []),
    ...(regions === 'slic' && space === 'rgb'
      ? problem('regions', 'regions: slic, but space is rgb', 'remove space:, or set regions: pixels')
      : []),
    ...(regions === 'pixels' && region_size !== undefined
      ? problem('region_size', `region_size: ${region_size}, but regions is pixels`, 'set regions: slic, or remove it')
      : []),
  ]
}
