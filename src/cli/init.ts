/** `prep init`: a commented pipeline to start from. */
import { access } from 'node:fs/promises'
import { Command } from 'commander'
import { PrepError } from '../errors.js'
import { writeFileAtomic } from '../files.js'
import { printLine } from './render.js'

const STARTER = (
  photos: string,
): string => `# yaml-language-server: $schema=node_modules/prep-toolkit/docs/pipeline.schema.json
# A pipeline for prep: a list of stages, each with its options.
#   prep plan pipeline.yaml    shows what it would do
#   prep run pipeline.yaml     does it; run it again any time, finished work is kept
#   prep stages resize         shows the options of a stage
name: my-photos
seed: 42                       # the same seed gives the same bytes
output: runs/my-photos         # everything that the run writes
# max_failures: 10%            # stop when more photos than this cannot be used

steps:
  - stage: glob                # find the photos
    patterns: ["${photos}/**/*.{jpg,jpeg,png,webp}"]

  - stage: resize              # one size, 8-bit sRGB
    size: 256                  # 512 gives sharper results and takes four times as long to train
    fit: cover                 # or contain, fill

  - stage: kmeans              # label maps: the same class has the same id in every photo
    clusters: 8

  - stage: split               # hold some photos out, to see how the model does on new ones
    test: 0.2

  # - stage: export            # train/ and test/ folders of ordinary image pairs, for other tools
  #   format: jpg

  - stage: pack                # shards that are read at random, checked and resumable

  - stage: train               # pix2pix
    epochs: 100
    batch: 1
    buffer: 50                 # shuffle buffer
    # max_steps: 200           # for a first look
`

export function initCommand(): Command {
  return new Command('init')
    .description('Write a commented pipeline to start from')
    .argument('[file]', 'where to write it', 'pipeline.yaml')
    .option('--photos <folder>', 'folder of your photos', 'photos')
    .option('--force', 'overwrite a file that is there')
    .action(async (file: string, { photos, force }: { photos: string; force?: boolean }) => {
      const exists = await access(file).then(
        () => true,
        () => false,
      )
      if (exists && !force)
        throw new PrepError('USAGE', `${file} is already there`, {
          hint: 'name another file, or add --force to overwrite it',
        })
      await writeFileAtomic(file, STARTER(photos.replace(/\/+$/, '')))
      printLine(`wrote ${file}; next: put photos into ${photos}/, then prep plan ${file}`)
    })
}
