/** The public API: pipelines from TypeScript, and what custom stages need. */
export { type ErrorCode, formatError, PrepError, PrepErrors } from './errors.js'
export { openDataset } from './formats/dataset/read.js'
export { verifyDataset } from './formats/dataset/verify.js'
export { PipelineBuilder, type PipelineSettings, pipeline } from './pipeline/builder.js'
export type { RunEvent } from './pipeline/events.js'
export type { Pipeline } from './pipeline/parse.js'
export { readPipeline } from './pipeline/read.js'
export { type RunOptions, type RunSummary, runPipeline } from './pipeline/run.js'
export {
  defineStage,
  type Field,
  type SampleSet,
  type Stage,
  type StageContext,
  type TaskOutput,
  type TaskTools,
} from './pipeline/stage.js'
export type { ImageRef, Pixels, Sample, Split } from './sample.js'
export { cityscapes } from './stages/cityscapes.js'
export { classes } from './stages/classes.js'
export { dataset } from './stages/dataset.js'
export { dedupe } from './stages/dedupe.js'
export { download } from './stages/download.js'
export { exportStage } from './stages/export.js'
export { folders } from './stages/folders.js'
export { glob } from './stages/glob.js'
export { imagefolder } from './stages/imagefolder.js'
export { kmeans } from './stages/kmeans.js'
export { list } from './stages/list.js'
export { mnist } from './stages/mnist.js'
export { pack } from './stages/pack.js'
export { pairs } from './stages/pairs.js'
export { resize } from './stages/resize.js'
export { shards } from './stages/shards.js'
export { split } from './stages/split.js'
export { tfrecord } from './stages/tfrecord.js'
export { train } from './stages/train.js'
export { upload } from './stages/upload.js'
export { webdataset } from './stages/webdataset.js'
export { type TrainOptions, trainOptions } from './trainer/options.js'
export { runTraining } from './trainer/run.js'
