/** What a user may set of the kmeans step. */
import { z } from 'zod'
import { FIT_DEFAULTS } from '../labels/fit.js'
import type { Problem } from '../pipeline/stage.js'
import { type NamesFrom, namesFrom } from './names-from-examples.js'
import { qualityOptions } from './quality-options.js'
import { sceneOptions } from './scene-options.js'

export const options = z.strictObject({
  of: z
    .enum(['photo', 'drawing'])
    .default('photo')
    .describe('What is clustered: the photo, or labels drawn in colours that no table names (pairs, folders)'),
  clusters: z
    .union([z.int().min(2).max(64), z.literal('auto')])
    .optional()
    .describe(
      'Number of classes K (default: 8, or as many as `palette` has); auto: where more of them, up to 32, stop paying (the knee of the error curve)',
    ),
  space: z
    .enum(['oklab', 'rgb'])
    .default('oklab')
    .describe('Where colour distance is measured: oklab is as the eye sees it'),
  ...sceneOptions,
  scope: z
    .enum(['dataset', 'image'])
    .default('dataset')
    .describe('dataset: one palette, so a class has the same id in every photo; image: K classes of each photo’s own'),
  engine: z
    .enum(['prep', 'ml-kmeans'])
    .default('prep')
    .describe('prep: exact and fast; ml-kmeans: the npm package of that name on a bounded sample of the colours'),
  restarts: z
    .int()
    .min(1)
    .max(100)
    .default(FIT_DEFAULTS.restarts)
    .describe('Independent starts at most; fewer when starts agree (engine: prep)'),
  palette: z.string().min(1).optional().describe('Use the classes of this palette.json instead of finding new ones'),
  names: z
    .union([namesFrom, z.record(z.string().regex(/^\d+$/, 'expected an id'), z.string().min(1))])
    .optional()
    .describe(
      'Names of classes: by id, such as {3: road} (prep palette name does the same for a run), or from label maps of a few of the photos: {from: folder, table, ignore, min_overlap, merge, photo_suffix, label_suffix}, see docs/labels.md',
    ),
  refit: z
    .enum(['never', 'always', 'drift'])
    .default('always')
    .describe(
      'When photos are added or removed: always makes a new palette, so that labels depend on the photos alone; never keeps the one there is; drift keeps it as long as it fits, and labels only what is new. --fresh and changed options always make a new one',
    ),
  drift_limit: z
    .number()
    .min(0)
    .default(0.1)
    .describe(
      'refit: drift makes a new palette when the mean squared distance of pixels to their class has grown by more than this part, or more than this part of the pixels would have to change class for the shares to be as they were',
    ),
  maps: z.boolean().default(true).describe('Also write the label maps as coloured PNG'),
  folder: z
    .string()
    .min(1)
    .default('labels')
    .describe('Folder below the output for palette, coloured maps and contact sheet'),
  quality: qualityOptions('clusters'),
})
export type KmeansOptions = z.output<typeof options>

export const DEFAULT_CLUSTERS = 8

/** Where names come from, when it is label maps. */
export const examplesOf = (names: KmeansOptions['names']): NamesFrom | undefined =>
  names && 'from' in names ? (names as NamesFrom) : undefined

/** Names by id, when that is what is given. */
export const namesById = (names: KmeansOptions['names']): Readonly<Record<string, string>> =>
  examplesOf(names) ? {} : ((names ?? {}) as Record<string, string>)

/** What is wrong with `names` as far as the options tell. */
export function checkNames({ names, clusters }: Pick<KmeansOptions, 'names' | 'clusters'>): Problem[] {
  const seen = new Map<string, string>()
  return Object.entries(namesById(names)).flatMap(([id, name]): Problem[] => {
    const problem = (code: Problem['code'], message: string, hint: string): Problem[] => [
      { option: `names.${id}`, code, message: `names: ${message}`, hint },
    ]
    const other = seen.get(name.toLowerCase())
    seen.set(name.toLowerCase(), id)
    if (typeof clusters === 'number' && Number(id) >= clusters)
      return problem('OPTION_OUT_OF_RANGE', `expected ids 0 to ${clusters - 1}, found ${id}`, 'ids start at 0')
    if (other !== undefined)
      return problem(
        'OPTION_OUT_OF_RANGE',
        `${name} is the name of ${other} and of ${id}`,
        'merge them with prep palette merge',
      )
    return []
  })
}
