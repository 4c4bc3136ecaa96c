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
export { download } from './stages/download.js'
export { exportStage } from './stages/export.js'
export { glob } from './stages/glob.js'
export { kmeans } from './stages/kmeans.js'
export { pack } from './stages/pack.js'
export { resize } from './stages/resize.js'
export { split } from './stages/split.js'
export { train } from './stages/train.js'
export { type TrainOptions, trainOptions } from './trainer/options.js'
export { runTraining } from './trainer/run.js'
