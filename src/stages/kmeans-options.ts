/** What a user may set of the kmeans step. */
import { z } from 'zod'
import { FIT_DEFAULTS } from '../labels/fit.js'
import { namesFrom } from './names-from-examples.js'

export const options = z.strictObject({
  of: z
    .enum(['photo', 'drawing'])
    .default('photo')
    .describe('What is clustered: the photo, or labels drawn in colours that no table names (pairs, folders)'),
  clusters: z.int().min(2).max(64).optional().describe('Number of classes K (default: 8, or as many as `palette` has)'),
  space: z
    .enum(['oklab', 'rgb'])
    .default('oklab')
    .describe('Where colour distance is measured: oklab is as the eye sees it'),
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
  names: namesFrom
    .optional()
    .describe(
      'Names for the classes from label maps of a few of the photos: {from: folder, table, ignore, min_overlap, merge, photo_suffix, label_suffix}; docs/labels.md tells more',
    ),
  maps: z.boolean().default(true).describe('Also write the label maps as coloured PNG'),
  folder: z
    .string()
    .min(1)
    .default('labels')
    .describe('Folder below the output for palette, coloured maps and contact sheet'),
})
export type KmeansOptions = z.output<typeof options>

export const DEFAULT_CLUSTERS = 8
