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
      'Number of classes (default: 8, or as many as `palette` has); auto: as many, up to 32, as still lower the error much',
    ),
  space: z
    .enum(['oklab', 'rgb'])
    .default('oklab')
    .describe('Where colours are compared: oklab as the eye does, rgb by their codes'),
  ...sceneOptions,
  scope: z
    .enum(['dataset', 'image'])
    .default('dataset')
    .describe('dataset: one palette, a class has the same id in every photo; image: each photo has classes of its own'),
  engine: z
    .enum(['prep', 'ml-kmeans'])
    .default('prep')
    .describe('prep: exact and fast; ml-kmeans: the npm package of that name, on a sample'),
  restarts: z
    .int()
    .min(1)
    .max(100)
    .default(FIT_DEFAULTS.restarts)
    .describe('Independent starts at most; fewer when starts agree (engine: prep)'),
  palette: z.string().min(1).optional().describe('Label by this palette.json instead of finding classes'),
  names: z
    .union([namesFrom, z.record(z.string().regex(/^\d+$/, 'expected an id'), z.string().min(1))])
    .optional()
    .describe(
      'Names of classes: by id, such as {3: road}, or from label maps of a few of the photos, {from: folder, table: file}; see docs/labels.md',
    ),
  refit: z
    .enum(['never', 'always', 'drift'])
    .default('always')
    .describe(
      'When photos change: always makes a new palette, so that labels depend on the photos alone; never keeps the one there is; drift keeps it while it fits. --fresh and changed options always make a new one',
    ),
  drift_limit: z
    .number()
    .min(0)
    .default(0.1)
    .describe(
      'For drift: the palette is kept while its error has grown, and shares of classes have moved, by no more than this part',
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
