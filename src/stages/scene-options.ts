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
      'What classes are told apart by: scene is colour, where a pixel is and the texture around it; colour is the pixel’s own colour alone. Default: scene, but colour with space: rgb, scope: image, of: drawing',
    ),
  chroma: weight
    .positive()
    .default(SCENE.chroma)
    .describe('features: scene: how much hue and saturation count against lightness; 1 as much as they look different'),
  position: z
    .union([weight, z.literal('auto')])
    .default(SCENE.position)
    .describe(
      'features: scene: how much height in the photo counts; auto: 0.7 where rows of the photos have much in common (streets, rooms), 0 where they have not (aerial photos, textures)',
    ),
  texture: weight
    .default(SCENE.texture)
    .describe('features: scene: how much fine structure counts, across and down (leaves, windows, asphalt)'),
  exposure: z
    .number()
    .min(0)
    .max(1)
    .default(SCENE.exposure)
    .describe('features: scene: how much of each photo’s own brightness is taken out first; 1 all of it'),
  detail: z
    .number()
    .positive()
    .max(10)
    .default(SCENE.detail)
    .describe(
      'features: scene: how many times more its own colour counts when a pixel is labelled; more follows edges closer, less is calmer',
    ),
  smooth: z
    .enum(['none', 'median3', 'median5', 'sigma'])
    .default('none')
    .describe(
      'What is done to a photo before it is measured and labelled, not to the one that is packed: median of 3x3 or 5x5 pixels, against noise and thin lines; sigma: mean of those of 5x5 that are alike, which keeps edges best',
    ),
  regions: z
    .enum(['pixels', 'slic'])
    .default('pixels')
    .describe(
      'What gets a class as a whole: each pixel; or each superpixel (slic), a connected piece of about `region_size` pixels that follows edges, by its mean colour, place and texture: calmer maps, without thin things',
    ),
  region_size: z
    .union([z.int().min(LEAST_SUPERPIXEL).max(MOST_SUPERPIXEL), z.literal('auto')])
    .optional()
    .describe('regions: slic: pixels of a superpixel, about. Default: auto, a 1024th of the photo, 256 at 512x512'),
  majority: z
    .int()
    .min(0)
    .max(MAX_MAJORITY_RADIUS)
    .optional()
    .describe(
      'Pixels around each whose most frequent class it takes: 1 is a window of 3x3; 0: off. Default: 1, but 0 with of: drawing',
    ),
  min_region: z
    .union([z.int().min(0), z.literal('auto')])
    .optional()
    .describe(
      'Regions of fewer pixels become part of the neighbour of the closest colour; auto: a 4096th of the photo, 64 at 512x512; 0: off. Default: auto, but 0 with of: drawing',
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

const tellsBySceneOf = ({
  of,
  space,
  scope,
  features = of === 'photo' && space === 'oklab' && scope === 'dataset' ? 'scene' : 'colour',
}: Pick<SceneOptions, 'of' | 'space' | 'scope' | 'features'>): boolean => features === 'scene'

/** Whether the palette of a data set is fitted to the units of scenes; else to colours. */
export const usesScenes = (options: Pick<SceneOptions, 'of' | 'space' | 'scope' | 'features' | 'regions'>): boolean =>
  options.regions === 'slic' || tellsBySceneOf(options)

export const featuresOf = (
  options: SceneOptions,
): Omit<Features, 'position'> & { readonly position: number | 'auto' } => {
  if (!tellsBySceneOf(options)) return COLOUR_ALONE
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
