/** The list of built-in stages: a new one is one file and one line here. */
import type { Stage } from '../pipeline/stage.js'
import { cityscapes } from './cityscapes.js'
import { classes } from './classes.js'
import { dataset } from './dataset.js'
import { dedupe } from './dedupe.js'
import { download } from './download.js'
import { exportStage } from './export.js'
import { folders } from './folders.js'
import { glob } from './glob.js'
import { imagefolder } from './imagefolder.js'
import { kmeans } from './kmeans.js'
import { list } from './list.js'
import { mnist } from './mnist.js'
import { pack } from './pack.js'
import { pairs } from './pairs.js'
import { resize } from './resize.js'
import { shards } from './shards.js'
import { split } from './split.js'
import { tfrecord } from './tfrecord.js'
import { train } from './train.js'
import { upload } from './upload.js'
import { webdataset } from './webdataset.js'

export const stages: readonly Stage[] = [
  glob,
  download,
  list,
  imagefolder,
  pairs,
  folders,
  cityscapes,
  webdataset,
  tfrecord,
  mnist,
  dataset,
  dedupe,
  resize,
  classes,
  kmeans,
  split,
  exportStage,
  shards,
  pack,
  upload,
  train,
] as readonly Stage[]

export const stagesByName: ReadonlyMap<string, Stage> = new Map(stages.map(stage => [stage.name, stage]))
