/** The list of built-in stages: a new one is one file and one line here. */
import type { Stage } from '../pipeline/stage.js'
import { download } from './download.js'
import { exportStage } from './export.js'
import { glob } from './glob.js'
import { kmeans } from './kmeans.js'
import { pack } from './pack.js'
import { resize } from './resize.js'
import { split } from './split.js'
import { train } from './train.js'

export const stages: readonly Stage[] = [
  glob,
  download,
  resize,
  kmeans,
  split,
  exportStage,
  pack,
  train,
] as readonly Stage[]

export const stagesByName: ReadonlyMap<string, Stage> = new Map(stages.map(stage => [stage.name, stage]))
