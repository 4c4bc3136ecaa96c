/** Writes train/ and test/ folders of ordinary images, for eyes and for other tools. */
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFileUnsynced } from '../files.js'
import { colourise } from '../images/colour.js'
import { encodeJpeg, encodePng } from '../images/png.js'
import { sideBySide } from '../images/side-by-side.js'
import { folderIsWhole } from '../pipeline/output-folder.js'
import { defineStage, type FolderItem } from '../pipeline/stage.js'
import type { ImageRef, Pixels } from '../sample.js'
import { paletteColours, readPaletteFile } from './palette-file.js'

const options = z.strictObject({
  layout: z
    .enum(['side-by-side', 'beside', 'folders'])
    .default('side-by-side')
    .describe(
      'side-by-side: label map and photo in one image; beside: NAME.jpg and NAME_label.jpg; folders: SPLIT/photo and SPLIT/label',
    ),
  order: z
    .enum(['label-photo', 'photo-label'])
    .default('label-photo')
    .describe('Which half comes first when side by side: A|B or B|A'),
  format: z
    .enum(['jpg', 'png'])
    .default('jpg')
    .describe('png keeps label colours exact; jpg is what the usual scripts read'),
  folder: z
    .string()
    .min(1)
    .default('export')
    .describe('Folder below the output; give a second export step another one'),
  quality: z.int().min(1).max(100).default(95).describe('JPEG quality'),
})
type ExportOptions = z.output<typeof options>

interface DrawInput {
  readonly photo: ImageRef
  readonly label: ImageRef
  readonly colours: readonly (readonly [number, number, number])[]
  readonly part: 'pair' | 'photo' | 'label'
  readonly options: ExportOptions
  readonly path: string
}

export const exportStage = defineStage({
  name: 'export',
  version: 1,
  summary: 'Write train/ and test/ folders of image pairs',
  details:
    'Label maps are drawn in the palette’s display colours. Only what changed is written again; files of photos that are gone are removed.',
  options,
  needs: ['photo', 'label', 'palette'],
  gives: [],
  plan: ({ layout, format, folder }) => [`writes OUT/${folder}/{train,test}: ${format}, ${layout}`],
  intact: (_result, { folder }, output) => folderIsWhole(join(output, folder)),
  tasks: {
    async draw({ photo, label, colours, part, options, path }: DrawInput, { load }) {
      const labels = async (): Promise<Pixels> => colourise(await load(label), colours)
      const image = async (): Promise<Pixels> => {
        if (part === 'photo') return load(photo)
        if (part === 'label') return labels()
        const [a, b] = [await labels(), await load(photo)]
        return options.order === 'label-photo' ? sideBySide(a, b) : sideBySide(b, a)
      }
      const pixels = await image()
      const bytes = options.format === 'png' ? await encodePng(pixels) : await encodeJpeg(pixels, options.quality)
      replaceFileUnsynced(path, [bytes])
      return {}
    },
  },
  async run(set, options, context) {
    const palette = await readPaletteFile(set.artefacts.palette!.path)
    const colours = paletteColours(palette)
    const items = set.samples.flatMap((sample): FolderItem[] => {
      const { photo, label, split = 'train', name } = sample
      if (!photo || !label) return []
      return filesOf(options, split, name).map(({ file, part }) => ({
        file,
        task: 'draw',
        key: { photo: { ...photo }, label: { ...label }, colours, part, options },
        call: {
          sample,
          input: {
            photo: { ...photo },
            label: { ...label },
            colours,
            part,
            options,
            path: join(context.output, options.folder, file),
          },
        },
      }))
    })
    await context.folder(options.folder, items)
    return set
  },
})

function filesOf(
  { layout, format }: ExportOptions,
  split: string,
  name: string,
): { file: string; part: DrawInput['part'] }[] {
  if (layout === 'side-by-side') return [{ file: `${split}/${name}.${format}`, part: 'pair' }]
  const [photo, label] =
    layout === 'beside'
      ? [`${split}/${name}.${format}`, `${split}/${name}_label.${format}`]
      : [`${split}/photo/${name}.${format}`, `${split}/label/${name}.${format}`]
  return [
    { file: photo, part: 'photo' },
    { file: label, part: 'label' },
  ]
}
