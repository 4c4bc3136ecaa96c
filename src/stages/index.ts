/** The list of built-in stages: a new one is one file and one line here. */
import type { Stage } from '../pipeline/stage.js'
import { cityscapes } from './cityscapes.js'
import { classes } from './classes.js'
import { exportStage } from './export.js'
import { folders } from './folders.js'
import { glob } from './glob.js'
import { kmeans } from './kmeans.js'
import { pack } from './pack.js'
import { pairs } from './pairs.js'
import { resize } from './resize.js'
import { split } from './split.js'
import { train } from './train.js'

export const stages: readonly Stage[] = [
  glob,
  pairs,
  folders,
  cityscapes,
  resize,
  classes,
  kmeans,
  split,
  exportStage,
  pack,
  train,
] as readonly Stage[]

export const stagesByName: ReadonlyMap<string, Stage> = new Map(stages.map(stage => [stage.name, stage]))
